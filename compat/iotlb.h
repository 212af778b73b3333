/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Does iommu_flush_iotlb_all() leave out the device's own TLB (PCIe ATS)? Before 6.10 VT-d's
 * driver does, if the IOMMU also caches entries that are not present, as every emulated IOMMU
 * does. Its flush of a range always includes the device's TLB.
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
