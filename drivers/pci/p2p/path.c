// SPDX-License-Identifier: GPL-2.0
/*
 * Turns the description of a path into a verdict. Pure logic: the peerbuf command and tests/unit
 * build this file in userspace.
 */

#include <linux/string.h>

#include <peerbuf/p2p.h>

#include "path.h"

static u64 hop_addr(const struct p2p_path_side *side, u32 i)
{
	return (u64)side->domain << 16 | side->hop[i].id;
}

/* Finds the lowest function that is on both sides, as an index into each. */
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
 * The first redirect that a request from the client meets. Both ends count, too:
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
 * Returns the first host bridge on the way that is not listed as forwarding this traffic, nor,
 * if @vouched, vouched for. NULL if there is none.
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

/* In: the distance in @route; if ACS redirects, also its flag and decider. */
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
 * A distance is the number of edges on a drawing: up to the common bridge and
 * down again, or, without one, all the way up on both sides.
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
		/* No port is crossed, so redirection between functions does not matter. */
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

/* An override cannot help: it is @decider itself that cannot do it. */
static void turn_down(struct p2p_route *route, u32 reason, u64 decider)
{
	route->type = P2P_ROUTE_NOT_SUPPORTED;
	route->reason = reason;
	route->flags &= ~P2P_ROUTE_F_OVERRIDE;
	route->decider = decider;
}

/* The first bridge that is off among those below hop @end; the function itself is none. */
static u64 off_find(const struct p2p_path_side *side, u32 end)
{
	u32 i;

	for (i = 1; i < end; i++)
		if (side->hop[i].off)
			return hop_addr(side, i);
	return P2P_ADDR_NONE;
}

/*
 * Turn the verdict down if a bridge that the request has to pass is switched off: of each side
 * those below the common one, or all if it goes through the host bridge.
 */
void p2p_path_check_bridges(const struct p2p_path *path, struct p2p_route *route)
{
	u32 provider_end = path->provider.nr, client_end = path->client.nr;
	u64 off;

	if (route->type == P2P_ROUTE_NOT_SUPPORTED)
		return;
	if (route->type == P2P_ROUTE_BUS_ADDR)
		common_find(path, &provider_end, &client_end);
	off = off_find(&path->client, client_end);
	if (off == P2P_ADDR_NONE)
		off = off_find(&path->provider, provider_end);
	if (off != P2P_ADDR_NONE)
		turn_down(route, P2P_REASON_BRIDGE_OFF, off);
}

/*
 * Refuse the route if the client cannot put out the addresses it would be given: bus addresses,
 * or CPU addresses if no IOMMU translates (if one does, the IOVA allocator obeys the mask).
 * @bus_end and @cpu_end: addresses of the last byte of the BAR that is meant.
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
 * Refuse the route where memory encryption prevents it.
 * @guest: this is a confidential guest. The host, which the guest does not trust, controls what
 * the guest's devices address: nobody can vouch that a request between two of them arrives or
 * stays private.
 * @iommu_marks: the IOMMU driver takes every page for encrypted RAM and sets the encryption bit
 * in its address. No BAR answers at such an address.
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
 * Did the DMA mask rule out the bus address, while an IOMMU could give the client an address
 * below its mask? Then the route through the host bridge has to be decided as well.
 */
bool p2p_path_wants_iommu(const struct p2p_route *route)
{
	return route->reason == P2P_REASON_DMA_MASK && route->flags & P2P_ROUTE_F_IOMMU;
}

/* @up: the verdict on the route through the host bridge. */
void p2p_path_by_iommu(struct p2p_route *route, const struct p2p_route *up)
{
	if (up->type == P2P_ROUTE_NOT_SUPPORTED) {
		route->reason = up->reason == P2P_REASON_BRIDGE_OFF ? P2P_REASON_BRIDGE_OFF :
								      P2P_REASON_DMA_MASK_IOMMU;
		route->decider = up->decider;
		return;
	}
	*route = *up;
	route->flags |= P2P_ROUTE_F_IOMMU;
}
