// SPDX-License-Identifier: GPL-2.0
/*
 * A vec list mapped for one client, in two steps: reserve decides how each vec is
 * reached and takes address space; link makes single vecs reachable in it.
 *
 * Space and time go with the number of vecs, never with their sizes. Routes and
 * life are looked up once per run of one provider.
 */

#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "cache.h"
#include "map.h"
#include "provider.h"

/* The end of the run of one provider (or of one kind of other memory) that holds @first. */
static u32 run_end(const struct p2p_vecs *vecs, u32 first, u32 end)
{
	u32 i = first + 1;

	while (i < end && vecs->vec[i].provider == vecs->vec[first].provider &&
	       vecs->vec[i].kind == vecs->vec[first].kind)
		i++;
	return i;
}

/* No CPU cache ever holds a BAR, so there is none to be synchronised. */
unsigned long p2p_map_attrs(const struct p2p_map *map, u32 index)
{
	if (map->vec[index].kind == P2P_MAP_MMIO)
		return DMA_ATTR_MMIO | DMA_ATTR_SKIP_CPU_SYNC;
	return 0;
}

/* Offset in its BAR of the last byte that vecs @first to @end, of one provider, have. */
static u64 run_last(const struct p2p_vecs *vecs, u32 first, u32 end)
{
	phys_addr_t last = 0;
	u32 i;

	for (i = first; i < end; i++)
		last = max(last, vecs->vec[i].paddr + (vecs->vec[i].len - 1));
	return last - vecs->vec[first].provider->base;
}

/* Of vecs @first to @end, a run of one provider: all of it goes one way. */
static int kind_find(struct p2p_map *map, u32 first, u32 end, u8 *kind)
{
	const struct p2p_vec *vec = &map->vecs->vec[first];
	struct p2p_route route;
	int error;

	*kind = P2P_MAP_SYSTEM;
	if (vec->kind == P2P_VEC_SYSTEM)
		return 0;
	if (vec->kind == P2P_VEC_HIDDEN)
		return -EHOSTUNREACH;
	error = p2p_route_upto(vec->provider, run_last(map->vecs, first, end), map->client, &route);
	if (error)
		return error;
	if (route.type == P2P_ROUTE_NOT_SUPPORTED)
		return -EHOSTUNREACH;
	*kind = route.type == P2P_ROUTE_BUS_ADDR ? P2P_MAP_BUS : P2P_MAP_MMIO;
	return 0;
}

/* Fills in every vec's kind, and the address of those that have it already. */
static int kinds_set(struct p2p_map *map)
{
	struct p2p_vecs *vecs = map->vecs;
	u32 i, end;
	u8 kind;
	int error;

	for (i = 0; i < vecs->nr; ) {
		struct p2p_provider *provider = vecs->vec[i].provider;

		end = run_end(vecs, i, vecs->nr);
		error = kind_find(map, i, end, &kind);
		if (error)
			return error;
		for (; i < end; i++) {
			map->vec[i].kind = kind;
			if (kind == P2P_MAP_BUS)
				map->vec[i].addr = vecs->vec[i].paddr + provider->bus_offset;
		}
		cond_resched();
	}
	return 0;
}

static int backend_choose(struct p2p_map *map)
{
	u64 size = 0;
	u32 i;

	/* Cannot overflow: vecs->size, which did not, is the sum of all. */
	for (i = 0; i < map->vecs->nr; i++)
		if (map->vec[i].kind != P2P_MAP_BUS)
			size += map->vecs->vec[i].len;

	/* The DMA API counts in size_t and keeps the topmost bit for itself. */
	if (size > SIZE_MAX || size & BIT_ULL(63))
		return -EOVERFLOW;
	if (size && !map->client->dma_mask)
		return -EIO;
	if (size && p2p_map_iova_reserve(map, size))
		map->backend = &p2p_map_iova;
	else
		map->backend = &p2p_map_range;
	return 0;
}

static void map_destroy(struct p2p_map *map)
{
	p2p_vecs_put(map->vecs);
	put_device(map->client);
	kvfree(map);
}

/**
 * p2p_map_reserve() - the first step: find routes, take address space
 * @client: the device that will do DMA; bound to a driver until p2p_map_free()
 * @vecs: what it will reach; a reference is taken
 * @dir: direction of all transfers, not DMA_NONE
 *
 * Nothing is reachable yet. What route each vec takes, and by which of the DMA
 * API's ways it gets its address, is decided here and stays.
 *
 * Context: May sleep. May be called with a dma_resv held, which then must also be
 * held for every other operation on the mapping; in any case the caller lets only
 * one run at a time.
 * Return: a mapping to be freed with p2p_map_free(), or ERR_PTR:
 * * -EINVAL: @vecs is empty, or @dir is no direction
 * * -ENODEV: a provider has been killed
 * * -EHOSTUNREACH: @client has no route to a provider, or some of it is hidden memory
 * * -EOVERFLOW: the sizes add up to more than the DMA API can count
 * * -EIO: @client has no DMA mask, and not all of it goes by bus address
 * * -ENOMEM
 */
struct p2p_map *p2p_map_reserve(struct device *client, struct p2p_vecs *vecs,
				enum dma_data_direction dir)
{
	struct p2p_map *map;
	int error;

	if (!vecs->nr || !valid_dma_direction(dir))
		return ERR_PTR(-EINVAL);
	map = kvzalloc(struct_size(map, vec, vecs->nr), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->client = get_device(client);
	map->vecs = p2p_vecs_get(vecs);
	map->dir = dir;
	map->generation = p2p_cache_generation();

	error = kinds_set(map);
	if (!error)
		error = backend_choose(map);
	if (error) {
		map_destroy(map);
		return ERR_PTR(error);
	}
	return map;
}
EXPORT_SYMBOL_GPL(p2p_map_reserve);

static bool has_vecs(const struct p2p_map *map, u32 first, u32 nr)
{
	return first <= map->vecs->nr && nr <= map->vecs->nr - first;
}

static bool any_linked(const struct p2p_map *map, u32 first, u32 nr)
{
	u32 i;

	for (i = first; i < first + nr; i++)
		if (map->vec[i].linked)
			return true;
	return false;
}

static int vecs_link(struct p2p_map *map, u32 first, u32 end)
{
	u32 i;
	int error;

	for (i = first; i < end; i++) {
		if (map->vec[i].kind != P2P_MAP_BUS) {
			error = map->backend->link(map, i);
			if (error)
				return error;
		}
		map->vec[i].linked = true;
		if (!(i % SZ_1K))
			cond_resched();
	}
	return 0;
}

/*
 * Within one run's gate only, never in two: a second down_read() behind a waiting
 * kill of the same provider would never return.
 */
static int run_link(struct p2p_map *map, u32 first, u32 end)
{
	struct p2p_provider *provider = map->vecs->vec[first].provider;
	int error;

	if (!provider)
		return vecs_link(map, first, end);
	error = p2p_provider_enter(provider);
	if (error)
		return error;
	error = vecs_link(map, first, end);
	p2p_provider_exit(provider);
	return error;
}

/**
 * p2p_map_link() - the second step: make vecs reachable
 * @map: the mapping
 * @first: index of the first vec
 * @nr: how many; 0 does nothing
 *
 * The device may use the addresses after p2p_map_sync(). On failure none of these
 * vecs is linked. Vecs that were unlinked can be linked again.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: 0, or
 * * -ERANGE: there are no such vecs
 * * -EEXIST: one of them is linked already
 * * -ENODEV: a provider has been killed
 * * -ENOSPC: the client's IOVA space, or memory for its page table, is exhausted
 * * -EIO: the client cannot address the memory, or only through a bounce buffer
 * * -ENOMEM: no memory for the IOMMU's page table
 */
int p2p_map_link(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i, next;
	int error = 0;

	if (!has_vecs(map, first, nr))
		return -ERANGE;
	if (any_linked(map, first, nr))
		return -EEXIST;
	for (i = first; i < first + nr && !error; i = next) {
		next = run_end(map->vecs, i, first + nr);
		error = run_link(map, i, next);
	}
	if (error)
		p2p_map_unlink(map, first, nr);
	return error;
}
EXPORT_SYMBOL_GPL(p2p_map_link);

/* From @first on, the end of what the backend can treat as one. */
static u32 batch_end(const struct p2p_map *map, u32 first, u32 end)
{
	u32 i = first + 1;

	while (i < end && map->vec[i].linked && map->vec[i].kind == map->vec[first].kind)
		i++;
	return i;
}

static bool needs_backend(const struct p2p_map_vec *vec)
{
	return vec->linked && vec->kind != P2P_MAP_BUS;
}

/**
 * p2p_map_sync() - let the device see what was linked
 * @map: the mapping
 * @first: index of the first vec
 * @nr: how many; those that are not linked are passed over
 *
 * Once for any number of p2p_map_link() calls.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: 0; -ERANGE: there are no such vecs; or the IOMMU driver's errno, and
 * then the vecs are still linked but the device must not be let at them
 */
int p2p_map_sync(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i, next;
	int error;

	if (!has_vecs(map, first, nr))
		return -ERANGE;
	if (!map->backend->sync)
		return 0;
	for (i = first; i < first + nr; i = next) {
		next = i + 1;
		if (!needs_backend(&map->vec[i]))
			continue;
		next = batch_end(map, i, first + nr);
		error = map->backend->sync(map, i, next - i);
		if (error)
			return error;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(p2p_map_sync);

/**
 * p2p_map_unlink() - make vecs unreachable
 * @map: the mapping
 * @first: index of the first vec
 * @nr: how many; those that are not linked are passed over
 *
 * When it returns, what went through an IOMMU is out of the client's reach, its
 * IOTLB included. Bus addresses, and CPU addresses without an IOMMU, stay
 * meaningful for a device that kept them: there nothing but the client's driver
 * can hold the client back.
 *
 * Context: May sleep. See p2p_map_reserve() for locks. The device does not use
 * the addresses any more. Allowed when a provider has been killed.
 */
void p2p_map_unlink(struct p2p_map *map, u32 first, u32 nr)
{
	bool flush = false;
	u32 i, next;

	if (WARN_ON_ONCE(!has_vecs(map, first, nr)))
		return;
	for (i = first; i < first + nr; i = next) {
		next = i + 1;
		if (!needs_backend(&map->vec[i])) {
			map->vec[i].linked = false;
			continue;
		}
		next = batch_end(map, i, first + nr);
		map->backend->unlink(map, i, next - i);
		flush = true;
		for (; i < next; i++)
			map->vec[i].linked = false;
	}
	if (flush && map->backend->flush)
		map->backend->flush(map);
}
EXPORT_SYMBOL_GPL(p2p_map_unlink);

/**
 * p2p_map_free() - unlink everything and give the address space back
 * @map: the mapping; NULL is allowed
 *
 * Context: May sleep. See p2p_map_unlink().
 */
void p2p_map_free(struct p2p_map *map)
{
	if (!map)
		return;
	p2p_map_unlink(map, 0, map->vecs->nr);
	if (map->backend->release)
		map->backend->release(map);
	map_destroy(map);
}
EXPORT_SYMBOL_GPL(p2p_map_free);

/**
 * p2p_map_create() - both steps at once, for all vecs
 * @client: see p2p_map_reserve()
 * @vecs: see p2p_map_reserve()
 * @dir: see p2p_map_reserve()
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: a mapping to be freed with p2p_map_free(), or ERR_PTR with any errno of
 * p2p_map_reserve(), p2p_map_link() and p2p_map_sync()
 */
struct p2p_map *p2p_map_create(struct device *client, struct p2p_vecs *vecs,
			       enum dma_data_direction dir)
{
	struct p2p_map *map = p2p_map_reserve(client, vecs, dir);
	int error;

	if (IS_ERR(map))
		return map;
	error = p2p_map_link(map, 0, vecs->nr);
	if (!error)
		error = p2p_map_sync(map, 0, vecs->nr);
	if (error) {
		p2p_map_free(map);
		return ERR_PTR(error);
	}
	return map;
}
EXPORT_SYMBOL_GPL(p2p_map_create);

/* False if a vec has no address yet: then there is no list of segments. */
static bool segments_begin(struct p2p_map *map, unsigned long flags,
			   struct p2p_segment_iter *iter)
{
	struct p2p_segment_limits limits;
	u64 max_len;
	u32 i;

	for (i = 0; i < map->vecs->nr; i++)
		if (!map->vec[i].linked)
			return false;
	max_len = p2p_segment_max_len(dma_get_max_seg_size(map->client), map->max_segment);
	p2p_segment_limits_set(&limits, max_len, map->segment_align,
			       dma_get_seg_boundary(map->client), flags);
	p2p_segment_iter_init(iter, map->vecs, map->vec, &limits);
	return true;
}

/**
 * p2p_map_limit_segments() - how long a segment may be, and where it may be cut
 * @map: the mapping
 * @max_len: bytes, of which whole pages count; 0: as the device says
 * @align: bytes, a power of two, or 0: what is longer than a segment may be is cut where
 *	the DMA address is a multiple of this, if there is such a place
 *
 * Besides that the device's own maximum counts (dma_set_max_seg_size()), unless it is 65,536:
 * that is what the PCI core sets for every device, so that nobody knows whether it is meant.
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
 * @flags: P2P_SEGMENTS_PER_PROVIDER or 0
 *
 * What is contiguous for the client is one segment, as far as its maximum segment
 * size (see p2p_map_limit_segments()) and segment boundary allow; each is shorter
 * than 4 GiB, and begins and ends on a page.
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
 * @flags: P2P_SEGMENTS_PER_PROVIDER or 0; without it, a segment that spans
 *	several providers names the first
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

	if (!segments_begin(map, flags, &iter))
		return 0;
	for (; p2p_segment_next(&iter, &segment); nr++) {
		if (nr < room)
			segs[nr] = segment;
		if (!(nr % SZ_4K))
			cond_resched();
	}
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
	if (index >= map->vecs->nr || !map->vec[index].linked)
		return DMA_MAPPING_ERROR;
	return map->vec[index].addr;
}
EXPORT_SYMBOL_GPL(p2p_map_vec_addr);

/*
 * Bounce buffers are not in it (range_link() refuses them), so only caches that do not see
 * what devices write want work.
 */
static void sync_system(struct p2p_map *map,
			void (*sync)(struct device *dev, dma_addr_t addr, size_t len,
				     enum dma_data_direction dir))
{
	u32 i;

	if (dev_is_dma_coherent(map->client))
		return;
	for (i = 0; i < map->vecs->nr; i++)
		if (map->vec[i].linked && map->vec[i].kind == P2P_MAP_SYSTEM)
			sync(map->client, map->vec[i].addr, map->vecs->vec[i].len, map->dir);
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
 * Does nothing for BARs, which no cache holds, nor for a device that is coherent with the
 * caches.
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

/**
 * p2p_map_holds() - is each vec still reached the way it was when it was mapped?
 * @map: the mapping
 *
 * To be asked when routes may have changed (p2p_routes_watch()). If not, the client's
 * requests to the addresses it has may end up elsewhere, and the mapping is to be undone.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: false if a route is gone, is another than it was, or a provider has been killed
 */
bool p2p_map_holds(struct p2p_map *map)
{
	u64 generation = p2p_cache_generation();
	struct p2p_vecs *vecs = map->vecs;
	u32 i, end;
	u8 kind;

	if (map->generation == generation)
		return true;
	for (i = 0; i < vecs->nr; i = end) {
		end = run_end(vecs, i, vecs->nr);
		if (kind_find(map, i, end, &kind) || kind != map->vec[i].kind)
			return false;
		cond_resched();
	}
	map->generation = generation;
	return true;
}
EXPORT_SYMBOL_GPL(p2p_map_holds);

/**
 * p2p_map_vecs() - what the mapping maps
 * @map: the mapping
 *
 * Context: Any.
 * Return: the list, borrowed from the mapping
 */
struct p2p_vecs *p2p_map_vecs(struct p2p_map *map)
{
	return map->vecs;
}
EXPORT_SYMBOL_GPL(p2p_map_vecs);
