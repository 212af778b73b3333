// SPDX-License-Identifier: GPL-2.0
/* Putting a buffer elsewhere while it is shared. */
#include "internal.h"
#include "trace.h"

/* Importers attached to a buffer must reach it wherever it goes. */
static int peerbuf_clients_reach(struct peerbuf *pb, const struct p2p_vecs *vecs)
{
	struct peerbuf_client *client;
	struct p2p_route route;
	int ret;

	list_for_each_entry(client, &pb->clients, node) {
		ret = peerbuf_check_routes(vecs, client->attach->dev, &route);
		if (ret)
			return ret;
	}
	return 0;
}

/* Under resv: may @pb go to @to now? */
static int peerbuf_move_check(struct peerbuf *pb,
			      const struct peerbuf_placement *to, u32 *reason)
{
	int ret;

	*reason = peerbuf_trouble(pb);
	if (!*reason)
		*reason = peerbuf_placement_trouble(to);
	if (!*reason && !peerbuf_vecs_alive(to->vecs))
		*reason = PEERBUF_REASON_DEVICE_GONE;
	if (*reason)
		return -ENODEV;

	if (peerbuf_pins(pb)) {
		*reason = PEERBUF_REASON_PINNED;
		return -EBUSY;
	}

	ret = peerbuf_clients_reach(pb, to->vecs);
	if (ret)
		*reason = ret == -EHOSTUNREACH ? PEERBUF_REASON_NO_ROUTE :
						 PEERBUF_REASON_DEVICE_GONE;
	return ret;
}

/* To those who listen to a device the buffer leaves or arrives at, once each. */
static void peerbuf_move_event(struct peerbuf *pb,
			       const struct peerbuf_placement *to)
{
	const struct peerbuf_placement *from = pb->placement;
	u32 i;

	peerbuf_event_placement(pb, from, PEERBUF_EVENT_MOVE);
	for (i = 0; i < to->nr_claims; i++)
		if (!peerbuf_placement_uses(from, to->claims[i].pdevice))
			peerbuf_event_send(to->claims[i].pdevice,
					   PEERBUF_EVENT_MOVE, pb->id);
}

/*
 * Under resv. Importers stop first: the copy must not race with their writes.
 * The CPU mappings were zapped with them, and CPU faults and new mappings wait for
 * the lock we hold. An error leaves the buffer where it was; importers that let
 * go simply map it there again.
 */
static int peerbuf_switch(struct peerbuf *pb, struct peerbuf_placement *to,
			  u32 flags, const struct peerbuf_patience *patience)
{
	int ret;

	peerbuf_invalidate(pb);
	ret = peerbuf_wait_fences(pb, patience);
	if (!ret && flags & PEERBUF_MOVE_F_COPY)
		ret = peerbuf_copy(to, pb->placement);
	if (ret)
		return ret;

	peerbuf_move_event(pb, to);
	list_add_tail(&pb->placement->left, &pb->left);
	pb->placement = to;
	pb->account.moves++;
	peerbuf_stat_inc(PEERBUF_STAT_MOVES);
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
	if (!peerbuf_vecs_valid(vecs)) {
		*reason = PEERBUF_REASON_NO_RANGES;
		return -EINVAL;
	}
	if (vecs->size != pb->size) {
		*reason = PEERBUF_REASON_SIZE_MISMATCH;
		return -EINVAL;
	}
	return 0;
}

static int peerbuf_move_under_lock(struct peerbuf *pb, struct peerbuf_placement *to,
			       u32 flags, const struct peerbuf_patience *patience,
			       u32 *reason)
{
	int ret;

	ret = peerbuf_move_check(pb, to, reason);
	if (ret)
		return ret;

	if (flags & PEERBUF_MOVE_F_COPY &&
	    p2p_vecs_overlap(to->vecs, pb->placement->vecs)) {
		*reason = PEERBUF_REASON_OVERLAP;
		return -EINVAL;
	}
	return peerbuf_switch(pb, to, flags, patience);
}

/*
 * The claims on an old place stay until the last mapping of it is gone. All importers
 * are revocable here, so that comes soon; but if the mover is killed while it waits,
 * the place is left behind for the buffer's release.
 */
static void peerbuf_move_finish(struct peerbuf *pb,
				struct peerbuf_placement *from, u64 generation)
{
	struct peerbuf_patience patience =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_KILLABLE);

	if (peerbuf_wait_unheld(pb, generation, &patience))
		return;

	dma_resv_lock(pb->dmabuf->resv, NULL);
	list_del(&from->left);
	dma_resv_unlock(pb->dmabuf->resv);
	peerbuf_placement_destroy(from);
}

/* As peerbuf_move(), with the reason for a refusal. */
int peerbuf_move_to(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		    u32 *reason)
{
	struct peerbuf_patience patience =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_INTR);
	struct peerbuf_placement *to, *from;
	u64 generation;
	int ret;

	ret = peerbuf_move_args(pb, vecs, flags, reason);
	if (ret)
		return ret;

	to = peerbuf_placement_create(pb, vecs, reason);
	if (IS_ERR(to))
		return PTR_ERR(to);

	ret = peerbuf_lock(pb, PEERBUF_WAIT_INTR);
	if (!ret) {
		from = pb->placement;
		ret = peerbuf_move_under_lock(pb, to, flags, &patience, reason);
		generation = pb->generation;
		dma_resv_unlock(pb->dmabuf->resv);
	}
	if (ret) {
		if (ret == -EINTR)
			*reason = PEERBUF_REASON_INTERRUPTED;
		else if (ret == -ENODEV && !*reason)
			*reason = PEERBUF_REASON_DEVICE_DOWN;
		peerbuf_placement_destroy(to);
		return ret;
	}
	peerbuf_move_finish(pb, from, generation);
	return 0;
}

/**
 * peerbuf_move() - put a buffer elsewhere
 * @pb: the buffer; the caller holds a reference to its DMA-BUF
 * @vecs: the new backing, of the same size in bytes; the buffer takes its own reference
 * @flags: PEERBUF_MOVE_F_COPY to copy the contents by the CPU, or 0
 *
 * Importers are invalidated and come back to the new place when they like. When this
 * returns 0 no importer has the old place mapped any more. After an error the
 * buffer is where it was, with its contents.
 *
 * Context: process context, may sleep until fences signal and importers unmap. No
 * reservation lock may be held.
 * Return: 0, or -EINVAL the size differs, an unknown flag, a range of system
 * memory, or a copy between overlapping ranges; -ENODEV the buffer is revoked or a
 * device is down or gone; -EBUSY
 * it is pinned; -EHOSTUNREACH an attached importer cannot reach the new place; -EMSGSIZE
 * too many devices; -EINTR a signal arrived; -ENOMEM.
 */
int peerbuf_move(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags)
{
	u32 reason = 0;

	return peerbuf_move_to(pb, vecs, flags, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_move);
