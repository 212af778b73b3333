/* SPDX-License-Identifier: GPL-2.0 */
/* How much of an import is put into the IOMMU's page tables at a time. */
#ifndef _PEERBUF_VFIO_STEP_H
#define _PEERBUF_VFIO_STEP_H

#include <linux/sizes.h>
#include <linux/types.h>

/* Smaller than the second page size of every page table in which each level is a page size. */
#define PEERBUF_VFIO_SMALL_STEP		SZ_1M

/* iommu_map() of this much is quick even with the smallest pages; larger pages gain nothing. */
#define PEERBUF_VFIO_LARGE_STEP		SZ_1G

/*
 * Pure logic: tests/unit builds it in userspace. @exclusive: nobody else can map over an import.
 *
 * If others can, a step is so small that each page is a single entry, which others replace alone.
 * Some page tables, first of all AMD's, have page sizes in between: a page of 1 MiB is 256 equal
 * entries, and unmapping one of them removes all 256, even those that others have replaced
 * meanwhile. With such tables a step is one page.
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
