// SPDX-License-Identifier: GPL-2.0
/*
 * One address per range. Used without an IOMMU, and behind an IOMMU if the kernel
 * has no two-step DMA API or that API cannot serve the mapping.
 */

#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/sizes.h>

#include "map.h"
#include "route.h"
#include "translate.h"

#include "../../../compat/iotlb.h"

/*
 * Both sides use a buffer while it is mapped, so a bounce buffer would hide what
 * either writes. The DMA API sets one up without being asked, but only where no
 * IOMMU translates, and there the address it returns shows it.
 */
static bool bounced(struct p2p_map *map, phys_addr_t paddr, dma_addr_t addr)
{
	return !p2p_translated(map->client) && dma_to_phys(map->client, addr) != paddr;
}

/* For system memory. A BAR was checked when its route was found. */
static bool out_of_reach(struct p2p_map *map, const struct p2p_vec *vec)
{
	u64 limit = p2p_client_limit(map->client);

	return !p2p_translated(map->client) &&
	       phys_to_dma(map->client, vec->paddr) + (vec->len - 1) > limit;
}

static int range_link(struct p2p_map *map, u32 index)
{
	const struct p2p_vec *vec = &map->vecs->vec[index];
	unsigned long attrs = p2p_map_attrs(map, index);
	bool system = p2p_map_kind(map, index) == P2P_MAP_SYSTEM;
	dma_addr_t addr;

	if (system && out_of_reach(map, vec))
		return -EIO;
	addr = dma_map_phys(map->client, vec->paddr, vec->len, map->dir, attrs);
	if (dma_mapping_error(map->client, addr))
		return p2p_translated(map->client) ? -ENOSPC : -EIO;
	if (system && bounced(map, vec->paddr, addr)) {
		/* No copy back from the bounce buffer: others may write to the memory. */
		dma_unmap_phys(map->client, addr, vec->len, map->dir,
			       attrs | DMA_ATTR_SKIP_CPU_SYNC);
		return -EIO;
	}
	map->addr[index] = addr;
	return 0;
}

/*
 * Flush the device's own TLB from the lowest to the highest address that is not linked. Only for
 * IOMMUs whose full flush skips it: on others such a range flush would take long, as they go
 * page by page.
 */
static void range_flush_device(struct p2p_map *map, struct iommu_domain *domain)
{
	struct iommu_iotlb_gather gather;
	u32 i;

	iommu_iotlb_gather_init(&gather);
	for (i = 0; i < map->vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS || p2p_map_linked(map, i))
			continue;
		gather.start = min_t(u64, gather.start, map->addr[i]);
		gather.end = max_t(u64, gather.end,
				   map->addr[i] + map->vecs->vec[i].len - 1);
	}
	if (gather.start > gather.end)
		return;
	gather.pgsize = PAGE_SIZE;
	iommu_iotlb_sync(domain, &gather);
}

static void range_unlink(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i;

	for (i = first; i < first + nr; i++) {
		dma_unmap_phys(map->client, map->addr[i], map->vecs->vec[i].len,
			       map->dir, p2p_map_attrs(map, i));
		if (!(i % SZ_1K))
			cond_resched();
	}
}

/*
 * In a lazy domain, which is what distributions ship, unmapping takes the range
 * out of the page table but leaves stale IOTLB entries until a timer fires or a
 * queue is full, about ten milliseconds. The kernel accepts that for system
 * memory. For a BAR it would break the promise that nothing reaches it once
 * revoke has returned: the peer could still write to a device that meanwhile
 * belongs to someone else. So invalidate now, once for everything that was
 * unlinked; system memory of the same mapping is flushed along.
 *
 * That is enough: the page table entries were cleared before, so the IOTLB
 * cannot load them again. The IOVAs stay in the queue, which invalidates them
 * once more before they are used again; this does no harm.
 *
 * The client is bound to its driver, whose DMA mapping was just undone, so the
 * domain is the client's DMA API domain and stays it. Its type can only change
 * from strict to lazy meanwhile. What was unmapped while it was strict has been
 * invalidated already. The type is read after the unmapping, so if anything was
 * unmapped while it was lazy, lazy is read here.
 */
static void range_flush(struct p2p_map *map)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(map->client);

	if (domain && READ_ONCE(domain->type) == IOMMU_DOMAIN_DMA_FQ) {
		iommu_flush_iotlb_all(domain);
		if (iommu_flush_all_skips_device(map->client))
			range_flush_device(map, domain);
	}
}

const struct p2p_map_backend p2p_map_range = {
	.link = range_link,
	.unlink = range_unlink,
	.flush = range_flush,
};
