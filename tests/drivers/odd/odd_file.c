// SPDX-License-Identifier: GPL-2.0
/* The character device. See odd_uapi.h. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "odd.h"

static long odd_ioctl_export(void __user *arg)
{
	struct dma_buf *dmabuf;
	struct odd_export req;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req))
		return -EINVAL;
	dmabuf = odd_buffer_export(&req);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	req.fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (req.fd < 0) {
		dma_buf_put(dmabuf);
		return req.fd;
	}
	/* On failure the descriptor stays: another thread may have it already. */
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

/* The buffer, and its DMA-BUF with a reference; or an ERR_PTR. */
static struct odd_buffer *odd_buffer_get(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct odd_buffer *buffer;

	if (IS_ERR(dmabuf))
		return ERR_CAST(dmabuf);
	buffer = odd_buffer_of(dmabuf);
	if (buffer)
		return buffer;
	dma_buf_put(dmabuf);
	return ERR_PTR(-EXDEV);
}

static int odd_rules_copy(struct odd_buffer *buffer, const struct odd_rules *req)
{
	struct odd_rule *rules;
	int ret;

	rules = memdup_user(u64_to_user_ptr(req->rules), req->nr_rules * sizeof(*rules));
	if (IS_ERR(rules))
		return PTR_ERR(rules);
	ret = odd_script_set(buffer, rules, req->nr_rules);
	kfree(rules);
	return ret;
}

static long odd_ioctl_rules(void __user *arg)
{
	struct odd_buffer *buffer;
	struct odd_rules req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.reserved || req.nr_rules > ODD_MOST_RULES)
		return -EINVAL;
	buffer = odd_buffer_get(req.fd);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	if (req.nr_rules)
		ret = odd_rules_copy(buffer, &req);
	else
		ret = odd_script_set(buffer, NULL, 0);
	dma_buf_put(buffer->dmabuf);
	return ret;
}

static long odd_ioctl_do(void __user *arg)
{
	struct odd_buffer *buffer;
	struct odd_do req;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.size != sizeof(req) || req.action < ODD_DO_MOVE || req.action >= ODD_NR_ACTIONS ||
	    req.late_ms > ODD_MOST_LATE_MS)
		return -EINVAL;
	buffer = odd_buffer_get(req.fd);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	ret = dma_resv_lock_interruptible(buffer->dmabuf->resv, NULL);
	if (!ret) {
		ret = odd_act(buffer, req.action, req.late_ms);
		dma_resv_unlock(buffer->dmabuf->resv);
	}
	dma_buf_put(buffer->dmabuf);
	return ret;
}

static void odd_count_all(u64 *to, const atomic64_t *from, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		to[i] = atomic64_read(&from[i]);
}

/* Under resv. */
static void odd_counts_fill(struct odd_buffer *buffer, struct odd_counts *counts)
{
	struct odd_tally *tally = &buffer->tally;

	odd_look(buffer);
	counts->where = buffer->kind;
	counts->revoked = buffer->revoked;
	counts->pins = odd_pins(buffer);
	counts->given_back = buffer->nr_given_back;
	odd_count_all(counts->events, tally->events, ODD_NR_EVENTS);
	odd_count_all(counts->actions, tally->actions, ODD_NR_ACTIONS);
	odd_count_all(counts->bad, tally->bad, ODD_NR_BAD);
	counts->refused = atomic64_read(&tally->refused);
	counts->attachments = atomic64_read(&tally->attachments);
	counts->mappings = atomic64_read(&tally->mappings);
	counts->longest_ns = atomic64_read(&tally->longest_ns);
}

static long odd_ioctl_counts(void __user *arg)
{
	struct odd_counts counts;
	struct odd_buffer *buffer;

	if (copy_from_user(&counts, arg, offsetofend(struct odd_counts, fd)))
		return -EFAULT;
	if (counts.size != sizeof(counts))
		return -EINVAL;
	buffer = odd_buffer_get(counts.fd);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	dma_resv_lock(buffer->dmabuf->resv, NULL);
	odd_counts_fill(buffer, &counts);
	dma_resv_unlock(buffer->dmabuf->resv);
	dma_buf_put(buffer->dmabuf);
	return copy_to_user(arg, &counts, sizeof(counts)) ? -EFAULT : 0;
}

static long odd_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case ODD_IOC_EXPORT:
		return odd_ioctl_export(user);
	case ODD_IOC_RULES:
		return odd_ioctl_rules(user);
	case ODD_IOC_DO:
		return odd_ioctl_do(user);
	case ODD_IOC_COUNTS:
		return odd_ioctl_counts(user);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations odd_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = odd_ioctl,
};

static struct miscdevice odd_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "odd_exporter",
	.fops = &odd_fops,
	.mode = 0600,
};

int odd_file_init(void)
{
	return misc_register(&odd_misc);
}

void odd_file_exit(void)
{
	misc_deregister(&odd_misc);
}
