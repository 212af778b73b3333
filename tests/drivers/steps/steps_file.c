// SPDX-License-Identifier: GPL-2.0
/* The character device. See steps_uapi.h. */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "steps.h"

static long steps_ioctl_probe(struct steps_file *file, void *arg)
{
	struct steps_probe *req = arg;
	u32 flags = p2p_space_probe(file->device->dev);

	req->flags = (flags & P2P_SPACE_CONTIGUOUS ? STEPS_PROBE_F_CONTIGUOUS : 0) |
		     (flags & P2P_SPACE_TRANSLATED ? STEPS_PROBE_F_TRANSLATED : 0) |
		     (flags & P2P_SPACE_SHARED ? STEPS_PROBE_F_SHARED : 0) |
		     (IS_ENABLED(CONFIG_HMM_MIRROR) ? STEPS_PROBE_F_MIRROR : 0);
	return 0;
}

/* Fills @hw by the mapper that was asked for. */
static int steps_map(struct steps_device *device, struct p2p_space *space,
		     const struct steps_list *list, struct steps_copy *req, struct steps_hw *hw)
{
	struct steps_walk walk = { .space = space, .list = list };
	struct scatterlist *sgl;
	int ret;

	if (req->by == STEPS_BY_WALK) {
		do {
			ret = steps_walk_next(&walk, hw);
		} while (ret > 0);
		req->runs = walk.runs;
		return ret;
	}
	sgl = kcalloc(list->nr, sizeof(*sgl), GFP_KERNEL);
	if (!sgl)
		return -ENOMEM;
	sg_init_table(sgl, list->nr);
	ret = steps_sg_map(space, device->dev, list, sgl);
	if (ret > 0)
		steps_sg_list(sgl, ret, hw);
	kfree(sgl);
	return min(ret, 0);
}

static int steps_copy_list(struct steps_device *device, const struct steps_hw *hw,
			   const struct steps_copy *req)
{
	struct edu_job *job;
	int ret;

	if (!req->length)
		return 0;
	job = steps_job_create();
	if (!job)
		return -ENOMEM;
	ret = steps_job_add(job, hw, req->offset, req->length, req->edu_offset,
			    req->direction == EDU_DMA_TO_BUFFER);
	if (ret) {
		edu_job_abandon(job);
		return ret;
	}
	return steps_job_run(device->edu, job);
}

static int steps_copy_mapped(struct steps_device *device, struct steps_list *list,
			     struct steps_copy *req, struct steps_hw *hw)
{
	struct p2p_space *space;
	int ret;

	space = p2p_space_reserve(device->dev, steps_list_span(list), DMA_BIDIRECTIONAL, 0);
	if (IS_ERR(space))
		return PTR_ERR(space);
	ret = steps_list_types(list, space);
	if (!ret)
		ret = steps_map(device, space, list, req, hw);
	if (!ret)
		ret = steps_copy_list(device, hw, req);
	req->entries = list->nr;
	req->segments = hw->nr;
	p2p_space_free(space);
	return ret;
}

static long steps_ioctl_copy(struct steps_file *file, void *arg)
{
	struct steps_copy *req = arg;
	struct steps_list *list;
	struct steps_hw *hw;
	int ret;

	if (req->by > STEPS_BY_WALK || req->direction > EDU_DMA_FROM_BUFFER || req->reserved)
		return -EINVAL;
	req->runs = 0;
	hw = kvzalloc(sizeof(*hw), GFP_KERNEL);
	if (!hw)
		return -ENOMEM;
	list = steps_list_create(u64_to_user_ptr(req->ranges), req->nr_ranges);
	if (IS_ERR(list)) {
		kvfree(hw);
		return PTR_ERR(list);
	}
	ret = steps_copy_mapped(file->device, list, req, hw);
	steps_list_destroy(list);
	kvfree(hw);
	return ret;
}

static long steps_ioctl_compare(struct steps_file *file, void *arg)
{
	return steps_compare(file->device, arg);
}

static long steps_ioctl_check(struct steps_file *file, void *arg)
{
	return steps_check(file->device, arg);
}

static long steps_ioctl_mirror(struct steps_file *file, void *arg)
{
	struct steps_mirror_state *mirror;
	struct steps_mirror *req = arg;

	if (req->reserved)
		return -EINVAL;
	if (file->mirror)
		return -EBUSY;
	mirror = steps_mirror_create(file->device, req->start, req->length);
	if (IS_ERR(mirror))
		return PTR_ERR(mirror);
	file->mirror = mirror;
	return 0;
}

static long steps_ioctl_mirror_copy(struct steps_file *file, void *arg)
{
	return file->mirror ? steps_mirror_copy(file->device, file->mirror, arg) : -ENOENT;
}

static long steps_ioctl_mirror_page(struct steps_file *file, void *arg)
{
	return file->mirror ? steps_mirror_page(file->device, file->mirror, arg) : -ENOENT;
}

/**
 * struct steps_call - an ioctl
 * @cmd: its number, with the structure's size
 * @run: with the structure in kernel memory, copied back if all is well
 */
struct steps_call {
	unsigned int cmd;
	long (*run)(struct steps_file *file, void *arg);
};

static const struct steps_call steps_calls[] = {
	{ STEPS_IOC_PROBE, steps_ioctl_probe },
	{ STEPS_IOC_COPY, steps_ioctl_copy },
	{ STEPS_IOC_COMPARE, steps_ioctl_compare },
	{ STEPS_IOC_CHECK, steps_ioctl_check },
	{ STEPS_IOC_MIRROR, steps_ioctl_mirror },
	{ STEPS_IOC_MIRROR_COPY, steps_ioctl_mirror_copy },
	{ STEPS_IOC_MIRROR_PAGE, steps_ioctl_mirror_page },
};

/* All structures are longer than that, and none is longer than a few of them. */
#define STEPS_ARG_MOST	128

static long steps_call(struct steps_file *file, const struct steps_call *call,
		       void __user *arg)
{
	u64 data[STEPS_ARG_MOST / sizeof(u64)];
	u32 size = _IOC_SIZE(call->cmd);
	u32 said;
	long ret;

	if (copy_from_user(data, arg, size))
		return -EFAULT;
	memcpy(&said, data, sizeof(said));
	if (said != size)
		return -EINVAL;
	ret = call->run(file, data);
	if (!ret && _IOC_DIR(call->cmd) & _IOC_READ && copy_to_user(arg, data, size))
		ret = -EFAULT;
	return ret;
}

static long steps_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct steps_file *file = filp->private_data;
	struct steps_device *device = file->device;
	long ret = -ENOTTY;
	int i;

	if (mutex_lock_interruptible(&file->lock))
		return -ERESTARTSYS;
	down_read(&device->present);
	for (i = 0; i < ARRAY_SIZE(steps_calls); i++)
		if (steps_calls[i].cmd == cmd)
			ret = device->gone ? -ENODEV :
			      steps_call(file, &steps_calls[i], (void __user *)arg);
	up_read(&device->present);
	mutex_unlock(&file->lock);
	return ret;
}

static int steps_open(struct inode *inode, struct file *filp)
{
	struct miscdevice *misc = filp->private_data;
	struct steps_device *device = container_of(misc, struct steps_device, misc);
	struct steps_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	/* Registered until misc_deregister(), which waits for this function. */
	kref_get(&device->ref);
	file->device = device;
	mutex_lock(&device->files_lock);
	list_add(&file->link, &device->files);
	mutex_unlock(&device->files_lock);
	filp->private_data = file;
	return 0;
}

static void steps_file_stop(struct steps_file *file)
{
	if (file->mirror)
		steps_mirror_destroy(file->mirror);
	file->mirror = NULL;
}

/* Of remove, which holds steps_device.present for writing. */
void steps_files_stop(struct steps_device *device)
{
	struct steps_file *file;

	mutex_lock(&device->files_lock);
	list_for_each_entry(file, &device->files, link)
		steps_file_stop(file);
	mutex_unlock(&device->files_lock);
}

static int steps_release(struct inode *inode, struct file *filp)
{
	struct steps_file *file = filp->private_data;
	struct steps_device *device = file->device;

	down_read(&device->present);
	steps_file_stop(file);
	up_read(&device->present);
	mutex_lock(&device->files_lock);
	list_del(&file->link);
	mutex_unlock(&device->files_lock);
	mutex_destroy(&file->lock);
	steps_device_put(device);
	kfree(file);
	return 0;
}

static const struct file_operations steps_fops = {
	.owner = THIS_MODULE,
	.open = steps_open,
	.release = steps_release,
	.unlocked_ioctl = steps_ioctl,
};

int steps_file_register(struct steps_device *device)
{
	snprintf(device->name, sizeof(device->name), "steps-%s", dev_name(device->dev));
	snprintf(device->node, sizeof(device->node), "steps/%s", dev_name(device->dev));
	device->misc.minor = MISC_DYNAMIC_MINOR;
	device->misc.name = device->name;
	device->misc.nodename = device->node;
	device->misc.fops = &steps_fops;
	device->misc.parent = device->dev;
	device->misc.mode = 0600;
	return misc_register(&device->misc);
}
