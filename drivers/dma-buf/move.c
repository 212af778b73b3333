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

/*
 * Under resv. Importers stop first: the copy must not race with their writes.
 * The CPU mappings were zapped with them, and CPU faults and new mappings wait for
 * the lock we hold. An error leaves the buffer where it was; importers that let
 * go simply map it there again.
 */
static int peerbuf_switch(struct peerbuf *pb, struct peerbuf_placement *to,
			  u32 flags, u64 *generation, u32 *reason)
{
	long left;
	int ret;

	*generation = peerbuf_invalidate(pb);
	left = peerbuf_wait_fences(pb, true, MAX_SCHEDULE_TIMEOUT);
	if (left < 0) {
		*reason = PEERBUF_REASON_INTERRUPTED;
		return -EINTR;
	}

	if (flags & PEERBUF_MOVE_F_COPY) {
		ret = peerbuf_copy(to->vecs, pb->placement->vecs);
		if (ret)
			return ret;
	}
	pb->placement = to;
	pb->account.moves++;
	return 0;
}

static int peerbuf_move_args(struct peerbuf *pb, const struct p2p_vecs *vecs,
			     u32 flags, u32 *reason)
{
	if (flags & ~PEERBUF_MOVE_F_COPY) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (vecs->size != pb->size) {
		*reason = PEERBUF_REASON_SIZE_MISMATCH;
		return -EINVAL;
	}
	return 0;
}

static int peerbuf_move_locked(struct peerbuf *pb, struct peerbuf_placement *to,
			       u32 flags, u64 *generation, u32 *reason)
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
	return peerbuf_switch(pb, to, flags, generation, reason);
}

/* As peerbuf_move(), with the reason for a refusal. */
int peerbuf_move_to(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags,
		    u32 *reason)
{
	struct peerbuf_placement *to, *from;
	u64 generation;
	int ret;

	ret = peerbuf_move_args(pb, vecs, flags, reason);
	if (ret)
		return ret;

	to = peerbuf_placement_create(pb, vecs, reason);
	if (IS_ERR(to))
		return PTR_ERR(to);

	ret = dma_resv_lock_interruptible(pb->dmabuf->resv, NULL);
	if (ret) {
		*reason = PEERBUF_REASON_INTERRUPTED;
		peerbuf_placement_destroy(to);
		return -EINTR;
	}
	from = pb->placement;
	ret = peerbuf_move_locked(pb, to, flags, &generation, reason);
	if (!ret)
		trace_peerbuf_move(pb, flags);
	dma_resv_unlock(pb->dmabuf->resv);

	if (ret) {
		peerbuf_placement_destroy(to);
		return ret;
	}
	/*
	 * The claims on the old place stay until the last mapping of it is gone. All
	 * importers are revocable here, so this is a bounded wait.
	 */
	peerbuf_wait_unheld(pb, generation, false, MAX_SCHEDULE_TIMEOUT);
	peerbuf_placement_destroy(from);
	peerbuf_stat_inc(PEERBUF_STAT_MOVES);
	peerbuf_event_placement(pb, PEERBUF_EVENT_MOVE);
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
 * Return: 0, or -EINVAL the size differs, an unknown flag, or a copy between
 * overlapping ranges; -ENODEV the buffer is revoked or a device is down or gone; -EBUSY
 * it is pinned; -EHOSTUNREACH an attached importer cannot reach the new place; -EMSGSIZE
 * too many devices; -EINTR a signal arrived; -ENOMEM.
 */
int peerbuf_move(struct peerbuf *pb, struct p2p_vecs *vecs, u32 flags)
{
	u32 reason = 0;

	return peerbuf_move_to(pb, vecs, flags, &reason);
}
EXPORT_SYMBOL_GPL(peerbuf_move);
