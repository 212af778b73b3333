/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_ROUTE_H
#define _P2P_ROUTE_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/types.h>

struct p2p_provider;
struct p2p_route;

/**
 * enum p2p_route_way - how to come to a verdict
 * @P2P_ROUTE_RECALL: use a cached verdict if there is one
 * @P2P_ROUTE_LOOK: read the registers of bridges now
 * @P2P_ROUTE_TRANSLATED: for addresses that only the client's IOMMU can read; may be cached
 */
enum p2p_route_way {
	P2P_ROUTE_RECALL,
	P2P_ROUTE_LOOK,
	P2P_ROUTE_TRANSLATED,
};

int p2p_route_find(struct p2p_provider *provider, u64 last, struct device *client,
		   enum p2p_route_way way, struct p2p_route *route);

/* The highest address that the client can put out. */
static inline u64 p2p_client_limit(struct device *client)
{
	return min_not_zero(dma_get_mask(client), (u64)client->bus_dma_limit);
}

#endif /* _P2P_ROUTE_H */
