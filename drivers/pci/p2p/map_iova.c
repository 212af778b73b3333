// SPDX-License-Identifier: GPL-2.0
/*
 * One stretch of IOVA space for the whole mapping, and ranges linked into it: the
 * kernel's two-step DMA API. Where the kernel lacks that API, HAVE_TWO_STEP_DMA is
 * false (compat/), and nothing here is reached.
 *
 * Unlinking uses dma_iova_unlink(), which invalidates the IOTLB before it returns,
 * in a lazy domain as well, so no flush is needed afterwards. dma_iova_destroy()
 * does so from Linux 7.3 on; before, it leaves the invalidation to a timer.
 */

#include <linux/align.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
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

/* Can an IOMMU map it by large pages? With 4 KiB pages 64 GiB take 128 MiB of page table. */
static bool is_large(const struct p2p_vec *vec)
{
	return vec->len >= SZ_2M && IS_ALIGNED(vec->paddr, SZ_2M);
}

/**
 * enum iova_rank - in which order vecs get IOVAs, if buffer order would lose large pages
 * @IOVA_LARGE: the vec keeps its large pages, and the IOVA behind it is aligned for the next
 * @IOVA_LARGE_ODD: the vec keeps its large pages, but the IOVA behind it is not aligned
 * @IOVA_SMALL: the vec has no large pages
 * @IOVA_RANKS: the number of ranks
 */
enum iova_rank {
	IOVA_LARGE,
	IOVA_LARGE_ODD,
	IOVA_SMALL,
	IOVA_RANKS,
};

static enum iova_rank rank_of(const struct p2p_vec *vec)
{
	if (!is_large(vec))
		return IOVA_SMALL;
	return IS_ALIGNED(vec->len, SZ_2M) ? IOVA_LARGE : IOVA_LARGE_ODD;
}

/* Would a vec lose its large pages if all vecs got IOVAs in buffer order? */
static bool large_pages_lost(const struct p2p_map *map)
{
	const struct p2p_vecs *vecs = map->vecs;
	u64 place = 0;
	u32 i;

	for (i = 0; i < vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS)
			continue;
		if (is_large(&vecs->vec[i]) && !IS_ALIGNED(place, SZ_2M))
			return true;
		place += vecs->vec[i].len;
	}
	return false;
}

/* Only one vec of rank IOVA_LARGE_ODD can follow those of rank IOVA_LARGE. */
static u32 count_odd(const struct p2p_map *map)
{
	u32 i, nr = 0;

	for (i = 0; i < map->vecs->nr; i++)
		nr += p2p_map_kind(map, i) != P2P_MAP_BUS &&
		      rank_of(&map->vecs->vec[i]) == IOVA_LARGE_ODD;
	return nr;
}

/* Gives IOVAs to the vecs of @rank (IOVA_RANKS: all), from @addr on. Returns the next free one. */
static dma_addr_t places_give(struct p2p_map *map, dma_addr_t addr, enum iova_rank rank)
{
	u32 i;

	for (i = 0; i < map->vecs->nr; i++) {
		const struct p2p_vec *vec = &map->vecs->vec[i];

		if (p2p_map_kind(map, i) == P2P_MAP_BUS ||
		    (rank != IOVA_RANKS && rank_of(vec) != rank))
			continue;
		map->addr[i] = addr;
		addr += vec->len;
	}
	return addr;
}

/*
 * The client has an IOMMU that translates. Reserve @size bytes, the sum of all vecs that need an
 * IOVA, and give the vecs their IOVAs one after the other: in buffer order, or, if a large vec
 * would then lose its large pages, the large ones first. Returns false if this backend cannot
 * serve the mapping: the IOMMU's granule is coarser than the vecs, several large vecs of odd
 * length would make each other lose their large pages, or there is no free stretch of that size
 * (there may still be room for the single vecs).
 */
bool p2p_map_iova_reserve(struct p2p_map *map, u64 size)
{
	unsigned long granule_mask = dma_get_merge_boundary(map->client);
	dma_addr_t addr;
	u32 rank;
	bool lost;

	if (!all_aligned(map, granule_mask))
		return false;
	lost = large_pages_lost(map);
	if (lost && count_odd(map) > 1)
		return false;
	/* Every vec is aligned to the granule, so the offset within one is zero. */
	if (!dma_iova_try_alloc(map->client, &map->iova, 0, size))
		return false;

	map->iova_size = size;
	addr = map->iova.addr;
	if (!lost) {
		places_give(map, addr, IOVA_RANKS);
		return true;
	}
	for (rank = 0; rank < IOVA_RANKS; rank++)
		addr = places_give(map, addr, rank);
	return true;
}

static size_t place_of(const struct p2p_map *map, u32 index)
{
	return map->addr[index] - map->iova.addr;
}

/* The bytes from vec @first on that are contiguous in the IOVA space. @next: the vec after. */
static size_t stretch_of(const struct p2p_map *map, u32 first, u32 end, u32 *next)
{
	size_t len = map->vecs->vec[first].len;
	u32 i;

	for (i = first + 1; i < end && map->addr[i] == map->addr[first] + len; i++)
		len += map->vecs->vec[i].len;
	*next = i;
	return len;
}

static int iova_link(struct p2p_map *map, u32 index)
{
	const struct p2p_vec *vec = &map->vecs->vec[index];

	return dma_iova_link(map->client, &map->iova, vec->paddr, place_of(map, index),
			     vec->len, map->dir, p2p_map_attrs(map, index));
}

static int iova_sync(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i, next;
	size_t len;
	int error;

	for (i = first; i < first + nr; i = next) {
		len = stretch_of(map, i, first + nr, &next);
		error = dma_iova_sync(map->client, &map->iova, place_of(map, i), len);
		if (error)
			return error;
	}
	return 0;
}

/* One call per contiguous stretch: an IOTLB invalidation for each vec would cost much more. */
static void iova_unlink(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i, next;
	size_t len;

	for (i = first; i < first + nr; i = next) {
		len = stretch_of(map, i, first + nr, &next);
		dma_iova_unlink(map->client, &map->iova, place_of(map, i), len, map->dir,
				p2p_map_attrs(map, i));
	}
}

/*
 * May one call cover BARs and system memory alike? The attributes passed matter only where CPU
 * caches have to be synchronised.
 */
static bool iova_is_one(const struct p2p_map *map)
{
	return !map->vecs->system_size || map->vecs->system_size == map->iova_size ||
	       dev_is_dma_coherent(map->client);
}

static int iova_sync_all(struct p2p_map *map)
{
	return dma_iova_sync(map->client, &map->iova, 0, map->iova_size);
}

static bool iova_unlink_all(struct p2p_map *map)
{
	unsigned long attrs = map->vecs->system_size ? 0 : DMA_ATTR_MMIO | DMA_ATTR_SKIP_CPU_SYNC;

	if (!iova_is_one(map))
		return false;
	dma_iova_unlink(map->client, &map->iova, 0, map->iova_size, map->dir, attrs);
	return true;
}

static void iova_release(struct p2p_map *map)
{
	dma_iova_free(map->client, &map->iova);
}

const struct p2p_map_backend p2p_map_iova = {
	.link = iova_link,
	.sync = iova_sync,
	.sync_all = iova_sync_all,
	.unlink = iova_unlink,
	.unlink_all = iova_unlink_all,
	.release = iova_release,
};
