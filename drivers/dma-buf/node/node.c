// SPDX-License-Identifier: GPL-2.0
/* /dev/peerbuf/<dddd:bb:dd.f>: opening, closing, and what ends with it. */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "change/revoke.h"
#include "core/buffer.h"
#include "core/device.h"
#include "core/event.h"
#include "core/file.h"
#include "core/refusal.h"
#include "core/wait.h"
#include "node/chrdev.h"
#include "node/event_read.h"
#include "node/ioctl.h"

/*
 * How long closing a node waits for importers of what it exported. Revocable ones unmap long before
 * that. Others were accepted by the administrator or the device's driver: the buffer is revoked
 * nevertheless, and they may keep their mappings.
 */
#define PEERBUF_CLOSE_TIMEOUT	(5 * HZ)

/* If the device is unregistered meanwhile, the open file sees a device that is gone. */
static int peerbuf_node_open(struct inode *inode, struct file *filp)
{
	struct peerbuf_device *pdevice = peerbuf_chrdev_find(inode);
	struct peerbuf_file *pf;

	if (!pdevice)
		return -ENODEV;
	/* Takes over the reference to @pdevice. */
	pf = peerbuf_file_create(pdevice, filp->f_mode & FMODE_WRITE);
	if (!pf) {
		peerbuf_device_put(pdevice);
		return -ENOMEM;
	}

	peerbuf_listen(pf);
	filp->private_data = pf;
	return stream_open(inode, filp);
}

/* Returns the next export to end, as a visitor of it; NULL when none is left. */
static struct peerbuf *peerbuf_file_next_export(struct peerbuf_file *pf)
{
	struct peerbuf *pb, *found = NULL;

	mutex_lock(&pf->lock);
	while (!found && !list_empty(&pf->exports)) {
		pb = list_first_entry(&pf->exports, struct peerbuf, file_node);
		list_del_init(&pb->file_node);
		if (peerbuf_tryget(pb))
			found = pb;
	}
	mutex_unlock(&pf->lock);
	return found;
}

/*
 * Marks all exports before it waits for any, so that all end together and not one by one as
 * importers unmap. The visits last until both are done.
 */
static void peerbuf_file_end_exports(struct peerbuf_file *pf)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(PEERBUF_CLOSE_TIMEOUT, PEERBUF_WAIT_IDLE);
	struct peerbuf *pb, *next;
	LIST_HEAD(ending);
	struct peerbuf_refusal why;

	while ((pb = peerbuf_file_next_export(pf))) {
		peerbuf_mark_revoked(pb, PEERBUF_REVOKED_DEAD, NULL);
		mutex_lock(&pf->lock);
		list_add_tail(&pb->file_node, &ending);
		mutex_unlock(&pf->lock);
	}
	list_for_each_entry_safe(pb, next, &ending, file_node) {
		peerbuf_drain(pb, &timeout, &why);
		mutex_lock(&pf->lock);
		list_del_init(&pb->file_node);
		mutex_unlock(&pf->lock);
		peerbuf_put(pb);
	}
}

static int peerbuf_node_release(struct inode *inode, struct file *filp)
{
	struct peerbuf_file *pf = filp->private_data;

	peerbuf_listen_end(pf);
	peerbuf_file_end_exports(pf);
	peerbuf_file_put(pf);
	return 0;
}

static ssize_t peerbuf_node_read(struct file *filp, char __user *buf, size_t len,
				 loff_t *pos)
{
	return peerbuf_event_read(filp->private_data, buf, len,
				  filp->f_flags & O_NONBLOCK);
}

const struct file_operations peerbuf_node_fops = {
	.owner = THIS_MODULE,
	.open = peerbuf_node_open,
	.release = peerbuf_node_release,
	.read = peerbuf_node_read,
	.poll = peerbuf_event_poll,
	.unlocked_ioctl = peerbuf_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
