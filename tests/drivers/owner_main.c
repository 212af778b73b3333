// SPDX-License-Identifier: GPL-2.0
/* The PCI driver: see bar_owner.h for an overview. */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "bar_owner.h"

static void owner_free(struct kref *ref)
{
	struct owner *owner = container_of(ref, struct owner, ref);

	vfree(owner->hidden);
	kfree(owner);
}

void owner_put(struct owner *owner)
{
	kref_put(&owner->ref, owner_free);
}

static int owner_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct owner *owner;
	int ret;

	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return -ENOMEM;
	kref_init(&owner->ref);
	init_rwsem(&owner->present);
	owner->pdev = pdev;
	ret = -ENOMEM;
	owner->hidden = vzalloc(OWNER_HIDDEN);
	if (!owner->hidden)
		goto err_put;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto err_put;
	ret = pci_request_region(pdev, OWNER_BAR, "bar_owner");
	if (ret)
		goto err_disable;
	owner->pdevice = peerbuf_device_register(pdev, BIT(OWNER_BAR), 0);
	if (IS_ERR(owner->pdevice)) {
		ret = PTR_ERR(owner->pdevice);
		goto err_region;
	}
	pci_set_drvdata(pdev, owner);
	ret = owner_file_register(owner);
	if (ret)
		goto err_unregister;
	return 0;

err_unregister:
	peerbuf_device_unregister(owner->pdevice);
err_region:
	pci_release_region(pdev, OWNER_BAR);
err_disable:
	pci_disable_device(pdev);
err_put:
	owner_put(owner);
	return ret;
}

/*
 * When peerbuf_device_unregister() has returned, no importer accesses the BAR, or peerbuf keeps
 * the BAR reserved until that is so. Dead buffers may live on; each holds a reference to @owner.
 */
static void owner_remove(struct pci_dev *pdev)
{
	struct owner *owner = pci_get_drvdata(pdev);

	misc_deregister(&owner->misc);
	down_write(&owner->present);
	owner->gone = true;
	up_write(&owner->present);
	peerbuf_device_unregister(owner->pdevice);
	pci_release_region(pdev, OWNER_BAR);
	pci_disable_device(pdev);
	owner_put(owner);
}

/* No ids: it binds only to devices whose driver_override names it. */
static struct pci_driver owner_driver = {
	.name = "bar_owner",
	.probe = owner_probe,
	.remove = owner_remove,
};
module_pci_driver(owner_driver);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Exporter of a BAR, for tests of peerbuf's in-kernel API");
MODULE_LICENSE("GPL");
