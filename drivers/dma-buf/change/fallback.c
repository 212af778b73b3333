// SPDX-License-Identifier: GPL-2.0
/*
 * Moves a buffer for an importer, or the CPU, that cannot use it where it is.
 *
 * The exporter has always agreed to such a move: either its place operation does it, or the
 * export allowed to fall back to system memory. Otherwise the importer is refused. All three
 * are counted and traced.
 *
 * The move happens at map or pin, not at attach. An attached importer may never map, and until
 * it does the buffer is best left where it is.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/fallback.h"
#include "change/move.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/event.h"
#include "core/part.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "core/trace.h"
#include "core/wait.h"

/*
 * How often a buffer is placed for one importer, for example in the window, then in system
 * memory.
 */
#define PEERBUF_MOST_PLACES	3

/* Bytes of system memory allocated between two checks. */
#define PEERBUF_FILL_STEP	SZ_32M

static u32 peerbuf_place_why(u32 reason)
{
	switch (reason) {
	case PEERBUF_REASON_NO_ROUTE:
		return PEERBUF_PLACE_NO_ROUTE;
	case PEERBUF_REASON_HIDDEN:
		return PEERBUF_PLACE_HIDDEN;
	default:
		return PEERBUF_PLACE_NO_PAGES;
	}
}

static u64 peerbuf_clients_limit(struct peerbuf *pb)
{
	struct peerbuf_client *client;
	u64 limit = U64_MAX;

	list_for_each_entry(client, &pb->clients, node)
		if (!client->by_phys)
			limit = min(limit, p2p_system_limit(client->attach->dev));
	return limit;
}

/* Under resv. Below this, all importers of the buffer and its parts reach system memory. */
static u64 peerbuf_system_limit(struct peerbuf *pb)
{
	u64 limit = peerbuf_clients_limit(pb);
	struct peerbuf_part *part;

	list_for_each_entry(part, &pb->family, node)
		if (part->of->root == pb)
			limit = min(limit, peerbuf_clients_limit(part->of));
	return limit;
}

/*
 * Under resv. Allocates in steps: a device that goes down waits for resv, and must not wait until
 * all memory is allocated.
 */
static int peerbuf_fill_system(struct peerbuf *pb, struct p2p_vecs *vecs)
{
	u64 limit = peerbuf_system_limit(pb);
	int ret;

	while (vecs->size < pb->size) {
		if (peerbuf_trouble(pb))
			return -ENODEV;
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = p2p_vecs_add_new_system(vecs, min_t(u64, pb->size - vecs->size,
							  PEERBUF_FILL_STEP), limit);
		if (ret)
			return ret;
	}
	return 0;
}

/* Under resv. */
static int peerbuf_fall_back(struct peerbuf *pb)
{
	struct peerbuf_timeout timeout =
		peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_KILLABLE);
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;
	struct p2p_vecs *vecs;
	int ret;

	vecs = p2p_vecs_alloc(1);
	if (!vecs)
		return -ENOMEM;
	ret = peerbuf_fill_system(pb, vecs);
	if (!ret)
		ret = peerbuf_move_held(pb, vecs, PEERBUF_MOVE_F_COPY, &timeout, &why);
	p2p_vecs_put(vecs);
	return ret;
}

/*
 * Under resv. Has the buffer moved, or its root if it is a part, because of @why. @dev: NULL for
 * the CPU. A move is counted as a fallback whether or not it helped. Returns 0 or the errno of an
 * exporter; -EOPNOTSUPP: there is no other place.
 */
static int peerbuf_place(struct peerbuf *part, struct device *dev,
			 const struct peerbuf_refusal *why)
{
	struct peerbuf *pb = part->root;
	u64 moves = pb->account.moves;
	int ret = -EOPNOTSUPP;

	if (pb->ops && pb->ops->place)
		ret = pb->ops->place(pb, dev, peerbuf_place_why(why->reason), pb->priv);
	if (ret == -EOPNOTSUPP && pb->flags & PEERBUF_EXPORT_F_FALLBACK)
		ret = peerbuf_fall_back(pb);
	dma_resv_assert_held(pb->dmabuf->resv);

	if (moves == pb->account.moves)
		return ret;
	pb->account.fallbacks++;
	peerbuf_stat_inc(PEERBUF_STAT_FALLBACKS);
	trace_peerbuf_fallback(pb, dev, why->reason, 0, &why->route);
	peerbuf_event_fallback(pb, dev, why->reason);
	return ret;
}

/* Under resv. The same for @client; its own pins do not prevent the move. */
static int peerbuf_place_for(struct peerbuf *pb, struct peerbuf_client *client,
			     const struct peerbuf_refusal *why)
{
	int ret;

	/* Another place would not help. */
	if (why->reason == PEERBUF_REASON_DEVICE_GONE || why->reason == PEERBUF_REASON_NO_MEMORY)
		return -EOPNOTSUPP;
	client->placing = !client->maps;
	ret = peerbuf_place(pb, client->attach->dev, why);
	client->placing = false;
	return ret;
}

/*
 * Under resv. Places the buffer until @client reaches it. The new place may be unreachable for
 * another reason; retry while the reason changes. Returns 0 or the errno of an exporter. @why
 * becomes why @client does not reach the buffer in the end.
 */
static int peerbuf_place_until(struct peerbuf *pb, struct peerbuf_client *client,
			       struct peerbuf_refusal *why)
{
	u32 before, n;
	int ret = 0;

	for (n = 0; n < PEERBUF_MOST_PLACES && why->error; n++) {
		ret = peerbuf_place_for(pb, client, why);
		if (ret || peerbuf_trouble(pb))
			return ret;
		before = why->reason;
		*why = PEERBUF_NOT_REFUSED;
		peerbuf_map_check(pb, client, why);
		if (why->reason == before)
			break;
	}
	return ret;
}

/*
 * Under resv; the buffer is not revoked and its devices are up. @why is that of
 * peerbuf_map_check(): @client cannot use the buffer where it is; @why may change. Returns 0:
 * @client reaches it after a move. -EINTR: the caller is being killed. -ENODEV: it was revoked, or
 * its device went away meanwhile. Any other error has been counted as a refusal.
 */
int peerbuf_make_reachable(struct peerbuf *pb, struct peerbuf_client *client,
			   struct peerbuf_refusal *why)
{
	int ret = peerbuf_place_until(pb, client, why);

	if (ret == -EINTR)
		return ret;
	if (peerbuf_trouble(pb))
		return -ENODEV;
	if (!why->error)
		return 0;
	/* ret is 0 if place() returned 0, but the importer still cannot reach the buffer. */
	peerbuf_fail_placing(why, ret);
	return peerbuf_refuse(pb, client->attach->dev, why);
}

/*
 * Under resv; the buffer is not revoked and its devices are up. Makes the buffer reachable for the
 * CPU, which cannot use it where it is because of @reason. Errors are not counted as refusals.
 */
int peerbuf_make_cpu_reachable(struct peerbuf *pb, u32 reason)
{
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;
	int ret;

	peerbuf_fail(&why, -EHOSTUNREACH, reason);
	ret = peerbuf_place(pb, NULL, &why);
	if (ret)
		return ret;
	if (peerbuf_trouble(pb))
		return -ENODEV;
	return pb->placement->vecs->hidden_size ? -EHOSTUNREACH : 0;
}
