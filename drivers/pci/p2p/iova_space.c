// SPDX-License-Identifier: GPL-2.0
/*
 * DMA in two steps, page by page, for clients that have no list of ranges beforehand: address
 * space is reserved first, memory is linked into it and unlinked from it later, in any order.
 *
 * Where the kernel has a two-step DMA API and an IOMMU translates, the space is one consecutive
 * range of IOVAs, and what is linked at an offset is found at that offset. Elsewhere a link gets
 * an address of its own. BARs below a common switch port keep their bus addresses in either case.
 *
 * A link costs what its memory type costs, not what its pages cost: the type is the caller's to
 * find out once (p2p_space_memory()). The space itself has eight bytes for each page.
 */

#include <linux/align.h>
#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "map.h"
#include "provider.h"
#include "translate.h"

/*
 * What a page's entry has below the page's address, which is page aligned: that it is linked,
 * that a link begins with it, and of which type it is.
 */
#define PAGE_LINKED		BIT(0)
#define PAGE_FIRST		BIT(1)
#define PAGE_MEMORY_SHIFT	2
#define PAGE_MEMORY		GENMASK(3, PAGE_MEMORY_SHIFT)

/**
 * struct p2p_space - address space of one client
 * @client: referenced
 * @dir: direction of all transfers
 * @flags: P2P_SPACE_*
 * @iova: the range of IOVAs, if @flags has P2P_SPACE_CONTIGUOUS
 * @nr: pages
 * @page: an entry per page, zero if it is not linked
 *
 * All but @page's contents is immutable. The caller serialises operations on one space.
 */
struct p2p_space {
	struct device *client;
	enum dma_data_direction dir;
	u32 flags;
	struct dma_iova_state iova;
	u64 nr;
	dma_addr_t *page;
};

static bool iova_take(struct device *client, struct dma_iova_state *iova, u64 size)
{
	unsigned long granule_mask = dma_get_merge_boundary(client);

	/* With a coarser granule a page could not be linked by itself. */
	return granule_mask && granule_mask < PAGE_SIZE &&
	       dma_iova_try_alloc(client, iova, 0, size);
}

static u32 flags_of(struct device *client, bool contiguous)
{
	bool translated = p2p_translated(client);
	/*
	 * Outside of a confidential guest nothing is shared, and 7.2 refuses to be told so. Behind
	 * an IOMMU dma_map_phys() refuses such memory; dma_iova_link() takes it.
	 */
	bool shared = DMA_KNOWS_CC_SHARED && cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) &&
		      (contiguous || !translated);

	return (contiguous ? P2P_SPACE_CONTIGUOUS : 0) |
	       (translated ? P2P_SPACE_TRANSLATED : 0) | (shared ? P2P_SPACE_SHARED : 0);
}

/**
 * p2p_space_probe() - what this kernel can do for a device
 * @client: the device that would do DMA, bound to a driver
 *
 * Whether there can be a consecutive range of IOVAs is found by taking one of a page, and
 * giving it back.
 *
 * Context: May sleep.
 * Return: P2P_SPACE_* that a space of this client can have
 */
u32 p2p_space_probe(struct device *client)
{
	struct dma_iova_state iova = {};
	bool contiguous;

	contiguous = client->dma_mask && iova_take(client, &iova, PAGE_SIZE);
	if (contiguous)
		dma_iova_free(client, &iova);
	return flags_of(client, contiguous);
}
EXPORT_SYMBOL_GPL(p2p_space_probe);

static int space_check(struct device *client, u64 size, enum dma_data_direction dir)
{
	if (!size || !PAGE_ALIGNED(size) || !valid_dma_direction(dir))
		return -EINVAL;
	/* The DMA API counts in size_t and keeps the topmost bit for itself. */
	if (size > SIZE_MAX || size & BIT_ULL(63))
		return -EOVERFLOW;
	return client->dma_mask ? 0 : -EIO;
}

static void space_destroy(struct p2p_space *space)
{
	put_device(space->client);
	kvfree(space->page);
	kfree(space);
}

static struct p2p_space *space_alloc(struct device *client, u64 size,
				     enum dma_data_direction dir)
{
	struct p2p_space *space = kzalloc(sizeof(*space), GFP_KERNEL);

	if (!space)
		return NULL;
	space->nr = size >> PAGE_SHIFT;
	space->page = kvcalloc(space->nr, sizeof(*space->page),
			       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!space->page) {
		kfree(space);
		return NULL;
	}
	space->client = get_device(client);
	space->dir = dir;
	return space;
}

/**
 * p2p_space_reserve() - the first step: take address space
 * @client: the device that will do DMA, bound to a driver until p2p_space_free()
 * @size: bytes, whole pages; 8 bytes of memory are taken for each page
 * @dir: direction of all transfers, not DMA_NONE
 * @need: P2P_SPACE_* that the space must have
 *
 * Nothing is linked yet. Without P2P_SPACE_CONTIGUOUS in @need, and where p2p_space_probe() does
 * not have it, or the client's IOVA space has no hole of that size, each link gets an address
 * of its own.
 *
 * Context: May sleep. The caller lets only one operation on a space run at a time, and may use
 * any lock to do so.
 * Return: a space to be freed with p2p_space_free(), or ERR_PTR:
 * * -EINVAL: @size is zero or no whole pages, or @dir is no direction
 * * -EOVERFLOW: @size is more than the DMA API can count
 * * -EIO: the client has no DMA mask
 * * -EOPNOTSUPP: the space cannot have what @need asks for
 * * -ENOMEM
 */
struct p2p_space *p2p_space_reserve(struct device *client, u64 size,
				    enum dma_data_direction dir, u32 need)
{
	struct p2p_space *space;
	int error;

	error = space_check(client, size, dir);
	if (error)
		return ERR_PTR(error);
	space = space_alloc(client, size, dir);
	if (!space)
		return ERR_PTR(-ENOMEM);
	space->flags = flags_of(client, iova_take(client, &space->iova, size));
	if (need & ~space->flags) {
		p2p_space_free(space);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return space;
}
EXPORT_SYMBOL_GPL(p2p_space_reserve);

/**
 * p2p_space_flags() - what a space has
 * @space: the space
 *
 * Context: Any.
 * Return: P2P_SPACE_*
 */
u32 p2p_space_flags(const struct p2p_space *space)
{
	return space->flags;
}
EXPORT_SYMBOL_GPL(p2p_space_flags);

/**
 * p2p_space_memory() - of which type a BAR is for a space's client
 * @space: the space
 * @provider: the BAR
 * @last: offset in the BAR of the last byte that is to be linked
 *
 * To be asked once for all runs of a BAR. The answer is good until routes change
 * (p2p_routes_watch()): whoever watches asks again then, and unlinks what has become another
 * type.
 *
 * Context: May sleep. A dma_resv may be held.
 * Return: enum p2p_memory, or
 * * -ENODEV: the provider has been killed
 * * -EHOSTUNREACH: the client has no route to it
 */
int p2p_space_memory(const struct p2p_space *space, struct p2p_provider *provider, u64 last)
{
	struct p2p_route route;
	int error;

	error = p2p_route_upto(provider, last, space->client, &route);
	if (error)
		return error;
	if (route.type == P2P_ROUTE_NOT_SUPPORTED)
		return -EHOSTUNREACH;
	return route.type == P2P_ROUTE_BUS_ADDR ? P2P_MEMORY_BUS : P2P_MEMORY_HOST_BRIDGE;
}
EXPORT_SYMBOL_GPL(p2p_space_memory);

static enum p2p_memory memory_at(const struct p2p_space *space, u64 i)
{
	return (space->page[i] & PAGE_MEMORY) >> PAGE_MEMORY_SHIFT;
}

static bool linked_at(const struct p2p_space *space, u64 i)
{
	return space->page[i] & PAGE_LINKED;
}

static bool begins_at(const struct p2p_space *space, u64 i)
{
	return space->page[i] & PAGE_FIRST;
}

/* Linked, and by the DMA API. */
static bool mapped_at(const struct p2p_space *space, u64 i)
{
	return linked_at(space, i) && memory_at(space, i) != P2P_MEMORY_BUS;
}

/* No CPU cache ever holds a BAR, so there is none to be synchronised. */
static unsigned long attrs_of(enum p2p_memory memory)
{
	if (memory == P2P_MEMORY_HOST_BRIDGE)
		return DMA_ATTR_MMIO | DMA_ATTR_SKIP_CPU_SYNC;
	return memory == P2P_MEMORY_SHARED ? DMA_ATTR_CC_SHARED : 0;
}

static bool has_bytes(const struct p2p_space *space, u64 offset, u64 len)
{
	u64 size = space->nr << PAGE_SHIFT;

	return offset <= size && len <= size - offset;
}

static bool in_bar(const struct p2p_run *run)
{
	u64 offset = run->paddr - run->provider->base;

	return run->paddr >= run->provider->base && offset < run->provider->length &&
	       run->len <= run->provider->length - offset;
}

static int run_check(const struct p2p_space *space, u64 offset, const struct p2p_run *run)
{
	if (!run->len || !PAGE_ALIGNED(offset | run->paddr | run->len))
		return -EINVAL;
	switch (run->memory) {
	case P2P_MEMORY_SHARED:
		if (!(space->flags & P2P_SPACE_SHARED))
			return -EOPNOTSUPP;
		fallthrough;
	case P2P_MEMORY_NORMAL:
		if (run->provider)
			return -EINVAL;
		break;
	case P2P_MEMORY_BUS:
	case P2P_MEMORY_HOST_BRIDGE:
		if (!run->provider)
			return -EINVAL;
		if (!in_bar(run))
			return -ERANGE;
		break;
	default:
		return -EINVAL;
	}
	return has_bytes(space, offset, run->len) ? 0 : -ERANGE;
}

static bool any_linked(const struct p2p_space *space, u64 first, u64 end)
{
	u64 i;

	for (i = first; i < end; i++)
		if (linked_at(space, i))
			return true;
	return false;
}

static void entries_set(struct p2p_space *space, u64 first, const struct p2p_run *run,
			dma_addr_t addr)
{
	u64 nr = run->len >> PAGE_SHIFT;
	u64 i;

	for (i = 0; i < nr; i++)
		space->page[first + i] = (addr + (i << PAGE_SHIFT)) | PAGE_LINKED |
					 run->memory << PAGE_MEMORY_SHIFT;
	space->page[first] |= PAGE_FIRST;
}

/* The run's address for the client. */
static int run_address(struct p2p_space *space, u64 offset, const struct p2p_run *run,
		       dma_addr_t *addr)
{
	unsigned long attrs = attrs_of(run->memory);

	if (run->memory == P2P_MEMORY_BUS) {
		*addr = run->paddr + run->provider->bus_offset;
		return PAGE_ALIGNED(*addr) ? 0 : -EIO;
	}
	if (!(space->flags & P2P_SPACE_CONTIGUOUS))
		return p2p_range_map(space->client, run->paddr, run->len, space->dir, attrs, addr);
	*addr = space->iova.addr + offset;
	return dma_iova_link(space->client, &space->iova, run->paddr, offset, run->len, space->dir,
			     attrs);
}

/**
 * p2p_space_link() - the second step: make memory reachable
 * @space: the space
 * @offset: where in it, in bytes, page aligned
 * @run: the memory; not needed any more afterwards
 *
 * The device may use the address, p2p_space_addr(), after p2p_space_sync(). On failure nothing
 * is linked. What was unlinked can be linked again, to the same memory or to other.
 *
 * What one call links is unlinked together (an IOMMU may use large pages for it): who wants
 * to unlink single pages links single pages.
 *
 * Memory that is linked must stay until it has been unlinked: of system memory the caller
 * holds the pages, or hears in time that they are taken away (mmu_interval_notifier_insert());
 * of a BAR the owner says so.
 *
 * Context: Of a BAR, may sleep. Allocates no memory in a way that waits for it, so that a lock may
 * be held which is also taken by an MMU notifier.
 * Return: 0, or
 * * -EINVAL: something is not page aligned, the run is empty, or its type and provider do not fit
 * * -ERANGE: the space has no such range, or the BAR
 * * -EEXIST: something is linked there already
 * * -EOPNOTSUPP: P2P_MEMORY_SHARED, and the space does not have P2P_SPACE_SHARED
 * * -ENODEV: the provider has been killed
 * * -ENOSPC: the client's IOVA space, or memory for its page table, is exhausted
 * * -EIO: the client cannot address the memory, or only through a bounce buffer
 * * -ENOMEM: no memory for the IOMMU's page table
 */
int p2p_space_link(struct p2p_space *space, u64 offset, const struct p2p_run *run)
{
	u64 first = offset >> PAGE_SHIFT;
	dma_addr_t addr;
	int error;

	error = run_check(space, offset, run);
	if (error)
		return error;
	if (any_linked(space, first, first + (run->len >> PAGE_SHIFT)))
		return -EEXIST;
	if (!run->provider) {
		error = run_address(space, offset, run, &addr);
	} else {
		error = p2p_provider_enter(run->provider);
		if (error)
			return error;
		error = run_address(space, offset, run, &addr);
		p2p_provider_exit(run->provider);
	}
	if (!error)
		entries_set(space, first, run, addr);
	return error;
}
EXPORT_SYMBOL_GPL(p2p_space_link);

/* From a mapped page on, up to where the DMA API has to be told something else. */
static u64 stretch_end(const struct p2p_space *space, u64 first, u64 end)
{
	unsigned long attrs = attrs_of(memory_at(space, first));
	u64 i = first + 1;

	while (i < end && mapped_at(space, i) && attrs_of(memory_at(space, i)) == attrs)
		i++;
	return i;
}

static u64 link_end(const struct p2p_space *space, u64 first)
{
	u64 i = first + 1;

	while (i < space->nr && linked_at(space, i) && !begins_at(space, i))
		i++;
	return i;
}

/**
 * p2p_space_sync() - let the device see what was linked
 * @space: the space
 * @offset: bytes, page aligned
 * @len: bytes, whole pages; what is not linked is passed over
 *
 * Once for any number of p2p_space_link() calls.
 *
 * Context: As p2p_space_link() of system memory.
 * Return: 0; -ERANGE: the space has no such range; or the IOMMU driver's errno, and then the
 * memory is still linked but the device must not be let at it
 */
int p2p_space_sync(struct p2p_space *space, u64 offset, u64 len)
{
	u64 i, next, end;
	int error;

	if (!has_bytes(space, offset, len))
		return -ERANGE;
	if (!(space->flags & P2P_SPACE_CONTIGUOUS))
		return 0;
	end = (offset + len) >> PAGE_SHIFT;
	for (i = offset >> PAGE_SHIFT; i < end; i = next) {
		next = i + 1;
		if (!mapped_at(space, i))
			continue;
		next = stretch_end(space, i, end);
		error = dma_iova_sync(space->client, &space->iova, i << PAGE_SHIFT,
				      (next - i) << PAGE_SHIFT);
		if (error)
			return error;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(p2p_space_sync);

/* One call for links that lie together: an invalidation each would cost much more. */
static void iova_unlink(struct p2p_space *space, u64 first, u64 end)
{
	u64 i, next;

	for (i = first; i < end; i = next) {
		next = i + 1;
		if (!mapped_at(space, i))
			continue;
		next = stretch_end(space, i, end);
		dma_iova_unlink(space->client, &space->iova, i << PAGE_SHIFT,
				(next - i) << PAGE_SHIFT, space->dir,
				attrs_of(memory_at(space, i)));
	}
}

/* As a mapping's ranges are unmapped in map_range.c, which says why it flushes. */
static void ranges_unlink(struct p2p_space *space, u64 first, u64 end)
{
	u64 start = U64_MAX, last = 0;
	struct iommu_domain *domain;
	u64 i, next, addr, len;

	for (i = first; i < end; i = next) {
		next = i + 1;
		if (!mapped_at(space, i))
			continue;
		next = link_end(space, i);
		addr = space->page[i] & PAGE_MASK;
		len = (next - i) << PAGE_SHIFT;
		dma_unmap_phys(space->client, addr, len, space->dir,
			       attrs_of(memory_at(space, i)));
		start = min(start, addr);
		last = max(last, addr + len - 1);
	}
	domain = start < last ? p2p_range_flush(space->client) : NULL;
	if (domain)
		p2p_range_flush_device(domain, start, last);
}

/**
 * p2p_space_unlink() - make memory unreachable
 * @space: the space
 * @offset: bytes
 * @len: bytes; links that lie in the range only in part go as a whole, what is not linked is
 *	passed over
 *
 * When it returns, what went through an IOMMU is out of the client's reach, its IOTLB included.
 * Bus addresses, and CPU addresses without an IOMMU, stay meaningful for a device that kept
 * them: there nothing but the client's driver can hold the client back.
 *
 * Context: May be called from an MMU notifier: allocates nothing, waits for nobody and cannot
 * fail. The device does not use the addresses any more. Allowed when a provider has been killed.
 */
void p2p_space_unlink(struct p2p_space *space, u64 offset, u64 len)
{
	u64 first = offset >> PAGE_SHIFT;
	u64 end;

	if (!len || WARN_ON_ONCE(!has_bytes(space, offset, len)))
		return;
	end = ((offset + len - 1) >> PAGE_SHIFT) + 1;
	while (linked_at(space, first) && !begins_at(space, first))
		first--;
	if (linked_at(space, end - 1))
		end = link_end(space, end - 1);
	if (space->flags & P2P_SPACE_CONTIGUOUS)
		iova_unlink(space, first, end);
	else
		ranges_unlink(space, first, end);
	memset(&space->page[first], 0, (end - first) * sizeof(*space->page));
}
EXPORT_SYMBOL_GPL(p2p_space_unlink);

/**
 * p2p_space_addr() - where the client sees a byte
 * @space: the space
 * @offset: bytes
 *
 * Context: Any.
 * Return: its DMA address, or DMA_MAPPING_ERROR if nothing is linked there
 */
dma_addr_t p2p_space_addr(const struct p2p_space *space, u64 offset)
{
	u64 i = offset >> PAGE_SHIFT;

	if (i >= space->nr || !linked_at(space, i))
		return DMA_MAPPING_ERROR;
	return (space->page[i] & PAGE_MASK) + offset_in_page(offset);
}
EXPORT_SYMBOL_GPL(p2p_space_addr);

/**
 * p2p_space_free() - unlink everything and give the address space back
 * @space: the space; NULL is allowed
 *
 * Context: May sleep. See p2p_space_unlink().
 */
void p2p_space_free(struct p2p_space *space)
{
	if (!space)
		return;
	p2p_space_unlink(space, 0, space->nr << PAGE_SHIFT);
	if (space->flags & P2P_SPACE_CONTIGUOUS)
		dma_iova_free(space->client, &space->iova);
	space_destroy(space);
}
EXPORT_SYMBOL_GPL(p2p_space_free);
