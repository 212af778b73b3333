// SPDX-License-Identifier: GPL-2.0
/*
 * Withdrawing a buffer, and giving it back.
 *
 * The order is the one dma_buf_invalidate_mappings() documents: under resv mark
 * it revoked, invalidate, wait for fences; then, unlocked, wait for the last unmap. Marking
 * first means that whoever maps or faults after us sees it and fails.
 *
 * Why nothing reaches the memory when peerbuf_revoke_for() returned 0:
 *  - CPU: a fault takes resv and looks at the mark; what was faulted in before was
 *    zapped under the same lock.
 *  - DMA mapped by anybody: each mapping is a hold, made under resv before the mark
 *    was set, and the wait ends when the last such hold has ended. A hold ends
 *    after p2p_map_free(), which leaves no IOVA and no stale IOTLB entry behind.
 *  - The kernel: a vmap is a hold too.
 */
#include "internal.h"
#include "trace.h"

/* Under resv, the mark just set. @was: why it could not be reached before, or 0. */
static u64 peerbuf_withdraw(struct peerbuf *pb, u32 was)
{
	u64 generation = pb->generation;

	if (!was) {
		generation = peerbuf_invalidate(pb);
		pb->account.revokes++;
		peerbuf_stat_inc(PEERBUF_STAT_REVOKES);
		trace_peerbuf_revoke(pb, peerbuf_trouble(pb));
	}
	return generation;
}

static int peerbuf_wait_gone(struct peerbuf *pb, u64 generation, long left,
			     bool intr, u32 *reason)
{
	if (left > 0)
		left = peerbuf_wait_unheld(pb, generation, intr, left);
	if (left > 0)
		return 0;

	*reason = left ? PEERBUF_REASON_INTERRUPTED : PEERBUF_REASON_STILL_MAPPED;
	return left ? -EINTR : -EINPROGRESS;
}

/*
 * No lock held, a reference to the DMA-BUF is. @timeout in jiffies. With @intr a
 * signal ends the wait. Whatever is returned but -EINTR before the lock was had,
 * the mark is set.
 */
int peerbuf_revoke_for(struct peerbuf *pb, enum peerbuf_revoke_cause cause,
		       bool intr, unsigned long timeout, u32 *reason)
{
	struct dma_resv *resv = pb->dmabuf->resv;
	u64 generation;
	long left;
	u32 was;

	dma_resv_lock(resv, NULL);
	was = peerbuf_trouble(pb);
	if (cause == PEERBUF_REVOKE_DEAD)
		pb->dead = true;
	else
		pb->revoked = true;
	generation = peerbuf_withdraw(pb, was);
	left = peerbuf_wait_fences(pb, intr, timeout);
	dma_resv_unlock(resv);

	if (!was)
		peerbuf_event_placement(pb, PEERBUF_EVENT_REVOKE);
	return peerbuf_wait_gone(pb, generation, left, intr, reason);
}

int peerbuf_restore_for(struct peerbuf *pb, u32 *reason)
{
	struct dma_resv *resv = pb->dmabuf->resv;
	u32 trouble;
	int ret = 0;

	dma_resv_lock(resv, NULL);
	trouble = peerbuf_trouble(pb);
	if (trouble == PEERBUF_REASON_DEVICE_GONE) {
		*reason = trouble;
		ret = -ENODEV;
	} else if (!pb->revoked) {
		*reason = PEERBUF_REASON_NOT_REVOKED;
		ret = -EALREADY;
	} else if (peerbuf_placement_trouble(pb->placement)) {
		*reason = PEERBUF_REASON_DEVICE_DOWN;
		ret = -ENODEV;
	} else {
		pb->revoked = false;
		peerbuf_stat_inc(PEERBUF_STAT_RESTORES);
		trace_peerbuf_restore(pb, 0);
	}
	dma_resv_unlock(resv);

	if (!ret)
		peerbuf_event_placement(pb, PEERBUF_EVENT_RESTORE);
	return ret;
}

static void peerbuf_wait_forever(struct peerbuf *pb, u64 generation)
{
	peerbuf_wait_unheld(pb, generation, false, MAX_SCHEDULE_TIMEOUT);
}

/*
 * @pdevice is no longer up, which takes every buffer with memory of it down. A buffer
 * that has moved away from it in the meantime keeps working, but is waited for while
 * mappings of its old place are left.
 */
void peerbuf_device_buffer_down(struct peerbuf_device *pdevice,
				struct peerbuf *pb)
{
	struct dma_resv *resv = pb->dmabuf->resv;
	u64 generation;
	bool here;

	dma_resv_lock(resv, NULL);
	here = peerbuf_placement_uses(pb->placement, pdevice);
	generation = peerbuf_withdraw(pb, here ? pb->revoked || pb->dead : 1);
	peerbuf_wait_fences(pb, false, MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(resv);

	if (here)
		peerbuf_event_placement(pb, PEERBUF_EVENT_REVOKE);
	peerbuf_wait_forever(pb, generation);
}

/* @pdevice is up again. What its user revoked stays revoked. */
void peerbuf_device_buffer_up(struct peerbuf_device *pdevice,
			      struct peerbuf *pb)
{
	struct dma_resv *resv = pb->dmabuf->resv;
	bool back;

	dma_resv_lock(resv, NULL);
	back = peerbuf_placement_uses(pb->placement, pdevice) &&
	       !peerbuf_trouble(pb);
	if (back) {
		peerbuf_stat_inc(PEERBUF_STAT_RESTORES);
		trace_peerbuf_restore(pb, PEERBUF_REASON_DEVICE_DOWN);
	}
	dma_resv_unlock(resv);

	if (back)
		peerbuf_event_placement(pb, PEERBUF_EVENT_RESTORE);
}

/* Some BARs of @pdevice were withdrawn: what has memory of them is dead. */
void peerbuf_device_buffer_withdrawn(struct peerbuf_device *pdevice,
				     struct peerbuf *pb)
{
	struct dma_resv *resv = pb->dmabuf->resv;
	u64 generation;
	bool hit;

	dma_resv_lock(resv, NULL);
	hit = !peerbuf_vecs_alive(pb->placement->vecs);
	generation = pb->generation;
	dma_resv_unlock(resv);

	if (hit) {
		u32 reason;

		peerbuf_revoke_for(pb, PEERBUF_REVOKE_DEAD, false,
				   MAX_SCHEDULE_TIMEOUT, &reason);
	} else {
		peerbuf_wait_forever(pb, generation);
	}
}

/**
 * peerbuf_revoke() - withdraw a buffer
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @timeout: how long to wait for fences and unmaps, in jiffies, or
 *	MAX_SCHEDULE_TIMEOUT
 *
 * From the moment this is called no new mapping can be made and CPU accesses get
 * SIGBUS. When it returns 0 nothing reaches the memory any more, by any way.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, or -EINPROGRESS: the revoke is in force, but an importer has not unmapped
 * within @timeout (only importers accepted by PEERBUF_EXPORT_F_ALLOW_PINNED may take
 * longer than their current work).
 */
int peerbuf_revoke(struct peerbuf *pb, unsigned long timeout)
{
	u32 reason = 0;

	return peerbuf_revoke_for(pb, PEERBUF_REVOKE_USER, false, timeout,
				  &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_revoke);

/**
 * peerbuf_restore() - undo peerbuf_revoke()
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 *
 * Importers that are still attached may map it again, at the place it has.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, or -EALREADY it is not revoked; -ENODEV a device it lies in is down or gone.
 */
int peerbuf_restore(struct peerbuf *pb)
{
	u32 reason = 0;

	return peerbuf_restore_for(pb, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_restore);
