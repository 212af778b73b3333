// SPDX-License-Identifier: GPL-2.0
/*
 * Withdrawing a buffer, and giving it back.
 *
 * The order is that of a device's state: first the mark, without a lock, then the visit
 * under resv (settle.c), which does what dma_buf_invalidate_mappings() documents. Then,
 * unlocked, the wait for fences and the last unmap.
 *
 * Why nothing reaches the memory once it is marked, visited and drained:
 *  - Whoever looks at the mark under resv after it was set is refused. Whoever looked
 *    before holds resv still, so that the visit comes after him, and finds what he made.
 *  - CPU: a fault takes resv and looks at the mark; what was faulted in before the visit is
 *    zapped by it.
 *  - DMA mapped by anybody: each mapping is a hold, made under resv before the
 *    visit, and the wait ends when the last such hold has ended. A hold ends
 *    after p2p_map_free(), which leaves no IOVA and no stale IOTLB entry behind.
 *  - The kernel: a vmap is a hold too. A copy holds resv, and the visit comes after it.
 */
#include "internal.h"
#include "trace.h"

/*
 * No lock held, and none waited for. From here on whoever looks is refused; peerbuf_drain()
 * waits for those who have looked already, and for what they have. @owner: the function whose
 * owner revokes, or NULL. Returns 0, or -ENOENT with nothing changed: the buffer has no memory
 * of @owner any more.
 *
 * A move ends under the same spinlock (peerbuf_arrive()): the buffer has left @owner before
 * the mark is set, or does not leave it as long as the mark is there.
 */
int peerbuf_mark_revoked(struct peerbuf *pb, u32 cause, struct peerbuf_device *owner)
{
	bool marked;

	spin_lock(&pb->mappings_lock);
	marked = !owner || peerbuf_belongs_held(pb, owner);
	if (marked)
		peerbuf_marks_set(&pb->marks, cause, owner);
	spin_unlock(&pb->mappings_lock);
	if (!marked)
		return -ENOENT;
	peerbuf_settle(pb);
	peerbuf_family_recall(pb);
	return 0;
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
 *
 * A mark that is there is told of before it is lifted: who made it waits for what was mapped
 * before, whoever restores the buffer meanwhile.
 */
static int peerbuf_restore_locked(struct peerbuf *pb, u32 causes,
				  struct peerbuf_rights *rights, u32 *reason)
{
	u32 trouble = peerbuf_placement_trouble(pb->placement);
	u32 marks = peerbuf_revoked(pb);

	if (marks & PEERBUF_REVOKED_DEAD ||
	    trouble == PEERBUF_REASON_DEVICE_GONE) {
		*reason = PEERBUF_REASON_DEVICE_GONE;
		return -ENODEV;
	}
	if (!marks) {
		*reason = PEERBUF_REASON_NOT_REVOKED;
		return -EALREADY;
	}
	if (trouble) {
		*reason = trouble;
		return -ENODEV;
	}
	if (!peerbuf_placement_decodes(pb->placement)) {
		*reason = PEERBUF_REASON_MEMORY_DECODE_OFF;
		return -EIO;
	}
	peerbuf_look_for_clients(pb);
	peerbuf_settle_held(pb);
	if (!peerbuf_marks_lift(&pb->marks, causes, rights))
		return peerbuf_restore_refused(rights, reason);
	peerbuf_note_asker(pb);
	peerbuf_settle_held(pb);
	return 0;
}

/*
 * No lock held. @causes: PEERBUF_REVOKED_* the caller may undo; with PEERBUF_REVOKED_USER what
 * was withdrawn through nodes that @rights are good for. @mode: PEERBUF_WAIT_* for the lock.
 */
int peerbuf_restore_for(struct peerbuf *pb, u32 causes, struct peerbuf_rights *rights,
			int mode, u32 *reason)
{
	int ret;

	ret = peerbuf_lock(pb, mode);
	if (ret)
		return ret;
	ret = peerbuf_restore_locked(pb, causes, rights, reason);
	dma_resv_unlock(pb->dmabuf->resv);
	if (!ret)
		peerbuf_family_settle(pb);
	return ret;
}

/*
 * @pdevice is no longer up, which takes every buffer with memory of it down. One
 * that is marked revoked was recalled when it was marked. One that has moved away in
 * the meantime keeps working, but is drained of its old mappings by whoever called; one that
 * is just moving here is found in trouble by the visit.
 */
void peerbuf_device_buffer_down(struct peerbuf_device *pdevice,
				struct peerbuf *pb)
{
	if (peerbuf_lies_in(pb, pdevice))
		peerbuf_marks_recall(&pb->marks);
	peerbuf_settle(pb);
}

/* @pdevice is up again. What is revoked stays revoked. */
void peerbuf_device_buffer_up(struct peerbuf_device *pdevice,
			      struct peerbuf *pb)
{
	peerbuf_settle(pb);
}

/* Some BARs of @pdevice were withdrawn: what has memory of them is dead. */
void peerbuf_device_buffer_withdrawn(struct peerbuf_device *pdevice,
				     struct peerbuf *pb)
{
	peerbuf_settle(pb);
}

/**
 * peerbuf_revoke() - withdraw a buffer
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @timeout: how long to wait for fences and unmaps, in jiffies, or
 *	MAX_SCHEDULE_TIMEOUT
 *
 * From the moment this is called whoever asks for the memory is refused, and CPU accesses
 * that fault get SIGBUS. When it returns 0 nothing reaches the memory any more, by any way. Only
 * peerbuf_restore() undoes it: userspace cannot give back what a driver took. Asks for no
 * right to the functions that the buffer has memory of.
 *
 * The reservation lock is not waited for, so that @timeout holds whoever has it. A copy
 * under way gives up.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, or -EINPROGRESS: the revoke is in force, but an importer has not unmapped
 * within @timeout (only importers that cannot be revoked, see peerbuf_device_accept_pinned(), may
 * take longer than their current work), or somebody holds the reservation lock, so that importers
 * have not been told yet; they will be.
 */
int peerbuf_revoke(struct peerbuf *pb, unsigned long timeout)
{
	struct peerbuf_patience patience =
		peerbuf_patience(timeout, PEERBUF_WAIT_IDLE);
	u32 reason;

	peerbuf_mark_revoked(pb, PEERBUF_REVOKED_DRIVER, NULL);
	return peerbuf_drain(pb, &patience, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_revoke);

/**
 * peerbuf_restore() - undo peerbuf_revoke()
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 *
 * Importers that are still attached may map it again, at the place it has.
 *
 * Context: process context, may sleep. No reservation lock may be held.
 * Return: 0, and if somebody else revoked it, too, it stays so until they restore it; -EALREADY
 * it is not revoked; -EPERM only somebody else revoked it; -ENODEV a device it lies in is
 * down or gone; -EIO one does not decode memory.
 */
int peerbuf_restore(struct peerbuf *pb)
{
	u32 reason;

	return peerbuf_restore_for(pb, PEERBUF_REVOKED_DRIVER, NULL, PEERBUF_WAIT_IDLE,
				   &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_restore);
