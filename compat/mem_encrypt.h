/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory encryption and BARs. Before AMD's IOMMU driver used the generic page tables, it took every
 * page for encrypted RAM and set the encryption bit in its address. A BAR's address has no such
 * bit.
 */
#ifndef _PEERBUF_COMPAT_MEM_ENCRYPT_H
#define _PEERBUF_COMPAT_MEM_ENCRYPT_H

#include <linux/version.h>

#include <linux/cc_platform.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 2, 0)
#define IOMMU_MAP_ENCRYPTS_MMIO		cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT)
#else
#define IOMMU_MAP_ENCRYPTS_MMIO		false
#endif

#endif /* _PEERBUF_COMPAT_MEM_ENCRYPT_H */
