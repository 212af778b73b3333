/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two-step DMA API (reserve an IOVA range, link physical ranges into it) and
 * dma_map_phys(). Probed by DMA_ATTR_MMIO, which came with them and is a macro.
 * Without them, dma_map_phys() is built from older functions, and reserving an
 * IOVA range always fails.
 */
#ifndef _PEERBUF_COMPAT_TWO_STEP_DMA_H
#define _PEERBUF_COMPAT_TWO_STEP_DMA_H

#include <linux/dma-mapping.h>

#ifdef DMA_ATTR_MMIO
#define HAVE_TWO_STEP_DMA	true
#else
#define HAVE_TWO_STEP_DMA	false

#include <linux/mm.h>

/* Not passed to the kernel: it selects which of the kernel's functions to call. */
#define DMA_ATTR_MMIO		BIT(10)

static inline dma_addr_t dma_map_phys(struct device *dev, phys_addr_t phys, size_t size,
				      enum dma_data_direction dir, unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return dma_map_resource(dev, phys, size, dir, attrs & ~DMA_ATTR_MMIO);
	return dma_map_page_attrs(dev, pfn_to_page(PHYS_PFN(phys)), offset_in_page(phys), size,
				  dir, attrs);
}

static inline void dma_unmap_phys(struct device *dev, dma_addr_t addr, size_t size,
				  enum dma_data_direction dir, unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		dma_unmap_resource(dev, addr, size, dir, attrs & ~DMA_ATTR_MMIO);
	else
		dma_unmap_page_attrs(dev, addr, size, dir, attrs);
}

struct dma_iova_state {
	dma_addr_t addr;
};

static inline bool dma_iova_try_alloc(struct device *dev, struct dma_iova_state *state,
				      phys_addr_t phys, size_t size)
{
	return false;
}

static inline void dma_iova_free(struct device *dev, struct dma_iova_state *state)
{
}

static inline int dma_iova_link(struct device *dev, struct dma_iova_state *state,
				phys_addr_t phys, size_t offset, size_t size,
				enum dma_data_direction dir, unsigned long attrs)
{
	return -EOPNOTSUPP;
}

static inline int dma_iova_sync(struct device *dev, struct dma_iova_state *state,
				size_t offset, size_t size)
{
	return -EOPNOTSUPP;
}

static inline void dma_iova_unlink(struct device *dev, struct dma_iova_state *state,
				   size_t offset, size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
}
#endif /* DMA_ATTR_MMIO */

/* Newer than the above: memory that a confidential guest shares with devices. */
#ifdef DMA_ATTR_CC_SHARED
#define DMA_KNOWS_CC_SHARED	true
#else
#define DMA_KNOWS_CC_SHARED	false
#define DMA_ATTR_CC_SHARED	0
#endif

#endif /* _PEERBUF_COMPAT_TWO_STEP_DMA_H */
