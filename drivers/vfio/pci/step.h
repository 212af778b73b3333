/* SPDX-License-Identifier: GPL-2.0 */
/* How much of an import is put into the IOMMU's page tables at a time. */
#ifndef _PEERBUF_VFIO_STEP_H
#define _PEERBUF_VFIO_STEP_H

#include <linux/sizes.h>
#include <linux/types.h>

/* Below the second page size of every page table whose levels are its page sizes. */
#define PEERBUF_VFIO_SMALL_STEP		SZ_1M

/* Quick even where it takes the smallest pages, and no smaller than any page that pays. */
#define PEERBUF_VFIO_LARGE_STEP		SZ_1G

/*
 * Pure logic: tests/unit builds it in userspace. @exclusive: nobody else can map there.
 *
 * Else the steps are so small that each page of ours is an entry by itself, of which somebody
 * else can take the place. Some page tables, AMD's first among them, have sizes in between:
 * a page of 1 MiB is 256 entries that say so, and whoever unmaps one of them takes them
 * all out, also those that meanwhile are somebody else's. There it goes page by page.
 */
static inline u64 peerbuf_vfio_step_size(u64 page_sizes, u64 granule, bool exclusive)
{
	if (exclusive)
		return PEERBUF_VFIO_LARGE_STEP;
	if (page_sizes & (2 * PEERBUF_VFIO_SMALL_STEP - 1) & ~(2 * granule - 1))
		return granule;
	return PEERBUF_VFIO_SMALL_STEP;
}

#endif /* _PEERBUF_VFIO_STEP_H */
