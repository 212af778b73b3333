/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_PATH_H
#define _P2P_PATH_H

#include <linux/types.h>

struct p2p_route;

/*
 * Functions from a device up to its root bus. A switch takes two; no real machine
 * has thirty switches in a row. Bounded so that a description fits on the stack.
 */
#define P2P_PATH_MAX_HOPS	64

/**
 * struct p2p_path_hop - a function on the way up
 * @id: bus << 8 | devfn, in the side's domain
 * @acs_redirect: ACS sends requests or completions upstream instead of to a peer
 * @off: a bridge that somebody has switched off: on the provider's side one that passes no memory
 *	requests down, on the client's side one that passes no requests up
 */
struct p2p_path_hop {
	u16 id;
	bool acs_redirect;
	bool off;
};

/**
 * struct p2p_path_host - the host bridge at the end of a side
 * @root: domain << 16 | root bus << 8, which tells host bridges apart
 * @addr: the function that stands for the host bridge, or @root without one
 * @known: listed as forwarding peer traffic
 * @same_only: it does not forward to or from other host bridges
 * @vouched: the administrator says that it forwards
 */
struct p2p_path_host {
	u64 root;
	u64 addr;
	bool known;
	bool same_only;
	bool vouched;
};

/**
 * struct p2p_path_side - the provider's or the client's half of a path
 * @domain: the PCI domain
 * @nr: hops in use, at least one
 * @hop: the function itself, then its bridges upwards
 * @host: the host bridge above the last of them
 */
struct p2p_path_side {
	u32 domain;
	u32 nr;
	struct p2p_path_hop hop[P2P_PATH_MAX_HOPS];
	struct p2p_path_host host;
};

/**
 * struct p2p_path - everything a verdict depends on
 * @provider: from the owner of the BAR
 * @client: from the device that is to reach it
 * @cpu_forwards: this CPU's host bridges all forward peer traffic
 * @pair_vouched: the administrator says that these two reach each other
 * @through_host: only the client's IOMMU can read the client's addresses, so its requests go up
 *	to the IOMMU, whatever lies between provider and client
 */
struct p2p_path {
	struct p2p_path_side provider;
	struct p2p_path_side client;
	bool cpu_forwards;
	bool pair_vouched;
	bool through_host;
};

/**
 * struct p2p_path_registers - what registers said when a verdict was worked out
 * @provider: a bit per hop of that side, from the function itself upwards: the hop redirects
 * @client: the same for the client's side
 * @provider_off: a bit per bridge of the provider's side: the bridge is off
 * @client_off: the same for the client's side
 */
struct p2p_path_registers {
	u64 provider;
	u64 client;
	u64 provider_off;
	u64 client_off;
};

void p2p_path_decide(const struct p2p_path *path, struct p2p_route *route);
void p2p_path_check_bridges(const struct p2p_path *path, struct p2p_route *route);
void p2p_path_check_mask(struct p2p_route *route, u64 bus_end, u64 cpu_end, u64 limit,
			 u64 client);
void p2p_path_check_encryption(struct p2p_route *route, bool guest, bool iommu_marks,
			       u64 client);
bool p2p_path_wants_iommu(const struct p2p_route *route);
void p2p_path_by_iommu(struct p2p_route *route, const struct p2p_route *up);

#endif /* _P2P_PATH_H */
