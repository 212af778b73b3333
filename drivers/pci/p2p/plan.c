// SPDX-License-Identifier: GPL-2.0
/*
 * How one device reaches a list of ranges: one verdict per BAR, worked out once.
 *
 * Whoever attaches a device to a buffer keeps a plan for it. Mapping by a plan that still
 * holds looks up no route. A plan holds as long as no new generation of verdicts has begun
 * (cache.c), every BAR's provider is alive, and the client's driver has not changed its DMA mask.
 */

#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/slab.h>

#include <peerbuf/p2p.h>

#include "cache.h"
#include "provider.h"
#include "route.h"
#include "translate.h"

/**
 * p2p_plan_init() - initialise a plan as empty
 * @plan: the plan; it holds for no list
 * @client: the device that is to reach memory; the caller keeps a reference as long as the plan
 * @mode: which kind of addresses the client uses
 *
 * Context: Any. The caller serialises operations on a plan, usually by the dma_resv of the
 * buffer.
 */
void p2p_plan_init(struct p2p_plan *plan, struct device *client, enum p2p_plan_mode mode)
{
	*plan = (struct p2p_plan) {
		.client = client,
		.mode = mode,
		.room = 1,
		.route = &plan->one_route,
	};
}
EXPORT_SYMBOL_GPL(p2p_plan_init);

/**
 * p2p_plan_drop() - make a plan empty
 * @plan: afterwards as p2p_plan_init() left it
 *
 * May drop the last reference to the list: whoever moves a buffer drops the plans made for its
 * old placement, so that the memory there can be freed.
 *
 * Context: May sleep. A dma_resv may be held.
 */
void p2p_plan_drop(struct p2p_plan *plan)
{
	p2p_vecs_put(plan->vecs);
	plan->vecs = NULL;
	if (plan->route != &plan->one_route)
		kfree(plan->route);
	plan->route = &plan->one_route;
	plan->room = 1;
}
EXPORT_SYMBOL_GPL(p2p_plan_drop);

static int plan_take(struct p2p_plan *plan, struct p2p_vecs *vecs)
{
	if (plan->vecs == vecs)
		return 0;
	p2p_plan_drop(plan);
	if (vecs->nr_parts > plan->room) {
		plan->route = kmalloc_array(vecs->nr_parts, sizeof(*plan->route), GFP_KERNEL);
		if (!plan->route) {
			plan->route = &plan->one_route;
			return -ENOMEM;
		}
		plan->room = vecs->nr_parts;
	}
	plan->vecs = p2p_vecs_get(vecs);
	return 0;
}

static void plan_find(struct p2p_plan *plan, enum p2p_route_way way)
{
	const struct p2p_part *part = plan->vecs->part;
	u32 i;

	plan->generation = p2p_cache_generation();
	plan->limit = p2p_client_limit(plan->client);
	for (i = 0; i < plan->vecs->nr_parts; i++)
		p2p_route_find(part[i].provider, part[i].last, plan->client, way,
			       &plan->route[i]);
}

/**
 * p2p_plan_make() - find out how the client reaches a list
 * @plan: the plan; its old contents are dropped
 * @vecs: the list; a reference is taken
 * @look: read the registers of bridges now, see p2p_route_look()
 *
 * An unreachable BAR is no error of this call: p2p_plan_verdict() reports it.
 *
 * Context: May sleep. A dma_resv may be held. The client is bound to the driver for which the
 * plan is made.
 * Return: 0, or -ENOMEM with the plan empty
 */
int p2p_plan_make(struct p2p_plan *plan, struct p2p_vecs *vecs, bool look)
{
	enum p2p_route_way way = P2P_ROUTE_RECALL;
	int error;

	error = plan_take(plan, vecs);
	if (error)
		return error;
	if (plan->mode == P2P_PLAN_TRANSLATED)
		way = P2P_ROUTE_TRANSLATED;
	else if (look)
		way = P2P_ROUTE_LOOK;
	plan_find(plan, way);
	/* A look may begin a new generation: then the routes found before it are outdated. */
	if (way == P2P_ROUTE_LOOK && plan->generation != p2p_cache_generation())
		plan_find(plan, P2P_ROUTE_RECALL);
	return 0;
}
EXPORT_SYMBOL_GPL(p2p_plan_make);

/**
 * p2p_plan_holds() - is a plan still good?
 * @plan: the plan
 * @vecs: for which list
 *
 * Context: Any.
 * Return: true if p2p_plan_make() without @look would find the same
 */
bool p2p_plan_holds(const struct p2p_plan *plan, const struct p2p_vecs *vecs)
{
	u32 i;

	if (plan->vecs != vecs || plan->generation != p2p_cache_generation() ||
	    plan->limit != p2p_client_limit(plan->client))
		return false;
	for (i = 0; i < vecs->nr_parts; i++)
		if (!p2p_provider_lives(vecs->part[i].provider))
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(p2p_plan_holds);

/**
 * p2p_plan_verdict() - does the client reach all of the list?
 * @plan: the plan; an empty one stands for a list without a BAR
 * @route: out, may be NULL: the route to the first BAR that the client does not reach, or else to
 *	the first BAR. Without a BAR all is zero but the decider, which is P2P_ADDR_NONE
 *
 * A plan says nothing about system memory: for the client's DMA mask see p2p_system_limit().
 * Nor about hidden memory, which the caller checks.
 *
 * Context: Any.
 * Return: 0, or
 * * -ENODEV: a provider had been killed when the plan was made
 * * -EHOSTUNREACH: there is no route to a BAR
 */
int p2p_plan_verdict(const struct p2p_plan *plan, struct p2p_route *route)
{
	static const struct p2p_route none = { .decider = P2P_ADDR_NONE };
	u32 nr = plan->vecs ? plan->vecs->nr_parts : 0;
	u32 i;

	for (i = 0; i < nr; i++)
		if (plan->route[i].type == P2P_ROUTE_NOT_SUPPORTED)
			break;
	if (route)
		*route = nr ? plan->route[i < nr ? i : 0] : none;
	if (i == nr)
		return 0;
	return plan->route[i].reason == P2P_REASON_PROVIDER_GONE ? -ENODEV : -EHOSTUNREACH;
}
EXPORT_SYMBOL_GPL(p2p_plan_verdict);

/**
 * p2p_system_limit() - up to where a device reaches system memory
 * @client: the device that would do the DMA
 *
 * Above the limit the DMA API would bounce, or warn if it cannot. Behind an IOMMU that
 * translates there is no limit: the IOVA allocator obeys the device's DMA mask.
 *
 * Context: Any. The caller holds a reference to @client.
 * Return: the last CPU physical address
 */
u64 p2p_system_limit(struct device *client)
{
	u64 limit = p2p_client_limit(client);

	if (p2p_translated(client) || limit == U64_MAX)
		return U64_MAX;
	return dma_to_phys(client, limit);
}
EXPORT_SYMBOL_GPL(p2p_system_limit);
