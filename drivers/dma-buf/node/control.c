// SPDX-License-Identifier: GPL-2.0
/* /dev/peerbuf/control: topology for everybody, administration for the administrator. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "core/file.h"
#include "node/control.h"
#include "node/ioctl.h"

static int peerbuf_control_open(struct inode *inode, struct file *filp)
{
	struct peerbuf_file *pf;

	pf = peerbuf_file_create(NULL, filp->f_mode & FMODE_WRITE);
	if (!pf)
		return -ENOMEM;
	filp->private_data = pf;
	return nonseekable_open(inode, filp);
}

static int peerbuf_control_release(struct inode *inode, struct file *filp)
{
	peerbuf_file_put(filp->private_data);
	return 0;
}

static const struct file_operations peerbuf_control_fops = {
	.owner = THIS_MODULE,
	.open = peerbuf_control_open,
	.release = peerbuf_control_release,
	.unlocked_ioctl = peerbuf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = peerbuf_uring_cmd,
};

static struct miscdevice peerbuf_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "peerbuf-control",
	.nodename = "peerbuf/control",
	.fops = &peerbuf_control_fops,
	.mode = 0644,
};

int peerbuf_control_init(void)
{
	return misc_register(&peerbuf_control);
}

void peerbuf_control_exit(void)
{
	misc_deregister(&peerbuf_control);
}
