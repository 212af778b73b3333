// SPDX-License-Identifier: GPL-2.0
/*
 * How much of a buffer a node shows: what it is, its state and its importers. Of where it lies only
 * the ranges in the node's function are shown, because the others belong to somebody else.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/string.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/claim.h"
#include "core/client.h"
#include "core/device.h"
#include "core/placement.h"
#include "core/reach.h"
#include "node/view.h"

/*
 * Under resv or holds_lock: does all of @pb belong to @by? NULL stands for an asker that may see
 * everything.
 */
bool peerbuf_all_of(struct peerbuf *pb, const struct peerbuf_device *by)
{
	const struct peerbuf_placement *placement = pb->placement;
	u32 i;

	peerbuf_assert_stays(pb);

	if (!by)
		return true;
	if (pb->home && pb->home != by &&
	    (placement->vecs->system_size || placement->vecs->hidden_size))
		return false;
	for (i = 0; i < placement->nr_claims; i++)
		if (placement->claims[i].pdevice != by)
			return false;
	return true;
}

/* Ranges that are in no device belong to the home. */
static u32 peerbuf_count_ranges(const struct peerbuf *pb, const struct peerbuf_device *by)
{
	const struct peerbuf_placement *placement = pb->placement;
	u32 nr = 0, claimed = 0;
	u32 i;

	for (i = 0; i < placement->nr_claims; i++) {
		claimed += placement->claims[i].nr_ranges;
		if (placement->claims[i].pdevice == by)
			nr = placement->claims[i].nr_ranges;
	}
	return pb->home == by ? nr + placement->vecs->nr - claimed : nr;
}

/* Under resv or holds_lock. Removes from @info what @by may not see. */
void peerbuf_hide_export(struct peerbuf *pb, const struct peerbuf_device *by,
			 struct peerbuf_export_info *info)
{
	bool all = peerbuf_all_of(pb, by);

	/* An importer refused before the last move may have asked for another owner's memory. */
	if (!all ||
	    (by && READ_ONCE(pb->account.last_refusal_moves) != READ_ONCE(pb->account.moves))) {
		memset(&info->last_refusal_route, 0, sizeof(info->last_refusal_route));
		info->last_refusal_route.decider = PEERBUF_PCI_NONE;
	}
	if (all)
		return;

	info->state |= PEERBUF_STATE_F_SHARED;
	info->addr = p2p_pci_addr(by->pdev);
	info->nr_ranges = peerbuf_count_ranges(pb, by);
	info->nr_devices = peerbuf_placement_uses(pb->placement, by);
	if (pb->home != by) {
		info->system_size = 0;
		info->hidden_size = 0;
	}
}

/* Under resv: the importer's route to memory of @by. Returns false if there is none. */
bool peerbuf_route_to(struct peerbuf *pb, const struct peerbuf_device *by,
		      struct peerbuf_client *client, struct p2p_route *route)
{
	const struct p2p_vecs *vecs = pb->placement->vecs;
	u32 i;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (peerbuf_client_plan(pb, client))
		return false;
	for (i = 0; i < vecs->nr_parts; i++) {
		if (p2p_provider_pdev(vecs->part[i].provider) != by->pdev)
			continue;
		*route = client->plan.route[i];
		return true;
	}
	return false;
}
