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
static bool bounced(struct device *client, phys_addr_t paddr, dma_addr_t addr)
{
	return !p2p_translated(client) && dma_to_phys(client, addr) != paddr;
}

/* For system memory. A BAR was checked when its route was found. */
static bool out_of_reach(struct device *client, phys_addr_t paddr, u64 len)
{
	return !p2p_translated(client) &&
	       phys_to_dma(client, paddr) + (len - 1) > p2p_client_limit(client);
}

/* An address from the DMA API for one range. The errnos are those of p2p_map_link(). */
int p2p_range_map(struct device *client, phys_addr_t paddr, u64 len,
		  enum dma_data_direction dir, unsigned long attrs, dma_addr_t *addr)
{
	bool system = !(attrs & DMA_ATTR_MMIO);
	dma_addr_t mapped;

	if (system && out_of_reach(client, paddr, len))
		return -EIO;
	mapped = dma_map_phys(client, paddr, len, dir, attrs);
	if (dma_mapping_error(client, mapped))
		return p2p_translated(client) ? -ENOSPC : -EIO;
	if (system && bounced(client, paddr, mapped)) {
		/* Nothing comes back from it: others may write to the memory itself. */
		dma_unmap_phys(client, mapped, len, dir, attrs | DMA_ATTR_SKIP_CPU_SYNC);
		return -EIO;
	}
	*addr = mapped;
	return 0;
}

static int range_link(struct p2p_map *map, u32 index)
{
	const struct p2p_vec *vec = &map->vecs->vec[index];

	return p2p_range_map(map->client, vec->paddr, vec->len, map->dir,
			     p2p_map_attrs(map, index), &map->addr[index]);
}

/*
 * Flush the device's own TLB from the lowest to the highest address that is not linked. Only for
 * IOMMUs whose full flush skips it: on others such a range flush would take long, as they go
 * page by page.
 */
void p2p_range_flush_device(struct iommu_domain *domain, u64 start, u64 last)
{
	struct iommu_iotlb_gather gather;

	if (start > last)
		return;
	iommu_iotlb_gather_init(&gather);
	gather.start = start;
	gather.end = last;
	gather.pgsize = PAGE_SIZE;
	iommu_iotlb_sync(domain, &gather);
}

static void flush_device(struct p2p_map *map, struct iommu_domain *domain)
{
	u64 start = U64_MAX, last = 0;
	u32 i;

	for (i = 0; i < map->vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS || p2p_map_linked(map, i))
			continue;
		start = min_t(u64, start, map->addr[i]);
		last = max_t(u64, last, map->addr[i] + map->vecs->vec[i].len - 1);
	}
	p2p_range_flush_device(domain, start, last);
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
 *
 * Returns the domain if p2p_range_flush_device() has to follow.
 */
struct iommu_domain *p2p_range_flush(struct device *client)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(client);

	if (!domain || READ_ONCE(domain->type) != IOMMU_DOMAIN_DMA_FQ)
		return NULL;
	iommu_flush_iotlb_all(domain);
	return iommu_flush_all_skips_device(client) ? domain : NULL;
}

static void range_flush(struct p2p_map *map)
{
	struct iommu_domain *domain = p2p_range_flush(map->client);

	if (domain)
		flush_device(map, domain);
}

const struct p2p_map_backend p2p_map_range = {
	.link = range_link,
	.unlink = range_unlink,
	.flush = range_flush,
};
