// SPDX-License-Identifier: GPL-2.0
/*
 * Who reaches a buffer where it is, and what is done for those who do not. Each importer has
 * a plan (p2p_plan) of how it reaches the buffer: made when it attaches, dropped when the buffer
 * moves, and made anew when it is asked for and does not hold any more. Mapping goes by it.
 *
 * A buffer never moves behind its exporter's back. Either the exporting driver places it
 * when asked, or the export said that it may fall back to system memory. Otherwise the
 * importer is refused. All three are counted and traced.
 *
 * It is done when somebody maps or pins, not at attach: an importer that is attached may
 * never map, and until it does the buffer is best left where it is.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "internal.h"
#include "trace.h"

/* Out of hidden memory into the window, from there to system memory: then it is over. */
#define PEERBUF_MOST_PLACES	3

/* Bytes. Allocated without looking up. */
#define PEERBUF_FILL_STEP	SZ_32M

/*
 * How @client would reach @vecs. @route is as p2p_plan_verdict() has it. @by_phys: it maps
 * physical addresses in its IOMMU. @look: by what the registers of bridges say now.
 */
int peerbuf_check_routes(struct p2p_vecs *vecs, struct device *client, bool by_phys, bool look,
			 struct p2p_route *route)
{
	struct p2p_plan plan;
	int ret;

	*route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
	p2p_plan_init(&plan, client, by_phys ? P2P_PLAN_TRANSLATED : P2P_PLAN_DMA);
	ret = p2p_plan_make(&plan, vecs, look);
	if (!ret)
		ret = p2p_plan_verdict(&plan, route);
	p2p_plan_drop(&plan);
	return ret;
}

/*
 * Under resv: how @client reaches the buffer where it is. What was planned when it attached, or
 * when it last asked, is good until something changes. Returns as peerbuf_check_routes().
 */
int peerbuf_client_routes(struct peerbuf *pb, struct peerbuf_client *client,
			  struct p2p_route *route)
{
	struct p2p_vecs *vecs = pb->placement->vecs;
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	*route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
	if (!p2p_plan_holds(&client->plan, vecs)) {
		ret = p2p_plan_make(&client->plan, vecs, false);
		if (ret)
			return ret;
	}
	return p2p_plan_verdict(&client->plan, route);
}

bool peerbuf_all_system(const struct peerbuf_placement *placement)
{
	return placement->vecs->system_size == placement->vecs->size;
}

/* Under resv: does each function's registration accept importers that cannot be revoked? */
bool peerbuf_takes_pinned(const struct peerbuf_placement *placement)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (!(READ_ONCE(placement->claims[i].pdevice->policy) &
		      PEERBUF_POLICY_F_PINNED))
			return false;
	return true;
}

/*
 * Under resv: is it the kind of importer that may have memory of a BAR? Returns 0, or why
 * not. One that cannot give memory back may have system memory, which it keeps from
 * nobody, without being asked for more. One that is not prepared for memory without pages,
 * and a static one never is, gets no BAR whatever is accepted.
 */
u32 peerbuf_unfit(const struct peerbuf *pb, const struct peerbuf_client *client,
		  const struct peerbuf_placement *placement)
{
	const struct dma_buf_attachment *attach = client->attach;
	bool pinned_ok = peerbuf_takes_pinned(placement);

	if (peerbuf_all_system(placement))
		return 0;
	if (!attach->importer_ops)
		return PEERBUF_REASON_STATIC_IMPORTER;
	if (!attach->peer2peer)
		return PEERBUF_REASON_NO_PEER2PEER;
	if (!client->revocable && !pinned_ok)
		return PEERBUF_REASON_PINNED_IMPORTER;
	return 0;
}

static u32 peerbuf_routes_reason(int error)
{
	switch (error) {
	case 0:
		return 0;
	case -EHOSTUNREACH:
		return PEERBUF_REASON_NO_ROUTE;
	case -ENOMEM:
		return PEERBUF_REASON_NO_MEMORY;
	default:
		return PEERBUF_REASON_DEVICE_GONE;
	}
}

/* Under resv: why @client cannot use @placement, or 0. @route as p2p_plan_verdict(). */
u32 peerbuf_unreachable(struct peerbuf *pb, struct peerbuf_client *client,
			const struct peerbuf_placement *placement,
			struct p2p_route *route)
{
	u32 reason;
	int ret;

	*route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
	reason = peerbuf_unfit(pb, client, placement);
	if (reason)
		return reason;
	if (placement->vecs->hidden_size)
		return PEERBUF_REASON_HIDDEN;
	if (placement == pb->placement)
		ret = peerbuf_client_routes(pb, client, route);
	else
		ret = peerbuf_check_routes(placement->vecs, client->attach->dev,
					   client->by_phys, false, route);
	return peerbuf_routes_reason(ret);
}

/* Under resv: does the importer reach all that is system memory? It may lie too high for it. */
static bool peerbuf_reaches_system(const struct peerbuf *pb, const struct peerbuf_client *client)
{
	const struct p2p_vecs *vecs = pb->placement->vecs;
	u64 limit;
	u32 i;

	if (client->by_phys || !pb->placement->vecs->system_size)
		return true;
	limit = p2p_system_limit(client->attach->dev);
	for (i = 0; limit != U64_MAX && i < vecs->nr; i++)
		if (vecs->vec[i].kind == P2P_VEC_SYSTEM &&
		    vecs->vec[i].paddr + (vecs->vec[i].len - 1) > limit)
			return false;
	return true;
}

/*
 * Under resv: why @client, which is about to map, cannot use the buffer where it is, or 0. Its
 * mask is no matter before: many importers attach and never map.
 */
static u32 peerbuf_unmappable(struct peerbuf *pb, struct peerbuf_client *client,
			      struct p2p_route *route)
{
	u32 reason = peerbuf_unreachable(pb, client, pb->placement, route);

	if (reason || peerbuf_reaches_system(pb, client))
		return reason;
	*route = (struct p2p_route) {
		.type = P2P_ROUTE_NOT_SUPPORTED,
		.reason = P2P_REASON_DMA_MASK,
		.decider = peerbuf_dev_addr(client->attach->dev),
	};
	return PEERBUF_REASON_NO_ROUTE;
}

int peerbuf_unreachable_errno(u32 reason)
{
	switch (reason) {
	case PEERBUF_REASON_NO_ROUTE:
	case PEERBUF_REASON_HIDDEN:
		return -EHOSTUNREACH;
	case PEERBUF_REASON_DEVICE_GONE:
		return -ENODEV;
	case PEERBUF_REASON_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EOPNOTSUPP;
	}
}

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

/* May an importer attach that does not reach the buffer where it is now? */
bool peerbuf_moves_for_others(const struct peerbuf *pb)
{
	const struct peerbuf *root = pb->root;

	return root->flags & PEERBUF_EXPORT_F_FALLBACK || (root->ops && root->ops->place);
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

/* Under resv: up to where every importer of it, and of its parts, reaches system memory. */
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
 * Under resv. In pieces, because a device that goes down waits for resv: it must not wait for
 * all the memory to be found.
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
	struct peerbuf_patience patience =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_KILLABLE);
	struct p2p_vecs *vecs;
	u32 reason = 0;
	int ret;

	vecs = p2p_vecs_alloc(1);
	if (!vecs)
		return -ENOMEM;
	ret = peerbuf_fill_system(pb, vecs);
	if (!ret)
		ret = peerbuf_move_held(pb, vecs, PEERBUF_MOVE_F_COPY, &patience,
					&reason);
	p2p_vecs_put(vecs);
	return ret;
}

/*
 * Under resv: asks for the buffer to be moved, or for what it is a part of. @dev: NULL for the
 * CPU. It counts when it was moved, whether that helped or not.
 */
static int peerbuf_place(struct peerbuf *part, struct device *dev, u32 reason,
			 const struct p2p_route *route)
{
	struct peerbuf *pb = part->root;
	u64 moves = pb->account.moves;
	int ret = -EOPNOTSUPP;

	if (pb->ops && pb->ops->place)
		ret = pb->ops->place(pb, dev, peerbuf_place_why(reason), pb->priv);
	if (ret == -EOPNOTSUPP && pb->flags & PEERBUF_EXPORT_F_FALLBACK)
		ret = peerbuf_fall_back(pb);
	dma_resv_assert_held(pb->dmabuf->resv);

	if (moves == pb->account.moves)
		return ret;
	pb->account.fallbacks++;
	peerbuf_stat_inc(PEERBUF_STAT_FALLBACKS);
	trace_peerbuf_fallback(pb, dev, reason, 0, route);
	peerbuf_event_fallback(pb, dev, reason);
	return ret;
}

/* Under resv: the same for @client, whose own pins are no obstacle. */
static int peerbuf_place_for(struct peerbuf *pb, struct peerbuf_client *client,
			     u32 reason, const struct p2p_route *route)
{
	int ret;

	/* Elsewhere it would not be better. */
	if (reason == PEERBUF_REASON_DEVICE_GONE || reason == PEERBUF_REASON_NO_MEMORY)
		return -EOPNOTSUPP;
	client->placing = !client->maps;
	ret = peerbuf_place(pb, client->attach->dev, reason, route);
	client->placing = false;
	return ret;
}

/*
 * Under resv: places the buffer until @client reaches it. What is true of the new place may be
 * something else, a route that is not there, so that it is asked again as long as the
 * reason is another. Returns 0 or what an exporter said; *@reason is why @client does not
 * reach it in the end, or 0.
 */
static int peerbuf_place_until(struct peerbuf *pb, struct peerbuf_client *client,
			       u32 *reason, struct p2p_route *route)
{
	u32 before, n;
	int ret = 0;

	for (n = 0; n < PEERBUF_MOST_PLACES && *reason; n++) {
		before = *reason;
		ret = peerbuf_place_for(pb, client, before, route);
		if (ret || peerbuf_trouble(pb))
			return ret;
		*reason = peerbuf_unmappable(pb, client, route);
		if (*reason == before)
			break;
	}
	return ret;
}

/*
 * Under resv, the buffer being in order. Returns 0: @client reaches it, perhaps after it was
 * moved. -EINTR: the caller is being killed. -ENODEV: its device went away meanwhile. Any
 * other error was counted as a refusal.
 */
int peerbuf_make_reachable(struct peerbuf *pb, struct peerbuf_client *client)
{
	struct p2p_route route;
	u32 reason;
	int ret;

	reason = peerbuf_unmappable(pb, client, &route);
	if (!reason)
		return 0;

	ret = peerbuf_place_until(pb, client, &reason, &route);
	if (ret == -EINTR)
		return ret;
	if (peerbuf_trouble(pb))
		return -ENODEV;
	if (!reason)
		return 0;

	/* An exporter that said yes was not taken at its word. */
	if (ret == -EBUSY)
		reason = PEERBUF_REASON_PINNED;
	else if (ret == -ENOMEM)
		reason = PEERBUF_REASON_NO_MEMORY;
	else if (!ret || ret == -EOPNOTSUPP)
		ret = peerbuf_unreachable_errno(reason);
	return peerbuf_refuse(pb, client->attach->dev, ret, reason, &route);
}

/*
 * Under resv, the buffer being in order: as above for the CPU, which cannot use the buffer
 * where it is because of @reason.
 */
int peerbuf_make_cpu_reachable(struct peerbuf *pb, u32 reason)
{
	int ret = peerbuf_place(pb, NULL, reason, NULL);

	if (ret)
		return ret;
	if (peerbuf_trouble(pb))
		return -ENODEV;
	return pb->placement->vecs->hidden_size ? -EHOSTUNREACH : 0;
}
