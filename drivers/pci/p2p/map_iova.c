// SPDX-License-Identifier: GPL-2.0
/*
 * One stretch of IOVA space for the whole mapping, ranges linked into it: the
 * kernel's two-step DMA API. Where the kernel lacks it, compat/ has a
 * dma_iova_try_alloc() that never succeeds, and nothing else here is reached.
 *
 * Unlinking is by dma_iova_unlink(): it invalidates the IOTLB before it returns,
 * in a lazy domain as well, so there is nothing to flush afterwards.
 * dma_iova_destroy() does so from Linux 7.3 on; before, it leaves that to a timer.
 */

#include <linux/align.h>
#include <linux/device.h>
#include <linux/sizes.h>

#include "map.h"

static bool all_aligned(const struct p2p_map *map, u64 mask)
{
	const struct p2p_vecs *vecs = map->vecs;
	u32 i;

	for (i = 0; i < vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS)
			continue;
		if ((vecs->vec[i].paddr | vecs->vec[i].len) & mask)
			return false;
	}
	return true;
}

/*
 * Would a vec that an IOMMU could map by large pages lose them by its place behind the
 * others? Then it is better off with an address of its own: 64 GiB by 4 KiB pages are
 * 128 MiB of page table.
 */
static bool large_pages_lost(const struct p2p_map *map)
{
	const struct p2p_vecs *vecs = map->vecs;
	u64 place = 0;
	u32 i;

	for (i = 0; i < vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS)
			continue;
		if (vecs->vec[i].len >= SZ_2M && IS_ALIGNED(vecs->vec[i].paddr, SZ_2M) &&
		    !IS_ALIGNED(place, SZ_2M))
			return true;
		place += vecs->vec[i].len;
	}
	return false;
}

/*
 * Reserve @size bytes, which is the sum of all vecs that need them, and hand the
 * vecs their places, one after the other. False if this is not for this mapping:
 * no IOMMU translates for the client, or its granule is coarser than the vecs,
 * or there is no stretch of that size (there may be room for the single ones).
 */
bool p2p_map_iova_reserve(struct p2p_map *map, u64 size)
{
	unsigned long granule_mask = dma_get_merge_boundary(map->client);
	dma_addr_t addr;
	u32 i;

	if (!granule_mask || !all_aligned(map, granule_mask) || large_pages_lost(map))
		return false;
	/* Everything is aligned, so the place within a granule is always zero. */
	if (!dma_iova_try_alloc(map->client, &map->iova, 0, size))
		return false;

	addr = map->iova.addr;
	for (i = 0; i < map->vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS)
			continue;
		map->addr[i] = addr;
		addr += map->vecs->vec[i].len;
	}
	return true;
}

static size_t place_of(const struct p2p_map *map, u32 index)
{
	return map->addr[index] - map->iova.addr;
}

static size_t length_of(const struct p2p_map *map, u32 first, u32 nr)
{
	u32 last = first + nr - 1;

	return map->addr[last] + map->vecs->vec[last].len - map->addr[first];
}

static int iova_link(struct p2p_map *map, u32 index)
{
	const struct p2p_vec *vec = &map->vecs->vec[index];

	return dma_iova_link(map->client, &map->iova, vec->paddr, place_of(map, index),
			     vec->len, map->dir, p2p_map_attrs(map, index));
}

static int iova_sync(struct p2p_map *map, u32 first, u32 nr)
{
	return dma_iova_sync(map->client, &map->iova, place_of(map, first),
			     length_of(map, first, nr));
}

/* In one go for all of them: an invalidation each would cost much more. */
static void iova_unlink(struct p2p_map *map, u32 first, u32 nr)
{
	dma_iova_unlink(map->client, &map->iova, place_of(map, first),
			length_of(map, first, nr), map->dir, p2p_map_attrs(map, first));
}

static void iova_release(struct p2p_map *map)
{
	dma_iova_free(map->client, &map->iova);
}

const struct p2p_map_backend p2p_map_iova = {
	.link = iova_link,
	.sync = iova_sync,
	.unlink = iova_unlink,
	.release = iova_release,
};
