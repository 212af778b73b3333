// SPDX-License-Identifier: GPL-2.0
/* Moves a buffer to other memory while importers are attached. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/arrive.h"
#include "change/follow.h"
#include "change/move.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/family.h"
#include "core/hold.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/rights.h"
#include "core/stats.h"
#include "core/trace.h"
#include "core/wait.h"

/*
 * Under resv: may @pb move to @to now? A copy needs a source and a destination that do not overlap
 * and are not aliased.
 */
static int peerbuf_move_check(struct peerbuf *pb, const struct peerbuf_placement *to, u32 flags,
			      struct peerbuf_refusal *why)
{
	u32 trouble = peerbuf_trouble(pb) ?: peerbuf_placement_trouble(to);
	int ret;

	if (trouble)
		return peerbuf_fail(why, -ENODEV, trouble);
	if (peerbuf_pins(pb))
		return peerbuf_fail(why, -EBUSY, PEERBUF_REASON_PINNED);
	ret = peerbuf_clients_check(pb, to, why);
	return ret ?: peerbuf_check_aliases(pb, to->vecs, flags, why);
}

/* Under resv. A move has ended half-way with @error: who ended it, if that is not known yet? */
static int peerbuf_move_ended(struct peerbuf *pb, const struct peerbuf_placement *to, int error,
			      struct peerbuf_refusal *why)
{
	u32 trouble = peerbuf_trouble(pb) ?: peerbuf_placement_trouble(to);

	if (why->error)
		return why->error;
	if (error == -ENODEV && trouble)
		return peerbuf_fail(why, error, trouble);
	return peerbuf_fail_untold(why, error);
}

/* Under resv. An engine may have begun to read from @placement, or to write to it. */
static void peerbuf_note_copy(struct peerbuf *pb, struct peerbuf_placement *placement)
{
	struct peerbuf_timeout forever =
		peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_IDLE);
	struct dma_fence *fence;

	if (dma_resv_get_singleton(pb->dmabuf->resv, DMA_RESV_USAGE_KERNEL, &fence)) {
		/* No memory to remember the fence, so wait for it. */
		peerbuf_wait_fences(pb, DMA_RESV_USAGE_KERNEL, &forever);
		return;
	}
	dma_fence_put(placement->copied);
	placement->copied = fence;
}

/*
 * Under resv. Uses the exporting driver's engine, if it has one and does not return -EOPNOTSUPP, or
 * else the CPU. The CPU needs cache maintenance first to see what devices wrote.
 */
static int peerbuf_copy_contents(struct peerbuf *pb, const struct peerbuf_placement *to,
				 const struct peerbuf_timeout *timeout, struct peerbuf_refusal *why)
{
	struct peerbuf_placement *from = pb->placement;
	struct peerbuf_hold *hold;
	int ret;

	if (pb->ops && pb->ops->copy) {
		ret = pb->ops->copy(pb, to->vecs, from->vecs, pb->priv);
		if (!ret)
			peerbuf_note_copy(pb, from);
		if (ret != -EOPNOTSUPP)
			return ret;
	}
	list_for_each_entry(hold, &pb->holds, node)
		if (hold->map)
			p2p_map_sync_for_cpu(hold->map);
	peerbuf_followers_sync(pb);
	return peerbuf_copy(pb, to, timeout, why);
}

/*
 * Under resv. Importers find the buffer at @to from now on. If somebody has withdrawn it meanwhile,
 * returns -ENODEV and the buffer stays. Owners set their marks under the same spinlock, so a buffer
 * does not leave a function after its owner has set a mark.
 */
static int peerbuf_arrive(struct peerbuf *pb, struct peerbuf_placement *to)
{
	struct peerbuf_placement *from = pb->placement;
	bool withdrawn;

	spin_lock(&pb->holds_lock);
	withdrawn = peerbuf_revoked(pb);
	if (!withdrawn)
		peerbuf_arrive_at(pb, to);
	spin_unlock(&pb->holds_lock);
	if (withdrawn)
		return -ENODEV;

	peerbuf_retire(pb, from, to);
	peerbuf_followers_arrive(pb);
	return 0;
}

/*
 * Under resv. A move has failed or given up: the buffer is where it was, and importers are told
 * that they may map it again (or find that it is revoked). An engine that was started may still
 * write to
 * @to. Until it has stopped, @to counts as a placement that the buffer has left: its devices find
 * the buffer, and wait for the fence.
 */
static void peerbuf_stay(struct peerbuf *pb, struct peerbuf_placement *to)
{
	peerbuf_note_copy(pb, to);
	/* Nobody has mapped @to, so it waits for no unmap. */
	to->retired_at = 0;
	list_add(&to->retired, &pb->retired);
	peerbuf_reap(pb);
	peerbuf_tell_changed(pb);
	peerbuf_followers_stay(pb);
}

/*
 * Under resv. Importers stop first: the copy must not race with their writes. CPU mappings are
 * zapped at the same time; CPU faults and new mappings wait for resv, which this function's
 * caller holds, and then for a copy under way. An error leaves the buffer where it was. Waiting
 * and copying end early when the buffer is withdrawn, so that a revoke does not wait for them.
 *
 * Mappings made from the old place may exist until their importers undo them. They keep the old
 * place alive, and its devices aware of the buffer, but nobody uses them any more: an invalidated
 * importer has stopped its DMA.
 *
 * Takes over @to, also on failure.
 */
static int peerbuf_switch(struct peerbuf *pb, struct peerbuf_placement *to, u32 flags,
			  const struct peerbuf_timeout *timeout, struct peerbuf_refusal *why)
{
	int ret;

	peerbuf_invalidate(pb);
	peerbuf_followers_invalidate(pb);
	ret = peerbuf_wait_fences_held(pb, DMA_RESV_USAGE_BOOKKEEP, timeout);
	if (!ret)
		ret = peerbuf_followers_wait(pb, timeout);
	if (!ret && flags & PEERBUF_MOVE_F_COPY)
		ret = peerbuf_copy_contents(pb, to, timeout, why);
	if (!ret && peerbuf_followers_composed(pb))
		ret = peerbuf_wait_fences_held(pb, DMA_RESV_USAGE_KERNEL, timeout);
	if (!ret)
		ret = peerbuf_arrive(pb, to);
	if (ret) {
		ret = peerbuf_move_ended(pb, to, ret, why);
		peerbuf_stay(pb, to);
		return ret;
	}

	pb->account.moves++;
	peerbuf_stat_inc(PEERBUF_STAT_MOVES);
	if (flags & PEERBUF_MOVE_F_COPY)
		peerbuf_stat_inc(PEERBUF_STAT_MIGRATIONS);
	trace_peerbuf_move(pb, flags);
	return 0;
}

static int peerbuf_move_args(struct peerbuf *pb, const struct p2p_vecs *vecs,
			     u32 flags, struct peerbuf_refusal *why)
{
	if (flags & ~PEERBUF_MOVE_F_COPY)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (!vecs->nr)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_NO_RANGES);
	if (vecs->size != pb->size)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_SIZE_MISMATCH);
	return 0;
}

/* Under resv. Like peerbuf_move_locked(), and returns the reason for a refusal. */
int peerbuf_move_held(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		      const struct peerbuf_timeout *timeout, struct peerbuf_refusal *why)
{
	struct peerbuf_placement *to;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (!pb->placement)
		return peerbuf_fail(why, -ENODEV, PEERBUF_REASON_DEVICE_GONE);
	if (pb->parts)
		return peerbuf_fail(why, -EPERM, PEERBUF_REASON_DERIVED);
	ret = peerbuf_move_args(pb, vecs, flags, why);
	if (ret)
		return ret;

	to = peerbuf_placement_create(pb, vecs, false, why);
	if (IS_ERR(to))
		return PTR_ERR(to);

	ret = peerbuf_move_check(pb, to, flags, why);
	if (!ret)
		ret = peerbuf_followers_gather(pb, vecs, why);
	if (ret)
		peerbuf_placement_destroy(to);
	else
		ret = peerbuf_switch(pb, to, flags, timeout, why);
	peerbuf_followers_release(pb);
	return ret;
}

/*
 * The caller holds no lock. Waits until no importer maps the old place. Here all importers are
 * revocable, so they unmap soon. If a killed process stops waiting, the last unmap frees the old
 * place.
 */
static void peerbuf_finish_one(struct peerbuf *pb, u64 generation, int mode)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, mode);

	if (peerbuf_wait_holds(pb, generation, &timeout))
		return;

	/* The last unmap may still be freeing the old place, under this lock. */
	if (peerbuf_lock(pb, mode))
		return;
	peerbuf_reap(pb);
	dma_resv_unlock(pb->dmabuf->resv);
}

/* The caller holds no lock. Does so for the buffer and all buffers derived from it. */
static void peerbuf_move_finish(struct peerbuf *pb, u64 generation, int mode)
{
	struct peerbuf *derived;
	u64 nr = 0;

	peerbuf_finish_one(pb, generation, mode);
	while ((derived = peerbuf_family_next(pb, &nr))) {
		peerbuf_finish_one(derived, peerbuf_generation(derived), mode);
		peerbuf_put(derived);
	}
}

/*
 * Like peerbuf_move(), and returns the reason for a refusal. @finish_mode: PEERBUF_WAIT_* for the
 * wait for importers' unmaps, when the move cannot fail any more. @rights: the caller's, which
 * cover each function in @vecs; NULL for a driver, which has checked rights itself.
 */
int peerbuf_move_to(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		    int finish_mode, struct peerbuf_rights *rights, struct peerbuf_refusal *why)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_INTR);
	u64 generation;
	int ret;

	ret = peerbuf_lock(pb, PEERBUF_WAIT_INTR);
	if (ret)
		return peerbuf_fail_untold(why, ret);
	if (rights)
		ret = peerbuf_rights_cover(rights, pb, why);
	if (!ret)
		ret = peerbuf_move_held(pb, vecs, flags, &timeout, why);
	generation = pb->generation;
	dma_resv_unlock(pb->dmabuf->resv);
	if (ret)
		return ret;

	peerbuf_move_finish(pb, generation, finish_mode);
	return 0;
}

/**
 * peerbuf_move_locked() - put a buffer elsewhere, with its reservation lock held
 * @pb: the buffer; the caller holds a reference to its DMA-BUF, or is the exporting driver and
 *	its release operation has not returned yet
 * @vecs: the new backing, of the same size in bytes; the buffer takes its own reference
 * @flags: PEERBUF_MOVE_F_COPY to copy the contents, or 0
 *
 * For the exporting driver, which evicts and places its buffers under locks of its own.
 * When this returns 0, importers' DMA to the old place has ended, CPU mappings of it are
 * gone, and new mappings are of the new place. Importers undo their old mappings later.
 * When the last one is undone, the release function of the old list is called
 * (p2p_vecs_on_release()), and only then may its memory be used for something else.
 *
 * After an error the buffer is where it was, with its contents. Importers may have been
 * invalidated, and were then told that they may map again; the contents of @vecs are undefined if
 * a copy had begun. If the buffer is revoked meanwhile, or its device goes down, the move gives
 * up: -ENODEV. A buffer whose DMA-BUF is gone has no placement (-ENODEV): the exporting
 * driver's release operation is about to be called.
 *
 * Context: process context, may sleep until fences signal, the DMA-BUF's reservation lock
 * is held. Only a fatal signal ends it.
 * Return: as peerbuf_move(), where -EINTR means that the caller is being killed; and the errno of
 * the exporter's copy operation.
 */
int peerbuf_move_locked(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_KILLABLE);
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;

	return peerbuf_move_held(pb, vecs, flags, &timeout, &why);
}
EXPORT_SYMBOL_GPL(peerbuf_move_locked);

/**
 * peerbuf_move() - put a buffer elsewhere
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @vecs: the new backing, of the same size in bytes; the buffer takes its own reference
 * @flags: PEERBUF_MOVE_F_COPY to copy the contents, by the exporter's copy operation or
 *	the CPU; or 0
 *
 * From anywhere to anywhere: BARs, system memory, and any mixture. Importers are
 * invalidated and may map the new place at any time. When this
 * returns 0 no importer has the old place mapped any more. After an error the
 * buffer is where it was, with its contents; for the rest see peerbuf_move_locked().
 *
 * Checks no rights to the functions that the buffer has memory of: a driver that moves it
 * for a user checks whether that user may.
 *
 * Context: process context, may sleep until fences signal and importers unmap. No
 * reservation lock may be held.
 * Return: 0, or -EINVAL the size differs, an unknown flag, a copy between overlapping
 * ranges, or from or to ranges that name memory twice (if the buffer can fall back, a move to such
 * ranges without a copy, too); -ENODEV the buffer is revoked or a device is down or gone, or became
 * so meanwhile; -EIO a device stopped decoding memory during the copy; -EBUSY it is
 * pinned, or a buffer derived from it is, or the lock of a buffer composed of it was not
 * free; -EHOSTUNREACH an attached importer cannot reach the new place, and there is no place
 * operation; -EPERM it is part of another buffer, and moves with it; -EOPNOTSUPP hidden memory
 * cannot be copied by the CPU; -EMSGSIZE too many devices; -EINTR a signal arrived; -ENOMEM.
 */
int peerbuf_move(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags)
{
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;

	/* Not interruptible: a driver takes 0 for "the old place is free". */
	return peerbuf_move_to(pb, vecs, flags, PEERBUF_WAIT_IDLE, NULL, &why);
}
EXPORT_SYMBOL_GPL(peerbuf_move);
