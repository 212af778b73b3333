// SPDX-License-Identifier: GPL-2.0
/*
 * Withdrawing a buffer, and giving it back.
 *
 * The order is the one dma_buf_invalidate_mappings() documents: under resv mark
 * it revoked, invalidate, wait for fences; then, unlocked, wait for the last unmap. Marking
 * first means that whoever maps or faults after us sees it and fails.
 *
 * Why nothing reaches the memory once it is marked and drained:
 *  - CPU: a fault takes resv and looks at the mark; what was faulted in before was
 *    zapped under the same lock.
 *  - DMA mapped by anybody: each mapping is a hold, made under resv before the mark
 *    was set, and the wait ends when the last such hold has ended. A hold ends
 *    after p2p_map_free(), which leaves no IOVA and no stale IOTLB entry behind.
 *  - The kernel: a vmap is a hold too.
 */
#include "internal.h"
#include "trace.h"

/* Under resv, just made unreachable, and not invalidated for that yet. */
static void peerbuf_withdraw(struct peerbuf *pb)
{
	peerbuf_invalidate(pb);
	pb->account.revokes++;
	peerbuf_stat_inc(PEERBUF_STAT_REVOKES);
	trace_peerbuf_revoke(pb, peerbuf_trouble(pb));
	peerbuf_event_placement(pb, pb->placement, PEERBUF_EVENT_REVOKE);
}

/*
 * Under resv. Only the buffer's own marks tell whether it has been invalidated: its device
 * may have changed state and not have come to this buffer yet.
 */
static void peerbuf_mark(struct peerbuf *pb, u32 cause, struct peerbuf_device *owner)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	if (!peerbuf_marks_set(&pb->marks, cause, owner))
		peerbuf_withdraw(pb);
	else if (cause & PEERBUF_REVOKED_DEAD)
		peerbuf_tell_changed(pb);
}

/*
 * No lock held. From here on no new mapping is made; peerbuf_drain() waits for the old
 * ones. @owner: the function whose owner revokes, or NULL. Returns 0, or with nothing changed
 * -EINTR if @mode lets a signal end the wait for the lock, -ENOENT if the buffer has no memory
 * of @owner any more.
 */
int peerbuf_mark_revoked(struct peerbuf *pb, u32 cause, struct peerbuf_device *owner,
			 int mode)
{
	int ret;

	ret = peerbuf_lock(pb, mode);
	if (ret)
		return ret;
	if (!owner || peerbuf_belongs_to(pb, owner))
		peerbuf_mark(pb, cause, owner);
	else
		ret = -ENOENT;
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

/* What is left is somebody else's: the owner's of @rights->missing, or above all owners. */
static int peerbuf_restore_refused(const struct peerbuf_rights *rights, u32 *reason)
{
	if (rights && rights->missing != PEERBUF_PCI_NONE) {
		*reason = PEERBUF_REASON_RIGHT_MISSING;
		return -EACCES;
	}
	*reason = PEERBUF_REASON_REVOKED;
	return -EPERM;
}

/*
 * Under resv. Each lifts what is its own. What somebody else withdrew is not theirs to give
 * back, since the memory may belong to another by now: it stays revoked until that one
 * restores it, too.
 */
static int peerbuf_restore_locked(struct peerbuf *pb, u32 causes,
				  struct peerbuf_rights *rights, u32 *reason)
{
	u32 trouble = peerbuf_placement_trouble(pb->placement);

	if (peerbuf_revoked(pb) & PEERBUF_REVOKED_DEAD ||
	    trouble == PEERBUF_REASON_DEVICE_GONE) {
		*reason = PEERBUF_REASON_DEVICE_GONE;
		return -ENODEV;
	}
	if (!peerbuf_revoked(pb)) {
		*reason = PEERBUF_REASON_NOT_REVOKED;
		return -EALREADY;
	}
	if (trouble) {
		*reason = trouble;
		return -ENODEV;
	}
	if (!peerbuf_marks_lift(&pb->marks, causes, rights))
		return peerbuf_restore_refused(rights, reason);
	if (peerbuf_revoked(pb))
		return 0;
	peerbuf_stat_inc(PEERBUF_STAT_RESTORES);
	trace_peerbuf_restore(pb, 0);
	peerbuf_event_placement(pb, pb->placement, PEERBUF_EVENT_RESTORE);
	peerbuf_tell_changed(pb);
	return 0;
}

/*
 * No lock held. @causes: PEERBUF_REVOKED_* the caller may undo; with PEERBUF_REVOKED_USER what
 * was withdrawn through nodes that @rights are good for.
 */
int peerbuf_restore_for(struct peerbuf *pb, u32 causes, struct peerbuf_rights *rights,
			u32 *reason)
{
	int ret;

	dma_resv_lock(pb->dmabuf->resv, NULL);
	ret = peerbuf_restore_locked(pb, causes, rights, reason);
	dma_resv_unlock(pb->dmabuf->resv);
	return ret;
}

/*
 * @pdevice is no longer up, which takes every buffer with memory of it down. One
 * that is marked revoked was invalidated when it was marked. One that has moved away in
 * the meantime keeps working, but is drained of its old mappings by whoever called.
 */
void peerbuf_device_buffer_down(struct peerbuf_device *pdevice,
				struct peerbuf *pb)
{
	dma_resv_lock(pb->dmabuf->resv, NULL);
	if (peerbuf_lies_in(pb, pdevice)) {
		if (!peerbuf_revoked(pb))
			peerbuf_withdraw(pb);
		else if (peerbuf_trouble(pb) == PEERBUF_REASON_DEVICE_GONE)
			peerbuf_tell_changed(pb);
	}
	dma_resv_unlock(pb->dmabuf->resv);
}

/* @pdevice is up again. What is revoked stays revoked. */
void peerbuf_device_buffer_up(struct peerbuf_device *pdevice,
			      struct peerbuf *pb)
{
	dma_resv_lock(pb->dmabuf->resv, NULL);
	if (peerbuf_lies_in(pb, pdevice) && !peerbuf_trouble(pb)) {
		peerbuf_stat_inc(PEERBUF_STAT_RESTORES);
		trace_peerbuf_restore(pb, PEERBUF_REASON_DEVICE_DOWN);
		peerbuf_event_placement(pb, pb->placement, PEERBUF_EVENT_RESTORE);
		peerbuf_tell_changed(pb);
	}
	dma_resv_unlock(pb->dmabuf->resv);
}

/* Some BARs of @pdevice were withdrawn: what has memory of them is dead. */
void peerbuf_device_buffer_withdrawn(struct peerbuf_device *pdevice,
				     struct peerbuf *pb)
{
	dma_resv_lock(pb->dmabuf->resv, NULL);
	if (pb->placement && !peerbuf_vecs_alive(pb->placement->vecs))
		peerbuf_mark(pb, PEERBUF_REVOKED_DEAD, NULL);
	dma_resv_unlock(pb->dmabuf->resv);
}

/**
 * peerbuf_revoke() - withdraw a buffer
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @timeout: how long to wait for fences and unmaps, in jiffies, or
 *	MAX_SCHEDULE_TIMEOUT
 *
 * From the moment this is called no new mapping can be made and CPU accesses get
 * SIGBUS. When it returns 0 nothing reaches the memory any more, by any way. Only
 * peerbuf_restore() undoes it: userspace cannot give back what a driver took. Asks for no
 * right to the functions that the buffer has memory of.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, or -EINPROGRESS: the revoke is in force, but an importer has not unmapped
 * within @timeout (only importers accepted by PEERBUF_EXPORT_F_ALLOW_PINNED may take
 * longer than their current work).
 */
int peerbuf_revoke(struct peerbuf *pb, unsigned long timeout)
{
	struct peerbuf_patience patience =
		peerbuf_patience(timeout, PEERBUF_WAIT_IDLE);
	u32 reason;

	peerbuf_mark_revoked(pb, PEERBUF_REVOKED_DRIVER, NULL, PEERBUF_WAIT_IDLE);
	return peerbuf_drain(pb, &patience, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_revoke);

/**
 * peerbuf_restore() - undo peerbuf_revoke()
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 *
 * Importers that are still attached may map it again, at the place it has. What owners of
 * functions, or the administrator, revoked stays so until they restore it, too.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, and if somebody else revoked it, too, it stays so until they restore it; -EALREADY
 * it is not revoked; -EPERM only somebody else revoked it; -ENODEV a device it lies in is
 * down or gone.
 */
int peerbuf_restore(struct peerbuf *pb)
{
	u32 reason;

	return peerbuf_restore_for(pb, PEERBUF_REVOKED_DRIVER, NULL, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_restore);
