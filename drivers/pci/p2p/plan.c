// SPDX-License-Identifier: GPL-2.0
/*
 * How one device reaches a list of ranges: one verdict per BAR, found once.
 *
 * Whoever attaches a device to a buffer keeps a plan for it. Mapping by a plan that still
 * holds looks nothing up. A plan holds as long as no new generation of verdicts has begun
 * (cache.c), every BAR's provider is alive, and the client's driver has not changed its DMA mask.
 */

#include <linux/device.h>
#include <linux/export.h>
#include <linux/slab.h>

#include <peerbuf/p2p.h>

#include "cache.h"
#include "route.h"

/**
 * p2p_plan_init() - an empty plan
 * @plan: the plan; it holds for no list
 * @client: the device that is to reach memory; the caller keeps it as long as the plan
 * @mode: by what kind of addresses
 *
 * Context: Any. Operations on a plan are serialised by the caller, usually by the dma_resv of
 * the buffer.
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
 * p2p_plan_drop() - forget what was planned
 * @plan: as p2p_plan_init() has left it afterwards
 *
 * The last reference to the list may go with it: whoever puts a buffer elsewhere drops the
 * plans that were made for where it was.
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
 * @plan: the plan; what was planned before is forgotten
 * @vecs: the list; a reference is taken
 * @look: by what the registers of bridges say now, see p2p_route_look()
 *
 * That there is no way is no error of this call: p2p_plan_verdict() tells.
 *
 * Context: May sleep. A dma_resv may be held. The client is bound to the driver that the plan
 * is made for.
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
	/* Who looks may find that all that was remembered is outdated, the first routes, too. */
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
 * Context: Any. False is for good, until the plan is made anew.
 * Return: true if p2p_plan_make() would find nothing else, as far as the kernel has heard
 */
bool p2p_plan_holds(const struct p2p_plan *plan, const struct p2p_vecs *vecs)
{
	u32 i;

	if (plan->vecs != vecs || plan->generation != p2p_cache_generation() ||
	    plan->limit != p2p_client_limit(plan->client))
		return false;
	for (i = 0; i < vecs->nr_parts; i++)
		if (!p2p_provider_alive(vecs->part[i].provider))
			return false;
	return true;
}
EXPORT_SYMBOL_GPL(p2p_plan_holds);

/**
 * p2p_plan_verdict() - does the client reach all of the list?
 * @plan: the plan; an empty one is for a list without a BAR
 * @route: out, that of the first BAR which the client does not reach, or of the first of all;
 *	without a BAR there is none, and its decider is P2P_ADDR_NONE. May be NULL
 *
 * System memory is reached by everybody, as far as a plan goes; for the client's mask see
 * p2p_system_limit(). Of hidden memory the caller knows.
 *
 * Context: Any.
 * Return: 0, or
 * * -ENODEV: a provider had been killed
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
