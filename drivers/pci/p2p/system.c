// SPDX-License-Identifier: GPL-2.0
/*
 * System memory that a vec list allocates for itself.
 *
 * Allocated in pieces as large as possible: each piece is a range to map, and large ones save
 * page tables of the IOMMU and the CPU. Each piece is split into single pages at once, so that
 * a range can be freed without a record of its pieces.
 */

#include <linux/atomic.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "vecs.h"

static unsigned long system_max_mib;
module_param(system_max_mib, ulong, 0644);
MODULE_PARM_DESC(system_max_mib, "Most system memory that buffers may have, in MiB; 0: half of all");

/*
 * Pages that all lists own. The OOM killer cannot free them by killing a process, because they
 * belong to none: hence the limit.
 */
static atomic_long_t system_pages;

static unsigned long system_pages_max(void)
{
	unsigned long mib = READ_ONCE(system_max_mib);

	return mib ? mib << (20 - PAGE_SHIFT) : totalram_pages() / 2;
}

static bool system_reserve(unsigned long pages)
{
	if (atomic_long_add_return(pages, &system_pages) <= system_pages_max())
		return true;
	atomic_long_sub(pages, &system_pages);
	return false;
}

/* An IOMMU or a CPU maps this by one entry. Larger pieces are seldom available. */
#define SYSTEM_ORDER_MAX	get_order(SZ_2M)

/*
 * A large piece is taken only if it is free: no reclaim. For a single page reclaim is tried
 * hard, but no process is killed: the caller handles the failure.
 */
static struct page *piece_alloc_in(gfp_t zone, unsigned int order)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | zone;

	if (order)
		return alloc_pages((gfp | __GFP_NORETRY) & ~__GFP_DIRECT_RECLAIM, order);
	return alloc_page(gfp | __GFP_RETRY_MAYFAIL);
}

/*
 * Memory up to @limit. The allocator knows zones only: try the highest zone that may have such
 * pages, then the lower ones if its pages lie too high.
 */
static struct page *piece_alloc(unsigned int order, u64 limit)
{
	static const gfp_t zones[] = { 0, __GFP_DMA32, __GFP_DMA };
	unsigned int i = limit < DMA_BIT_MASK(32) ? 1 : 0;
	struct page *page;

	for (; i < ARRAY_SIZE(zones); i++) {
		page = piece_alloc_in(zones[i], order);
		if (!page || page_to_phys(page) + ((PAGE_SIZE << order) - 1) <= limit)
			return page;
		__free_pages(page, order);
	}
	return NULL;
}

static void free_pages_of(phys_addr_t paddr, u64 len)
{
	unsigned long pfn = PHYS_PFN(paddr);
	unsigned long end = pfn + (len >> PAGE_SHIFT);

	for (; pfn < end; pfn++) {
		__free_page(pfn_to_page(pfn));
		if (!(pfn % SZ_1K))
			cond_resched();
	}
}

/* @order: in, the largest to try; out, the one that was allocated. */
static int piece_add(struct p2p_vecs *vecs, unsigned int *order, u64 limit)
{
	struct p2p_vec piece = { .kind = P2P_VEC_SYSTEM, .owned = true };
	struct page *page;
	int error;

	while (!(page = piece_alloc(*order, limit))) {
		if (!*order)
			return -ENOMEM;
		--*order;
	}
	if (*order)
		split_page(page, *order);
	piece.paddr = page_to_phys(page);
	piece.len = PAGE_SIZE << *order;

	error = 0;
	if (!vecs->nr || !p2p_vec_touches(&vecs->vec[vecs->nr - 1], &piece))
		error = p2p_vecs_allow_one_more(vecs);
	if (!error)
		error = p2p_vecs_append(vecs, &piece);
	if (error)
		free_pages_of(piece.paddr, piece.len);
	return error;
}

/* Remove what piece_add() added: back to @nr ranges, the last of which ends at byte @size. */
static void pieces_remove(struct p2p_vecs *vecs, u32 nr, u64 size)
{
	struct p2p_vec *vec;
	u64 keep;

	for (; vecs->nr > nr; vecs->nr--, vecs->max--) {
		vec = &vecs->vec[vecs->nr - 1];
		free_pages_of(vec->paddr, vec->len);
	}
	vecs->system_size -= vecs->size - size;
	vecs->size = size;
	if (!nr)
		return;
	vec = &vecs->vec[nr - 1];
	keep = size - vec->start;
	if (keep == vec->len)
		return;
	free_pages_of(vec->paddr + keep, vec->len - keep);
	vec->len = keep;
}

/**
 * p2p_vecs_add_new_system() - append system memory that the list allocates
 * @vecs: a list that nobody else has seen yet
 * @len: bytes, page aligned
 * @limit: CPU physical address of the last byte that it may have, U64_MAX for any: see
 *	p2p_system_limit()
 *
 * The memory is zeroed, charged to the caller's cgroup, and freed with the list's last
 * reference. Its ranges do not count against the maximum given to p2p_vecs_alloc(). On
 * failure the list is as before.
 *
 * Context: May sleep. A dma_resv may be held.
 * Return: 0, or
 * * -EINVAL: @len is zero or not page aligned
 * * -EOVERFLOW: the list's size exceeds 64 bits
 * * -EINTR: the caller is being killed
 * * -ENOMEM: no memory up to @limit, or a limit is reached: the cgroup's, or system_max_mib
 */
int p2p_vecs_add_new_system(struct p2p_vecs *vecs, u64 len, u64 limit)
{
	unsigned int order = SYSTEM_ORDER_MAX;
	u64 size = vecs->size;
	u32 nr = vecs->nr;
	u64 end, pages;
	int error = 0;

	if (!len || !PAGE_ALIGNED(len))
		return -EINVAL;
	if (check_add_overflow(size, len, &end))
		return -EOVERFLOW;
	if (len >> PAGE_SHIFT > totalram_pages() || !system_reserve(len >> PAGE_SHIFT))
		return -ENOMEM;

	for (pages = len >> PAGE_SHIFT; pages && !error; pages -= 1ULL << order) {
		order = min_t(unsigned int, order, ilog2(pages));
		error = fatal_signal_pending(current) ? -EINTR : piece_add(vecs, &order, limit);
		cond_resched();
	}
	if (error) {
		pieces_remove(vecs, nr, size);
		atomic_long_sub(len >> PAGE_SHIFT, &system_pages);
	}
	return error;
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_new_system);

void p2p_system_free(phys_addr_t paddr, u64 len)
{
	free_pages_of(paddr, len);
	atomic_long_sub(len >> PAGE_SHIFT, &system_pages);
}
