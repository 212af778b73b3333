/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether iommu_flush_iotlb_all() leaves out the device's own TLB (PCIe ATS). VT-d's driver
 * does so until 6.10 where the IOMMU caches what is not present, as every emulated one does.
 * Its flush of a range never does.
 */
#ifndef _PEERBUF_COMPAT_IOTLB_H
#define _PEERBUF_COMPAT_IOTLB_H

#include <linux/version.h>

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/string.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
static inline bool iommu_flush_all_skips_device(struct device *dev)
{
	return strstarts(dev_name(dev->iommu->iommu_dev->dev), "dmar");
}
#else
#define iommu_flush_all_skips_device(dev)	false
#endif

#endif /* _PEERBUF_COMPAT_IOTLB_H */
