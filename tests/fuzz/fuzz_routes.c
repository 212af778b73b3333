// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts (drivers/pci/p2p/path.c) on random trees of bridges, against a request that is sent
 * step by step through the tree.
 */

#include <peerbuf/p2p.h>

#include "path.h"

#include "fuzz.h"

#define NODES	48
#define NOBODY	-1

/* Functions of a machine: up[] is an earlier one, or NOBODY on a root bus. */
struct tree {
	int nr;
	int up[NODES];
	bool redirects[NODES];
	bool off_down[NODES];		/* lets no request down */
	bool off_up[NODES];
	int bus[NODES];			/* the root bus it hangs off */
	struct p2p_path_host host[4];	/* root buses 0 and 1 of domain 0, 0 and 1 of domain 1 */
	u32 domain[NODES];
};

static u16 id_of(int node)
{
	return 0x100 + node;
}

static u64 addr_of(const struct tree *tree, int node)
{
	return (u64)tree->domain[node] << 16 | id_of(node);
}

static void grow(struct fuzz *fuzz, struct tree *tree)
{
	int n;

	for (n = 0; n < 4; n++) {
		u8 facts = fuzz_byte(fuzz);

		tree->host[n] = (struct p2p_path_host) {
			.root = (u64)(n >> 1) << 16 | (n & 1) << 8,
			.addr = (u64)(n >> 1) << 16 | (n & 1) << 8 | (facts >> 6),
			.known = facts & 1, .same_only = facts & 2, .vouched = facts & 4,
		};
	}
	tree->nr = fuzz_byte(fuzz) % (NODES - 1) + 2;
	for (n = 0; n < tree->nr; n++) {
		u8 where = fuzz_byte(fuzz), how = fuzz_byte(fuzz);

		tree->redirects[n] = how & 1;
		tree->off_down[n] = where >= 0xf0;
		tree->off_up[n] = (where & 0xf) == 0xf;
		tree->up[n] = n && how & 0x1e ? where % n : NOBODY;
		/* A deep tree more often than chance would have it. */
		if (n && how & 0x20)
			tree->up[n] = n - 1;
		tree->bus[n] = tree->up[n] == NOBODY ? how >> 6 : tree->bus[tree->up[n]];
		tree->domain[n] = tree->bus[n] >> 1;
	}
}

static void describe(const struct tree *tree, int node, const bool *off,
		     struct p2p_path_side *side)
{
	side->domain = tree->domain[node];
	side->host = tree->host[tree->bus[node]];
	for (side->nr = 0; node != NOBODY; node = tree->up[node]) {
		side->hop[side->nr].id = id_of(node);
		side->hop[side->nr].off = off[node];
		side->hop[side->nr++].acs_redirect = tree->redirects[node];
	}
}

static bool is_below(const struct tree *tree, int node, int bridge)
{
	for (; node != NOBODY; node = tree->up[node])
		if (node == bridge)
			return true;
	return false;
}

/* The next function on the way from @at, which is above, down to @node. */
static int step_down(const struct tree *tree, int at, int node)
{
	while (tree->up[node] != at)
		node = tree->up[node];
	return node;
}

struct trip {
	bool turned;		/* it came to a function that is above both */
	int at;			/* that function */
	int steps;
	int redirected_at;
};

/* A request goes up until it is above its aim, then down. Who redirects sends it all the way up. */
static struct trip travel(const struct tree *tree, int from, int to)
{
	struct trip trip = { .at = from, .redirected_at = NOBODY };

	for (;;) {
		if (tree->redirects[trip.at] && trip.redirected_at == NOBODY)
			trip.redirected_at = trip.at;
		if (is_below(tree, to, trip.at))
			break;
		trip.steps++;
		if (tree->up[trip.at] == NOBODY) {
			/* On the root bus: as many steps as the aim is below its own. */
			for (; to != NOBODY; to = tree->up[to])
				trip.steps++;
			return trip;
		}
		trip.at = tree->up[trip.at];
	}
	trip.turned = true;
	from = trip.at;
	while (from != to) {
		from = step_down(tree, from, to);
		trip.steps++;
		if (tree->redirects[from] && trip.redirected_at == NOBODY)
			trip.redirected_at = from;
	}
	return trip;
}

/* Would these two host bridges forward it, by what is known or, with @vouched, promised? */
static bool forwards(const struct p2p_path_host *a, const struct p2p_path_host *b, bool vouched)
{
	bool ok_a = a->known && !(a->same_only && a->root != b->root);
	bool ok_b = b->known && !(b->same_only && a->root != b->root);

	return (ok_a || (vouched && a->vouched)) && (ok_b || (vouched && b->vouched));
}

/* What has to be said of a way through the root complex. */
static void check_up(const struct p2p_path *path, const struct p2p_route *route, bool redirected)
{
	const struct p2p_path_host *a = &path->provider.host, *b = &path->client.host;

	PROMISE(route->type != P2P_ROUTE_BUS_ADDR);
	PROMISE(!(route->flags & P2P_ROUTE_F_ACS_REDIRECT) == !redirected);
	if (path->cpu_forwards)
		PROMISE(route->reason == P2P_REASON_CPU_FORWARDS);
	else if (forwards(a, b, false))
		PROMISE(route->reason == P2P_REASON_HOST_BRIDGE_KNOWN);
	else if (forwards(a, b, true))
		PROMISE(route->reason == P2P_REASON_OVERRIDE_HOST_BRIDGE);
	else if (path->pair_vouched)
		PROMISE(route->reason == P2P_REASON_OVERRIDE_PAIR);
	else if (redirected)
		PROMISE(route->reason == P2P_REASON_ACS_REDIRECT);
	else if (path->provider.domain != path->client.domain)
		PROMISE(route->reason == P2P_REASON_NO_COMMON_ROOT);
	else
		PROMISE(route->reason == P2P_REASON_HOST_BRIDGE_UNKNOWN);
	PROMISE((route->type == P2P_ROUTE_THRU_HOST_BRIDGE) ==
		(path->cpu_forwards || path->pair_vouched || forwards(a, b, true)));
	PROMISE(!(route->flags & P2P_ROUTE_F_OVERRIDE) ==
		(route->type == P2P_ROUTE_NOT_SUPPORTED || path->cpu_forwards ||
		 forwards(a, b, false)));
}

/* The bridges above @from, up to but without @to, or all: the first that is off. */
static int off_above(const struct tree *tree, const bool *off, int from, int to)
{
	int node;

	if (from == to)
		return NOBODY;
	for (node = tree->up[from]; node != NOBODY && node != to; node = tree->up[node])
		if (off[node])
			return node;
	return NOBODY;
}

/* Who turns at @end, in a switch, passes the bridges below it, and who does not all of them. */
static void check_bridges(const struct tree *tree, const struct p2p_path *path,
			  const struct p2p_route *before, int end, int provider, int client)
{
	struct p2p_route route = *before;
	int off;

	p2p_path_check_bridges(path, &route);
	off = off_above(tree, tree->off_up, client, end);
	if (off == NOBODY)
		off = off_above(tree, tree->off_down, provider, end);
	if (before->type == P2P_ROUTE_NOT_SUPPORTED || off == NOBODY) {
		PROMISE(!memcmp(&route, before, sizeof(route)));
		return;
	}
	PROMISE(route.type == P2P_ROUTE_NOT_SUPPORTED);
	PROMISE(route.reason == P2P_REASON_BRIDGE_OFF);
	PROMISE(route.decider == addr_of(tree, off));
}

static void check(const struct tree *tree, const struct p2p_path *path, int provider, int client)
{
	struct trip trip = travel(tree, client, provider);
	struct p2p_route route;

	p2p_path_decide(path, &route);
	PROMISE(route.distance == (u32)trip.steps);
	if (trip.turned && path->through_host) {
		check_up(path, &route, false);
	} else if (trip.turned && provider == client) {
		PROMISE(route.type == P2P_ROUTE_BUS_ADDR);
		PROMISE(route.reason == P2P_REASON_SAME_FUNCTION);
	} else if (trip.turned && trip.redirected_at == NOBODY) {
		PROMISE(route.type == P2P_ROUTE_BUS_ADDR);
		PROMISE(route.reason == P2P_REASON_COMMON_BRIDGE);
		PROMISE(route.decider == addr_of(tree, trip.at));
	} else if (trip.turned) {
		check_up(path, &route, true);
		PROMISE(route.decider == addr_of(tree, trip.redirected_at));
	} else {
		check_up(path, &route, false);
		PROMISE(route.decider == path->provider.host.addr ||
			route.decider == path->client.host.addr);
	}
	check_bridges(tree, path, &route, route.type == P2P_ROUTE_BUS_ADDR ? trip.at : NOBODY,
		      provider, client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	struct p2p_path path = {};
	struct tree tree;
	int provider, client;
	u8 facts = fuzz_byte(&fuzz);

	grow(&fuzz, &tree);
	path.cpu_forwards = facts & 1;
	path.pair_vouched = facts & 2;
	path.through_host = facts & 4;
	for (provider = 0; provider < tree.nr; provider++) {
		describe(&tree, provider, tree.off_down, &path.provider);
		for (client = 0; client < tree.nr; client++) {
			describe(&tree, client, tree.off_up, &path.client);
			check(&tree, &path, provider, client);
		}
	}
	return 0;
}
