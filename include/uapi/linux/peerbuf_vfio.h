/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * peerbuf and VFIO: device memory in the IOVA space of a VFIO device.
 *
 * A PCI function that is bound to peerbuf-vfio-pci is a VFIO device with two additions,
 * both on its VFIO device fd:
 *
 *  - VFIO_DEVICE_FEATURE with VFIO_DEVICE_FEATURE_DMA_BUF: export ranges of a region as
 *    a DMA-BUF. This is <linux/vfio.h>'s own interface, the same on every kernel; its
 *    definitions are repeated at the end of this file for older headers.
 *  - The ioctls below: map a DMA-BUF into the IOVA space of the device's DMA.
 *
 * The conventions are those of <linux/peerbuf.h>: structures start with their size and
 * have a @reason (enum peerbuf_reason), reserved fields and unknown flags must be zero,
 * a failed call changes nothing, and the errno values listed there hold here as well.
 *
 * Mappings belong to the open VFIO device. They end with PEERBUF_VFIO_IOC_UNMAP and when
 * the last descriptor of the device is closed, and so with the process.
 *
 * The IOVA space is that of the container's IOMMU domain that the device is in: the other
 * devices of that domain use the same mappings. VFIO's type1 driver does not know of
 * them; Documentation/vfio.rst says which conflicts it refuses.
 */
#ifndef _UAPI_LINUX_PEERBUF_VFIO_H
#define _UAPI_LINUX_PEERBUF_VFIO_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vfio.h>
#include <linux/peerbuf.h>

/** Version of this interface; bumped only when something is added. */
#define PEERBUF_VFIO_UAPI_VERSION	2

/** Maximum number of mappings that one device can have at a time. */
#define PEERBUF_VFIO_MAX_MAPPINGS	65535

/**
 * struct peerbuf_vfio_ioc_info - PEERBUF_VFIO_IOC_INFO: what this device can do
 * @size: sizeof(struct peerbuf_vfio_ioc_info)
 * @reason: out, enum peerbuf_reason on failure; on success, why
 *	PEERBUF_VFIO_INFO_F_IMPORT is missing, or 0
 * @flags: out, PEERBUF_VFIO_INFO_F_*
 * @version: out, PEERBUF_VFIO_UAPI_VERSION
 * @addr: out, PEERBUF_PCI_ADDR of the function
 * @page_sizes: out, page sizes of the IOMMU domain, one bit each; 0 without IMPORT.
 *	The smallest is what IOVAs, offsets and lengths are aligned to, if it is
 *	larger than the kernel's page size
 * @iova_first: out, first IOVA of the domain's aperture
 * @iova_last: out, last IOVA of the domain's aperture
 * @nr_mappings: out, mappings of this device
 * @max_mappings: out, the maximum number of mappings
 */
struct peerbuf_vfio_ioc_info {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 version;
	__u64 addr;
	__u64 page_sizes;
	__u64 iova_first;
	__u64 iova_last;
	__u32 nr_mappings;
	__u32 max_mappings;
};

#define PEERBUF_VFIO_INFO_F_EXPORT	(1U << 0) /* VFIO_DEVICE_FEATURE_DMA_BUF works */
#define PEERBUF_VFIO_INFO_F_IMPORT	(1U << 1) /* PEERBUF_VFIO_IOC_MAP works */
/* The IOMMU driver refuses to map an IOVA twice. Otherwise type1 may map over these mappings. */
#define PEERBUF_VFIO_INFO_F_EXCLUSIVE	(1U << 2)

/**
 * struct peerbuf_vfio_ioc_map - PEERBUF_VFIO_IOC_MAP: map a DMA-BUF for the device
 * @size: sizeof(struct peerbuf_vfio_ioc_map)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: PEERBUF_VFIO_MAP_F_*, at least one of READ and WRITE
 * @fd: the DMA-BUF; the mapping keeps it alive, not the descriptor
 * @offset: first byte in the buffer, page aligned
 * @length: bytes, page aligned, not zero
 * @iova: where it appears, page aligned
 * @eventfd: with PEERBUF_VFIO_MAP_F_EVENTFD, an eventfd; otherwise zero
 * @reserved: zero
 * @route: out, how the device reaches the memory; if the call fails because there is no route
 *	(reason NO_ROUTE), the verdict with its own reason. For a device behind an IOMMU
 *	this is always the way through the host bridge, whatever lies between the two.
 *
 * Pages of the range that cannot be reached now (the buffer is revoked, or its device
 * is down) are mapped when they can be reached: the call succeeds, with the state
 * PEERBUF_VFIO_STATE_AWAY. While the buffer moves or is revoked the range is not
 * mapped, and DMA to it faults in the IOMMU. It is unmapped, with the IOTLB flushed,
 * before the exporter's move or revoke returns. Afterwards it is mapped again at the
 * same IOVA, without another call; DMA that faulted in between has to be repeated.
 *
 * The eventfd is signalled each time the state changes. It can be shared between
 * mappings; PEERBUF_VFIO_IOC_QUERY tells what happened to which.
 *
 * errno: EBADF @fd is not a descriptor, or @eventfd not an eventfd's; EINVAL @fd is
 * not a DMA-BUF, zero or unaligned offset, length or IOVA, neither READ nor WRITE; ERANGE the
 * range ends past the buffer, or the IOVA range past the aperture; EOVERFLOW one of them
 * wraps; EACCES the DMA-BUF is not open for reading, or not for writing, as READ and WRITE
 * require; EADDRINUSE a page of the IOVA range is mapped already, by type1 or by this
 * interface;
 * EADDRNOTAVAIL a switch would claim DMA to the IOVA range before the IOMMU sees it;
 * EHOSTUNREACH no route; EOPNOTSUPP the DMA-BUF is another exporter's and not in system memory,
 * or the device is used without an IOMMU, or through iommufd, or, without
 * PEERBUF_VFIO_INFO_F_EXCLUSIVE, the buffer is in system memory; ENODEV the
 * buffer is dead; ENOSPC PEERBUF_VFIO_MAX_MAPPINGS; EIO the IOMMU driver failed; EPERM
 * without PEERBUF_VFIO_INFO_F_EXCLUSIVE, the process lacks CAP_SYS_RAWIO, and
 * peerbuf-vfio-pci's parameter allow_unsafe_import is off.
 */
struct peerbuf_vfio_ioc_map {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__s32 fd;
	__u64 offset;
	__u64 length;
	__u64 iova;
	__s32 eventfd;
	__u32 reserved;
	struct peerbuf_route route;
};

#define PEERBUF_VFIO_MAP_F_READ		(1U << 0) /* the device may read */
#define PEERBUF_VFIO_MAP_F_WRITE	(1U << 1) /* the device may write */
#define PEERBUF_VFIO_MAP_F_EVENTFD	(1U << 2) /* @eventfd is valid */

/**
 * struct peerbuf_vfio_ioc_unmap - PEERBUF_VFIO_IOC_UNMAP: undo a mapping
 * @size: sizeof(struct peerbuf_vfio_ioc_unmap)
 * @reason: out, enum peerbuf_reason on failure
 * @iova: first IOVA of a mapping
 * @length: bytes of that mapping: a part of it cannot be unmapped
 * @flags: zero
 * @reserved: zero
 *
 * When it returns no DMA of the device reaches the memory by this mapping.
 *
 * errno: ENOENT no mapping starts at @iova; EINVAL its length differs from @length.
 */
struct peerbuf_vfio_ioc_unmap {
	__u32 size;
	__u32 reason;
	__u64 iova;
	__u64 length;
	__u32 flags;
	__u32 reserved;
};

#define PEERBUF_VFIO_STATE_MAPPED	1 /* DMA reaches the memory */
#define PEERBUF_VFIO_STATE_AWAY		2 /* moving or revoked: DMA faults; may come back */
#define PEERBUF_VFIO_STATE_DEAD		3 /* final: the exporter is gone. DMA faults */
#define PEERBUF_VFIO_STATE_FAILED	4 /* could not be mapped again, see @error */

/**
 * struct peerbuf_vfio_ioc_query - PEERBUF_VFIO_IOC_QUERY: the state of a mapping
 * @size: sizeof(struct peerbuf_vfio_ioc_query)
 * @reason: out, enum peerbuf_reason on failure; on success, why the state is not
 *	PEERBUF_VFIO_STATE_MAPPED, or 0
 * @flags: PEERBUF_VFIO_QUERY_F_*
 * @state: out, PEERBUF_VFIO_STATE_*
 * @iova: in, an IOVA; out, the first IOVA of the mapping
 * @length: out, bytes
 * @offset: out, first byte in the buffer
 * @changes: out, how often the state changed since the mapping was made
 * @id: out, the buffer's export id (PEERBUF_IOC_QUERY), 0 if it is another exporter's
 * @access: out, PEERBUF_VFIO_MAP_F_READ and WRITE
 * @error: out, positive errno with PEERBUF_VFIO_STATE_FAILED, otherwise 0
 * @route: out, the latest verdict
 *
 * errno: ENOENT @iova is in no mapping; with PEERBUF_VFIO_QUERY_F_NEXT, nor is any above it.
 */
struct peerbuf_vfio_ioc_query {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 state;
	__u64 iova;
	__u64 length;
	__u64 offset;
	__u64 changes;
	__u64 id;
	__u32 access;
	__u32 error;
	struct peerbuf_route route;
};

/* If @iova is in no mapping, take the next one above it. */
#define PEERBUF_VFIO_QUERY_F_NEXT	(1U << 0)

/* The first of this file's numbers; see PEERBUF_IOC_MAGIC. */
#define PEERBUF_VFIO_IOC_BASE	0x40

#define PEERBUF_VFIO_IOC_INFO	_IOWR(PEERBUF_IOC_MAGIC, 0x40, struct peerbuf_vfio_ioc_info)
#define PEERBUF_VFIO_IOC_MAP	_IOWR(PEERBUF_IOC_MAGIC, 0x41, struct peerbuf_vfio_ioc_map)
#define PEERBUF_VFIO_IOC_UNMAP	_IOWR(PEERBUF_IOC_MAGIC, 0x42, struct peerbuf_vfio_ioc_unmap)
#define PEERBUF_VFIO_IOC_QUERY	_IOWR(PEERBUF_IOC_MAGIC, 0x43, struct peerbuf_vfio_ioc_query)

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF

/**
 * VFIO_DEVICE_FEATURE_DMA_BUF - export ranges of a region as a DMA-BUF
 *
 * With VFIO_DEVICE_FEATURE_GET, in the data of struct vfio_device_feature. Returns
 * the new DMA-BUF's descriptor. <linux/vfio.h> has it from Linux 6.19 on; programs that
 * are compiled against older headers find it here, in the same shape.
 */
#define VFIO_DEVICE_FEATURE_DMA_BUF	11

/**
 * struct vfio_region_dma_range - a piece of a region
 * @offset: first byte in the region, page aligned
 * @length: bytes, page aligned, not zero
 */
struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

/**
 * struct vfio_device_feature_dma_buf - what to export
 * @region_index: VFIO_PCI_BAR0_REGION_INDEX .. VFIO_PCI_BAR5_REGION_INDEX
 * @open_flags: O_CLOEXEC, and O_RDONLY, O_WRONLY or O_RDWR for the descriptor
 * @flags: zero
 * @nr_ranges: entries in @dma_ranges, at least one
 * @dma_ranges: the buffer consists of them in this order
 */
struct vfio_device_feature_dma_buf {
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};

#endif /* VFIO_DEVICE_FEATURE_DMA_BUF */

#endif /* _UAPI_LINUX_PEERBUF_VFIO_H */
