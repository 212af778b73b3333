// SPDX-License-Identifier: GPL-2.0
/*
 * Device numbers of the nodes: a class and a region of our own. On older kernels all drivers share
 * 128 dynamic misc minors, and there can be hundreds of virtual functions.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/xarray.h>

#include "core/device.h"
#include "node/chrdev.h"

#define PEERBUF_MINORS	(MINORMASK + 1)

static dev_t peerbuf_region;
static struct cdev peerbuf_cdev;

/* Devices by minor. Its lock makes finding a device and removing it exclusive. */
static DEFINE_XARRAY_ALLOC(peerbuf_minors);

static struct class peerbuf_class = {
	.name = "peerbuf",
};

/*
 * Makes /dev/peerbuf/<dddd:bb:dd.f>, which only root can open. User space gets the uevent, and a
 * process may open the node, before this returns.
 */
int peerbuf_chrdev_add(struct peerbuf_device *pdevice)
{
	struct device *dev;
	int ret;

	ret = xa_alloc(&peerbuf_minors, &pdevice->minor, pdevice,
		       XA_LIMIT(0, PEERBUF_MINORS - 1), GFP_KERNEL);
	if (ret)
		return ret;
	/* A slash in the name makes a directory in /dev. */
	dev = device_create(&peerbuf_class, &pdevice->pdev->dev,
			    peerbuf_region + pdevice->minor, NULL, "peerbuf/%s",
			    pci_name(pdevice->pdev));
	if (IS_ERR(dev))
		xa_erase(&peerbuf_minors, pdevice->minor);
	return PTR_ERR_OR_ZERO(dev);
}

/* When it returns nobody can open the node any more. Open files hold a reference to @pdevice. */
void peerbuf_chrdev_remove(struct peerbuf_device *pdevice)
{
	device_destroy(&peerbuf_class, peerbuf_region + pdevice->minor);
	xa_erase(&peerbuf_minors, pdevice->minor);
}

/* Returns a reference, or NULL if the device was removed after the node was looked up. */
struct peerbuf_device *peerbuf_chrdev_find(const struct inode *inode)
{
	struct peerbuf_device *pdevice;

	xa_lock(&peerbuf_minors);
	pdevice = xa_load(&peerbuf_minors, iminor(inode));
	if (pdevice)
		peerbuf_device_get(pdevice);
	xa_unlock(&peerbuf_minors);
	return pdevice;
}

/* @fops: of each node. */
int peerbuf_chrdev_init(const struct file_operations *fops)
{
	int ret;

	ret = class_register(&peerbuf_class);
	if (ret)
		return ret;
	ret = alloc_chrdev_region(&peerbuf_region, 0, PEERBUF_MINORS, "peerbuf");
	if (ret)
		goto err_class;
	cdev_init(&peerbuf_cdev, fops);
	peerbuf_cdev.owner = THIS_MODULE;
	ret = cdev_add(&peerbuf_cdev, peerbuf_region, PEERBUF_MINORS);
	if (!ret)
		return 0;

	unregister_chrdev_region(peerbuf_region, PEERBUF_MINORS);
err_class:
	class_unregister(&peerbuf_class);
	return ret;
}

void peerbuf_chrdev_exit(void)
{
	cdev_del(&peerbuf_cdev);
	unregister_chrdev_region(peerbuf_region, PEERBUF_MINORS);
	class_unregister(&peerbuf_class);
}
