// SPDX-License-Identifier: GPL-2.0
/*
 * Maps a vec list for one client, in two steps: reserve takes address space, link makes single
 * vecs reachable in it. The plan (plan.c) says how each BAR is reached.
 *
 * Space and time depend on the number of vecs, never on their sizes; if all of them are reached
 * by bus address, on the number of BARs. Whether a provider is alive is checked once per run of
 * its vecs.
 */

#include <linux/align.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "cache.h"
#include "map.h"
#include "provider.h"
#include "translate.h"

/*
 * The end of the run that starts at @first: consecutive vecs of one BAR, or of system memory, that
 * are all linked or all not. All vecs of a run have the same kind of address and the same provider
 * gate.
 */
static u32 run_end(const struct p2p_map *map, u32 first, u32 end)
{
	const struct p2p_vecs *vecs = map->vecs;
	u32 i = first + 1;

	if (i == end)
		return end;
	if (p2p_map_linked(map, first))
		end = find_next_zero_bit(map->linked, end, i);
	else
		end = find_next_bit(map->linked, end, i);
	if (vecs->nr_parts == 1 && !vecs->system_size)
		return end;
	while (i < end && vecs->vec[i].provider == vecs->vec[first].provider)
		i++;
	return i;
}

/*
 * @first: in, where to begin, and then the first vec of each run; @next: the vec behind the run;
 * @end: where to stop.
 */
#define for_each_run(map, first, next, end)						\
	for (; (first) < (end) && ((next) = run_end(map, first, end)); (first) = (next))

/* No CPU cache ever holds a BAR, so none has to be synchronised. */
unsigned long p2p_map_attrs(const struct p2p_map *map, u32 index)
{
	if (p2p_map_kind(map, index) == P2P_MAP_MMIO)
		return DMA_ATTR_MMIO | DMA_ATTR_SKIP_CPU_SYNC;
	return 0;
}

static u8 kind_of(const struct p2p_route *route)
{
	return route->type == P2P_ROUTE_BUS_ADDR ? P2P_MAP_BUS : P2P_MAP_MMIO;
}

static bool needs_dma_api(const struct p2p_plan *plan)
{
	u32 i;

	if (plan->vecs->system_size)
		return true;
	for (i = 0; i < plan->vecs->nr_parts; i++)
		if (kind_of(&plan->route[i]) != P2P_MAP_BUS)
			return true;
	return false;
}

/* One allocation for everything, because most mappings are of a single range. */
static struct p2p_map *map_alloc(const struct p2p_plan *plan, size_t priv_size)
{
	const struct p2p_vecs *vecs = plan->vecs;
	size_t addrs = needs_dma_api(plan) ? array_size(vecs->nr, sizeof(dma_addr_t)) : 0;
	size_t parts = array_size(vecs->nr_parts, sizeof(struct p2p_map_part));
	size_t links = array_size(BITS_TO_LONGS(vecs->nr), sizeof(long));
	struct p2p_map *map;
	void *behind;

	priv_size = ALIGN(priv_size, sizeof(u64));
	map = kvzalloc(size_add(size_add(sizeof(*map) + priv_size, parts),
				size_add(addrs, links)), GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	behind = (void *)(map + 1) + priv_size;
	map->part = behind;
	map->addr = addrs ? behind + parts : NULL;
	map->linked = behind + parts + addrs;
	return map;
}

static void parts_fill(struct p2p_map *map, const struct p2p_plan *plan)
{
	const struct p2p_vecs *vecs = map->vecs;
	u32 i;

	for (i = 0; i < vecs->nr_parts; i++) {
		map->part[i].kind = kind_of(&plan->route[i]);
		if (map->part[i].kind == P2P_MAP_BUS)
			map->part[i].shift = vecs->part[i].provider->bus_offset;
	}
}

/* Sets the bus addresses. Returns how many bytes need an address from the DMA API. */
static u64 addrs_fill(struct p2p_map *map)
{
	const struct p2p_vecs *vecs = map->vecs;
	u64 size = 0;
	u32 i;

	/* Cannot overflow: vecs->size is the sum of all vecs and did not. */
	for (i = 0; i < vecs->nr; i++) {
		if (p2p_map_kind(map, i) == P2P_MAP_BUS)
			map->addr[i] = vecs->vec[i].paddr + map->part[vecs->vec[i].part].shift;
		else
			size += vecs->vec[i].len;
		if (!(i % SZ_4K))
			cond_resched();
	}
	return size;
}

static int backend_choose(struct p2p_map *map)
{
	u64 size = addrs_fill(map);

	/* The DMA API counts in size_t and uses bit 63 for itself. */
	if (size > SIZE_MAX || size & BIT_ULL(63))
		return -EOVERFLOW;
	if (!map->client->dma_mask)
		return -EIO;
	if (HAVE_TWO_STEP_DMA && p2p_translated(map->client) && p2p_map_iova_reserve(map, size))
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

static int plan_check(const struct p2p_plan *plan, enum dma_data_direction dir)
{
	if (!plan->vecs || !plan->vecs->nr || plan->mode != P2P_PLAN_DMA ||
	    !valid_dma_direction(dir))
		return -EINVAL;
	if (plan->vecs->hidden_size)
		return -EHOSTUNREACH;
	return p2p_plan_verdict(plan, NULL);
}

/**
 * p2p_map_reserve() - the first step: take address space
 * @plan: the client, the list and how each BAR is reached; made for P2P_PLAN_DMA. The client
 *	stays bound to its driver until p2p_map_free(). The plan is not used after this call
 * @dir: direction of all transfers, not DMA_NONE
 * @priv_size: bytes of zeroed memory for the caller's own use, see p2p_map_priv()
 *
 * Nothing is reachable yet. This call decides for good which route each vec takes and which
 * way of the DMA API gives it its address. It looks no route up: a plan that does not hold any
 * more (p2p_plan_holds()) makes a mapping that does not hold either, see p2p_map_holds().
 *
 * Context: May sleep. May be called with a dma_resv held, which then must also be
 * held for every other operation on the mapping. In any case the caller serialises
 * the operations on one mapping.
 * Return: a mapping to be freed with p2p_map_free(), or ERR_PTR:
 * * -EINVAL: the plan has no list, an empty one, or is not for DMA; or @dir is no direction
 * * -ENODEV: a provider had been killed when the plan was made
 * * -EHOSTUNREACH: the client has no route to a provider, or the list has hidden memory
 * * -EOVERFLOW: the sizes add up to more than the DMA API can count
 * * -EIO: the client has no DMA mask, and some vecs are not reached by bus address
 * * -ENOMEM
 */
struct p2p_map *p2p_map_reserve(const struct p2p_plan *plan, enum dma_data_direction dir,
				size_t priv_size)
{
	struct p2p_map *map;
	int error;

	error = plan_check(plan, dir);
	if (error)
		return ERR_PTR(error);
	map = map_alloc(plan, priv_size);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->client = get_device(plan->client);
	map->vecs = p2p_vecs_get(plan->vecs);
	map->dir = dir;
	map->generation = plan->generation;
	parts_fill(map, plan);
	error = map->addr ? backend_choose(map) : 0;
	if (error) {
		map_destroy(map);
		return ERR_PTR(error);
	}
	return map;
}
EXPORT_SYMBOL_GPL(p2p_map_reserve);

/**
 * p2p_map_priv() - the caller's own memory in a mapping
 * @map: the mapping
 *
 * Context: Any.
 * Return: the number of bytes that p2p_map_reserve() was asked for, aligned for a u64
 */
void *p2p_map_priv(struct p2p_map *map)
{
	return map + 1;
}
EXPORT_SYMBOL_GPL(p2p_map_priv);

static bool has_vecs(const struct p2p_map *map, u32 first, u32 nr)
{
	return first <= map->vecs->nr && nr <= map->vecs->nr - first;
}

static bool any_linked(const struct p2p_map *map, u32 first, u32 nr)
{
	return find_next_bit(map->linked, first + nr, first) < first + nr;
}

/* The vecs from @first to @end are of one run. */
static int vecs_link(struct p2p_map *map, u32 first, u32 end)
{
	u32 i;
	int error;

	if (p2p_map_kind(map, first) == P2P_MAP_BUS) {
		bitmap_set(map->linked, first, end - first);
		return 0;
	}
	for (i = first; i < end; i++) {
		error = map->backend->link(map, i);
		if (error)
			return error;
		__set_bit(i, map->linked);
		if (!(i % SZ_1K))
			cond_resched();
	}
	return 0;
}

/*
 * Holds the gate of one provider, never of two: a second down_read() behind a
 * waiting p2p_provider_kill() of the same provider would deadlock.
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
 * * -ERANGE: the list has no such vecs
 * * -EEXIST: one of them is linked already
 * * -ENODEV: a provider has been killed
 * * -ENOSPC: the client's IOVA space, or memory for its page table, is exhausted
 * * -EIO: the client cannot address the memory, or only through a bounce buffer
 * * -ENOMEM: no memory for the IOMMU's page table
 */
int p2p_map_link(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i = first, next;
	int error;

	if (!has_vecs(map, first, nr))
		return -ERANGE;
	if (any_linked(map, first, nr))
		return -EEXIST;
	for_each_run(map, i, next, first + nr) {
		error = run_link(map, i, next);
		if (error) {
			p2p_map_unlink(map, first, nr);
			return error;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(p2p_map_link);

/* Are @nr vecs the whole list, and all of them linked? */
static bool is_all(const struct p2p_map *map, u32 nr)
{
	return nr == map->vecs->nr && bitmap_full(map->linked, nr);
}

/* Of one vec, and so of its run. */
static bool needs_backend(const struct p2p_map *map, u32 index)
{
	return p2p_map_linked(map, index) && p2p_map_kind(map, index) != P2P_MAP_BUS;
}

/**
 * p2p_map_sync() - let the device see what was linked
 * @map: the mapping
 * @first: index of the first vec
 * @nr: how many; vecs that are not linked are skipped
 *
 * One call covers any number of p2p_map_link() calls.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: 0; -ERANGE: the list has no such vecs; or the IOMMU driver's errno. In
 * the last case the vecs are still linked but the device must not use them
 */
int p2p_map_sync(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i = first, next;
	int error;

	if (!has_vecs(map, first, nr))
		return -ERANGE;
	if (!map->backend || !map->backend->sync)
		return 0;
	if (map->backend->sync_all && is_all(map, nr))
		return map->backend->sync_all(map);
	for_each_run(map, i, next, first + nr) {
		if (!needs_backend(map, i))
			continue;
		error = map->backend->sync(map, i, next - i);
		if (error)
			return error;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(p2p_map_sync);

static bool unlink_all(struct p2p_map *map, u32 nr)
{
	return map->backend->unlink_all && is_all(map, nr) && map->backend->unlink_all(map);
}

/* Returns whether the backend unlinked anything, so that a flush may be needed. */
static bool vecs_unlink(struct p2p_map *map, u32 first, u32 nr)
{
	u32 i = first, next;
	bool any = false;

	for_each_run(map, i, next, first + nr) {
		if (!needs_backend(map, i))
			continue;
		map->backend->unlink(map, i, next - i);
		any = true;
	}
	return any;
}

/**
 * p2p_map_unlink() - make vecs unreachable
 * @map: the mapping
 * @first: index of the first vec
 * @nr: how many; vecs that are not linked are skipped
 *
 * When it returns, the client cannot reach what went through an IOMMU any more: the
 * IOTLB is flushed, too. Bus addresses, and CPU addresses without an IOMMU, still
 * lead to the memory if the device kept them: only the client's driver can keep the
 * device from using them.
 *
 * Context: May sleep. See p2p_map_reserve() for locks. The device does not use
 * the addresses any more. Allowed when a provider has been killed.
 */
void p2p_map_unlink(struct p2p_map *map, u32 first, u32 nr)
{
	bool flush = false;

	if (WARN_ON_ONCE(!has_vecs(map, first, nr)))
		return;
	if (map->backend && !unlink_all(map, nr))
		flush = vecs_unlink(map, first, nr);
	bitmap_clear(map->linked, first, nr);
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
	if (map->backend && map->backend->release)
		map->backend->release(map);
	map_destroy(map);
}
EXPORT_SYMBOL_GPL(p2p_map_free);

/* For a mapping that has bus addresses only: check that every provider is alive. */
static int parts_link(struct p2p_map *map)
{
	const struct p2p_vecs *vecs = map->vecs;
	int error;
	u32 i;

	for (i = 0; i < vecs->nr_parts; i++) {
		error = p2p_provider_enter(vecs->part[i].provider);
		if (error)
			return error;
		p2p_provider_exit(vecs->part[i].provider);
	}
	bitmap_set(map->linked, 0, vecs->nr);
	return 0;
}

/**
 * p2p_map_create() - both steps at once, for all vecs
 * @plan: see p2p_map_reserve()
 * @dir: see p2p_map_reserve()
 * @priv_size: see p2p_map_reserve()
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: a mapping to be freed with p2p_map_free(), or ERR_PTR with any errno of
 * p2p_map_reserve(), p2p_map_link() and p2p_map_sync()
 */
struct p2p_map *p2p_map_create(const struct p2p_plan *plan, enum dma_data_direction dir,
			       size_t priv_size)
{
	struct p2p_map *map = p2p_map_reserve(plan, dir, priv_size);
	int error;

	if (IS_ERR(map))
		return map;
	if (!map->backend) {
		error = parts_link(map);
	} else {
		error = p2p_map_link(map, 0, map->vecs->nr);
		if (!error)
			error = p2p_map_sync(map, 0, map->vecs->nr);
	}
	if (error) {
		p2p_map_free(map);
		return ERR_PTR(error);
	}
	return map;
}
EXPORT_SYMBOL_GPL(p2p_map_create);

static bool kinds_agree(const struct p2p_map *map, const struct p2p_plan *plan)
{
	u32 i;

	for (i = 0; i < map->vecs->nr_parts; i++)
		if (kind_of(&plan->route[i]) != map->part[i].kind)
			return false;
	return true;
}

/**
 * p2p_map_holds() - is each vec still reached as it was when it was mapped?
 * @map: the mapping
 *
 * To be called when routes may have changed (p2p_routes_watch()). If it returns false, the
 * client's requests to its addresses may end up elsewhere, and the caller unmaps.
 *
 * A killed provider does not begin a new generation, so it is noticed only together with another
 * change: whoever kills a provider takes the mappings back himself.
 *
 * Context: May sleep. See p2p_map_reserve() for locks.
 * Return: true if no new generation has begun since the last check. Otherwise false if a route
 * is gone or has changed, a provider has been killed, or there is no memory to find out
 */
bool p2p_map_holds(struct p2p_map *map)
{
	struct p2p_plan plan;
	bool holds;

	if (map->generation == p2p_cache_generation())
		return true;
	p2p_plan_init(&plan, map->client, P2P_PLAN_DMA);
	holds = !p2p_plan_make(&plan, map->vecs, false) && !p2p_plan_verdict(&plan, NULL) &&
		kinds_agree(map, &plan);
	if (holds)
		map->generation = plan.generation;
	p2p_plan_drop(&plan);
	return holds;
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
