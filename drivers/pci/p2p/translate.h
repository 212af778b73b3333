/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_TRANSLATE_H
#define _P2P_TRANSLATE_H

#include <linux/dma-mapping.h>

/*
 * Does an IOMMU translate what the device's DMA API hands out?
 *
 * Only a DMA API that maps through an IOMMU has a merge boundary (the IOMMU's
 * granule less one). The domain's type would say the same, but for a function that
 * is not the caller's, iommu_get_domain_for_dev() returns a domain that VFIO may
 * free at any moment.
 */
static inline bool p2p_translated(struct device *dev)
{
	return dma_get_merge_boundary(dev) != 0;
}

#endif /* _P2P_TRANSLATE_H */
