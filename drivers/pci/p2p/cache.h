/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_CACHE_H
#define _P2P_CACHE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct p2p_path_registers;
struct p2p_route;
struct pci_dev;

/**
 * struct p2p_cache - a provider's verdicts on its clients
 * @entries: two per client, by PCI address and by whether only the client's IOMMU can read the
 *	addresses; the xa_lock guards their contents
 */
struct p2p_cache {
	struct xarray entries;
};

void p2p_cache_init(struct p2p_cache *cache);
void p2p_cache_drop(struct p2p_cache *cache);
bool p2p_cache_find(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
		    u64 generation, struct p2p_route *route);
bool p2p_cache_confirms(struct p2p_cache *cache, struct pci_dev *client, u64 generation,
			const struct p2p_path_registers *seen, struct p2p_route *route);
bool p2p_cache_contradicts(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
			   const struct p2p_route *route);
void p2p_cache_store(struct p2p_cache *cache, struct pci_dev *client, bool through_host,
		     u64 generation, const struct p2p_route *route,
		     const struct p2p_path_registers *seen);

extern atomic64_t p2p_cache_now;

void p2p_cache_outdate(void);

int p2p_cache_watch(void);
void p2p_cache_unwatch(void);

/* The number of the present generation of verdicts. */
static inline u64 p2p_cache_generation(void)
{
	u64 now = atomic64_read(&p2p_cache_now);

	/* Pairs with p2p_cache_outdate(): read the topology after the number. */
	smp_mb();
	return now;
}

#endif /* _P2P_CACHE_H */
