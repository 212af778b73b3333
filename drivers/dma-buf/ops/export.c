// SPDX-License-Identifier: GPL-2.0
/* Makes a buffer and its DMA-BUF, and releases it. */
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/settle.h"
#include "core/buffer.h"
#include "core/device.h"
#include "core/event.h"
#include "core/family.h"
#include "core/file.h"
#include "core/marks.h"
#include "core/placement.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "core/trace.h"
#include "ops/attach.h"
#include "ops/cpu.h"
#include "ops/export.h"
#include "ops/mapping.h"

static void peerbuf_leave_file(struct peerbuf *pb)
{
	if (!pb->file)
		return;
	mutex_lock(&pb->file->lock);
	list_del_init(&pb->file_node);
	mutex_unlock(&pb->file->lock);
	peerbuf_file_put(pb->file);
}

/*
 * Lets no visitor in any more, and waits for those that are there, in slices: a visitor may wait
 * for others, and a long wait must not look like a hung kernel.
 */
static void peerbuf_end_visits(struct peerbuf *pb)
{
	if (refcount_dec_and_test(&pb->visitors))
		return;
	while (!wait_for_completion_timeout(&pb->unvisited, 10 * HZ))
		;
}

/*
 * Takes resv, because the exporting driver may be moving the buffer: it finds the buffer through an
 * object of its own, and learns of the release only later. Afterwards the buffer has no placement,
 * so there is nothing to move.
 */
static void peerbuf_leave_all(struct peerbuf *pb)
{
	struct peerbuf_placement *last, *old, *next;

	dma_resv_lock(pb->dmabuf->resv, NULL);
	spin_lock(&pb->holds_lock);
	last = pb->placement;
	pb->placement = NULL;
	spin_unlock(&pb->holds_lock);
	list_for_each_entry_safe(old, next, &pb->retired, retired)
		peerbuf_placement_destroy(old);
	if (last) {
		if (pb->id) {
			trace_peerbuf_release(pb);
			peerbuf_event_placement(pb, last, PEERBUF_EVENT_RELEASE);
		}
		peerbuf_placement_destroy(last);
		peerbuf_stat_inc(PEERBUF_STAT_RELEASES);
	}
	dma_resv_unlock(pb->dmabuf->resv);
}

/*
 * No attachment, no mapping and no CPU mapping is left: each of them holds the
 * DMA-BUF. Visitors may still be there: they wait only for things that are gone already, do not
 * touch user memory, and none comes after the last has left. Once the placements' claims
 * are gone only the exporting driver knows @pb.
 *
 * If the export failed (no id), all of this was done before. The driver was told that it failed,
 * keeps nothing for this buffer, and the reservation object it lent may be gone: this function is
 * called when the task that failed goes back to user mode.
 */
static void peerbuf_op_release(struct dma_buf *dmabuf)
{
	struct peerbuf *pb = dmabuf->priv;

	if (pb->id) {
		peerbuf_registry_remove(pb);
		peerbuf_end_visits(pb);
		peerbuf_leave_file(pb);
		peerbuf_leave_all(pb);
		peerbuf_leave_family(pb);
		if (pb->ops && pb->ops->release)
			pb->ops->release(pb, pb->priv);
	}
	iput(pb->inode);
	peerbuf_free(pb);
}

static const struct dma_buf_ops peerbuf_dma_buf_ops = {
	.attach = peerbuf_op_attach,
	.detach = peerbuf_op_detach,
	.pin = peerbuf_op_pin,
	.unpin = peerbuf_op_unpin,
	.map_dma_buf = peerbuf_op_map,
	.unmap_dma_buf = peerbuf_op_unmap,
	.begin_cpu_access = peerbuf_op_begin_cpu_access,
	.end_cpu_access = peerbuf_op_end_cpu_access,
	.mmap = peerbuf_op_mmap,
	.vmap = peerbuf_op_vmap,
	.vunmap = peerbuf_op_vunmap,
	.release = peerbuf_op_release,
};

/*
 * For exports without CPU access. There is no vmap operation, so the core refuses with -EINVAL; if
 * there were one that refuses, the core would warn.
 */
static const struct dma_buf_ops peerbuf_no_cpu_dma_buf_ops = {
	.attach = peerbuf_op_attach,
	.detach = peerbuf_op_detach,
	.pin = peerbuf_op_pin,
	.unpin = peerbuf_op_unpin,
	.map_dma_buf = peerbuf_op_map,
	.unmap_dma_buf = peerbuf_op_unmap,
	.begin_cpu_access = peerbuf_op_refuse_cpu_access,
	.mmap = peerbuf_op_refuse_mmap,
	.release = peerbuf_op_release,
};

/* For read-only buffers. No vmap operation: a kernel mapping could not be kept read-only. */
static const struct dma_buf_ops peerbuf_read_only_dma_buf_ops = {
	.attach = peerbuf_op_attach,
	.detach = peerbuf_op_detach,
	.pin = peerbuf_op_pin,
	.unpin = peerbuf_op_unpin,
	.map_dma_buf = peerbuf_op_map,
	.unmap_dma_buf = peerbuf_op_unmap,
	.begin_cpu_access = peerbuf_op_begin_cpu_access,
	.end_cpu_access = peerbuf_op_end_cpu_access,
	.mmap = peerbuf_op_mmap,
	.release = peerbuf_op_release,
};

/* Makes a buffer without a DMA-BUF. peerbuf_free() undoes it. Returns NULL without memory. */
struct peerbuf *peerbuf_create(const struct peerbuf_export_args *args, u64 size)
{
	struct peerbuf *pb;

	pb = kzalloc(sizeof(*pb), GFP_KERNEL_ACCOUNT);
	if (!pb)
		return NULL;

	pb->size = size;
	pb->root = pb;
	pb->flags = args->flags;
	pb->segment_align = args->segment_align;
	pb->max_segment = args->max_segment;
	pb->ops = args->ops;
	pb->priv = args->priv;
	pb->home = args->device;
	if (pb->home)
		peerbuf_device_get(pb->home);
	pb->pid = args->name ? NULL : get_pid(task_tgid(current));
	strscpy(pb->comm, args->name ?: current->comm, sizeof(pb->comm));
	pb->account.last_refusal_addr = PEERBUF_PCI_NONE;
	refcount_set(&pb->visitors, 1);
	init_completion(&pb->unvisited);
	peerbuf_marks_init(&pb->marks);
	INIT_LIST_HEAD(&pb->retired);
	INIT_LIST_HEAD(&pb->file_node);
	INIT_LIST_HEAD(&pb->clients);
	INIT_LIST_HEAD(&pb->holds);
	INIT_LIST_HEAD(&pb->family);
	INIT_LIST_HEAD(&pb->followers);
	INIT_WORK(&pb->settling, peerbuf_settle_work);
	spin_lock_init(&pb->holds_lock);
	init_waitqueue_head(&pb->holds_wq);
	return pb;
}

static const struct dma_buf_ops *peerbuf_ops_for(const struct peerbuf *pb,
						 const struct peerbuf_export_args *args)
{
	if (args->no_cpu || args->flags & PEERBUF_EXPORT_F_NO_CPU)
		return &peerbuf_no_cpu_dma_buf_ops;
	return pb->read_only ? &peerbuf_read_only_dma_buf_ops : &peerbuf_dma_buf_ops;
}

/* Makes the DMA-BUF of a buffer without a placement. peerbuf_give_up() undoes it from here on. */
int peerbuf_make_dma_buf(struct peerbuf *pb, const struct peerbuf_export_args *args)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	info.exp_name = "peerbuf";
	/* The exporting driver's module depends on this one, so holding it holds both. */
	if (args->ops && args->ops->owner)
		info.owner = args->ops->owner;
	info.ops = peerbuf_ops_for(pb, args);
	info.size = pb->size;
	info.flags = args->open_flags;
	info.resv = args->resv;
	info.priv = pb;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	pb->dmabuf = dmabuf;
	pb->inode = file_inode(dmabuf->file);
	ihold(pb->inode);
	return 0;
}

static bool peerbuf_segment_limits_ok(u64 align, u64 max_len)
{
	if (align && (!is_power_of_2(align) || align < PAGE_SIZE ||
		      align > PEERBUF_MAX_SEGMENT_ALIGN))
		return false;
	return !(max_len & (max_t(u64, align, PAGE_SIZE) - 1));
}

static int peerbuf_args_check(const struct peerbuf_export_args *args, struct peerbuf_refusal *why)
{
	if (args->flags & ~PEERBUF_EXPORT_FLAGS)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (!peerbuf_segment_limits_ok(args->segment_align, args->max_segment))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_SEGMENT_LIMITS);
	if (!args->placement || !args->placement->nr)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_NO_RANGES);
	if (args->placement->size > SIZE_MAX >> 1)
		return peerbuf_fail(why, -EOVERFLOW, PEERBUF_REASON_OVERFLOW);
	/* It could never fall back: a copy would make two places of one. */
	if (args->flags & PEERBUF_EXPORT_F_FALLBACK && p2p_vecs_aliased(args->placement))
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_ALIASED);
	return 0;
}

static int peerbuf_place_first(struct peerbuf *pb, struct p2p_vecs *vecs,
			       bool when_down, struct peerbuf_refusal *why)
{
	struct peerbuf_placement *placement;

	dma_resv_lock(pb->dmabuf->resv, NULL);
	placement = peerbuf_placement_create(pb, vecs, when_down, why);
	if (!IS_ERR(placement)) {
		spin_lock(&pb->holds_lock);
		pb->placement = placement;
		spin_unlock(&pb->holds_lock);
		/* Nobody knows the buffer yet, so nobody has to be told of its state. */
		pb->told = peerbuf_trouble(pb);
	}
	dma_resv_unlock(pb->dmabuf->resv);
	return PTR_ERR_OR_ZERO(placement);
}

static void peerbuf_export_bind_file(struct peerbuf *pb,
				     struct peerbuf_file *file)
{
	peerbuf_file_get(file);
	mutex_lock(&file->lock);
	pb->file = file;
	list_add_tail(&pb->file_node, &file->exports);
	mutex_unlock(&file->lock);
}

static void peerbuf_announce(struct peerbuf *pb)
{
	dma_resv_lock(pb->dmabuf->resv, NULL);
	trace_peerbuf_export(pb);
	peerbuf_event_placement(pb, pb->placement, PEERBUF_EVENT_EXPORT);
	dma_resv_unlock(pb->dmabuf->resv);
}

/* Publishes a buffer that has its placement. The id is set last: others find the buffer by it. */
void peerbuf_make_known(struct peerbuf *pb, struct peerbuf_file *file)
{
	peerbuf_stat_inc(PEERBUF_STAT_EXPORTS);
	peerbuf_registry_add(pb);
	if (file)
		peerbuf_export_bind_file(pb, file);
	peerbuf_announce(pb);
}

/* Ends a buffer that was not published. Its devices may have found it through its claims. */
void peerbuf_give_up(struct peerbuf *pb)
{
	peerbuf_end_visits(pb);
	peerbuf_leave_all(pb);
	peerbuf_leave_family(pb);
	dma_buf_put(pb->dmabuf);
}

/* Like peerbuf_export(). With @file the export ends when that file is closed. */
struct dma_buf *peerbuf_export_for(const struct peerbuf_export_args *args,
				   struct peerbuf_file *file, bool by_user,
				   struct peerbuf_refusal *why)
{
	struct peerbuf *pb;
	int ret;

	ret = peerbuf_args_check(args, why);
	if (ret)
		return ERR_PTR(ret);

	pb = peerbuf_create(args, args->placement->size);
	if (!pb)
		return ERR_PTR(-ENOMEM);
	pb->by_user = by_user;

	ret = peerbuf_make_dma_buf(pb, args);
	if (ret) {
		peerbuf_free(pb);
		return ERR_PTR(ret);
	}
	ret = peerbuf_place_first(pb, args->placement, args->when_down, why);
	if (ret) {
		peerbuf_give_up(pb);
		return ERR_PTR(ret);
	}
	peerbuf_make_known(pb, file);
	return pb->dmabuf;
}

/**
 * peerbuf_export() - make a DMA-BUF of ranges of registered BARs, and of other memory
 * @args: what to export, see &struct peerbuf_export_args
 *
 * The DMA-BUF holds the module, so peerbuf cannot be unloaded while it lives.
 * The exporting device may go away first: the buffer is then revoked for good.
 *
 * System and hidden memory in the buffer must stay until the list's release function is called
 * (p2p_vecs_on_release()), unless the list owns it: the driver sees to that.
 *
 * Context: process context, may sleep. No reservation lock may be held, nor that of
 * @args->resv.
 * Return: the DMA-BUF, one reference, or an ERR_PTR: -EINVAL no ranges, unknown flags, or
 * PEERBUF_EXPORT_F_FALLBACK for ranges that name memory twice; -EOVERFLOW too large; -ENODEV a
 * device is gone, not registered with peerbuf or, without &peerbuf_export_args.when_down, down;
 * -EMSGSIZE ranges of more than PEERBUF_MAX_DEVICES devices; -ENOMEM.
 */
struct dma_buf *peerbuf_export(const struct peerbuf_export_args *args)
{
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;

	return peerbuf_export_for(args, NULL, false, &why);
}
EXPORT_SYMBOL_GPL(peerbuf_export);

/**
 * peerbuf_from_dma_buf() - the buffer behind a DMA-BUF
 * @dmabuf: any DMA-BUF; the caller holds a reference, which covers the result
 *
 * Context: any.
 * Return: the buffer, or NULL for a DMA-BUF of another exporter.
 */
struct peerbuf *peerbuf_from_dma_buf(struct dma_buf *dmabuf)
{
	if (dmabuf->ops == &peerbuf_dma_buf_ops ||
	    dmabuf->ops == &peerbuf_no_cpu_dma_buf_ops ||
	    dmabuf->ops == &peerbuf_read_only_dma_buf_ops)
		return dmabuf->priv;
	return NULL;
}
EXPORT_SYMBOL_GPL(peerbuf_from_dma_buf);
