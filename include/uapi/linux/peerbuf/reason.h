/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: the reasons of refusals and of routes. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_REASON_H
#define _UAPI_LINUX_PEERBUF_REASON_H

/*
 * enum peerbuf_reason - why a route is what it is, or why a call was refused.
 * Numbers are stable. 1..63 belong to routes, 64.. to refusals.
 */
enum peerbuf_reason {
	PEERBUF_REASON_NONE			= 0,

	/* Routes that work */
	PEERBUF_REASON_SAME_FUNCTION		= 1, /* provider and client are one function */
	PEERBUF_REASON_COMMON_BRIDGE		= 2, /* common upstream bridge, no ACS redirect */
	PEERBUF_REASON_CPU_FORWARDS		= 3, /* this CPU family forwards peer traffic */
	PEERBUF_REASON_HOST_BRIDGE_KNOWN	= 4, /* the host bridges are known to forward */
	PEERBUF_REASON_OVERRIDE_PAIR		= 5, /* the administrator vouches for the pair */
	PEERBUF_REASON_OVERRIDE_HOST_BRIDGE	= 6, /* the administrator vouches for the bridge */

	/* Routes that do not */
	PEERBUF_REASON_HOST_BRIDGE_UNKNOWN	= 16, /* not known to forward peer traffic */
	PEERBUF_REASON_ACS_REDIRECT		= 17, /* ACS sends it to such a host bridge */
	PEERBUF_REASON_NO_COMMON_ROOT		= 18, /* two PCI domains, bridges not known */
	PEERBUF_REASON_DMA_MASK			= 19, /* client cannot address the BAR */
	PEERBUF_REASON_NOT_PCI			= 20, /* client is not a PCI device */
	PEERBUF_REASON_PROVIDER_GONE		= 21, /* owner unbound, removed, or BAR not lent */
	PEERBUF_REASON_MEM_ENCRYPTION		= 22, /* IOMMU driver takes BARs for encrypted */
	PEERBUF_REASON_CONFIDENTIAL_GUEST	= 23, /* the host controls peer requests */
	PEERBUF_REASON_DMA_MASK_IOMMU		= 24, /* as 19, and no way through the IOMMU */
	PEERBUF_REASON_BRIDGE_OFF		= 25, /* a bridge on the way is switched off */

	/* Arguments */
	PEERBUF_REASON_STRUCT_SIZE		= 64, /* too short, or unknown tail not zero */
	PEERBUF_REASON_RESERVED			= 65, /* reserved field not zero */
	PEERBUF_REASON_FLAGS			= 66, /* unknown flag */
	PEERBUF_REASON_NO_RANGES		= 67, /* no range given */
	PEERBUF_REASON_TOO_MANY_RANGES		= 68, /* more than PEERBUF_MAX_RANGES */
	PEERBUF_REASON_TOO_MANY_DEVICES		= 69, /* more than PEERBUF_MAX_DEVICES */
	PEERBUF_REASON_ZERO_LENGTH		= 70, /* a range of length zero */
	PEERBUF_REASON_UNALIGNED		= 71, /* offset or length not page aligned */
	PEERBUF_REASON_PAST_END			= 72, /* range ends past the BAR */
	PEERBUF_REASON_OVERFLOW			= 73, /* offset + length, or the sum, overflows */
	PEERBUF_REASON_SIZE_MISMATCH		= 74, /* a move must keep the buffer's size */
	PEERBUF_REASON_OVERLAP			= 75, /* copy to a place that overlaps */
	PEERBUF_REASON_BAD_FD			= 76, /* no such file descriptor */
	PEERBUF_REASON_NOT_DMABUF		= 77, /* the fd is not a dma-buf */
	PEERBUF_REASON_NOT_PEERBUF		= 78, /* a dma-buf of another exporter */
	PEERBUF_REASON_NOT_NODE			= 79, /* the fd is not a /dev/peerbuf node */
	PEERBUF_REASON_NO_EXPORT		= 80, /* no export with that id here */
	PEERBUF_REASON_NO_DEVICE		= 81, /* no such PCI function, or none registered */
	PEERBUF_REASON_BAD_POINTER		= 82, /* an array is not accessible */
	PEERBUF_REASON_TOO_MANY_RIGHTS		= 83, /* more than PEERBUF_MAX_RIGHTS */
	PEERBUF_REASON_ALIASED			= 90, /* a copy of ranges that name a byte twice */
	PEERBUF_REASON_SEGMENT_LIMITS		= 91, /* alignment or maximum of segments */

	/* BARs */
	PEERBUF_REASON_NO_BAR			= 96, /* the function has no such BAR */
	PEERBUF_REASON_IO_BAR			= 97, /* an I/O port BAR */
	PEERBUF_REASON_BAR_NOT_EXPORTABLE	= 98, /* not a BAR that the node exports */
	PEERBUF_REASON_MEMORY_DECODE_OFF	= 99, /* memory bit clear, of it or a bridge */
	PEERBUF_REASON_BAR_UNASSIGNED		= 100, /* no address was assigned */
	PEERBUF_REASON_BAR_UNMAPPABLE		= 101, /* nobody may map this function's BARs */
	PEERBUF_REASON_NOT_LENT			= 103, /* outside the ranges that are lent */
	PEERBUF_REASON_MSIX			= 104, /* the MSI-X table or its pending bits */
	PEERBUF_REASON_BAR_SMALL		= 105, /* the BAR is smaller than a page */

	/* Rights */
	PEERBUF_REASON_READ_ONLY_FILE		= 112, /* node opened without write access */
	PEERBUF_REASON_CAPABILITY		= 113, /* CAP_SYS_ADMIN needed */
	PEERBUF_REASON_LOCKDOWN			= 114, /* kernel lockdown forbids it */
	PEERBUF_REASON_RIGHT_MISSING		= 115, /* another function's owner must agree */

	/* Importers */
	PEERBUF_REASON_STATIC_IMPORTER		= 128, /* static: gets no BAR */
	PEERBUF_REASON_NO_PEER2PEER		= 129, /* cannot take memory without pages */
	PEERBUF_REASON_PINNED_IMPORTER		= 130, /* pins, cannot be revoked */
	PEERBUF_REASON_NO_ROUTE			= 131, /* see the route's own reason */
	PEERBUF_REASON_VETO			= 132, /* the exporting driver refused */
	PEERBUF_REASON_HIDDEN			= 133, /* only its own device can address it */
	PEERBUF_REASON_NO_CPU			= 140, /* exported without CPU access */

	/* State */
	PEERBUF_REASON_REVOKED			= 144, /* revoked; restore brings it back */
	PEERBUF_REASON_DEVICE_DOWN		= 145, /* owner suspended or in reset */
	PEERBUF_REASON_DEVICE_GONE		= 146, /* owner unbound or removed: final */
	PEERBUF_REASON_PINNED			= 147, /* an importer or a vmap pins the buffer */
	PEERBUF_REASON_STILL_MAPPED		= 148, /* an importer has not unmapped yet */
	PEERBUF_REASON_NOT_REVOKED		= 149, /* nothing to restore */
	PEERBUF_REASON_DRIVER_BOUND		= 150, /* already exportable */
	PEERBUF_REASON_NO_DRIVER		= 151, /* lending needs a bound driver */
	PEERBUF_REASON_INTERRUPTED		= 152, /* a signal arrived while waiting */
	PEERBUF_REASON_NO_MEMORY		= 153, /* out of system memory */
	PEERBUF_REASON_BUSY			= 154, /* another thread holds the buffer's lock */
	PEERBUF_REASON_DEVICE_BUSY		= 155, /* a driver is being bound or unbound */
	PEERBUF_REASON_DRIVER_DECIDES		= 156, /* the function's own driver decides this */

	/* Mapping for a VFIO device (peerbuf_vfio.h) */
	PEERBUF_REASON_NO_IOMMU			= 176, /* no IOMMU translates for the device */
	PEERBUF_REASON_IOMMUFD			= 177, /* the device is used through iommufd */
	PEERBUF_REASON_FOREIGN_EXPORTER		= 178, /* another exporter's, not system memory */
	PEERBUF_REASON_IOVA_UNALIGNED		= 179, /* not aligned to the IOMMU's page size */
	PEERBUF_REASON_IOVA_RANGE		= 180, /* outside what the IOMMU translates */
	PEERBUF_REASON_IOVA_BUSY		= 181, /* a page of it is mapped already */
	PEERBUF_REASON_IOVA_BRIDGE		= 182, /* in a switch's window: never gets up */
	PEERBUF_REASON_IOVA_UNKNOWN		= 183, /* no mapping there */
	PEERBUF_REASON_IOVA_LENGTH		= 184, /* the mapping there has another length */
	PEERBUF_REASON_NO_ACCESS		= 185, /* neither read nor write was asked for */
	PEERBUF_REASON_READ_ONLY_BUFFER		= 186, /* the DMA-BUF is not open for this access */
	PEERBUF_REASON_BAD_EVENTFD		= 187, /* not an eventfd */
	PEERBUF_REASON_TOO_MANY_MAPPINGS	= 188, /* more than PEERBUF_VFIO_MAX_MAPPINGS */
	PEERBUF_REASON_IOMMU_REFUSED		= 189, /* the IOMMU driver failed to map it */
	PEERBUF_REASON_IOVA_SHARED		= 190, /* IOMMU driver can map an IOVA twice */

	/* Addresses of a process (PEERBUF_IOC_LOOKUP) */
	PEERBUF_REASON_NOTHING_MAPPED		= 192, /* a hole */
	PEERBUF_REASON_ORDINARY_MEMORY		= 193, /* the process's own memory, or a file's */
	PEERBUF_REASON_DEVICE_MEMORY		= 194, /* mapped by a driver, not from a dma-buf */
	PEERBUF_REASON_FOREIGN_PART		= 195, /* not all of another exporter's dma-buf */
	PEERBUF_REASON_FOREIGN_UNKNOWN		= 196, /* unknown exporter: offsets unclear */
	PEERBUF_REASON_FOREIGN_BUFFER		= 197, /* cannot be composed with others */
	PEERBUF_REASON_TOO_MANY_PIECES		= 198, /* more than fit, or PEERBUF_MAX_PIECES */
	PEERBUF_REASON_DERIVED			= 199, /* a part: moves only with its whole */
	PEERBUF_REASON_DERIVED_DEEP		= 200, /* too many levels of parts of parts */
	PEERBUF_REASON_COMPOSED			= 201, /* mapping of a composed buffer */

	/* Drives and buffers */
	PEERBUF_REASON_NO_STORAGE		= 208, /* peerbuf-nvme is not loaded */
	PEERBUF_REASON_NOT_A_FILE		= 209, /* neither regular file nor block device */
	PEERBUF_REASON_NOT_NVME			= 210, /* not directly on a PCI NVMe drive */
	PEERBUF_REASON_MULTIPATH		= 211, /* the drive has several paths */
	PEERBUF_REASON_METADATA			= 212, /* metadata or protection information */
	PEERBUF_REASON_ZONED			= 213, /* a zoned drive: no direct writes */
	PEERBUF_REASON_FILE_ACCESS		= 214, /* the file is not open for this */
	PEERBUF_REASON_READ_ONLY_DEVICE		= 215, /* the block device is read-only */
	PEERBUF_REASON_SWAP			= 216, /* the block device is used as swap */
	PEERBUF_REASON_QUEUE_DEPTH		= 217, /* more than PEERBUF_FILE_MAX_DEPTH */
	PEERBUF_REASON_CONTROLLER_GONE		= 218, /* the drive went away */
	PEERBUF_REASON_DRIVE_ERROR		= 219, /* the drive failed a command */
	PEERBUF_REASON_FILE_ERROR		= 220, /* reading or writing the file failed */
	PEERBUF_REASON_FILESYSTEM		= 221, /* neither ext4 nor xfs */
	PEERBUF_REASON_FILE_KIND		= 222, /* encrypted, verified, immutable, ... */
	PEERBUF_REASON_FILE_BUSY		= 223, /* the file is open for writing */
	PEERBUF_REASON_NO_BLOCK			= 224, /* the file has no usable block there */
};

#endif /* _UAPI_LINUX_PEERBUF_REASON_H */
