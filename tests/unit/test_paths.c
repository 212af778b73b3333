// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts on described topologies.
 *
 *	domain 0                                                    domain 1
 *	root bus 00 ("h")                        root bus 40 ("g")  root bus 00
 *	 |- 00.0 host bridge                      |- 00.0            |- 00.0
 *	 |- 05.0 f  05.1 i (integrated)           |                  |
 *	 |- 01.0 root port                        |- 01.0            |- 01.0
 *	 |   `- 01:00.0 upstream port             |   `- 41:00.0 d   |   `- 01:00.0 x
 *	 |       |- 02:00.0 down - 03:00.0 a, 03:00.1 A
 *	 |       |- 02:01.0 down - 04:00.0 b
 *	 |       `- 02:02.0 down - 05:00.0 up
 *	 |                          |- 06:00.0 down - 07:00.0 e
 *	 |                          `- 06:01.0 down - 08:00.0 E
 *	 `- 02.0 root port - 09:00.0 c
 */

#include "path.h"
#include "tap.h"
#include <peerbuf/p2p.h>

#define ID(bus, dev, fn)	((bus) << 8 | (dev) << 3 | (fn))
#define DOMAIN1			0x10000ULL

enum {
	ROOT_PORT = ID(0, 1, 0), ROOT_PORT2 = ID(0, 2, 0), UP = ID(1, 0, 0),
	DOWN_A = ID(2, 0, 0), DOWN_B = ID(2, 1, 0), DOWN_UP2 = ID(2, 2, 0),
	UP2 = ID(5, 0, 0), DOWN_E = ID(6, 0, 0), DOWN_E2 = ID(6, 1, 0),
	A = ID(3, 0, 0), A1 = ID(3, 0, 1), B = ID(4, 0, 0), C = ID(9, 0, 0),
	E = ID(7, 0, 0), E2 = ID(8, 0, 0), F = ID(0, 5, 0), I = ID(0, 5, 1),
	D_PORT = ID(0x40, 1, 0), D = ID(0x41, 0, 0), X_PORT = ID(0, 1, 0),
	X = ID(1, 0, 0), H = 0, G = 0x4000,
};

/* A function's way up, zero-terminated: no function in the drawing is 00:00.0. */
struct place {
	u32 domain;
	u16 root;
	u16 hops[10];
};

static const struct place a = { 0, H, { A, DOWN_A, UP, ROOT_PORT } };
static const struct place a1 = { 0, H, { A1, DOWN_A, UP, ROOT_PORT } };
static const struct place b = { 0, H, { B, DOWN_B, UP, ROOT_PORT } };
static const struct place c = { 0, H, { C, ROOT_PORT2 } };
static const struct place d = { 0, G, { D, D_PORT } };
static const struct place e = { 0, H, { E, DOWN_E, UP2, DOWN_UP2, UP, ROOT_PORT } };
static const struct place e2 = { 0, H, { E2, DOWN_E2, UP2, DOWN_UP2, UP, ROOT_PORT } };
static const struct place f = { 0, H, { F } };
static const struct place i = { 0, H, { I } };
static const struct place x = { 1, 0, { X, X_PORT } };
/* In domain 1, but with the very numbers of a. */
static const struct place a_twin = { 1, 0, { A, DOWN_A, UP, ROOT_PORT } };

enum {
	CPU = 1, PAIR = 2,
	KNOWN_P = 4, KNOWN_C = 8, KNOWN = KNOWN_P | KNOWN_C,
	SAME_ONLY = 16,
	VOUCH_P = 32, VOUCH_C = 64, VOUCH = VOUCH_P | VOUCH_C,
};

#define ACS	P2P_ROUTE_F_ACS_REDIRECT
#define OVER	P2P_ROUTE_F_OVERRIDE
#define NO	P2P_ROUTE_NOT_SUPPORTED
#define BUS	P2P_ROUTE_BUS_ADDR
#define HOST	P2P_ROUTE_THRU_HOST_BRIDGE
#define R(name)	P2P_REASON_##name
#define NONE	P2P_ADDR_NONE

struct row {
	const char *name;
	const struct place *provider, *client;
	u16 acs[3];		/* functions with ACS redirect on */
	u32 facts;
	u32 type, reason, flags, distance;
	u64 decider;
};

static const struct row rows[] = {
	/* no bridge between them */
	{ "same function", &a, &a, {}, 0, BUS, R(SAME_FUNCTION), 0, 0, NONE },
	{ "same function, ACS in it", &a, &a, { A, DOWN_A }, 0,
	  BUS, R(SAME_FUNCTION), 0, 0, NONE },
	{ "two functions", &a, &a1, {}, 0, BUS, R(COMMON_BRIDGE), 0, 2, DOWN_A },
	{ "two functions, ACS above", &a, &a1, { UP, ROOT_PORT }, 0,
	  BUS, R(COMMON_BRIDGE), 0, 2, DOWN_A },
	{ "two functions, ACS in the port", &a, &a1, { DOWN_A }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 2, DOWN_A },
	{ "two functions, ACS in the provider", &a, &a1, { A }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 2, A },
	{ "two functions, ACS in the client", &a, &a1, { A1 }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 2, A1 },
	{ "integrated functions", &f, &i, {}, 0, NO, R(HOST_BRIDGE_UNKNOWN), 0, 2, H },
	{ "integrated functions, known", &f, &i, {}, KNOWN,
	  HOST, R(HOST_BRIDGE_KNOWN), 0, 2, H },

	/* one switch */
	{ "one switch", &a, &b, {}, 0, BUS, R(COMMON_BRIDGE), 0, 4, UP },
	{ "one switch, forwarding CPU", &a, &b, {}, CPU | KNOWN,
	  BUS, R(COMMON_BRIDGE), 0, 4, UP },
	{ "one switch, vouched for", &a, &b, {}, PAIR | VOUCH,
	  BUS, R(COMMON_BRIDGE), 0, 4, UP },
	{ "one switch, ACS above it", &a, &b, { ROOT_PORT }, 0,
	  BUS, R(COMMON_BRIDGE), 0, 4, UP },
	{ "one switch, ACS elsewhere", &a, &b, { DOWN_E, DOWN_UP2, ROOT_PORT2 }, 0,
	  BUS, R(COMMON_BRIDGE), 0, 4, UP },
	{ "ACS at the client's port", &a, &b, { DOWN_B }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 4, DOWN_B },
	{ "ACS at the provider's port", &a, &b, { DOWN_A }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 4, DOWN_A },
	{ "ACS at the common port", &a, &b, { UP }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 4, UP },
	{ "ACS everywhere: the client's comes first", &a, &b, { DOWN_A, UP, DOWN_B }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 4, DOWN_B },
	{ "ACS at the common and the provider's", &a, &b, { DOWN_A, UP }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 4, UP },
	{ "ACS, known host bridge", &a, &b, { DOWN_A }, KNOWN,
	  HOST, R(HOST_BRIDGE_KNOWN), ACS, 4, DOWN_A },
	{ "ACS, host bridge known for itself", &a, &b, { DOWN_A }, KNOWN | SAME_ONLY,
	  HOST, R(HOST_BRIDGE_KNOWN), ACS, 4, DOWN_A },
	{ "ACS, unknown host bridge", &a, &b, { DOWN_B }, 0,
	  NO, R(ACS_REDIRECT), ACS, 4, DOWN_B },
	{ "ACS, pair vouched for", &a, &b, { DOWN_B }, PAIR,
	  HOST, R(OVERRIDE_PAIR), ACS | OVER, 4, DOWN_B },
	{ "ACS, host bridge vouched for", &a, &b, { DOWN_B }, VOUCH,
	  HOST, R(OVERRIDE_HOST_BRIDGE), ACS | OVER, 4, DOWN_B },
	{ "a port and a device below it", &a, &(const struct place)
	  { 0, H, { DOWN_A, UP, ROOT_PORT } }, {}, 0, BUS, R(COMMON_BRIDGE), 0, 1, DOWN_A },

	/* switches in a row */
	{ "inner switch", &e, &e2, {}, 0, BUS, R(COMMON_BRIDGE), 0, 4, UP2 },
	{ "inner switch, ACS at its uplink", &e, &e2, { DOWN_UP2, UP }, 0,
	  BUS, R(COMMON_BRIDGE), 0, 4, UP2 },
	{ "inner to outer switch", &e, &a, {}, 0, BUS, R(COMMON_BRIDGE), 0, 6, UP },
	{ "outer to inner switch", &a, &e, {}, 0, BUS, R(COMMON_BRIDGE), 0, 6, UP },
	{ "inner to outer, ACS at the uplink", &e, &a, { DOWN_UP2 }, CPU,
	  HOST, R(CPU_FORWARDS), ACS, 6, DOWN_UP2 },
	{ "inner to outer, ACS at the innermost", &e, &a, { DOWN_E }, 0,
	  NO, R(ACS_REDIRECT), ACS, 6, DOWN_E },
	{ "outer to inner, two on the client's side", &a, &e, { DOWN_UP2, DOWN_E }, 0,
	  NO, R(ACS_REDIRECT), ACS, 6, DOWN_E },
	{ "inner to outer, two on the provider's side", &e, &a, { DOWN_UP2, DOWN_E }, 0,
	  NO, R(ACS_REDIRECT), ACS, 6, DOWN_UP2 },

	/* two root ports */
	{ "two root ports", &a, &c, {}, 0, NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, H },
	{ "two root ports, ACS is no matter", &a, &c, { DOWN_A, ROOT_PORT, ROOT_PORT2 }, 0,
	  NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, H },
	{ "two root ports, forwarding CPU", &a, &c, { ROOT_PORT }, CPU,
	  HOST, R(CPU_FORWARDS), 0, 6, H },
	{ "two root ports, known", &a, &c, {}, KNOWN,
	  HOST, R(HOST_BRIDGE_KNOWN), 0, 6, H },
	{ "two root ports, known for itself", &a, &c, {}, KNOWN | SAME_ONLY,
	  HOST, R(HOST_BRIDGE_KNOWN), 0, 6, H },
	{ "two root ports, pair vouched for", &a, &c, {}, PAIR,
	  HOST, R(OVERRIDE_PAIR), OVER, 6, H },
	{ "two root ports, host vouched for", &a, &c, {}, VOUCH,
	  HOST, R(OVERRIDE_HOST_BRIDGE), OVER, 6, H },
	{ "an override that is not needed", &a, &c, {}, CPU | PAIR | VOUCH,
	  HOST, R(CPU_FORWARDS), 0, 6, H },
	{ "known, and vouched for", &a, &c, {}, KNOWN | PAIR | VOUCH,
	  HOST, R(HOST_BRIDGE_KNOWN), 0, 6, H },
	{ "integrated and plugged", &f, &c, {}, 0, NO, R(HOST_BRIDGE_UNKNOWN), 0, 3, H },

	/* two host bridges */
	{ "two host bridges", &a, &d, {}, 0, NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, H },
	{ "two host bridges, forwarding CPU", &a, &d, {}, CPU,
	  HOST, R(CPU_FORWARDS), 0, 6, H },
	{ "two host bridges, both known", &a, &d, {}, KNOWN,
	  HOST, R(HOST_BRIDGE_KNOWN), 0, 6, H },
	{ "two host bridges, each known for itself", &a, &d, {}, KNOWN | SAME_ONLY,
	  NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, H },
	{ "two host bridges, client's unknown", &a, &d, {}, KNOWN_P,
	  NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, G },
	{ "two host bridges, provider's unknown", &d, &a, {}, KNOWN_C,
	  NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, G },
	{ "two host bridges, the other vouched for", &a, &d, {}, KNOWN_P | VOUCH_C,
	  HOST, R(OVERRIDE_HOST_BRIDGE), OVER, 6, G },
	{ "two host bridges, one vouched for", &a, &d, {}, VOUCH_P,
	  NO, R(HOST_BRIDGE_UNKNOWN), 0, 6, H },
	{ "two host bridges, both vouched for", &a, &d, {}, VOUCH,
	  HOST, R(OVERRIDE_HOST_BRIDGE), OVER, 6, H },
	{ "each known for itself, both vouched for", &a, &d, {}, KNOWN | SAME_ONLY | VOUCH,
	  HOST, R(OVERRIDE_HOST_BRIDGE), OVER, 6, H },
	{ "two host bridges, pair vouched for", &a, &d, {}, PAIR,
	  HOST, R(OVERRIDE_PAIR), OVER, 6, H },

	/* two domains */
	{ "two domains", &a, &x, {}, 0, NO, R(NO_COMMON_ROOT), 0, 6, H },
	{ "two domains, the other way", &x, &a, {}, 0, NO, R(NO_COMMON_ROOT), 0, 6, DOMAIN1 },
	{ "two domains, client's unknown", &a, &x, {}, KNOWN_P,
	  NO, R(NO_COMMON_ROOT), 0, 6, DOMAIN1 },
	{ "two domains, both known", &a, &x, {}, KNOWN,
	  HOST, R(HOST_BRIDGE_KNOWN), 0, 6, H },
	{ "two domains, known for themselves", &a, &x, {}, KNOWN | SAME_ONLY,
	  NO, R(NO_COMMON_ROOT), 0, 6, H },
	{ "two domains, forwarding CPU", &a, &x, {}, CPU, HOST, R(CPU_FORWARDS), 0, 6, H },
	{ "two domains, pair vouched for", &a, &x, {}, PAIR,
	  HOST, R(OVERRIDE_PAIR), OVER, 6, H },
	{ "equal numbers in two domains", &a, &a_twin, {}, 0,
	  NO, R(NO_COMMON_ROOT), 0, 8, H },
};

static void describe(struct p2p_path_side *side, const struct place *place,
		     const struct row *row, bool client)
{
	u32 facts = row->facts;
	size_t n, k;

	memset(side, 0, sizeof(*side));
	side->domain = place->domain;
	for (n = 0; place->hops[n]; n++) {
		side->hop[n].id = place->hops[n];
		for (k = 0; k < ARRAY_SIZE(row->acs); k++)
			if (row->acs[k] == place->hops[n])
				side->hop[n].acs_redirect = true;
	}
	side->nr = n;
	side->host.root = (u64)place->domain << 16 | place->root;
	side->host.addr = side->host.root;
	side->host.known = facts & (client ? KNOWN_C : KNOWN_P);
	side->host.same_only = facts & SAME_ONLY;
	side->host.vouched = facts & (client ? VOUCH_C : VOUCH_P);
}

static void row_path(const struct row *row, struct p2p_path *path)
{
	describe(&path->provider, row->provider, row, false);
	describe(&path->client, row->client, row, true);
	path->cpu_forwards = row->facts & CPU;
	path->pair_vouched = row->facts & PAIR;
	path->through_host = false;
}

static void verdicts(void)
{
	struct p2p_route route;
	struct p2p_path path;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(rows); n++) {
		const struct row *row = &rows[n];

		ROW("%s", row->name);
		row_path(row, &path);
		memset(&route, 0xff, sizeof(route));
		p2p_path_decide(&path, &route);
		CHECK_EQ(route.type, row->type);
		CHECK_EQ(route.reason, row->reason);
		CHECK_EQ(route.flags, row->flags);
		CHECK_EQ(route.distance, row->distance);
		CHECK_EQ(route.decider, row->decider);
	}
}

/* What no table row may break: nothing vouched for becomes a bus address. */
static void overrides_never_give_a_bus_address(void)
{
	static const u32 vouch[] = { PAIR, VOUCH, PAIR | VOUCH };
	struct p2p_route plain, vouched;
	struct p2p_path path;
	size_t n, k;

	for (n = 0; n < ARRAY_SIZE(rows); n++) {
		struct row row = rows[n];

		row.facts &= ~(PAIR | VOUCH);
		row_path(&row, &path);
		p2p_path_decide(&path, &plain);
		for (k = 0; k < ARRAY_SIZE(vouch); k++) {
			ROW("%s, vouched %#x", row.name, vouch[k]);
			row.facts = (row.facts & ~(PAIR | VOUCH)) | vouch[k];
			row_path(&row, &path);
			p2p_path_decide(&path, &vouched);
			if (plain.type != NO)
				CHECK(!memcmp(&plain, &vouched, sizeof(plain)));
			else
				CHECK_EQ(vouched.type, HOST);
			CHECK_EQ(vouched.flags & ACS, plain.flags & ACS);
		}
	}
}

static void distance_is_symmetric(void)
{
	struct p2p_route there, back;
	struct p2p_path path, turned;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(rows); n++) {
		ROW("%s", rows[n].name);
		row_path(&rows[n], &path);
		turned = path;
		turned.provider = path.client;
		turned.client = path.provider;
		p2p_path_decide(&path, &there);
		p2p_path_decide(&turned, &back);
		CHECK_EQ(there.type, back.type);
		CHECK_EQ(there.reason, back.reason);
		CHECK_EQ(there.flags, back.flags);
		CHECK_EQ(there.distance, back.distance);
	}
}

static void deepest_path(void)
{
	struct p2p_path path = {};
	struct p2p_route route;
	u32 n;

	for (n = 0; n < P2P_PATH_MAX_HOPS; n++) {
		path.provider.hop[n].id = ID(P2P_PATH_MAX_HOPS - n, 0, 0);
		path.client.hop[n].id = ID(P2P_PATH_MAX_HOPS - n, 1, 0);
	}
	path.provider.nr = P2P_PATH_MAX_HOPS;
	path.client.nr = P2P_PATH_MAX_HOPS;
	p2p_path_decide(&path, &route);
	CHECK_EQ(route.type, NO);
	CHECK_EQ(route.distance, 2 * P2P_PATH_MAX_HOPS);
	path.client.hop[P2P_PATH_MAX_HOPS - 1] = path.provider.hop[P2P_PATH_MAX_HOPS - 1];
	p2p_path_decide(&path, &route);
	CHECK_EQ(route.type, BUS);
	CHECK_EQ(route.distance, 2 * P2P_PATH_MAX_HOPS - 2);
}

static const struct {
	const char *name;
	const struct place *provider, *client;
	u16 provider_off, client_off;	/* bridges that are off on that side, 0 for none */
	u16 acs;
	u64 decider;			/* the one that is in the way, NONE if none is */
} off_rows[] = {
	{ "all on", &a, &b, 0, 0, 0, NONE },
	{ "one function", &a, &a, DOWN_A, DOWN_A, 0, NONE },
	{ "two functions below one port", &a, &a1, DOWN_A, DOWN_A, 0, NONE },
	{ "the function itself is no bridge", &a, &b, A, B, 0, NONE },
	{ "provider's port", &a, &b, DOWN_A, 0, 0, DOWN_A },
	{ "client's port", &a, &b, 0, DOWN_B, 0, DOWN_B },
	{ "the client's comes first", &a, &b, DOWN_A, DOWN_B, 0, DOWN_B },
	{ "the common port", &a, &b, UP, UP, 0, NONE },
	{ "above the common port", &a, &b, ROOT_PORT, ROOT_PORT, 0, NONE },
	{ "common port, ACS sends it up", &a, &b, UP, 0, DOWN_B, UP },
	{ "above it, ACS sends it up", &a, &b, 0, ROOT_PORT, DOWN_A, ROOT_PORT },
	{ "inner to outer, on the way down", &e, &a, DOWN_UP2, 0, 0, DOWN_UP2 },
	{ "inner to outer, not on the way", &e, &a, 0, DOWN_UP2, 0, NONE },
	{ "two root ports, provider's", &a, &c, ROOT_PORT, 0, 0, ROOT_PORT },
	{ "two root ports, client's", &a, &c, 0, ROOT_PORT2, 0, ROOT_PORT2 },
	{ "two root ports, an upstream port", &c, &a, 0, UP, 0, UP },
	{ "two domains", &a, &x, 0, X_PORT, 0, DOMAIN1 | X_PORT },
	{ "integrated functions have none", &f, &i, F, I, 0, NONE },
};

static void switch_off(struct p2p_path_side *side, u16 id)
{
	u32 n;

	for (n = 0; n < side->nr; n++)
		side->hop[n].off = side->hop[n].id == id;
}

static void bridges_that_are_off(void)
{
	struct p2p_route on, route;
	struct p2p_path path;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(off_rows); n++) {
		const struct row row = {
			.provider = off_rows[n].provider, .client = off_rows[n].client,
			.acs = { off_rows[n].acs }, .facts = PAIR,
		};

		ROW("%s", off_rows[n].name);
		row_path(&row, &path);
		switch_off(&path.provider, off_rows[n].provider_off);
		switch_off(&path.client, off_rows[n].client_off);
		p2p_path_decide(&path, &route);
		on = route;
		p2p_path_check_bridges(&path, &route);
		if (off_rows[n].decider == NONE) {
			CHECK(!memcmp(&route, &on, sizeof(on)));
			continue;
		}
		CHECK_EQ(route.type, NO);
		CHECK_EQ(route.reason, R(BRIDGE_OFF));
		CHECK_EQ(route.flags, on.flags & ~OVER);
		CHECK_EQ(route.decider, off_rows[n].decider);
		CHECK_EQ(route.distance, on.distance);
	}
}

static void bridges_that_are_off_leave_refusals_alone(void)
{
	struct p2p_route route;
	struct p2p_path path;

	row_path(&(const struct row){ .provider = &a, .client = &c }, &path);
	switch_off(&path.client, ROOT_PORT2);
	p2p_path_decide(&path, &route);
	p2p_path_check_bridges(&path, &route);
	CHECK_EQ(route.reason, R(HOST_BRIDGE_UNKNOWN));
	CHECK_EQ(route.decider, H);
}

/* An address only an IOMMU can read goes up to it, past every switch. */
static void translated_goes_through_the_host(void)
{
	struct p2p_route plain, up;
	struct p2p_path path;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(rows); n++) {
		ROW("%s, translated", rows[n].name);
		row_path(&rows[n], &path);
		p2p_path_decide(&path, &plain);
		path.through_host = true;
		p2p_path_decide(&path, &up);
		CHECK(up.type != BUS);
		CHECK_EQ(up.distance, plain.distance);
		CHECK_EQ(up.flags & ACS, 0);
		if (plain.type != BUS)
			CHECK_EQ(up.type, plain.type);
		else if (!(rows[n].facts & (CPU | KNOWN | PAIR | VOUCH)))
			CHECK_EQ(up.reason, R(HOST_BRIDGE_UNKNOWN));
		else if (rows[n].facts & CPU)
			CHECK_EQ(up.reason, R(CPU_FORWARDS));
	}
}

static const struct {
	const char *name;
	u32 type, flags;
	u64 bus_end, cpu_end, limit;
	bool reachable;
} mask_rows[] = {
	{ "bus address, just within", BUS, 0, 0xffffffff, ~0ULL, 0xffffffff, true },
	{ "bus address, one past", BUS, 0, 0x100000000, 0, 0xffffffff, false },
	{ "bus address, IOMMU does not help", BUS, P2P_ROUTE_F_IOMMU, 0x100000000, 0,
	  0xffffffff, false },
	{ "host bridge, just within", HOST, 0, ~0ULL, 0xffffffff, 0xffffffff, true },
	{ "host bridge, one past", HOST, 0, 0, 0x100000000, 0xffffffff, false },
	{ "host bridge, IOMMU helps", HOST, P2P_ROUTE_F_IOMMU, ~0ULL, ~0ULL, 0xffffffff, true },
	{ "host bridge, override does not help", HOST, OVER, 0, 0x100000000, 0xffffffff, false },
	{ "all 64 bits", BUS, 0, ~0ULL, ~0ULL, ~0ULL, true },
};

static void masks(void)
{
	const u64 client = 0x12345;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(mask_rows); n++) {
		struct p2p_route route = {
			.type = mask_rows[n].type, .reason = R(COMMON_BRIDGE),
			.flags = mask_rows[n].flags, .distance = 4, .decider = 7,
		};

		ROW("%s", mask_rows[n].name);
		p2p_path_check_mask(&route, mask_rows[n].bus_end, mask_rows[n].cpu_end,
				    mask_rows[n].limit, client);
		CHECK_EQ(route.type, mask_rows[n].reachable ? mask_rows[n].type : NO);
		CHECK_EQ(route.reason, mask_rows[n].reachable ? R(COMMON_BRIDGE) : R(DMA_MASK));
		CHECK_EQ(route.decider, mask_rows[n].reachable ? 7 : client);
		CHECK_EQ(route.flags & OVER,
			 mask_rows[n].reachable ? mask_rows[n].flags & OVER : 0);
		CHECK_EQ(route.distance, 4);
	}
}

static void masks_leave_refusals_alone(void)
{
	struct p2p_route route = { .type = NO, .reason = R(ACS_REDIRECT), .decider = 9 };

	p2p_path_check_mask(&route, ~0ULL, ~0ULL, 1, 5);
	CHECK_EQ(route.reason, R(ACS_REDIRECT));
	CHECK_EQ(route.decider, 9);
}

static const struct {
	const char *name;
	u32 type, flags;
	bool guest, iommu_marks;
	u32 reason;		/* R(COMMON_BRIDGE): left as it is */
} encryption_rows[] = {
	{ "none, host bridge", HOST, P2P_ROUTE_F_IOMMU, false, false, R(COMMON_BRIDGE) },
	{ "none, bus address", BUS, 0, false, false, R(COMMON_BRIDGE) },
	{ "host, an IOMMU that marks", HOST, P2P_ROUTE_F_IOMMU, false, true, R(MEM_ENCRYPTION) },
	{ "host, vouched for", HOST, P2P_ROUTE_F_IOMMU | OVER, false, true, R(MEM_ENCRYPTION) },
	{ "host, no IOMMU translates", HOST, 0, false, true, R(COMMON_BRIDGE) },
	{ "host, below a switch", BUS, P2P_ROUTE_F_IOMMU, false, true, R(COMMON_BRIDGE) },
	{ "guest, bus address", BUS, 0, true, false, R(CONFIDENTIAL_GUEST) },
	{ "guest, host bridge", HOST, 0, true, false, R(CONFIDENTIAL_GUEST) },
	{ "guest, vouched for", HOST, OVER, true, false, R(CONFIDENTIAL_GUEST) },
	{ "guest, an IOMMU that marks", HOST, P2P_ROUTE_F_IOMMU, true, true,
	  R(CONFIDENTIAL_GUEST) },
};

static void encryption(void)
{
	const u64 client = 0x12345;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(encryption_rows); n++) {
		bool fits = encryption_rows[n].reason == R(COMMON_BRIDGE);
		struct p2p_route route = {
			.type = encryption_rows[n].type, .reason = R(COMMON_BRIDGE),
			.flags = encryption_rows[n].flags, .distance = 4, .decider = 7,
		};

		ROW("%s", encryption_rows[n].name);
		p2p_path_check_encryption(&route, encryption_rows[n].guest,
					  encryption_rows[n].iommu_marks, client);
		CHECK_EQ(route.type, fits ? encryption_rows[n].type : NO);
		CHECK_EQ(route.reason, encryption_rows[n].reason);
		CHECK_EQ(route.decider, fits ? 7 : client);
		CHECK_EQ(route.flags & OVER, 0);
		CHECK_EQ(route.flags & P2P_ROUTE_F_IOMMU,
			 encryption_rows[n].flags & P2P_ROUTE_F_IOMMU);
		CHECK_EQ(route.distance, 4);
	}
}

static void encryption_leaves_refusals_alone(void)
{
	struct p2p_route route = { .type = NO, .reason = R(ACS_REDIRECT), .decider = 9 };

	p2p_path_check_encryption(&route, true, true, 5);
	CHECK_EQ(route.reason, R(ACS_REDIRECT));
	CHECK_EQ(route.decider, 9);
}

/* An IOMMU gives another address, if the host bridge forwards what it sends. */
static void masked_clients_go_by_the_iommu(void)
{
	const struct p2p_route masked = {
		.type = NO, .reason = R(DMA_MASK), .flags = P2P_ROUTE_F_IOMMU, .distance = 4,
		.decider = 7,
	};
	const struct p2p_route up = { .type = HOST, .reason = R(CPU_FORWARDS), .decider = 9 };
	const struct p2p_route silent = { .reason = R(HOST_BRIDGE_UNKNOWN), .decider = 9 };
	const struct p2p_route off = { .reason = R(BRIDGE_OFF), .decider = 9 };
	struct p2p_route route = masked;

	CHECK(p2p_path_wants_iommu(&route));
	p2p_path_by_iommu(&route, &up);
	CHECK_EQ(route.type, HOST);
	CHECK_EQ(route.reason, R(CPU_FORWARDS));
	CHECK_EQ(route.flags, P2P_ROUTE_F_IOMMU);
	CHECK_EQ(route.decider, 9);
	CHECK(!p2p_path_wants_iommu(&route));

	route = masked;
	p2p_path_by_iommu(&route, &silent);
	CHECK_EQ(route.type, NO);
	CHECK_EQ(route.reason, R(DMA_MASK_IOMMU));
	CHECK_EQ(route.decider, 9);

	route = masked;
	p2p_path_by_iommu(&route, &off);
	CHECK_EQ(route.type, NO);
	CHECK_EQ(route.reason, R(BRIDGE_OFF));
	CHECK_EQ(route.decider, 9);

	route = masked;
	route.flags = 0;
	CHECK(!p2p_path_wants_iommu(&route));
}

void test_paths(void)
{
	RUN(verdicts);
	RUN(overrides_never_give_a_bus_address);
	RUN(distance_is_symmetric);
	RUN(deepest_path);
	RUN(bridges_that_are_off);
	RUN(bridges_that_are_off_leave_refusals_alone);
	RUN(translated_goes_through_the_host);
	RUN(masks);
	RUN(masks_leave_refusals_alone);
	RUN(encryption);
	RUN(encryption_leaves_refusals_alone);
	RUN(masked_clients_go_by_the_iommu);
}
