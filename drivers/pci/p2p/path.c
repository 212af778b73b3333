// SPDX-License-Identifier: GPL-2.0
/*
 * From a described path to a verdict. Pure logic: the peerbuf command and tests/unit
 * build this file in userspace.
 */

#include <linux/string.h>

#include <peerbuf/p2p.h>

#include "path.h"

static u64 hop_addr(const struct p2p_path_side *side, u32 i)
{
	return (u64)side->domain << 16 | side->hop[i].id;
}

/* The lowest function that both sides have, as an index into each. */
static bool common_find(const struct p2p_path *path, u32 *provider_at, u32 *client_at)
{
	u32 i, j;

	if (path->provider.domain != path->client.domain)
		return false;
	for (i = 0; i < path->provider.nr; i++) {
		for (j = 0; j < path->client.nr; j++) {
			if (path->provider.hop[i].id != path->client.hop[j].id)
				continue;
			*provider_at = i;
			*client_at = j;
			return true;
		}
	}
	return false;
}

/*
 * The first redirect that a request from the client meets. The ends count, too:
 * functions of one device may have ACS between them.
 */
static u64 redirect_find(const struct p2p_path *path, u32 provider_at, u32 client_at)
{
	u32 i;

	for (i = 0; i <= client_at; i++)
		if (path->client.hop[i].acs_redirect)
			return hop_addr(&path->client, i);
	for (i = provider_at; i-- > 0;)
		if (path->provider.hop[i].acs_redirect)
			return hop_addr(&path->provider, i);
	return P2P_ADDR_NONE;
}

/*
 * NULL if every host bridge on the way is listed as forwarding this traffic, or,
 * with @vouched, vouched for; else the first that is not.
 */
static const struct p2p_path_host *silent_host(const struct p2p_path *path, bool vouched)
{
	const struct p2p_path_host *host[] = { &path->provider.host, &path->client.host };
	bool same = host[0]->root == host[1]->root;
	int i;

	for (i = 0; i < 2; i++) {
		if (vouched && host[i]->vouched)
			continue;
		if (!host[i]->known || (host[i]->same_only && !same))
			return host[i];
	}
	return NULL;
}

static u32 refusal_reason(const struct p2p_path *path, const struct p2p_route *route)
{
	if (route->flags & P2P_ROUTE_F_ACS_REDIRECT)
		return P2P_REASON_ACS_REDIRECT;
	if (path->provider.domain != path->client.domain)
		return P2P_REASON_NO_COMMON_ROOT;
	return P2P_REASON_HOST_BRIDGE_UNKNOWN;
}

/* @route has its distance, and with ACS redirect its flag and decider. */
static void decide_through_host(const struct p2p_path *path, struct p2p_route *route)
{
	const struct p2p_path_host *silent = silent_host(path, false);

	if (route->decider == P2P_ADDR_NONE)
		route->decider = silent ? silent->addr : path->provider.host.addr;

	route->type = P2P_ROUTE_THRU_HOST_BRIDGE;
	if (path->cpu_forwards) {
		route->reason = P2P_REASON_CPU_FORWARDS;
	} else if (!silent) {
		route->reason = P2P_REASON_HOST_BRIDGE_KNOWN;
	} else if (!silent_host(path, true)) {
		route->reason = P2P_REASON_OVERRIDE_HOST_BRIDGE;
		route->flags |= P2P_ROUTE_F_OVERRIDE;
	} else if (path->pair_vouched) {
		route->reason = P2P_REASON_OVERRIDE_PAIR;
		route->flags |= P2P_ROUTE_F_OVERRIDE;
	} else {
		route->type = P2P_ROUTE_NOT_SUPPORTED;
		route->reason = refusal_reason(path, route);
	}
}

/*
 * Distances are those a person counts on a drawing: edges up to the common
 * bridge and down again, or all the way up on both sides.
 */
void p2p_path_decide(const struct p2p_path *path, struct p2p_route *route)
{
	u32 provider_at, client_at;

	memset(route, 0, sizeof(*route));
	route->decider = P2P_ADDR_NONE;

	if (!common_find(path, &provider_at, &client_at)) {
		route->distance = path->provider.nr + path->client.nr;
		decide_through_host(path, route);
		return;
	}

	route->distance = provider_at + client_at;
	if (path->through_host) {
		decide_through_host(path, route);
		return;
	}
	if (!route->distance) {
		/* No port is crossed: redirect between functions is no matter. */
		route->type = P2P_ROUTE_BUS_ADDR;
		route->reason = P2P_REASON_SAME_FUNCTION;
		return;
	}

	route->decider = redirect_find(path, provider_at, client_at);
	if (route->decider == P2P_ADDR_NONE) {
		route->type = P2P_ROUTE_BUS_ADDR;
		route->reason = P2P_REASON_COMMON_BRIDGE;
		route->decider = hop_addr(&path->provider, provider_at);
		return;
	}
	route->flags |= P2P_ROUTE_F_ACS_REDIRECT;
	decide_through_host(path, route);
}

/* No override helps against what @client itself cannot do. */
static void turn_down(struct p2p_route *route, u32 reason, u64 client)
{
	route->type = P2P_ROUTE_NOT_SUPPORTED;
	route->reason = reason;
	route->flags &= ~P2P_ROUTE_F_OVERRIDE;
	route->decider = client;
}

/*
 * Turn the verdict down if the client cannot put out the addresses it would be
 * given: those on the bus, or the CPU's without a translating IOMMU (with one,
 * the IOVA allocator obeys the mask). @bus_end and @cpu_end are of the BAR's last
 * byte.
 */
void p2p_path_check_mask(struct p2p_route *route, u64 bus_end, u64 cpu_end, u64 limit,
			 u64 client)
{
	u64 end;

	if (route->type == P2P_ROUTE_BUS_ADDR)
		end = bus_end;
	else if (route->type == P2P_ROUTE_THRU_HOST_BRIDGE &&
		 !(route->flags & P2P_ROUTE_F_IOMMU))
		end = cpu_end;
	else
		return;
	if (end <= limit)
		return;

	turn_down(route, P2P_REASON_DMA_MASK, client);
}

/*
 * Turn the verdict down where memory encryption gets into the way. @guest: this is a
 * confidential guest. What its devices address they address as its host, whom it does not trust,
 * lets them: nobody vouches that a request between two of them arrives, or stays private.
 * @iommu_marks: the IOMMU driver takes every page for encrypted RAM and marks its address as
 * such. At the marked address of a BAR there is nothing.
 */
void p2p_path_check_encryption(struct p2p_route *route, bool guest, bool iommu_marks,
			       u64 client)
{
	if (route->type == P2P_ROUTE_NOT_SUPPORTED)
		return;
	if (guest)
		turn_down(route, P2P_REASON_CONFIDENTIAL_GUEST, client);
	else if (iommu_marks && route->type == P2P_ROUTE_THRU_HOST_BRIDGE &&
		 route->flags & P2P_ROUTE_F_IOMMU)
		turn_down(route, P2P_REASON_MEM_ENCRYPTION, client);
}

/*
 * Is there an IOMMU, which would give a client an address that it can put out in place of the
 * one on the bus? Then the way up to the host bridge is to be decided as well.
 */
bool p2p_path_wants_iommu(const struct p2p_route *route)
{
	return route->reason == P2P_REASON_DMA_MASK && route->flags & P2P_ROUTE_F_IOMMU;
}

/* @up: the verdict on that way. */
void p2p_path_by_iommu(struct p2p_route *route, const struct p2p_route *up)
{
	if (up->type == P2P_ROUTE_NOT_SUPPORTED) {
		route->reason = P2P_REASON_DMA_MASK_IOMMU;
		route->decider = up->decider;
		return;
	}
	*route = *up;
	route->flags |= P2P_ROUTE_F_IOMMU;
}
