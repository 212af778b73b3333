// SPDX-License-Identifier: GPL-2.0
/* What a client sees of its mapping: segments and addresses; and CPU cache maintenance. */

#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "map.h"

static void limits_find(struct p2p_map *map, unsigned long flags,
			struct p2p_segment_limits *limits)
{
	u64 max_len = p2p_segment_max_len(dma_get_max_seg_size(map->client), map->max_segment);

	p2p_segment_limits_set(limits, max_len, map->segment_align,
			       dma_get_seg_boundary(map->client), flags);
}

/**
 * p2p_map_begin_segments() - begin a walk over the segments of a mapping
 * @map: the mapping
 * @flags: P2P_SEGMENTS_*; without P2P_SEGMENTS_PER_PROVIDER a segment that spans several
 *	providers names the first of them
 * @iter: for p2p_segment_next()
 *
 * A stretch that is contiguous for the client is one segment, as far as the client's maximum
 * segment size (see p2p_map_limit_segments()) and segment boundary allow. Each segment begins
 * and ends on a page, and is shorter than 4 GiB unless @flags has P2P_SEGMENTS_LONG.
 *
 * The providers in the segments are borrowed from the mapping.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: true, or false if not all vecs are linked: then there are no segments
 */
bool p2p_map_begin_segments(struct p2p_map *map, unsigned long flags,
			    struct p2p_segment_iter *iter)
{
	struct p2p_segment_limits limits;

	if (!bitmap_full(map->linked, map->vecs->nr))
		return false;
	limits_find(map, flags, &limits);
	p2p_segment_iter_init(iter, map->vecs, map->addr, map->part, &limits);
	return true;
}
EXPORT_SYMBOL_GPL(p2p_map_begin_segments);

/**
 * p2p_map_expect_segments() - estimate how many segments a mapping has
 * @map: the mapping
 * @flags: as for p2p_map_begin_segments()
 *
 * Does not walk the segments: a caller allocates room by this estimate, then walks once.
 *
 * Context: Any. See p2p_map_reserve() for locks.
 * Return: at least 1; the real number may be larger or smaller
 */
u32 p2p_map_expect_segments(struct p2p_map *map, unsigned long flags)
{
	u32 nr = map->backend == &p2p_map_iova ? 1 : map->vecs->nr;
	struct p2p_segment_limits limits;

	limits_find(map, flags, &limits);
	if (map->vecs->size > limits.max_len)
		nr = min_t(u64, nr + div64_u64(map->vecs->size, limits.max_len), U32_MAX);
	return nr;
}
EXPORT_SYMBOL_GPL(p2p_map_expect_segments);

/**
 * p2p_map_limit_segments() - how long a segment may be, and where it may be cut
 * @map: the mapping
 * @max_len: bytes, rounded down to whole pages; 0: the device's maximum only
 * @align: bytes, a power of two, or 0: a stretch that is longer than a segment may be is cut
 *	where the DMA address is a multiple of @align, if there is such a place
 *
 * The device's own maximum (dma_set_max_seg_size()) applies as well, unless it is 65,536: the PCI
 * core sets that for every device, so it does not show what the driver wants.
 *
 * Context: Any. See p2p_map_reserve() for locks.
 */
void p2p_map_limit_segments(struct p2p_map *map, u64 max_len, u64 align)
{
	map->max_segment = max_len;
	map->segment_align = align;
}
EXPORT_SYMBOL_GPL(p2p_map_limit_segments);

/**
 * p2p_map_count_segments() - how many segments the client sees
 * @map: the mapping
 * @flags: as for p2p_map_begin_segments()
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: the number; 0 if not all vecs are linked, or if 32 bits cannot hold it
 */
u32 p2p_map_count_segments(struct p2p_map *map, unsigned long flags)
{
	return p2p_map_fill_segments(map, flags, NULL, 0);
}
EXPORT_SYMBOL_GPL(p2p_map_count_segments);

/**
 * p2p_map_fill_segments() - the segments the client sees
 * @map: the mapping
 * @flags: as for p2p_map_begin_segments()
 * @segs: where to put them
 * @room: how many fit there
 *
 * The providers in @segs are borrowed from the mapping.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: what p2p_map_count_segments() returns, which may be more than @room;
 * the first @room of them are stored
 */
u32 p2p_map_fill_segments(struct p2p_map *map, unsigned long flags,
			  struct p2p_segment *segs, u32 room)
{
	struct p2p_segment_iter iter;
	struct p2p_segment segment;
	u64 nr = 0;
	u32 got;

	if (!p2p_map_begin_segments(map, flags, &iter))
		return 0;
	for (got = SZ_4K; got == SZ_4K; nr += got) {
		got = p2p_segments_take(&iter, segs + nr, min_t(u64, room - nr, SZ_4K));
		cond_resched();
	}
	for (; p2p_segment_next(&iter, &segment); nr++)
		if (!(nr % SZ_4K))
			cond_resched();
	return nr > U32_MAX ? 0 : nr;
}
EXPORT_SYMBOL_GPL(p2p_map_fill_segments);

/**
 * p2p_map_vec_addr() - where the client sees one vec
 * @map: the mapping
 * @index: of the vec
 *
 * Context: Any. See p2p_map_reserve() for locks.
 * Return: the DMA address of its first byte, or DMA_MAPPING_ERROR if it is not
 * linked or does not exist
 */
dma_addr_t p2p_map_vec_addr(struct p2p_map *map, u32 index)
{
	const struct p2p_vec *vec = &map->vecs->vec[index];

	if (index >= map->vecs->nr || !p2p_map_linked(map, index))
		return DMA_MAPPING_ERROR;
	return map->addr ? map->addr[index] : vec->paddr + map->part[vec->part].shift;
}
EXPORT_SYMBOL_GPL(p2p_map_vec_addr);

/*
 * There are no bounce buffers to copy (range_link() refuses them), so this does something only
 * where the CPU's caches do not see what devices write.
 */
static void sync_system(struct p2p_map *map,
			void (*sync)(struct device *dev, dma_addr_t addr, size_t len,
				     enum dma_data_direction dir))
{
	u32 i;

	if (!map->vecs->system_size || dev_is_dma_coherent(map->client))
		return;
	for (i = 0; i < map->vecs->nr; i++)
		if (p2p_map_linked(map, i) && p2p_map_kind(map, i) == P2P_MAP_SYSTEM)
			sync(map->client, map->addr[i], map->vecs->vec[i].len, map->dir);
}

static void sync_for_cpu(struct device *dev, dma_addr_t addr, size_t len,
			 enum dma_data_direction dir)
{
	dma_sync_single_for_cpu(dev, addr, len, dir);
}

static void sync_for_device(struct device *dev, dma_addr_t addr, size_t len,
			    enum dma_data_direction dir)
{
	dma_sync_single_for_device(dev, addr, len, dir);
}

/**
 * p2p_map_sync_for_cpu() - let the CPU see what the device wrote to system memory
 * @map: the mapping
 *
 * Does nothing for BARs, which no cache holds, nor for a device that is cache coherent.
 *
 * Context: May sleep. See p2p_map_reserve() for locks. The device does no DMA.
 */
void p2p_map_sync_for_cpu(struct p2p_map *map)
{
	sync_system(map, sync_for_cpu);
}
EXPORT_SYMBOL_GPL(p2p_map_sync_for_cpu);

/**
 * p2p_map_sync_for_device() - let the device see what the CPU wrote to system memory
 * @map: the mapping
 *
 * Context: See p2p_map_sync_for_cpu().
 */
void p2p_map_sync_for_device(struct p2p_map *map)
{
	sync_system(map, sync_for_device);
}
EXPORT_SYMBOL_GPL(p2p_map_sync_for_device);
