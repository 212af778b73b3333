/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_TRANSLATE_H
#define _P2P_TRANSLATE_H

#include <linux/dma-mapping.h>

/*
 * Does an IOMMU translate what the device's DMA API hands out?
 *
 * Asked of the DMA API itself, which alone has a merge boundary (the IOMMU's
 * granule less one) where it maps through an IOMMU. The domain's type would say
 * the same, but for a function that is somebody else's, iommu_get_domain_for_dev()
 * returns a domain that VFIO may free at this moment.
 */
static inline bool p2p_translated(struct device *dev)
{
	return dma_get_merge_boundary(dev) != 0;
}

#endif /* _P2P_TRANSLATE_H */
