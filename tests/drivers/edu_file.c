// SPDX-License-Identifier: GPL-2.0
/* The character device. See edu_dma_uapi.h. */
#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu_dma.h"

/**
 * struct edu_file - an open file
 * @edu: reference held
 * @lock: serializes the file's ioctls
 * @attachments: by handle
 */
struct edu_file {
	struct edu *edu;
	struct mutex lock; /* whole ioctls */
	struct xarray attachments;
};

static long edu_ioctl_attach(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_attach req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.reserved)
		return -EINVAL;
	att = edu_attachment_create(file->edu, req.fd, req.mode, req.flags);
	if (IS_ERR(att))
		return PTR_ERR(att);
	ret = xa_alloc(&file->attachments, &req.handle, att, xa_limit_31b,
		       GFP_KERNEL);
	if (ret)
		goto err_destroy;
	if (copy_to_user(arg, &req, sizeof(req))) {
		xa_erase(&file->attachments, req.handle);
		ret = -EFAULT;
		goto err_destroy;
	}
	return 0;

err_destroy:
	edu_attachment_destroy(att);
	kfree(att);
	return ret;
}

static long edu_ioctl_detach(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_handle req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req))
		return -EINVAL;
	att = xa_erase(&file->attachments, req.handle);
	if (!att)
		return -ENOENT;
	edu_attachment_destroy(att);
	kfree(att);
	return 0;
}

/* Copies in a request, which begins like struct edu_dma_handle, and finds its attachment. */
static struct edu_attachment *edu_request(struct edu_file *file, void *req, u32 size,
					  void __user *arg)
{
	const struct edu_dma_handle *begin = req;
	struct edu_attachment *att;

	if (copy_from_user(req, arg, size))
		return ERR_PTR(-EFAULT);
	att = xa_load(&file->attachments, begin->handle);
	if (!att)
		return ERR_PTR(-ENOENT);
	return begin->size == size ? att : ERR_PTR(-EINVAL);
}

static long edu_ioctl_map(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_handle req;
	int ret;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	ret = edu_attachment_wait(att, true);
	if (ret == -ERESTARTSYS)
		return ret;
	ret = dma_resv_lock_interruptible(att->dmabuf->resv, NULL);
	if (ret)
		return ret;
	if (att->stale)
		edu_attachment_unmap(att);
	ret = edu_attachment_map(att);
	dma_resv_unlock(att->dmabuf->resv);
	return ret;
}

static long edu_ioctl_unmap(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_handle req;
	int ret;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	ret = edu_attachment_wait(att, true);
	if (ret == -ERESTARTSYS)
		return ret;
	dma_resv_lock(att->dmabuf->resv, NULL);
	edu_attachment_unmap(att);
	dma_resv_unlock(att->dmabuf->resv);
	return 0;
}

static long edu_ioctl_copy(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_copy req;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	return edu_copy(att, &req);
}

static long edu_ioctl_wait(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_handle req;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	return edu_attachment_wait(att, true);
}

static long edu_ioctl_local(struct edu_file *file, void __user *arg)
{
	struct edu_dma_local req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req))
		return -EINVAL;
	return edu_copy_local(file->edu, &req);
}

static long edu_ioctl_raw(struct edu_file *file, void __user *arg)
{
	struct edu_dma_raw req;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req))
		return -EINVAL;
	return edu_copy_raw(file->edu, &req);
}

/* Stores at most @room segments of the mapping. Returns the number of all segments. */
static int edu_segments(struct edu_attachment *att,
			struct edu_dma_segment *seg, u32 room)
{
	u64 offset = 0, len;
	dma_addr_t addr;
	u32 nr = 0;
	int ret;

	dma_resv_assert_held(att->dmabuf->resv);
	if (!att->mapped || att->stale)
		return -ENODATA;
	while (offset < att->dmabuf->size) {
		ret = att->importer->segment_at(att, offset, &addr, &len);
		if (ret)
			return ret;
		if (nr < room)
			seg[nr] = (struct edu_dma_segment){ addr, len };
		nr++;
		offset += len;
	}
	return nr;
}

static long edu_ioctl_segments(struct edu_file *file, void __user *arg)
{
	struct edu_dma_segment *seg;
	struct edu_dma_segments req;
	struct edu_attachment *att;
	int ret;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	if (req.nr_entries > 1 << 16)
		return -EINVAL;
	/* Not straight to userspace: that may fault on this very buffer, whose lock is held. */
	seg = kvcalloc(req.nr_entries, sizeof(*seg), GFP_KERNEL);
	if (!seg)
		return -ENOMEM;
	dma_resv_lock(att->dmabuf->resv, NULL);
	ret = edu_segments(att, seg, req.nr_entries);
	dma_resv_unlock(att->dmabuf->resv);
	if (ret < 0)
		goto out;
	req.total = ret;
	req.nr_entries = min_t(u32, req.total, req.nr_entries);
	ret = 0;
	if (copy_to_user(u64_to_user_ptr(req.entries), seg,
			 req.nr_entries * sizeof(*seg)) ||
	    copy_to_user(arg, &req, sizeof(req)))
		ret = -EFAULT;
out:
	kvfree(seg);
	return ret;
}

/* @data holds req->length bytes. */
static int edu_walk(struct edu_attachment *att, struct edu_dma_walk *req, void *data)
{
	void __user *user = u64_to_user_ptr(req->data);
	int ret;

	if (req->direction == EDU_DMA_TO_BUFFER && copy_from_user(data, user, req->length))
		return -EFAULT;
	/* Not straight to userspace: that may fault on this very buffer, whose lock is held. */
	dma_resv_lock(att->dmabuf->resv, NULL);
	ret = att->sgt && !att->stale ? edu_foreign_walk(att, req, data) : -ENOENT;
	dma_resv_unlock(att->dmabuf->resv);
	if (!ret && req->direction != EDU_DMA_TO_BUFFER && copy_to_user(user, data, req->length))
		return -EFAULT;
	return ret;
}

static long edu_ioctl_walk(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_walk req;
	void *data;
	int ret;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	if (!req.length || req.length > EDU_DMA_WALK_MOST)
		return -EINVAL;
	data = kvzalloc(req.length, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	req.pages = 0;
	req.segments = 0;
	ret = edu_walk(att, &req, data);
	kvfree(data);
	if (copy_to_user(arg, &req, sizeof(req)))
		return -EFAULT;
	return ret;
}

static long edu_ioctl_state(struct edu_file *file, void __user *arg)
{
	struct edu_attachment *att;
	struct edu_dma_state req;

	att = edu_request(file, &req, sizeof(req), arg);
	if (IS_ERR(att))
		return PTR_ERR(att);
	dma_resv_lock(att->dmabuf->resv, NULL);
	req.flags = (att->mapped ? EDU_DMA_STATE_F_MAPPED : 0) |
		    (att->stale ? EDU_DMA_STATE_F_STALE : 0) |
		    (edu_attachment_busy(att) ? EDU_DMA_STATE_F_BUSY : 0);
	req.reserved = 0;
	req.invalidations = att->invalidations;
	req.maps = att->maps;
	req.transfers = att->transfers;
	dma_resv_unlock(att->dmabuf->resv);
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

static long edu_ioctl_present(struct edu_file *file, unsigned int cmd,
			      void __user *arg)
{
	switch (cmd) {
	case EDU_DMA_IOC_ATTACH:
		return edu_ioctl_attach(file, arg);
	case EDU_DMA_IOC_DETACH:
		return edu_ioctl_detach(file, arg);
	case EDU_DMA_IOC_MAP:
		return edu_ioctl_map(file, arg);
	case EDU_DMA_IOC_UNMAP:
		return edu_ioctl_unmap(file, arg);
	case EDU_DMA_IOC_COPY:
		return edu_ioctl_copy(file, arg);
	case EDU_DMA_IOC_WAIT:
		return edu_ioctl_wait(file, arg);
	case EDU_DMA_IOC_LOCAL:
		return edu_ioctl_local(file, arg);
	case EDU_DMA_IOC_SEGMENTS:
		return edu_ioctl_segments(file, arg);
	case EDU_DMA_IOC_RAW:
		return edu_ioctl_raw(file, arg);
	case EDU_DMA_IOC_STATE:
		return edu_ioctl_state(file, arg);
	case EDU_DMA_IOC_WALK:
		return edu_ioctl_walk(file, arg);
	default:
		return -ENOTTY;
	}
}

static long edu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct edu_file *file = filp->private_data;
	struct edu *edu = file->edu;
	long ret;

	ret = mutex_lock_interruptible(&file->lock);
	if (ret)
		return ret;
	down_read(&edu->present);
	ret = edu->gone ? -ENODEV :
	      edu_ioctl_present(file, cmd, (void __user *)arg);
	up_read(&edu->present);
	mutex_unlock(&file->lock);
	return ret;
}

static int edu_open(struct inode *inode, struct file *filp)
{
	struct miscdevice *misc = filp->private_data;
	struct edu *edu = container_of(misc, struct edu, misc);
	struct edu_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	xa_init_flags(&file->attachments, XA_FLAGS_ALLOC1);
	/* The device is registered until misc_deregister(), which waits for this function. */
	kref_get(&edu->ref);
	file->edu = edu;
	filp->private_data = file;
	return 0;
}

/* Also called when a process with running transfers is killed. */
static int edu_release(struct inode *inode, struct file *filp)
{
	struct edu_file *file = filp->private_data;
	struct edu_attachment *att;
	unsigned long handle;

	down_read(&file->edu->present);
	xa_for_each(&file->attachments, handle, att) {
		if (!file->edu->gone)
			edu_attachment_destroy(att);
		kfree(att);
	}
	up_read(&file->edu->present);
	xa_destroy(&file->attachments);
	mutex_destroy(&file->lock);
	edu_put(file->edu);
	kfree(file);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
};

int edu_file_register(struct edu *edu)
{
	snprintf(edu->name, sizeof(edu->name), "edu_dma-%s",
		 pci_name(edu->pdev));
	snprintf(edu->node, sizeof(edu->node), "edu_dma/%s",
		 pci_name(edu->pdev));
	edu->misc.minor = MISC_DYNAMIC_MINOR;
	edu->misc.name = edu->name;
	edu->misc.nodename = edu->node;
	edu->misc.fops = &edu_fops;
	edu->misc.parent = &edu->pdev->dev;
	edu->misc.mode = 0600;
	return misc_register(&edu->misc);
}
