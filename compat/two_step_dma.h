/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two-step DMA API (reserve an IOVA range, link physical ranges into it) and
 * dma_map_phys(). Probed by the attribute that came with them, because
 * dma_map_phys() cannot be had without it.
 */
#ifndef _PEERBUF_COMPAT_TWO_STEP_DMA_H
#define _PEERBUF_COMPAT_TWO_STEP_DMA_H

#include <linux/dma-mapping.h>

#ifdef DMA_ATTR_MMIO
#define HAVE_TWO_STEP_DMA	1
#endif

#endif /* _PEERBUF_COMPAT_TWO_STEP_DMA_H */
