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
#include <linux/string.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "mem_encrypt.h"

/* Allocation flags; older kernels always use GFP_KERNEL. */
#ifndef HAVE_IOMMU_MAP_GFP
#define iommu_map(domain, iova, paddr, size, prot, gfp)			\
	iommu_map(domain, iova, paddr, size, prot)
#endif

/*
 * Does the device's IOMMU driver refuse to map an IOVA that is mapped already? VT-d's ("dmar0")
 * and AMD's ("ivhd0") do since they use the generic page tables. Before, AMD's driver replaced the
 * old entry. VT-d's warned and kept it, but took a large entry for a table when a small one had to
 * go below it. virtio-iommu does not refuse; other drivers are not known to. No header shows it, so
 * a kernel that has taken this over from a newer one counts as not refusing.
 */
static inline bool iommu_map_is_exclusive(struct device *dev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0) && IS_ENABLED(CONFIG_IOMMU_PT)
	const char *name = dev_name(dev->iommu->iommu_dev->dev);

	return strstarts(name, "dmar") || strstarts(name, "ivhd");
#else
	return false;
#endif
}

/* Before, the count had to be passed; it was always one. */
#ifndef HAVE_EVENTFD_SIGNAL_ONCE
#define eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

/* Operations that every driver on vfio-pci-core leaves to the core, where they exist. */
#ifdef HAVE_VFIO_BIND_IOMMUFD
#define VFIO_PCI_OPS_IOMMUFD						\
	.bind_iommufd = vfio_iommufd_physical_bind,			\
	.unbind_iommufd = vfio_iommufd_physical_unbind,			\
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
#else
#define VFIO_PCI_OPS_IOMMUFD
#endif

#ifdef HAVE_VFIO_DETACH_IOAS
#define VFIO_PCI_OPS_DETACH	.detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define VFIO_PCI_OPS_DETACH
#endif

#ifdef HAVE_VFIO_PASID_ATTACH_IOAS
#define VFIO_PCI_OPS_PASID						\
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,	\
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
#else
#define VFIO_PCI_OPS_PASID
#endif

#ifdef HAVE_VFIO_MATCH_TOKEN_UUID
#define VFIO_PCI_OPS_TOKEN	.match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define VFIO_PCI_OPS_TOKEN
#endif

#ifdef HAVE_VFIO_REGION_INFO_CAPS
#define VFIO_PCI_OPS_REGION_INFO(_fn)	.get_region_info_caps = _fn,
#else
#define VFIO_PCI_OPS_REGION_INFO(_fn)

/* Here vfio_pci_core_ioctl() handles it. */
static inline int vfio_pci_ioctl_get_region_info(struct vfio_device *device,
						 struct vfio_region_info *info,
						 struct vfio_info_cap *caps)
{
	return -ENOTTY;
}
#endif

/* A device that was opened through iommufd has an IOAS and no container. */
#if defined(HAVE_VFIO_IOMMUFD_DEVICE) && IS_ENABLED(CONFIG_IOMMUFD)
#define vfio_device_is_iommufd(device)	(!!(device)->iommufd_device)
#else
#define vfio_device_is_iommufd(device)	false
#endif

/*
 * Newer versions of vfio-pci-core claim and map all BARs at open, and store an error here for those
 * where that failed. Older ones do so when a BAR is first used, and undo it at close.
 */
static inline int vfio_pci_core_claim_bar(struct vfio_pci_core_device *vdev, int bar)
{
	void __iomem *io;
	int ret;

	if (vdev->barmap[bar])
		return PTR_ERR_OR_ZERO((void __force *)vdev->barmap[bar]);

	ret = pci_request_selected_regions(vdev->pdev, 1 << bar, "vfio-pci");
	if (ret)
		return ret;
	io = pci_iomap(vdev->pdev, bar, 0);
	if (!io) {
		pci_release_selected_regions(vdev->pdev, 1 << bar);
		return -ENOMEM;
	}
	vdev->barmap[bar] = io;
	return 0;
}

#endif /* _PEERBUF_COMPAT_VFIO_H */
