// SPDX-License-Identifier: GPL-2.0
/* The buffer: its birth as a DMA-BUF, its state, its release. */
#include <linux/log2.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

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
	spin_lock(&pb->mappings_lock);
	last = pb->placement;
	pb->placement = NULL;
	spin_unlock(&pb->mappings_lock);
	list_for_each_entry_safe(old, next, &pb->left, left)
		peerbuf_placement_destroy(old);
	if (last) {
		if (pb->id)
			peerbuf_event_placement(pb, last, PEERBUF_EVENT_RELEASE);
		peerbuf_placement_destroy(last);
		peerbuf_stat_inc(PEERBUF_STAT_RELEASES);
	}
	dma_resv_unlock(pb->dmabuf->resv);
}

void peerbuf_free(struct peerbuf *pb)
{
	peerbuf_parts_drop(pb);
	peerbuf_marks_drop(&pb->marks);
	if (pb->home)
		peerbuf_device_put(pb->home);
	put_pid(pb->asker.pid);
	put_pid(pb->pid);
	kfree(pb);
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

const struct dma_buf_ops peerbuf_dma_buf_ops = {
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

/*
 * Under mappings_lock: does the buffer have memory of @pdevice, or is @pdevice its home? See
 * peerbuf_belongs_to().
 */
bool peerbuf_belongs_held(struct peerbuf *pb, struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&pb->mappings_lock);

	return pb->home == pdevice ||
	       (pb->placement && peerbuf_placement_uses(pb->placement, pdevice));
}

/*
 * Called without resv by a visitor; the answer is of this moment. A buffer that is being exported
 * has no placement yet, and nothing maps it.
 */
bool peerbuf_lies_in(struct peerbuf *pb, struct peerbuf_device *pdevice)
{
	bool lies;

	spin_lock(&pb->mappings_lock);
	lies = pb->placement && peerbuf_placement_uses(pb->placement, pdevice);
	spin_unlock(&pb->mappings_lock);
	return lies;
}

/*
 * Does the device's node list the buffer? It also lists buffers that were exported through it and
 * have moved away, so that their owner can find them.
 */
bool peerbuf_belongs_to(struct peerbuf *pb, struct peerbuf_device *pdevice)
{
	bool belongs;

	spin_lock(&pb->mappings_lock);
	belongs = peerbuf_belongs_held(pb, pdevice);
	spin_unlock(&pb->mappings_lock);
	return belongs;
}

static u32 peerbuf_trouble_at(struct peerbuf *pb, const struct peerbuf_placement *placement)
{
	u32 trouble = peerbuf_placement_trouble(placement);
	u32 marks = peerbuf_revoked(pb) | peerbuf_origins_revoked(pb);

	if (marks & PEERBUF_REVOKED_DEAD ||
	    trouble == PEERBUF_REASON_DEVICE_GONE)
		return PEERBUF_REASON_DEVICE_GONE;
	if (marks)
		return PEERBUF_REASON_REVOKED;
	return trouble;
}

/**
 * peerbuf_trouble() - why a buffer cannot be reached now
 * @pb: the buffer
 *
 * The answer may change at any time: a revoke does not wait for the lock. A mapping made
 * while this returns 0 is found under the lock afterwards by whoever revokes. An operation of
 * an exporting driver that takes long, above all a copy, checks from time to time and gives up.
 *
 * Context: the DMA-BUF's reservation lock is held.
 * Return: 0 if it can be reached; PEERBUF_REASON_REVOKED or PEERBUF_REASON_DEVICE_DOWN if it may
 * come back; PEERBUF_REASON_DEVICE_GONE if it does not.
 */
u32 peerbuf_trouble(struct peerbuf *pb)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	return peerbuf_trouble_at(pb, pb->placement);
}
EXPORT_SYMBOL_GPL(peerbuf_trouble);

/*
 * Without resv: what was true at some moment of the call. Nobody may be given the memory because of
 * it. The caller is a visitor or holds the DMA-BUF.
 */
u32 peerbuf_trouble_unlocked(struct peerbuf *pb)
{
	u32 trouble = PEERBUF_REASON_DEVICE_GONE;

	spin_lock(&pb->mappings_lock);
	if (pb->placement)
		trouble = peerbuf_trouble_at(pb, pb->placement);
	spin_unlock(&pb->mappings_lock);
	return trouble;
}

/*
 * Returns PEERBUF_STATE_F_*. Under resv (@held), or under mappings_lock only: then what needs resv
 * is left out.
 */
u32 peerbuf_state(struct peerbuf *pb, bool held)
{
	u32 trouble = peerbuf_placement_trouble(pb->placement);
	u32 marks = peerbuf_revoked(pb) | peerbuf_origins_revoked(pb);
	u32 state = 0;

	if (marks & ~PEERBUF_REVOKED_DEAD)
		state |= PEERBUF_STATE_F_REVOKED;
	if (marks & PEERBUF_REVOKED_DEAD || trouble == PEERBUF_REASON_DEVICE_GONE)
		state |= PEERBUF_STATE_F_DEAD;
	else if (trouble)
		state |= PEERBUF_STATE_F_DEVICE_DOWN;
	if (READ_ONCE(pb->vmap))
		state |= PEERBUF_STATE_F_VMAPPED;
	if (!held)
		state |= PEERBUF_STATE_F_BUSY;
	else if (peerbuf_pins(pb))
		state |= PEERBUF_STATE_F_PINNED;
	return state;
}

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
	INIT_LIST_HEAD(&pb->left);
	INIT_LIST_HEAD(&pb->file_node);
	INIT_LIST_HEAD(&pb->clients);
	INIT_LIST_HEAD(&pb->holds);
	INIT_LIST_HEAD(&pb->family);
	INIT_LIST_HEAD(&pb->followers);
	INIT_WORK(&pb->settling, peerbuf_settle_work);
	spin_lock_init(&pb->mappings_lock);
	init_waitqueue_head(&pb->unheld);
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

static int peerbuf_args_check(const struct peerbuf_export_args *args, u32 *reason)
{
	if (args->flags & ~PEERBUF_EXPORT_FLAGS) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (!peerbuf_segment_limits_ok(args->segment_align, args->max_segment)) {
		*reason = PEERBUF_REASON_SEGMENT_LIMITS;
		return -EINVAL;
	}
	if (!args->placement || !args->placement->nr) {
		*reason = PEERBUF_REASON_NO_RANGES;
		return -EINVAL;
	}
	if (args->placement->size > SIZE_MAX >> 1) {
		*reason = PEERBUF_REASON_OVERFLOW;
		return -EOVERFLOW;
	}
	/* It could never fall back: a copy would make two places of one. */
	if (args->flags & PEERBUF_EXPORT_F_FALLBACK && p2p_vecs_aliased(args->placement)) {
		*reason = PEERBUF_REASON_ALIASED;
		return -EINVAL;
	}
	return 0;
}

static int peerbuf_place_first(struct peerbuf *pb, struct p2p_vecs *vecs,
			       bool when_down, u32 *reason)
{
	struct peerbuf_placement *placement;

	dma_resv_lock(pb->dmabuf->resv, NULL);
	placement = peerbuf_placement_create(pb, vecs, when_down, reason);
	if (!IS_ERR(placement)) {
		spin_lock(&pb->mappings_lock);
		pb->placement = placement;
		spin_unlock(&pb->mappings_lock);
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
				   u32 *reason)
{
	struct peerbuf *pb;
	int ret;

	ret = peerbuf_args_check(args, reason);
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
	ret = peerbuf_place_first(pb, args->placement, args->when_down, reason);
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
	u32 reason = 0;

	return peerbuf_export_for(args, NULL, false, &reason);
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

/**
 * peerbuf_priv() - the driver's own object behind a buffer
 * @pb: the buffer
 * @ops: the driver's operations
 *
 * For a driver that imports a DMA-BUF and wants to know whether it is one of its own.
 *
 * Context: any; the caller holds a reference to the DMA-BUF, which covers the result.
 * Return: what &struct peerbuf_export_args.priv said, or NULL if the buffer was exported
 * with other operations.
 */
void *peerbuf_priv(struct peerbuf *pb, const struct peerbuf_exporter_ops *ops)
{
	return ops && pb->ops == ops ? pb->priv : NULL;
}
EXPORT_SYMBOL_GPL(peerbuf_priv);

/**
 * peerbuf_vecs() - where a buffer is now
 * @pb: the buffer
 *
 * Context: the DMA-BUF's reservation lock is held.
 * Return: its ranges, valid as long as the lock is held, or longer with a reference of the
 * caller's own (p2p_vecs_get()). A revoked buffer keeps its placement. NULL when the DMA-BUF is
 * gone and its exporting driver's release operation is about to be called.
 */
struct p2p_vecs *peerbuf_vecs(struct peerbuf *pb)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	return pb->placement ? pb->placement->vecs : NULL;
}
EXPORT_SYMBOL_GPL(peerbuf_vecs);

/**
 * peerbuf_dma_buf() - the DMA-BUF of a buffer
 * @pb: the buffer
 *
 * Context: any.
 * Return: the DMA-BUF, no reference taken.
 */
struct dma_buf *peerbuf_dma_buf(struct peerbuf *pb)
{
	return pb->dmabuf;
}
EXPORT_SYMBOL_GPL(peerbuf_dma_buf);

/**
 * peerbuf_id() - the number by which userspace knows a buffer
 * @pb: the buffer
 *
 * Context: any.
 * Return: the id, never 0, not reused until reboot.
 */
u64 peerbuf_id(struct peerbuf *pb)
{
	return pb->id;
}
EXPORT_SYMBOL_GPL(peerbuf_id);
