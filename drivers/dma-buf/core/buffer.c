// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: finding them by id, visiting them, locking them.
 *
 * The list of buffers holds no reference to them. Who finds a buffer in it, by a device's claims,
 * or in an open node's list, becomes a visitor. Release waits for the visitors and lets no new
 * one in. A reference to the DMA-BUF's file would not keep the buffer: the DMA-BUF's release hangs
 * off the dentry, which an O_PATH descriptor keeps after the file itself is gone.
 */
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/device.h"
#include "core/marks.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/wait.h"

/* Protects the tree, and the latest id: so exports enter the tree in the order of their ids. */
static DEFINE_SPINLOCK(peerbuf_exports_lock);

static struct rb_root peerbuf_exports = RB_ROOT;
static u64 peerbuf_last_id;

static struct peerbuf *peerbuf_of_node(struct rb_node *node)
{
	return rb_entry(node, struct peerbuf, registry_node);
}

/*
 * Ids are never reused, so that a late "revoke 7" cannot hit another buffer. The new id is the
 * largest, so its place is at the right end of the tree.
 */
void peerbuf_registry_add(struct peerbuf *pb)
{
	struct rb_node **link = &peerbuf_exports.rb_node, *parent = NULL;

	spin_lock(&peerbuf_exports_lock);
	while (*link) {
		parent = *link;
		link = &parent->rb_right;
	}
	pb->id = ++peerbuf_last_id;
	rb_link_node(&pb->registry_node, parent, link);
	rb_insert_color(&pb->registry_node, &peerbuf_exports);
	spin_unlock(&peerbuf_exports_lock);
}

void peerbuf_registry_remove(struct peerbuf *pb)
{
	spin_lock(&peerbuf_exports_lock);
	rb_erase(&pb->registry_node, &peerbuf_exports);
	spin_unlock(&peerbuf_exports_lock);
}

/* Under the tree's lock: the first export whose id is @id or greater, or NULL. */
static struct peerbuf *peerbuf_registry_from(u64 id)
{
	struct rb_node *node = peerbuf_exports.rb_node;
	struct peerbuf *pb, *found = NULL;

	lockdep_assert_held(&peerbuf_exports_lock);

	while (node) {
		pb = peerbuf_of_node(node);
		if (pb->id < id) {
			node = node->rb_right;
		} else {
			found = pb;
			node = node->rb_left;
		}
	}
	return found;
}

/*
 * The caller holds the lock of the list in which it found @pb: release takes that lock to
 * remove it, so @pb exists, even if its release is under way.
 */
bool peerbuf_tryget(struct peerbuf *pb)
{
	return refcount_inc_not_zero(&pb->visitors);
}

/* Ends a visit. */
void peerbuf_put(struct peerbuf *pb)
{
	if (refcount_dec_and_test(&pb->visitors))
		complete(&pb->unvisited);
}

/* Returns as a visitor: the caller calls peerbuf_put(). */
struct peerbuf *peerbuf_registry_get(u64 id)
{
	struct peerbuf *pb;

	spin_lock(&peerbuf_exports_lock);
	pb = peerbuf_registry_from(id);
	if (pb && (pb->id != id || !peerbuf_tryget(pb)))
		pb = NULL;
	spin_unlock(&peerbuf_exports_lock);
	return pb;
}

/* Returns the export with the smallest id greater than @after, as a visitor of it. */
struct peerbuf *peerbuf_registry_next(u64 after)
{
	struct rb_node *node;
	struct peerbuf *pb;

	if (after == U64_MAX)
		return NULL;

	spin_lock(&peerbuf_exports_lock);
	pb = peerbuf_registry_from(after + 1);
	while (pb && !peerbuf_tryget(pb)) {
		node = rb_next(&pb->registry_node);
		pb = node ? peerbuf_of_node(node) : NULL;
	}
	spin_unlock(&peerbuf_exports_lock);
	return pb;
}

/*
 * Reservation locks have no killable wait. So if a signal that is not fatal ends the interruptible
 * one, this goes on by trying.
 */
static int peerbuf_lock_killable(struct dma_resv *resv)
{
	if (!dma_resv_lock_interruptible(resv, NULL))
		return 0;
	while (!dma_resv_trylock(resv)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(1);
	}
	return 0;
}

/* Takes resv. Returns 0, or -EINTR if @mode lets a signal end the wait. */
int peerbuf_lock(struct peerbuf *pb, int mode)
{
	switch (mode) {
	case PEERBUF_WAIT_INTR:
		return dma_resv_lock_interruptible(pb->dmabuf->resv, NULL);
	case PEERBUF_WAIT_KILLABLE:
		return peerbuf_lock_killable(pb->dmabuf->resv);
	default:
		dma_resv_lock(pb->dmabuf->resv, NULL);
		return 0;
	}
}

/*
 * Takes resv, trying until @until, in jiffies, or until a signal arrives. Returns whether it did.
 */
bool peerbuf_lock_until(struct peerbuf *pb, unsigned long until)
{
	while (!dma_resv_trylock(pb->dmabuf->resv)) {
		if (time_after_eq(jiffies, until) || signal_pending(current))
			return false;
		schedule_timeout_interruptible(1);
	}
	return true;
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
