// SPDX-License-Identifier: GPL-2.0
/*
 * Withdraws a buffer, waits until nobody uses it, and gives it back.
 *
 * A revoke has the same order as a change of a device's state: first the mark, without the
 * reservation lock; then the visit under that lock (settle.c), which does what
 * dma_buf_invalidate_mappings() documents; then, without the lock, the wait for fences and for
 * the last unmap.
 *
 * Why nothing reaches the memory after mark, visit and wait:
 *  - Who looks at the mark under resv after it was set is refused. Who looked before still holds
 *    resv, so the visit comes later and finds what he made.
 *  - CPU: a fault takes resv and looks at the mark. What was faulted in before the visit is zapped
 *    by the visit.
 *  - DMA: each mapping is a hold, made under resv before the visit, and the wait ends when the last
 *    such hold has ended. A hold ends after p2p_map_unlink(), which leaves nothing in the IOMMU's
 *    page table and no stale IOTLB entry.
 *  - The kernel: a vmap is a hold, too. A copy holds resv, and the visit comes after it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/revoke.h"
#include "change/settle.h"
#include "core/buffer.h"
#include "core/device.h"
#include "core/event.h"
#include "core/family.h"
#include "core/hold.h"
#include "core/marks.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/rights.h"
#include "core/wait.h"

/* A call with a shorter timeout waits this long for a lock that is held only briefly. */
#define PEERBUF_TELLING		(HZ / 20)

/* The caller holds no lock. @pb was marked: recalls the mappings of all buffers derived from it. */
static void peerbuf_family_recall(struct peerbuf *pb)
{
	struct peerbuf *derived;
	u64 nr = 0;

	while ((derived = peerbuf_family_next(pb, &nr))) {
		peerbuf_marks_recall(&derived->marks);
		peerbuf_settle(derived);
		peerbuf_put(derived);
	}
}

/*
 * The caller holds no lock, and none is waited for. From here on nobody is given the memory;
 * peerbuf_drain() waits for those who checked before, and for their mappings. @owner: the
 * function whose owner revokes, or NULL. Returns 0, or -ENOENT with nothing changed: the buffer
 * has no memory of @owner any more.
 *
 * A move ends under the same spinlock (peerbuf_arrive()): either the buffer has left @owner before
 * the mark is set, or it does not leave @owner while the mark is there.
 */
int peerbuf_mark_revoked(struct peerbuf *pb, u32 cause, struct peerbuf_device *owner)
{
	bool marked;

	spin_lock(&pb->holds_lock);
	marked = !owner || peerbuf_belongs_held(pb, owner);
	if (marked)
		peerbuf_marks_set(&pb->marks, cause, owner);
	spin_unlock(&pb->holds_lock);
	if (!marked)
		return -ENOENT;
	peerbuf_settle(pb);
	peerbuf_family_recall(pb);
	return 0;
}

/* The marks that are left belong to others: to @rights->missing, or to no function at all. */
static int peerbuf_restore_refused(const struct peerbuf_rights *rights, struct peerbuf_refusal *why)
{
	if (rights && rights->missing != PEERBUF_PCI_NONE)
		return peerbuf_fail(why, -EACCES, PEERBUF_REASON_RIGHT_MISSING);
	return peerbuf_fail(why, -EPERM, PEERBUF_REASON_REVOKED);
}

/*
 * Under resv. Each caller lifts only its own marks. The memory may belong to another user by now,
 * so the buffer stays revoked until every mark has been lifted by its maker.
 *
 * Importers are told of a mark before it is lifted: whoever set it waits for the old mappings to
 * end, even if the buffer is restored meanwhile.
 */
static int peerbuf_restore_locked(struct peerbuf *pb, u32 causes,
				  struct peerbuf_rights *rights, struct peerbuf_refusal *why)
{
	u32 trouble = peerbuf_placement_trouble(pb->placement);
	u32 marks = peerbuf_revoked(pb);

	if (marks & PEERBUF_REVOKED_DEAD ||
	    trouble == PEERBUF_REASON_DEVICE_GONE)
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_DEVICE_GONE);
	if (!marks)
		return peerbuf_fail(why, -EALREADY, PEERBUF_REASON_NOT_REVOKED);
	if (trouble)
		return peerbuf_fail(why, -ENODEV, trouble);
	if (!peerbuf_placement_answers(pb->placement))
		return peerbuf_fail(why, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);
	peerbuf_look_for_clients(pb);
	peerbuf_settle_held(pb);
	if (!peerbuf_marks_lift(&pb->marks, causes, rights))
		return peerbuf_restore_refused(rights, why);
	peerbuf_note_asker(pb);
	peerbuf_settle_held(pb);
	return 0;
}

/* The caller holds no lock. @pb is back. Derived buffers that are revoked themselves stay so. */
static void peerbuf_family_settle(struct peerbuf *pb)
{
	struct peerbuf *derived;
	u64 nr = 0;

	while ((derived = peerbuf_family_next(pb, &nr))) {
		peerbuf_settle(derived);
		peerbuf_put(derived);
	}
}

/*
 * The caller holds no lock. @causes: PEERBUF_REVOKED_* that the caller may lift; of
 * PEERBUF_REVOKED_USER only the marks of functions that @rights cover. @mode: PEERBUF_WAIT_* for
 * the lock.
 */
int peerbuf_restore_for(struct peerbuf *pb, u32 causes, struct peerbuf_rights *rights,
			int mode, struct peerbuf_refusal *why)
{
	int ret;

	ret = peerbuf_lock(pb, mode);
	if (ret)
		return ret;
	ret = peerbuf_restore_locked(pb, causes, rights, why);
	dma_resv_unlock(pb->dmabuf->resv);
	if (!ret)
		peerbuf_family_settle(pb);
	return ret;
}

/**
 * peerbuf_revoke() - withdraw a buffer
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @timeout: how long to wait for fences and unmaps, in jiffies, or
 *	MAX_SCHEDULE_TIMEOUT
 *
 * From the moment this is called nobody is given the memory, and CPU accesses
 * that fault get SIGBUS. When it returns 0 nothing reaches the memory any more. Only
 * peerbuf_restore() undoes it: userspace cannot lift a driver's revoke. Checks no
 * rights to the functions that the buffer has memory of.
 *
 * Does not wait for the reservation lock, so @timeout holds whoever has that lock. A copy
 * under way gives up.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, or -EINPROGRESS: the revoke is in force, but an importer has not unmapped
 * within @timeout (only importers that cannot be revoked, see peerbuf_device_accept_pinned(), take
 * longer than their current work); or somebody holds the reservation lock, so that importers
 * have not been told yet; they will be.
 */
int peerbuf_revoke(struct peerbuf *pb, unsigned long timeout)
{
	struct peerbuf_timeout limit =
		peerbuf_timeout(timeout, PEERBUF_WAIT_IDLE);
	struct peerbuf_refusal why;

	peerbuf_mark_revoked(pb, PEERBUF_REVOKED_DRIVER, NULL);
	return peerbuf_drain(pb, &limit, &why);
}
EXPORT_SYMBOL_GPL(peerbuf_revoke);

/**
 * peerbuf_restore() - undo peerbuf_revoke()
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 *
 * Importers that are still attached may map it again, at its old place.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, even if a revoke by somebody else is left, until whose restore the buffer stays
 * revoked; -EALREADY it is not revoked; -EPERM only somebody else revoked it; -ENODEV a device it
 * lies in is down or gone; -EIO one, or a bridge above it, does not decode memory.
 */
int peerbuf_restore(struct peerbuf *pb)
{
	struct peerbuf_refusal why;

	return peerbuf_restore_for(pb, PEERBUF_REVOKED_DRIVER, NULL, PEERBUF_WAIT_IDLE,
				   &why);
}
EXPORT_SYMBOL_GPL(peerbuf_restore);

/* Have importers been told of everything up to the call numbered @asked? */
static bool peerbuf_settled(struct peerbuf *pb, u64 asked)
{
	return atomic64_read_acquire(&pb->settled) >= (s64)asked;
}

static void peerbuf_say_busy(struct peerbuf *pb, u64 asked)
{
	pr_warn("export %llu is locked, waiting\n", pb->id);
}

/*
 * The caller holds no lock, and none is waited for, so the caller's time limit holds whoever has
 * the lock. Waits until importers have been told of the changes made so far, and then until every
 * mapping from before the last invalidation is gone. If the buffer can be reached again by now,
 * new mappings are not waited for.
 */
static int peerbuf_drain_one(struct peerbuf *pb, const struct peerbuf_timeout *timeout,
			     struct peerbuf_refusal *why)
{
	struct peerbuf_timeout telling = *timeout;
	u64 generation;
	int ret;

	lockdep_assert_not_held(&pb->dmabuf->resv->lock.base);

	if (time_before(telling.deadline, jiffies + PEERBUF_TELLING))
		telling.deadline = jiffies + PEERBUF_TELLING;
	ret = peerbuf_wait_until(pb, peerbuf_settled, atomic64_read(&pb->asked), &telling,
				 peerbuf_say_busy);
	if (ret == -EINPROGRESS)
		return peerbuf_fail(why, ret, PEERBUF_REASON_BUSY);
	if (ret)
		return peerbuf_fail_untold(why, ret);

	generation = peerbuf_generation(pb);
	ret = peerbuf_wait_fences(pb, DMA_RESV_USAGE_BOOKKEEP, timeout);
	if (!ret)
		ret = peerbuf_wait_holds(pb, generation, timeout);
	/* Placements that it has left are freed once the fences have signalled. */
	peerbuf_settle(pb);
	if (ret == -EINPROGRESS)
		return peerbuf_fail(why, ret, PEERBUF_REASON_STILL_MAPPED);
	return ret ? peerbuf_fail_untold(why, ret) : 0;
}

/* Does so for the buffer and all buffers derived from it. */
int peerbuf_drain(struct peerbuf *pb, const struct peerbuf_timeout *timeout,
		  struct peerbuf_refusal *why)
{
	int ret = peerbuf_drain_one(pb, timeout, why);
	struct peerbuf *derived;
	u64 nr = 0;

	while (!ret && (derived = peerbuf_family_next(pb, &nr))) {
		ret = peerbuf_drain_one(derived, timeout, why);
		peerbuf_put(derived);
	}
	return ret;
}
