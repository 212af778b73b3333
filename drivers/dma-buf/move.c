// SPDX-License-Identifier: GPL-2.0
/* Putting a buffer elsewhere while it is shared. */
#include "internal.h"
#include "trace.h"

/*
 * Importers attached to a buffer must reach it wherever it goes, unless its driver will place
 * it for them when they come. Falling back is for those who come to a buffer, and no
 * reason to move it away from those who have it.
 */
u32 peerbuf_clients_lose(struct peerbuf *pb, const struct peerbuf_placement *to)
{
	struct peerbuf_client *client;
	struct p2p_route route;
	u32 reason;

	if (pb->ops && pb->ops->place)
		return 0;
	list_for_each_entry(client, &pb->clients, node) {
		reason = peerbuf_unreachable(pb, client, to, &route);
		if (reason)
			return reason;
	}
	return 0;
}

/* Under resv: may @pb go to @to now? */
static int peerbuf_move_check(struct peerbuf *pb,
			      const struct peerbuf_placement *to, u32 *reason)
{
	*reason = peerbuf_trouble(pb);
	if (!*reason)
		*reason = peerbuf_placement_trouble(to);
	if (*reason)
		return -ENODEV;

	if (peerbuf_pins(pb)) {
		*reason = PEERBUF_REASON_PINNED;
		return -EBUSY;
	}

	*reason = peerbuf_clients_lose(pb, to);
	switch (*reason) {
	case 0:
		return 0;
	case PEERBUF_REASON_DEVICE_GONE:
		return -ENODEV;
	case PEERBUF_REASON_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EHOSTUNREACH;
	}
}

/* Under resv: why a move was given up half-way. */
static u32 peerbuf_move_reason(struct peerbuf *pb, const struct peerbuf_placement *to, int error)
{
	switch (error) {
	case -EINTR:
		return PEERBUF_REASON_INTERRUPTED;
	case -ENODEV:
		return peerbuf_trouble(pb) ?: peerbuf_placement_trouble(to) ?:
		       PEERBUF_REASON_DEVICE_GONE;
	case -EOPNOTSUPP:
		return PEERBUF_REASON_HIDDEN;
	default:
		return PEERBUF_REASON_NONE;
	}
}

/* Under resv: an engine may have begun to read from @placement, or to write to it. */
static void peerbuf_note_copy(struct peerbuf *pb, struct peerbuf_placement *placement)
{
	struct peerbuf_patience forever =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_IDLE);
	struct dma_fence *fence;

	if (dma_resv_get_singleton(pb->dmabuf->resv, DMA_RESV_USAGE_KERNEL, &fence)) {
		/* No memory to remember it. */
		peerbuf_wait_fences(pb, DMA_RESV_USAGE_KERNEL, &forever);
		return;
	}
	dma_fence_put(placement->copied);
	placement->copied = fence;
}

/*
 * Under resv. The exporting driver's engine first, if it has one and wants to. The CPU sees
 * what devices wrote only once its caches have been told.
 */
static int peerbuf_copy_contents(struct peerbuf *pb, const struct peerbuf_placement *to,
				 const struct peerbuf_patience *patience, u32 *reason)
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
	return peerbuf_copy(pb, to, patience, reason);
}

/* Under resv and mappings_lock. What was found last is about the place the buffer leaves. */
static void peerbuf_forget_routes(struct peerbuf *pb)
{
	struct peerbuf_client *client;

	list_for_each_entry(client, &pb->clients, node)
		client->route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
}

/* Under resv: plans hold the list they were made for, whose memory is to be free soon. */
static void peerbuf_drop_plans(struct peerbuf *pb)
{
	struct peerbuf_client *client;

	list_for_each_entry(client, &pb->clients, node)
		p2p_plan_drop(&client->plan);
}

/* Under resv and mappings_lock. */
void peerbuf_arrive_at(struct peerbuf *pb, struct peerbuf_placement *to)
{
	lockdep_assert_held(&pb->mappings_lock);

	pb->placement = to;
	peerbuf_forget_routes(pb);
}

/* Under resv: it was at @from, which somebody may still map, and is at @to. */
void peerbuf_has_left(struct peerbuf *pb, struct peerbuf_placement *from,
		      struct peerbuf_placement *to)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	peerbuf_drop_plans(pb);
	peerbuf_event_move(pb, from, to);
	from->left_at = pb->generation;
	list_add_tail(&from->left, &pb->left);
	peerbuf_reap(pb);
}

/*
 * Under resv. Importers find the buffer at @to from now on, unless somebody has withdrawn it
 * meanwhile: then this returns -ENODEV and the buffer stays. Marks are set under the same
 * spinlock by who the buffer has memory of, so that it does not leave a function with its
 * owner's mark on it.
 */
static int peerbuf_arrive(struct peerbuf *pb, struct peerbuf_placement *to)
{
	struct peerbuf_placement *from = pb->placement;
	bool withdrawn;

	spin_lock(&pb->mappings_lock);
	withdrawn = peerbuf_revoked(pb);
	if (!withdrawn)
		peerbuf_arrive_at(pb, to);
	spin_unlock(&pb->mappings_lock);
	if (withdrawn)
		return -ENODEV;

	peerbuf_has_left(pb, from, to);
	peerbuf_followers_arrive(pb);
	return 0;
}

/*
 * Under resv. A move has failed or given up: the buffer is where it was, and importers may come
 * back to it there, or will be told that they may not. An engine that was started may
 * write to @to all the same. Until it has stopped that is a place like one the buffer has
 * left: its devices find the buffer, and wait for the fence.
 */
static void peerbuf_stay(struct peerbuf *pb, struct peerbuf_placement *to)
{
	peerbuf_note_copy(pb, to);
	/* Nobody has mapped it, so that it waits for no unmap. */
	to->left_at = 0;
	list_add(&to->left, &pb->left);
	peerbuf_reap(pb);
	peerbuf_tell_changed(pb);
	peerbuf_followers_stay(pb);
}

/*
 * Under resv. Importers stop first: the copy must not race with their writes.
 * The CPU mappings were zapped with them, and CPU faults and new mappings wait for
 * the lock we hold, and for a copy under way. An error leaves the buffer where it was.
 * Waiting and copying end early when the buffer is withdrawn, so that whoever does that does
 * not wait for us.
 *
 * Mappings made from the old place may live on until their importers get round to undoing
 * them. They keep it alive, and its devices aware of the buffer, but nobody uses
 * them any more: that is what an importer promises by having been invalidated.
 *
 * Takes @to over, whatever it returns.
 */
static int peerbuf_switch(struct peerbuf *pb, struct peerbuf_placement *to, u32 flags,
			  const struct peerbuf_patience *patience, u32 *reason)
{
	int ret;

	peerbuf_invalidate(pb);
	peerbuf_followers_invalidate(pb);
	ret = peerbuf_wait_fences_held(pb, DMA_RESV_USAGE_BOOKKEEP, patience);
	if (!ret)
		ret = peerbuf_followers_wait(pb, patience);
	if (!ret && flags & PEERBUF_MOVE_F_COPY)
		ret = peerbuf_copy_contents(pb, to, patience, reason);
	if (!ret && peerbuf_followers_composed(pb))
		ret = peerbuf_wait_fences_held(pb, DMA_RESV_USAGE_KERNEL, patience);
	if (!ret)
		ret = peerbuf_arrive(pb, to);
	if (ret) {
		if (!*reason)
			*reason = peerbuf_move_reason(pb, to, ret);
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
			     u32 flags, u32 *reason)
{
	if (flags & ~PEERBUF_MOVE_F_COPY) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (!vecs->nr) {
		*reason = PEERBUF_REASON_NO_RANGES;
		return -EINVAL;
	}
	if (vecs->size != pb->size) {
		*reason = PEERBUF_REASON_SIZE_MISMATCH;
		return -EINVAL;
	}
	return 0;
}

/* As what peerbuf_move_check() said, and for a copy, whose destination is not the buffer's own. */
static int peerbuf_move_may(struct peerbuf *pb, const struct peerbuf_placement *to,
			    u32 flags, u32 *reason)
{
	int ret;

	ret = peerbuf_move_check(pb, to, reason);
	if (ret)
		return ret;

	return peerbuf_check_aliases(pb, to->vecs, flags, reason);
}

/* Under resv: as peerbuf_move_locked(), with the reason for a refusal. */
int peerbuf_move_held(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		      const struct peerbuf_patience *patience, u32 *reason)
{
	struct peerbuf_placement *to;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (!pb->placement) {
		*reason = PEERBUF_REASON_DEVICE_GONE;
		return -ENODEV;
	}
	if (pb->parts) {
		*reason = PEERBUF_REASON_DERIVED;
		return -EPERM;
	}
	ret = peerbuf_move_args(pb, vecs, flags, reason);
	if (ret)
		return ret;

	to = peerbuf_placement_create(pb, vecs, false, reason);
	if (IS_ERR(to))
		return PTR_ERR(to);

	ret = peerbuf_move_may(pb, to, flags, reason);
	if (!ret)
		ret = peerbuf_followers_gather(pb, vecs, reason);
	if (ret)
		peerbuf_placement_destroy(to);
	else
		ret = peerbuf_switch(pb, to, flags, patience, reason);
	peerbuf_followers_release(pb);
	return ret;
}

/*
 * No lock held. All importers are revocable here, so that they unmap soon. A process that is
 * killed while it waits learns nothing any more; the last unmap takes the old place with it.
 */
static void peerbuf_finish_one(struct peerbuf *pb, u64 generation, int mode)
{
	struct peerbuf_patience patience =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, mode);

	if (peerbuf_wait_unheld(pb, generation, &patience))
		return;

	/* Who unmapped last may still be letting go of the old place, under this lock. */
	if (peerbuf_lock(pb, mode))
		return;
	peerbuf_reap(pb);
	dma_resv_unlock(pb->dmabuf->resv);
}

/* No lock held: the same for it and all that was derived from it. */
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
 * As peerbuf_move(), with the reason for a refusal. @finish_mode: PEERBUF_WAIT_* for the wait
 * for importers' unmaps, which cannot fail any more. @rights: of the caller, who has shown
 * that to each function in @vecs; NULL for a driver, who decides for itself.
 */
int peerbuf_move_to(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		    int finish_mode, struct peerbuf_rights *rights, u32 *reason)
{
	struct peerbuf_patience patience =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_INTR);
	u64 generation;
	int ret;

	ret = peerbuf_lock(pb, PEERBUF_WAIT_INTR);
	if (ret) {
		*reason = PEERBUF_REASON_INTERRUPTED;
		return ret;
	}
	if (rights)
		ret = peerbuf_rights_cover(rights, pb, reason);
	if (!ret)
		ret = peerbuf_move_held(pb, vecs, flags, &patience, reason);
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
 * gone, and whoever maps gets the new place. Importers undo their old mappings when they
 * get to it; when the last has, the release function of the old list is called
 * (p2p_vecs_on_release()), and only then may its memory be used for something else.
 *
 * After an error the buffer is where it was, with its contents. Importers may have been
 * invalidated, and were then told that they may come back; what is in @vecs is undefined if
 * a copy had begun. A buffer that is revoked meanwhile, or whose device goes down, is not moved
 * to the end: -ENODEV. A buffer whose DMA-BUF is gone is nowhere (-ENODEV): the exporting
 * driver is about to be told.
 *
 * Context: process context, may sleep until fences signal, the DMA-BUF's reservation lock
 * is held. Signals do not end it, short of the caller being killed.
 * Return: as peerbuf_move(), where -EINTR means that the caller is being killed; and what
 * the exporter's copy operation returned.
 */
int peerbuf_move_locked(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags)
{
	struct peerbuf_patience patience =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_KILLABLE);
	u32 reason = 0;

	return peerbuf_move_held(pb, vecs, flags, &patience, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_move_locked);

/**
 * peerbuf_move() - put a buffer elsewhere
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @vecs: the new backing, of the same size in bytes; the buffer takes its own reference
 * @flags: PEERBUF_MOVE_F_COPY to copy the contents, or 0. The exporter's copy operation
 *	does it, or the CPU
 *
 * From anywhere to anywhere: BARs, system memory, and any mixture. Importers are
 * invalidated and come back to the new place when they like. When this
 * returns 0 no importer has the old place mapped any more. After an error the
 * buffer is where it was, with its contents; for the rest see peerbuf_move_locked().
 *
 * Asks for no right to the functions that the buffer has memory of: a driver that moves it
 * for a user asks whether that user may.
 *
 * Context: process context, may sleep until fences signal and importers unmap. No
 * reservation lock may be held.
 * Return: 0, or -EINVAL the size differs, an unknown flag, a copy between overlapping
 * ranges, or one from or to ranges that name memory twice (to such without a copy, too, if the
 * buffer falls back); -ENODEV the buffer is revoked or a device is down or gone, or became so
 * meanwhile; -EIO a device stopped to decode memory during the copy; -EBUSY it is
 * pinned, or so is what was derived from it, or somebody is at work on one that was composed of
 * it; -EHOSTUNREACH an attached importer cannot reach the new place, and there is no place
 * operation; -EPERM it is part of another, which takes it along; -EOPNOTSUPP hidden memory
 * cannot be copied by the CPU; -EMSGSIZE too many devices; -EINTR a signal arrived; -ENOMEM.
 */
int peerbuf_move(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags)
{
	u32 reason = 0;

	/* A driver takes 0 for "the old place is free". */
	return peerbuf_move_to(pb, vecs, flags, PEERBUF_WAIT_IDLE, NULL, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_move);
