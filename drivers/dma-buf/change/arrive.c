// SPDX-License-Identifier: GPL-2.0
/* Gives a buffer its new placement, and forgets what was known about the old one. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/lockdep.h>

#include <peerbuf/peerbuf.h>

#include "change/arrive.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/event.h"
#include "core/placement.h"

/* Under resv and holds_lock. The routes found last are those to the old placement. */
static void peerbuf_forget_routes(struct peerbuf *pb)
{
	struct peerbuf_client *client;

	list_for_each_entry(client, &pb->clients, node)
		client->route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
}

/* Under resv. Plans hold a reference to the old list, whose memory is to be freed soon. */
static void peerbuf_drop_plans(struct peerbuf *pb)
{
	struct peerbuf_client *client;

	list_for_each_entry(client, &pb->clients, node)
		p2p_plan_drop(&client->plan);
}

/* Under resv and holds_lock. */
void peerbuf_arrive_at(struct peerbuf *pb, struct peerbuf_placement *to)
{
	lockdep_assert_held(&pb->holds_lock);

	pb->placement = to;
	peerbuf_forget_routes(pb);
}

/* Under resv. The buffer has moved from @from, which somebody may still map, to @to. */
void peerbuf_retire(struct peerbuf *pb, struct peerbuf_placement *from,
		    struct peerbuf_placement *to)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	peerbuf_drop_plans(pb);
	peerbuf_event_move(pb, from, to);
	from->retired_at = pb->generation;
	list_add_tail(&from->retired, &pb->retired);
	peerbuf_reap(pb);
}
