// SPDX-License-Identifier: GPL-2.0
/* The character device. See bar_owner_uapi.h. */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bar_owner.h"

/**
 * struct owner_file - an open file
 * @owner: reference held
 * @lock: serializes the file's ioctls
 * @vmapped: the buffer of which the file has a kernel mapping, or NULL
 * @map: the kernel mapping
 */
struct owner_file {
	struct owner *owner;
	struct mutex lock; /* whole ioctls */
	struct dma_buf *vmapped;
	struct iosys_map map;
};

static long owner_ioctl_export(struct owner_file *file, void __user *arg)
{
	struct bar_owner_export req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.reserved)
		return -EINVAL;
	ret = owner_export(file->owner, &req);
	if (ret)
		return ret;
	/* The process has the descriptor by now, even if the copy fails. */
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static int owner_file_vmap(struct owner_file *file, struct bar_owner_buffer *req)
{
	struct dma_buf *dmabuf;

	if (req->flags & BAR_OWNER_VMAP_F_TRY)
		return owner_try_vmap(req);
	if (file->vmapped)
		return -EBUSY;
	dmabuf = owner_vmap(req, &file->map);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	file->vmapped = dmabuf;
	return 0;
}

static int owner_file_vunmap(struct owner_file *file)
{
	if (!file->vmapped)
		return -ENODATA;
	owner_vunmap(file->vmapped, &file->map);
	file->vmapped = NULL;
	return 0;
}

static int owner_buffer_call(struct owner_file *file, unsigned int cmd,
			     struct bar_owner_buffer *req)
{
	switch (cmd) {
	case BAR_OWNER_IOC_MOVE:
		return owner_move(file->owner, req);
	case BAR_OWNER_IOC_REVOKE:
		return owner_revoke(req);
	case BAR_OWNER_IOC_RESTORE:
		return owner_restore(req);
	case BAR_OWNER_IOC_MINE:
		return owner_mine(req);
	case BAR_OWNER_IOC_VMAP:
		return owner_file_vmap(file, req);
	default:
		return owner_file_vunmap(file);
	}
}

static long owner_ioctl_buffer(struct owner_file *file, unsigned int cmd,
			       void __user *arg)
{
	struct bar_owner_buffer req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.reserved)
		return -EINVAL;
	ret = owner_buffer_call(file, cmd, &req);
	if (ret)
		return ret;
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static int owner_down(struct owner *owner, u32 on)
{
	if (on)
		return peerbuf_device_down(owner->pdevice, on == BAR_OWNER_DOWN_SOON ?
					   HZ : MAX_SCHEDULE_TIMEOUT);
	peerbuf_device_up(owner->pdevice);
	return 0;
}

static long owner_ioctl_switch(struct owner_file *file, unsigned int cmd,
			       void __user *arg)
{
	struct owner *owner = file->owner;
	struct bar_owner_switch req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.on > BAR_OWNER_DOWN_SOON)
		return -EINVAL;
	if (cmd == BAR_OWNER_IOC_DOWN)
		return owner_down(owner, req.on);
	if (cmd == BAR_OWNER_IOC_PINNED)
		peerbuf_device_accept_pinned(owner->pdevice, req.on);
	else
		WRITE_ONCE(owner->veto, req.on);
	return 0;
}

static long owner_ioctl_released(struct owner_file *file, void __user *arg)
{
	struct bar_owner_count req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req))
		return -EINVAL;
	req.released = atomic_read(&file->owner->released);
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static long owner_ioctl_places(struct owner_file *file, void __user *arg)
{
	struct owner *owner = file->owner;
	struct bar_owner_places req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.reserved)
		return -EINVAL;
	req.held = atomic_read(&owner->places);
	req.asked = READ_ONCE(owner->asked);
	req.why = READ_ONCE(owner->why);
	req.for_cpu = READ_ONCE(owner->for_cpu);
	req.copies = READ_ONCE(owner->copies);
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static long owner_ioctl_map_check(struct owner_file *file, void __user *arg)
{
	struct bar_owner_map_check req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || !req.nr || req.nr > PEERBUF_MAX_RANGES)
		return -EINVAL;
	req.line = 0;
	req.error = 0;
	req.translated = 0;
	req.relinked = 0;
	owner_map_check(file->owner, &req);
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static long owner_ioctl_sleep(void __user *arg)
{
	struct bar_owner_sleep req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.on > 1)
		return -EINVAL;
	return owner_sleep(req.addr, req.on);
}

static long owner_ioctl_pages(struct owner_file *file, void __user *arg)
{
	struct bar_owner_pages req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.reserved)
		return -EINVAL;
	ret = owner_pages(file->owner, &req);
	if (ret)
		return ret;
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static long owner_ioctl_present(struct owner_file *file, unsigned int cmd,
				void __user *arg)
{
	switch (cmd) {
	case BAR_OWNER_IOC_EXPORT:
		return owner_ioctl_export(file, arg);
	case BAR_OWNER_IOC_MOVE:
	case BAR_OWNER_IOC_REVOKE:
	case BAR_OWNER_IOC_RESTORE:
	case BAR_OWNER_IOC_VMAP:
	case BAR_OWNER_IOC_VUNMAP:
	case BAR_OWNER_IOC_MINE:
		return owner_ioctl_buffer(file, cmd, arg);
	case BAR_OWNER_IOC_VETO:
	case BAR_OWNER_IOC_DOWN:
	case BAR_OWNER_IOC_PINNED:
		return owner_ioctl_switch(file, cmd, arg);
	case BAR_OWNER_IOC_RELEASED:
		return owner_ioctl_released(file, arg);
	case BAR_OWNER_IOC_PLACES:
		return owner_ioctl_places(file, arg);
	case BAR_OWNER_IOC_MAP_CHECK:
		return owner_ioctl_map_check(file, arg);
	case BAR_OWNER_IOC_SLEEP:
		return owner_ioctl_sleep(arg);
	case BAR_OWNER_IOC_PAGES:
		return owner_ioctl_pages(file, arg);
	default:
		return -ENOTTY;
	}
}

static long owner_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct owner_file *file = filp->private_data;
	struct owner *owner = file->owner;
	long ret;

	ret = mutex_lock_interruptible(&file->lock);
	if (ret)
		return ret;
	down_read(&owner->present);
	ret = owner->gone ? -ENODEV :
	      owner_ioctl_present(file, cmd, (void __user *)arg);
	up_read(&owner->present);
	mutex_unlock(&file->lock);
	return ret;
}

static int owner_open(struct inode *inode, struct file *filp)
{
	struct miscdevice *misc = filp->private_data;
	struct owner *owner = container_of(misc, struct owner, misc);
	struct owner_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	kref_get(&owner->ref);
	file->owner = owner;
	filp->private_data = file;
	return 0;
}

static int owner_release(struct inode *inode, struct file *filp)
{
	struct owner_file *file = filp->private_data;

	owner_file_vunmap(file);
	owner_put(file->owner);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations owner_fops = {
	.owner = THIS_MODULE,
	.open = owner_open,
	.release = owner_release,
	.unlocked_ioctl = owner_ioctl,
};

int owner_file_register(struct owner *owner)
{
	snprintf(owner->name, sizeof(owner->name), "bar_owner-%s",
		 pci_name(owner->pdev));
	snprintf(owner->node, sizeof(owner->node), "bar_owner/%s",
		 pci_name(owner->pdev));
	owner->misc.minor = MISC_DYNAMIC_MINOR;
	owner->misc.name = owner->name;
	owner->misc.nodename = owner->node;
	owner->misc.fops = &owner_fops;
	owner->misc.parent = &owner->pdev->dev;
	owner->misc.mode = 0600;
	return misc_register(&owner->misc);
}
