/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VFIO and the IOMMU API. Included by the VFIO driver only, because it needs
 * <linux/vfio_pci_core.h>.
 */
#ifndef _PEERBUF_COMPAT_VFIO_H
#define _PEERBUF_COMPAT_VFIO_H

#include <linux/version.h>

#include <linux/eventfd.h>
#include <linux/iommu.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

/* Allocation flags: GFP_KERNEL before. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define iommu_map(domain, iova, paddr, size, prot, gfp)			\
	iommu_map(domain, iova, paddr, size, prot)
#endif

/*
 * Whether the IOMMU drivers refuse to map what is mapped. VT-d and AMD do since they use the
 * generic page tables; before, VT-d warned and kept the old entry, but took a large
 * one for a table if a small one was to be put below it, and AMD replaced it.
 */
#define IOMMU_MAP_IS_EXCLUSIVE						\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0) && IS_ENABLED(CONFIG_IOMMU_PT))

/* The count was always one. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

/* Operations that every driver on vfio-pci-core leaves to it, where they exist. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define VFIO_PCI_OPS_IOMMUFD						\
	.bind_iommufd = vfio_iommufd_physical_bind,			\
	.unbind_iommufd = vfio_iommufd_physical_unbind,			\
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
#else
#define VFIO_PCI_OPS_IOMMUFD
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define VFIO_PCI_OPS_DETACH	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define VFIO_PCI_OPS_DETACH
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#define VFIO_PCI_OPS_PASID						\
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,	\
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
#else
#define VFIO_PCI_OPS_PASID
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define VFIO_PCI_OPS_TOKEN	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define VFIO_PCI_OPS_TOKEN
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define VFIO_PCI_OPS_REGION_INFO					\
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
#else
#define VFIO_PCI_OPS_REGION_INFO
#endif

/* Whoever opened the device through iommufd has its IOAS, and no container. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) && IS_ENABLED(CONFIG_IOMMUFD)
#define vfio_device_is_iommufd(device)	(!!(device)->iommufd_device)
#else
#define vfio_device_is_iommufd(device)	false
#endif

#endif /* _PEERBUF_COMPAT_VFIO_H */
