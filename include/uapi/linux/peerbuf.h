/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * peerbuf: PCIe BAR memory shared between devices as dynamic DMA-BUFs.
 *
 * Two kinds of character device speak these ioctls:
 *
 *  /dev/peerbuf/<dddd:bb:dd.f>  one per exportable PCI function ("the node").
 *                               Its file permissions are the right to the
 *                               function's memory, and to no other's.
 *  /dev/peerbuf/control         topology, accounting and administration.
 *
 * Conventions, the same for every ioctl:
 *
 *  - Every structure starts with its own size in bytes, as the caller was
 *    compiled. A structure larger than the kernel knows is accepted when the
 *    unknown tail is zero (-E2BIG otherwise); a smaller one than the first
 *    published version is refused (-EINVAL). The kernel never writes past the
 *    size it was given. The size encoded in the ioctl number is ignored.
 *  - Reserved fields and unknown flags must be zero (-EINVAL).
 *  - Every structure has a @reason: on failure the kernel stores there, besides
 *    the errno, which check failed (enum peerbuf_reason). It is zero on success.
 *  - Pointers are u64, sizes and offsets are bytes in u64.
 *  - A failed ioctl changes nothing, except where noted (PEERBUF_IOC_REVOKE).
 *
 * errno values shared by all ioctls:
 *
 *  EFAULT      the structure or an array it points to is not accessible
 *  EINVAL      structure too short, reserved field or unknown flag not zero
 *  E2BIG       structure longer than known here, with a tail that is not zero
 *  ENOTTY      unknown ioctl, or one this kind of node does not answer
 *  EACCES      the file was not opened for writing, or the right to a function's
 *              memory is missing (see "Rights" below)
 *  EPERM       CAP_SYS_ADMIN is missing, or the kernel is locked down
 *  ENOMEM      out of memory
 *  EINTR       a signal arrived while waiting
 *
 * Rights
 *
 * A buffer can have memory of several functions, and each may have another owner. A call
 * has the right to the memory of the function whose node it is made on, and to that of
 * every function whose node, open for writing, it names: by @device_fd of a range, or in
 * the array @rights of PEERBUF_IOC_MOVE and PEERBUF_IOC_RESTORE. The kernel checks the rights
 * that a buffer needs when it has locked the buffer:
 *
 *  - Moving it needs the right to every function that it has memory of and to every one
 *    that it goes to. The function it was exported by (its home) always counts, wherever
 *    the buffer lies, and owns the system memory in the buffer.
 *  - The owner of any of those functions can revoke it. A revoke through a node is a mark of
 *    that function, and stays when the node is closed or its process ends. Only the owner
 *    of that function can lift the mark, and the administrator through control. The buffer can
 *    be mapped again when no mark is left.
 *  - A node tells what a buffer is, its state and who holds it, but of its place
 *    only what belongs to the node's function.
 *  - A DMA-BUF's fd is the right to query that buffer (PEERBUF_IOC_QUERY), and nothing more.
 *    Importers hold one, too.
 *
 * Where a right is missing, the call fails with EACCES and PEERBUF_REASON_RIGHT_MISSING, and
 * @missing says whose right it is.
 */
#ifndef _UAPI_LINUX_PEERBUF_H
#define _UAPI_LINUX_PEERBUF_H

#include <linux/types.h>
#include <linux/ioctl.h>

/** Version of this interface; it grows when something is added. */
#define PEERBUF_UAPI_VERSION	4

/** Maximum number of ranges of one export or move. */
#define PEERBUF_MAX_RANGES	16384

/** Maximum number of PCI functions that the ranges of one export belong to. */
#define PEERBUF_MAX_DEVICES	8

/** Maximum segment alignment that an export can ask for. */
#define PEERBUF_MAX_SEGMENT_ALIGN	(1U << 31)

/** Maximum number of separate ranges lent of one function. */
#define PEERBUF_MAX_LENT	32

/** Maximum number of nodes in the array of rights of one call. */
#define PEERBUF_MAX_RIGHTS	16

/** Maximum number of pieces in the answer of one lookup. */
#define PEERBUF_MAX_PIECES	256

/*
 * A PCI function's address in one number: domain << 16 | bus << 8 | device << 3
 * | function. All ones: none.
 */
#define PEERBUF_PCI_ADDR(domain, bus, dev, fn)				\
	(((__u64)(domain) << 16) | ((__u64)(bus) << 8) |		\
	 ((__u64)(dev) << 3) | (__u64)(fn))
#define PEERBUF_PCI_DOMAIN(addr)	((__u32)((addr) >> 16))
#define PEERBUF_PCI_BUS(addr)		((__u32)((addr) >> 8) & 0xff)
#define PEERBUF_PCI_DEV(addr)		((__u32)((addr) >> 3) & 0x1f)
#define PEERBUF_PCI_FN(addr)		((__u32)(addr) & 0x7)
#define PEERBUF_PCI_NONE		(~(__u64)0)

/**
 * enum peerbuf_route_type - how a device reaches another device's memory
 * @PEERBUF_ROUTE_NOT_SUPPORTED: it does not, or is not known to
 * @PEERBUF_ROUTE_BUS_ADDR: below a common upstream bridge with no ACS redirect
 *	on the way; uses the PCI bus address and no IOMMU
 * @PEERBUF_ROUTE_THRU_HOST_BRIDGE: through the root complex; uses an IOVA, or
 *	the CPU physical address where no IOMMU translates
 */
enum peerbuf_route_type {
	PEERBUF_ROUTE_NOT_SUPPORTED	= 0,
	PEERBUF_ROUTE_BUS_ADDR		= 1,
	PEERBUF_ROUTE_THRU_HOST_BRIDGE	= 2,
};

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

/**
 * struct peerbuf_route - a verdict
 * @type: enum peerbuf_route_type
 * @reason: enum peerbuf_reason, 1..63
 * @flags: PEERBUF_ROUTE_F_*
 * @distance: hops from provider to client over bridges; 0 the same function,
 *	2 two functions below one port, 4 two ports of a switch
 * @decider: the PCI function that decides (common bridge, the first bridge
 *	with ACS redirect on, or the host bridge), PEERBUF_PCI_NONE if none
 */
struct peerbuf_route {
	__u32 type;
	__u32 reason;
	__u32 flags;
	__u32 distance;
	__u64 decider;
};

#define PEERBUF_ROUTE_F_ACS_REDIRECT	(1U << 0) /* ACS sends it to the root complex */
#define PEERBUF_ROUTE_F_OVERRIDE	(1U << 1) /* an override made the verdict */
#define PEERBUF_ROUTE_F_IOMMU		(1U << 2) /* an IOMMU translates for the client */

/*
 * struct peerbuf_bar - one BAR of a node
 * @base: CPU physical address, zero without CAP_SYS_ADMIN
 */
struct peerbuf_bar {
	__u64 size;
	__u64 base;
	__u32 flags;
	__u32 reserved;
};

#define PEERBUF_BAR_F_MEMORY		(1U << 0) /* a memory BAR (else I/O port or absent) */
#define PEERBUF_BAR_F_PREFETCHABLE	(1U << 1) /* CPU mappings are write-combined */
#define PEERBUF_BAR_F_64BIT		(1U << 2)
#define PEERBUF_BAR_F_EXPORTABLE	(1U << 3) /* may be exported through this node */
#define PEERBUF_BAR_F_IO		(1U << 4) /* an I/O port BAR */

#define PEERBUF_OWNER_STUB	1 /* bound to the peerbuf driver */
#define PEERBUF_OWNER_LENT	2 /* lent by the administrator, keeps its own driver */
#define PEERBUF_OWNER_DRIVER	3 /* registered by its driver */

/**
 * struct peerbuf_ioc_info - PEERBUF_IOC_INFO (nodes only): the function behind a node
 * @size: sizeof(struct peerbuf_ioc_info)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: out, PEERBUF_INFO_F_*
 * @version: out, PEERBUF_UAPI_VERSION
 * @addr: out, PEERBUF_PCI_ADDR of the function
 * @owner: out, PEERBUF_OWNER_*
 * @nr_exports: out, exports that have memory of this function
 * @driver: out, name of the bound driver
 * @bars: out, BAR 0..5
 *
 * errno: ENODEV the device is gone.
 */
struct peerbuf_ioc_info {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 version;
	__u64 addr;
	__u32 owner;
	__u32 nr_exports;
	char driver[32];
	struct peerbuf_bar bars[6];
};

#define PEERBUF_INFO_F_DOWN	(1U << 0) /* suspended or in reset: exports are revoked */
#define PEERBUF_INFO_F_PINNED	(1U << 1) /* PEERBUF_POLICY_F_PINNED is on */
#define PEERBUF_INFO_F_BUS_MASTER (1U << 2) /* PEERBUF_POLICY_F_BUS_MASTER is on */

/**
 * struct peerbuf_range - a piece of a BAR, or system memory
 * @offset: first byte in the BAR, page aligned; zero with PEERBUF_RANGE_F_SYSTEM
 * @length: bytes, page aligned, not zero
 * @bar: 0..5; zero with PEERBUF_RANGE_F_SYSTEM
 * @flags: PEERBUF_RANGE_F_*
 * @device_fd: with PEERBUF_RANGE_F_DEVICE_FD, an open and writable node of the
 *	function the BAR belongs to; otherwise zero, and the BAR is this node's
 * @reserved: zero
 */
struct peerbuf_range {
	__u64 offset;
	__u64 length;
	__u32 bar;
	__u32 flags;
	__s32 device_fd;
	__u32 reserved;
};

#define PEERBUF_RANGE_F_DEVICE_FD	(1U << 0)
/* System memory of the buffer's own, zeroed, charged to the caller's memory cgroup. */
#define PEERBUF_RANGE_F_SYSTEM		(1U << 1)

/**
 * struct peerbuf_ioc_export - PEERBUF_IOC_EXPORT: make a dma-buf of ranges
 * @size: sizeof(struct peerbuf_ioc_export)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: PEERBUF_EXPORT_F_*
 * @open_flags: O_CLOEXEC, and O_RDONLY, O_WRONLY or O_RDWR for the dma-buf's fd
 * @nr_ranges: 1..PEERBUF_MAX_RANGES
 * @bad_range: out, index of the range that was refused
 * @ranges: address of the array of struct peerbuf_range; the buffer consists of them
 *	in this order. They may name a byte twice, but then the buffer is never
 *	copied: PEERBUF_EXPORT_F_FALLBACK is refused, and so is a move with a copy
 * @id: out, the export's id, unique until reboot
 * @buffer_size: out, bytes: the sum of the lengths
 * @fd: out, the dma-buf
 * @reserved: zero
 * @segment_align: 0, or a power of two from a page to PEERBUF_MAX_SEGMENT_ALIGN. Memory that
 *	is contiguous for an importer but longer than a DMA segment may be is cut where the
 *	DMA address is a multiple of this. Segments are always shorter than 4 GiB
 * @max_segment: 0, or the maximum bytes of a DMA segment: whole pages, a multiple of
 *	@segment_align. The limit of the importer's device or driver applies as well
 *
 * An RDMA device can use pages as large as the alignment of its segments. With both fields at 1 GiB
 * a BAR that is aligned to 1 GiB is registered in pages of that size. Otherwise segments of 4 GiB
 * less a page leave it pages of 4 KiB.
 *
 * errno: ENXIO no such BAR; EADDRNOTAVAIL an I/O port BAR, or no address was
 * assigned; EACCES the BAR is not exportable; EIO memory decode is off; EINVAL zero
 * or unaligned offset or length, no ranges, PEERBUF_EXPORT_F_FALLBACK for ranges that name
 * a byte twice, invalid @segment_align or @max_segment; ERANGE past the end of the BAR;
 * EOVERFLOW offset + length or the sum overflows; ENOMEM no system memory; EMSGSIZE
 * too many ranges or devices; EBADF @device_fd is not a descriptor open for writing;
 * EXDEV it is not a peerbuf node; ENODEV the device is down or gone; EMFILE, ENFILE no descriptor.
 */
struct peerbuf_ioc_export {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 open_flags;
	__u32 nr_ranges;
	__u32 bad_range;
	__u64 ranges;
	__u64 id;
	__u64 buffer_size;
	__s32 fd;
	__u32 reserved;
	/* from version 4 */
	__u64 segment_align;
	__u64 max_segment;
};

/*
 * Bit 0 stays unused. It let an exporter accept importers that cannot give the memory
 * back. Now the administrator decides that: PEERBUF_POLICY_F_PINNED.
 */
/* The export outlives the node's fd; it ends with the dma-buf. */
#define PEERBUF_EXPORT_F_PERSIST	(1U << 1)
/*
 * If an importer cannot reach the buffer where it is (no route, or a static importer), the buffer
 * moves to system memory with its contents, instead of refusing the importer. System memory of a
 * buffer belongs to its home: setting this for a buffer of several functions hands their contents
 * to the owner of the node through which it is exported.
 */
#define PEERBUF_EXPORT_F_FALLBACK	(1U << 2)
/*
 * No CPU access through the dma-buf: mmap() and DMA_BUF_IOCTL_SYNC fail with EPERM, and
 * drivers of this machine get no kernel mapping. (A move may still copy.)
 */
#define PEERBUF_EXPORT_F_NO_CPU		(1U << 3)

/**
 * struct peerbuf_ioc_move - PEERBUF_IOC_MOVE: put a buffer elsewhere
 * @size: sizeof(struct peerbuf_ioc_move)
 * @reason: out, enum peerbuf_reason on failure
 * @id: the export
 * @flags: PEERBUF_MOVE_F_*
 * @nr_ranges: 1..PEERBUF_MAX_RANGES
 * @ranges: address of the new array of struct peerbuf_range, of the same sum
 * @bad_range: out, index of the range that was refused
 * @reserved: zero
 * @rights: address of an array of __s32: nodes, open for writing, of further functions
 *	whose memory the buffer leaves. The same function may be named twice
 * @nr_rights: 0..PEERBUF_MAX_RIGHTS
 * @bad_right: out, index of the descriptor that was refused
 * @missing: out, PCI address of a function whose right is missing, or PEERBUF_PCI_NONE
 *
 * Needs the right to each function that the buffer has memory of, before and after the move, and
 * to its home. Every importer is invalidated. When the call returns, no importer that can be
 * revoked still has the old place mapped. System memory in the new place is always new
 * memory; without a copy it is zero.
 *
 * errno: as PEERBUF_IOC_EXPORT for the ranges; ENOENT no such export of this
 * node's function; EACCES the right to @missing is missing; EMSGSIZE too many rights;
 * EBADF a right is not a descriptor open for writing; EXDEV it is not a peerbuf node;
 * EINVAL size differs, or a copy between overlapping places, or from or to a place that names a
 * byte twice;
 * EBUSY an importer or a vmap pins the buffer, or the lock of a buffer composed of it was not free
 * for a second; ENODEV the buffer is revoked, or one that is part of it, or a
 * device is down; EHOSTUNREACH an attached importer has no route to the new
 * place; EPERM the buffer is a driver's own, or part of another; EINTR a signal arrived;
 * EIO a device stopped decoding memory during the copy.
 *
 * A revoke, a close of the node that the export ends with, or a device that goes down does not wait
 * for a copy: the copy gives up, with ENODEV. After any error the buffer is at its old place with
 * its contents. Its importers may have been invalidated, and were told that
 * they can map again. What the new place contains after a copy that gave up is
 * undefined. If a driver's engine was copying, that driver's memory there is not free
 * before the engine has stopped.
 */
struct peerbuf_ioc_move {
	__u32 size;
	__u32 reason;
	__u64 id;
	__u32 flags;
	__u32 nr_ranges;
	__u64 ranges;
	__u32 bad_range;
	__u32 reserved;
	/* from version 3 */
	__u64 rights;
	__u32 nr_rights;
	__u32 bad_right;
	__u64 missing;
};

/* Copy the contents after importers stopped and before they return. */
#define PEERBUF_MOVE_F_COPY	(1U << 0)

#define PEERBUF_WAIT_FOREVER	(~0U)

/**
 * struct peerbuf_ioc_revoke - PEERBUF_IOC_REVOKE: withdraw a buffer
 * @size: sizeof(struct peerbuf_ioc_revoke)
 * @reason: out, enum peerbuf_reason on failure
 * @id: the export
 * @flags: zero
 * @timeout_ms: how long to wait for importers to unmap, PEERBUF_WAIT_FOREVER,
 *	or 0: do not wait
 * @blockers: out, importers that still have it mapped
 * @reserved: zero
 * @blocker: out, PCI address of one of them, PEERBUF_PCI_NONE if not PCI
 * @blocker_name: out, its device name
 *
 * On a node: an export that has memory of that function or was made through it, no matter who
 * else has memory in it. On control: any export, with CAP_SYS_ADMIN. On success nothing
 * reaches the memory any more. Revoking a revoked export waits again and succeeds, and
 * through another node it adds that function's revoke.
 *
 * errno: ENOENT no such export; EINPROGRESS, EINTR: the revoke is in force (nobody is given the
 * memory from now on), but an importer still has its mapping after
 * @timeout_ms or when a signal arrived; call again to wait on. With PEERBUF_REASON_BUSY
 * importers have not even been told, because somebody holds the buffer's lock. They are told when
 * the lock is free, without another call.
 */
struct peerbuf_ioc_revoke {
	__u32 size;
	__u32 reason;
	__u64 id;
	__u32 flags;
	__u32 timeout_ms;
	__u32 blockers;
	__u32 reserved;
	__u64 blocker;
	char blocker_name[32];
};

/**
 * struct peerbuf_ioc_restore - PEERBUF_IOC_RESTORE: undo a revoke
 * @size: sizeof(struct peerbuf_ioc_restore)
 * @reason: out, enum peerbuf_reason on failure
 * @id: the export
 * @flags: zero
 * @reserved: zero
 * @rights: address of an array of __s32: nodes, open for writing, of further functions
 *	whose revoke is to be undone. The same function may be named twice
 * @nr_rights: 0..PEERBUF_MAX_RIGHTS
 * @bad_right: out, index of the descriptor that was refused
 * @missing: out, also on success: PCI address of a function whose owner has revoked the
 *	export, too, and to which the call has no right; or PEERBUF_PCI_NONE
 *
 * Undoes revokes through this node and through those in @rights; on control, revokes through any
 * node and through control. A revoke by the exporting driver can only be undone by
 * that driver. As long as somebody else's revoke is left, the export stays revoked.
 *
 * errno: ENOENT no such export; EALREADY it is not revoked; EACCES the right to @missing is
 * missing, and nothing could be undone; EPERM only the administrator or the exporting driver
 * revoked it; ENODEV its device is down or gone, or the fd that made it was closed; EIO its
 * device does not decode memory; EMSGSIZE, EBADF, EXDEV as PEERBUF_IOC_MOVE for the rights.
 */
struct peerbuf_ioc_restore {
	__u32 size;
	__u32 reason;
	__u64 id;
	__u32 flags;
	__u32 reserved;
	/* from version 3 */
	__u64 rights;
	__u32 nr_rights;
	__u32 bad_right;
	__u64 missing;
};

/* State of an export */
#define PEERBUF_STATE_F_REVOKED		(1U << 0) /* by PEERBUF_IOC_REVOKE */
#define PEERBUF_STATE_F_DEVICE_DOWN	(1U << 1) /* owner suspended or in reset */
#define PEERBUF_STATE_F_DEAD		(1U << 2) /* final: owner gone or fd closed */
#define PEERBUF_STATE_F_PINNED		(1U << 3) /* cannot move now */
#define PEERBUF_STATE_F_VMAPPED		(1U << 4) /* the kernel has a CPU mapping */
#define PEERBUF_STATE_F_SHARED		(1U << 5) /* not all of it is this node's: see below */
#define PEERBUF_STATE_F_BUSY		(1U << 6) /* its lock was not free, see below */

/**
 * struct peerbuf_export_info - an export, as accounting sees it
 * @id: the export
 * @buffer_size: bytes
 * @addr: PCI address of the function that owns the first range in a BAR; if no range is in
 *	a BAR, of the node that exported it, or PEERBUF_PCI_NONE
 * @flags: PEERBUF_EXPORT_F_*
 * @state: PEERBUF_STATE_F_*
 * @nr_ranges: ranges in the current placement, after merging
 * @nr_devices: PCI functions in the current placement
 * @nr_attachments: importers attached
 * @nr_mappings: mappings in force
 * @pins: pins in force (explicit pins, static importers' mappings, vmaps)
 * @pid: process that exported, by its number in the reader's PID namespace; 0 if it is
 *	not in that namespace, and for a driver
 * @maps: mappings made so far
 * @moves: moves so far
 * @revokes: revokes so far
 * @refusals: importers, and CPU mappings, refused so far
 * @last_refusal: enum peerbuf_reason of the last refused importer
 * @last_refusal_errno: its errno, positive
 * @last_refusal_route: its route, when the reason is NO_ROUTE
 * @last_refusal_addr: its PCI address or PEERBUF_PCI_NONE
 * @comm: name of the process that exported, or of the driver
 * @fallbacks: moves made because an importer or a CPU could not access the buffer where it was
 * @system_size: bytes of it that are in system memory now
 * @hidden_size: bytes of it that only its own device can address now
 * @segment_align: as it was exported with
 * @max_segment: as it was exported with
 * @parent: if PEERBUF_IOC_LOOKUP made it: id of the export it is a part of (the first one, if
 *	there are several); else 0
 * @file_direct: bytes that drives moved for PEERBUF_IOC_FILE_READ and PEERBUF_IOC_FILE_WRITE
 * @file_bounced: bytes of such calls that went through system memory
 *
 * If a node is asked by id, and the buffer has memory of other functions, or system memory and
 * another home, then @state has PEERBUF_STATE_F_SHARED. @addr is the node's function,
 * @nr_ranges and @nr_devices count what belongs to that function (at the home including the system
 * memory), @system_size and @hidden_size are zero unless the node is the home, and
 * @last_refusal_route is empty. By a DMA-BUF's fd, and on control, everything is told.
 * With PEERBUF_STATE_F_BUSY the buffer's lock was not free, for example because of a copy, and was
 * not waited for: @pins, PEERBUF_STATE_F_PINNED and @last_refusal* are left out, and the
 * other numbers may be of different moments.
 */
struct peerbuf_export_info {
	__u64 id;
	__u64 buffer_size;
	__u64 addr;
	__u32 flags;
	__u32 state;
	__u32 nr_ranges;
	__u32 nr_devices;
	__u32 nr_attachments;
	__u32 nr_mappings;
	__u32 pins;
	__u32 pid;
	__u64 maps;
	__u64 moves;
	__u64 revokes;
	__u64 refusals;
	__u32 last_refusal;
	__u32 last_refusal_errno;
	struct peerbuf_route last_refusal_route;
	__u64 last_refusal_addr;
	char comm[16];
	/* from version 2 */
	__u64 fallbacks;
	__u64 system_size;
	__u64 hidden_size;
	/* from version 4 */
	__u64 segment_align;
	__u64 max_segment;
	__u64 parent;
	__u64 file_direct;
	__u64 file_bounced;
};

/**
 * struct peerbuf_ioc_query - PEERBUF_IOC_QUERY: one export
 * @size: sizeof(struct peerbuf_ioc_query)
 * @reason: out, enum peerbuf_reason on failure
 * @id: in, the export, or zero to name it by @fd; out, its id
 * @fd: in, with @id zero: a dma-buf
 * @flags: zero
 * @info: out
 *
 * errno: ENOENT no such export; EPERM by @id on control without CAP_SYS_ADMIN; EBADF @fd
 * is not a descriptor; EINVAL it is not a dma-buf; EXDEV it is another exporter's dma-buf.
 */
struct peerbuf_ioc_query {
	__u32 size;
	__u32 reason;
	__u64 id;
	__s32 fd;
	__u32 flags;
	struct peerbuf_export_info info;
};

/**
 * struct peerbuf_ioc_list - PEERBUF_IOC_LIST: exports in order of id
 * @size: sizeof(struct peerbuf_ioc_list)
 * @reason: out, enum peerbuf_reason on failure
 * @after: list exports with an id greater than this
 * @entries: address of an array of entries
 * @nr_entries: in, number of entries that fit; out, entries stored
 * @entry_size: in, sizeof(struct peerbuf_export_info) as the caller knows it
 * @flags: zero
 * @total: out, exports with an id greater than @after, stored or not
 *
 * A node lists the exports with memory of its function and those made through it; control lists
 * all, and needs CAP_SYS_ADMIN. If not all of a buffer belongs to the node, it tells what concerns
 * the node: see struct peerbuf_export_info.
 */
struct peerbuf_ioc_list {
	__u32 size;
	__u32 reason;
	__u64 after;
	__u64 entries;
	__u32 nr_entries;
	__u32 entry_size;
	__u32 flags;
	__u32 total;
};

/**
 * struct peerbuf_attachment_info - an importer of an export
 * @addr: PCI address of the importing device, PEERBUF_PCI_NONE if not PCI
 * @flags: PEERBUF_ATTACH_F_*
 * @pins: its explicit pins
 * @nr_mappings: its mappings in force
 * @nr_segments: DMA segments of its latest mapping
 * @dma_addr: first DMA address of its latest mapping, zero if none or without
 *	CAP_SYS_ADMIN
 * @mapped_ranges: ranges in that mapping
 * @pid: process that attached, by its number in the reader's PID namespace, or 0
 * @route: its route to the buffer's first range
 * @device: device name
 * @driver: its driver
 * @comm: name of the process that attached
 *
 * On a node, if not all of the buffer belongs to it (PEERBUF_STATE_F_SHARED): @nr_segments,
 * @mapped_ranges and @dma_addr are zero, and @route is the one to memory of the node's function,
 * or empty if the buffer has none.
 */
struct peerbuf_attachment_info {
	__u64 addr;
	__u32 flags;
	__u32 pins;
	__u32 nr_mappings;
	__u32 nr_segments;
	__u64 dma_addr;
	__u32 mapped_ranges;
	__u32 pid;
	struct peerbuf_route route;
	char device[32];
	char driver[32];
	char comm[16];
};

#define PEERBUF_ATTACH_F_DYNAMIC	(1U << 0) /* has importer ops */
#define PEERBUF_ATTACH_F_REVOCABLE	(1U << 1) /* gives the memory back when asked */
#define PEERBUF_ATTACH_F_SEGMENTS	(1U << 2) /* uses peerbuf's importer helper */

/**
 * struct peerbuf_ioc_attachments - PEERBUF_IOC_ATTACHMENTS: an export's importers
 * @size: sizeof(struct peerbuf_ioc_attachments)
 * @reason: out, enum peerbuf_reason on failure
 * @id: the export
 * @entries: address of an array of entries
 * @nr_entries: in, number of entries that fit; out, entries stored
 * @entry_size: in, sizeof(struct peerbuf_attachment_info) as the caller knows it
 * @flags: zero
 * @total: out, importers, stored or not
 *
 * errno: ENOENT no such export; EPERM on control without CAP_SYS_ADMIN.
 */
struct peerbuf_ioc_attachments {
	__u32 size;
	__u32 reason;
	__u64 id;
	__u64 entries;
	__u32 nr_entries;
	__u32 entry_size;
	__u32 flags;
	__u32 total;
};

/**
 * struct peerbuf_ioc_route - PEERBUF_IOC_ROUTE: can @client reach @provider?
 * @size: sizeof(struct peerbuf_ioc_route)
 * @reason: out, enum peerbuf_reason on failure
 * @provider: PCI address of the function whose memory is meant
 * @client: PCI address of the function that would do the DMA
 * @bar: BAR of the provider, or PEERBUF_ANY_BAR to leave the DMA mask out
 * @flags: zero
 * @route: out
 * @offset: first byte of the BAR that is meant
 * @length: bytes of it; 0: all from @offset on. Both zero with PEERBUF_ANY_BAR
 *
 * Answered by nodes and control alike, for any two functions. Whether an IOMMU translates for
 * @client, and its DMA mask, are considered only while a driver that uses the kernel's DMA API is
 * bound to it and nobody holds its device lock. Otherwise PEERBUF_ROUTE_F_IOMMU is left out, and
 * the DMA mask is ignored.
 *
 * errno: ENODEV there is no such function; ENXIO it has no such memory BAR; ERANGE the range
 * ends past it; EINVAL a range without a BAR.
 */
struct peerbuf_ioc_route {
	__u32 size;
	__u32 reason;
	__u64 provider;
	__u64 client;
	__u32 bar;
	__u32 flags;
	struct peerbuf_route route;
	/* from version 4 */
	__u64 offset;
	__u64 length;
};

#define PEERBUF_ANY_BAR		(~0U)

/**
 * struct peerbuf_ioc_lend - PEERBUF_IOC_LEND, PEERBUF_IOC_UNLEND (control only)
 * @size: sizeof(struct peerbuf_ioc_lend)
 * @reason: out, enum peerbuf_reason on failure
 * @addr: PCI function that keeps its own driver
 * @bar_mask: BARs lent, bit 0 for BAR 0. PEERBUF_IOC_LEND adds to what is lent already.
 *	PEERBUF_IOC_UNLEND takes these away, and revokes for good what was exported from them.
 * @flags: zero
 * @ranges: (lend) address of an array of struct peerbuf_range, with @offset, @length and @bar
 *	only: of these BARs only the ranges are lent, in addition to what is lent already.
 *	(unlend) zero
 * @nr_ranges: 0..PEERBUF_MAX_LENT; (unlend) zero
 * @bad_range: out, index of the range that was refused
 *
 * The pages of the function's MSI-X table and pending bits are never lent.
 *
 * Before the function's driver is unbound, lent BARs are withdrawn, and everything exported
 * from them is revoked for good. Needs CAP_SYS_ADMIN; under
 * lockdown nothing can be lent, but what is lent can be taken back.
 *
 * errno: EBUSY a driver is being bound or unbound, and five seconds were not enough for that, or
 * (lend) an importer still maps what was lent before;
 * ENODEV no such function, or (lend) it is a bridge; ENXIO no such BAR, or mask
 * empty; EADDRNOTAVAIL an I/O port BAR; EUNATCH no driver is bound; EEXIST the function is
 * exported by its own driver or the stub; EACCES a range has the MSI-X table or its pending bits;
 * EMSGSIZE too many ranges; EINVAL, ERANGE, EOVERFLOW as PEERBUF_IOC_EXPORT for the ranges;
 * ENOENT (unlend) the function is not lent; (unlend)
 * EINPROGRESS, EINTR: the BARs are withdrawn, but after five seconds or when a signal
 * arrived an importer still has its mapping; call again to wait on.
 */
struct peerbuf_ioc_lend {
	__u32 size;
	__u32 reason;
	__u64 addr;
	__u32 bar_mask;
	__u32 flags;
	/* from version 4 */
	__u64 ranges;
	__u32 nr_ranges;
	__u32 bad_range;
};

/**
 * struct peerbuf_ioc_policy - PEERBUF_IOC_POLICY (control only): what the administrator allows to
 *	exporters of a function's memory
 * @size: sizeof(struct peerbuf_ioc_policy)
 * @reason: out, enum peerbuf_reason on failure
 * @addr: PCI function that is bound to the stub, or lent
 * @set: PEERBUF_POLICY_F_* to switch on
 * @clear: PEERBUF_POLICY_F_* to switch off
 * @policy: out, those that are on now
 * @reserved: zero
 *
 * In force until the function is unbound or no longer lent; initially all are off. When
 * PEERBUF_POLICY_F_PINNED is switched off, importers that cannot be revoked keep the mappings they
 * have, and get no new ones. Needs CAP_SYS_ADMIN; under lockdown nothing can be switched on.
 *
 * errno: ENODEV no such function; ENOENT it is not exported; EOPNOTSUPP its own driver
 * decides that; EINVAL an unknown flag, or one in both @set and @clear; EBUSY its driver is
 * being bound or unbound, and five seconds were not enough for that.
 */
struct peerbuf_ioc_policy {
	__u32 size;
	__u32 reason;
	__u64 addr;
	__u32 set;
	__u32 clear;
	__u32 policy;
	__u32 reserved;
};

/*
 * A buffer accepts importers that cannot give the memory back (pinned without a revoke path) if all
 * functions that it has memory of have this policy. While one of them pins, the buffer does not
 * move, and a revoke waits for it.
 */
#define PEERBUF_POLICY_F_PINNED		(1U << 0)
/*
 * The function may start DMA of its own. Only for functions bound to the stub, which otherwise
 * switches bus mastering off: with the node a process might make the device write anywhere that
 * the device reaches.
 */
#define PEERBUF_POLICY_F_BUS_MASTER	(1U << 1)

/**
 * struct peerbuf_piece - what a range of addresses maps
 * @addr: first address
 * @length: bytes
 * @offset: offset of @addr in the dma-buf
 * @id: of the new export, or zero
 * @parent: id of the export that is mapped there, or zero
 * @kind: PEERBUF_PIECE_*
 * @reason: enum peerbuf_reason: why there is no dma-buf for it, or zero
 * @flags: PEERBUF_PIECE_F_*
 * @fd: the dma-buf, or -1
 */
struct peerbuf_piece {
	__u64 addr;
	__u64 length;
	__u64 offset;
	__u64 id;
	__u64 parent;
	__u32 kind;
	__u32 reason;
	__u32 flags;
	__s32 fd;
};

#define PEERBUF_PIECE_HOLE	0 /* nothing is mapped */
#define PEERBUF_PIECE_ORDINARY	1 /* system memory of the process, or of a file */
#define PEERBUF_PIECE_DEVICE	2 /* device memory that is not mapped from a dma-buf */
#define PEERBUF_PIECE_PEERBUF	3 /* an export of peerbuf's */
#define PEERBUF_PIECE_FOREIGN	4 /* a dma-buf of another exporter */

/* The mapping is writable, or mprotect() could make it so. What is made of it is writable, too. */
#define PEERBUF_PIECE_F_WRITABLE	(1U << 0)

/**
 * struct peerbuf_ioc_lookup - PEERBUF_IOC_LOOKUP (control only): the dma-bufs behind addresses
 * @size: sizeof(struct peerbuf_ioc_lookup)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: PEERBUF_LOOKUP_F_*
 * @open_flags: O_CLOEXEC or zero, for the descriptors
 * @addr: first address, in the calling process; any byte
 * @length: bytes, not zero
 * @pieces: address of an array of struct peerbuf_piece, in order of addresses
 * @nr_pieces: in, number of pieces that fit, 0..PEERBUF_MAX_PIECES; out, pieces stored
 * @piece_size: in, sizeof(struct peerbuf_piece) as the caller knows it
 * @total: out, pieces found; counting stops at PEERBUF_MAX_PIECES + 1
 * @fd: with PEERBUF_LOOKUP_F_COMPOSE: out, the dma-buf; else -1
 * @offset: with PEERBUF_LOOKUP_F_COMPOSE: out, offset of @addr in it
 * @id: with PEERBUF_LOOKUP_F_COMPOSE: out, its id
 * @bad_addr: out, with PEERBUF_LOOKUP_F_COMPOSE on failure: start of the piece that is not
 *	peerbuf's
 *
 * Every process may call this. The mapping is the right to what it maps, and what is made of it
 * gives no more: an export *derived* from the mapped one, of those pages only, which an importer
 * cannot write to if the mapping cannot be made writable. A revoke, a move and a restore of the
 * parent apply to the derived export as well. The right to the memory stays with the parent's
 * owner, whose node lists the derived export and can revoke it. The derived export needs neither
 * the mapping nor the parent's descriptor: it keeps the parent alive. It cannot be moved by itself,
 * and while it is itself revoked or pinned the parent cannot move either.
 *
 * A mapping of BARs through the file of a VFIO device bound to peerbuf-vfio-pci becomes an export
 * of those pages, as VFIO_DEVICE_FEATURE_DMA_BUF makes them (with PEERBUF_LOOKUP_F_LOOK it is
 * PEERBUF_PIECE_DEVICE with no @reason). It has no @parent.
 *
 * Another exporter's dma-buf must be mapped as a whole; then that dma-buf itself is returned. For
 * every other piece @reason says why there is no descriptor.
 * A mapping that changes during the call is seen as it was at some moment of the call.
 *
 * errno: EINVAL @length is zero, or an unknown flag; EOVERFLOW @addr + @length overflows;
 * EMSGSIZE more pieces than fit, or than PEERBUF_MAX_PIECES: nothing is made, and @total
 * says how many there are; EMFILE, ENFILE no descriptor. With
 * PEERBUF_LOOKUP_F_COMPOSE: EOPNOTSUPP a piece is not peerbuf's; ENODEV one is revoked, or
 * its device is down or gone; EIO a device does not decode memory; EMSGSIZE too many devices.
 */
struct peerbuf_ioc_lookup {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 open_flags;
	__u64 addr;
	__u64 length;
	__u64 pieces;
	__u32 nr_pieces;
	__u32 piece_size;
	__u32 total;
	__s32 fd;
	__u64 offset;
	__u64 id;
	__u64 bad_addr;
};

/* Only report what there is: no export is made, and every @fd is -1. */
#define PEERBUF_LOOKUP_F_LOOK		(1U << 0)
/*
 * One dma-buf of all the pieces, which must all be mapped from peerbuf's exports, or all by VFIO
 * devices. @pieces have no descriptors.
 */
#define PEERBUF_LOOKUP_F_COMPOSE	(1U << 1)

/**
 * struct peerbuf_ioc_devices - PEERBUF_IOC_DEVICES (control only): functions that have a node
 * @size: sizeof(struct peerbuf_ioc_devices)
 * @reason: out, enum peerbuf_reason on failure
 * @entries: address of an array of u64, PEERBUF_PCI_ADDR each
 * @nr_entries: in, number of entries that fit; out, entries stored
 * @total: out, number of functions, stored or not
 * @flags: zero
 * @reserved: zero
 */
struct peerbuf_ioc_devices {
	__u32 size;
	__u32 reason;
	__u64 entries;
	__u32 nr_entries;
	__u32 total;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct peerbuf_ioc_stats - PEERBUF_IOC_STATS (control only): counters since the module's load
 * @size: sizeof(struct peerbuf_ioc_stats)
 * @reason: out, enum peerbuf_reason on failure
 * @exports: exports made
 * @attaches: importers accepted
 * @maps: mappings made
 * @unmaps: mappings ended
 * @moves: buffers moved
 * @revokes: buffers revoked, by whatever cause
 * @restores: buffers restored
 * @refusals: importers refused
 * @faults: CPU page faults served
 * @live_exports: exports now
 * @live_mappings: mappings now
 * @migrations: moves that took the contents along
 * @fallbacks: moves made because an importer or a CPU could not access a buffer where it was
 * @file_calls: calls of PEERBUF_IOC_FILE_READ and PEERBUF_IOC_FILE_WRITE that reached a drive
 * @file_commands: commands that they sent
 * @file_direct: bytes that drives moved
 * @file_bounced: bytes of such calls that went through system memory
 */
struct peerbuf_ioc_stats {
	__u32 size;
	__u32 reason;
	__u64 exports;
	__u64 attaches;
	__u64 maps;
	__u64 unmaps;
	__u64 moves;
	__u64 revokes;
	__u64 restores;
	__u64 refusals;
	__u64 faults;
	__u64 live_exports;
	__u64 live_mappings;
	/* from version 2 */
	__u64 migrations;
	__u64 fallbacks;
	/* from version 4 */
	__u64 file_calls;
	__u64 file_commands;
	__u64 file_direct;
	__u64 file_bounced;
};

/**
 * struct peerbuf_ioc_probe - PEERBUF_IOC_PROBE: what this kernel's peerbuf knows
 * @size: sizeof(struct peerbuf_ioc_probe)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: zero
 * @version: out, PEERBUF_UAPI_VERSION
 * @node_calls: out, bit n is set if nodes answer the ioctl with number n
 * @control_calls: out, the same for control
 * @event_types: out, bit n is set if PEERBUF_IOC_EVENTS can choose events of type n
 * @event_size: out, sizeof(struct peerbuf_event)
 * @page_size: out, what offsets and lengths are aligned to
 * @export_flags: out, known PEERBUF_EXPORT_F_*
 * @move_flags: out, known PEERBUF_MOVE_F_*
 * @range_flags: out, known PEERBUF_RANGE_F_*
 * @max_ranges: out, PEERBUF_MAX_RANGES
 * @max_devices: out, PEERBUF_MAX_DEVICES
 * @max_rights: out, PEERBUF_MAX_RIGHTS
 * @release: out, the module's version as modinfo tells it
 *
 * Answered by nodes and control alike, for everybody. Use this instead of comparing
 * versions: it shows what a later kernel knows before it is used.
 */
struct peerbuf_ioc_probe {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 version;
	__u64 node_calls;
	__u64 control_calls;
	__u64 event_types;
	__u32 event_size;
	__u32 page_size;
	__u32 export_flags;
	__u32 move_flags;
	__u32 range_flags;
	__u32 max_ranges;
	__u32 max_devices;
	__u32 max_rights;
	char release[16];
};

/** Maximum number of commands of one call that are under way at a time. */
#define PEERBUF_FILE_MAX_DEPTH	64

/**
 * struct peerbuf_ioc_file - PEERBUF_IOC_FILE_READ, PEERBUF_IOC_FILE_WRITE (control only): move
 *	data between a block device or a file and a buffer, by the drive's own DMA
 * @size: sizeof(struct peerbuf_ioc_file)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: PEERBUF_FILE_F_*
 * @depth: commands under way at a time, up to PEERBUF_FILE_MAX_DEPTH; 0: the module's
 *	parameter queue_depth
 * @file_fd: an NVMe block device, a partition of one, or a file of ext4 or xfs on either, open
 *	for reading (FILE_READ) or for writing (FILE_WRITE)
 * @dmabuf_fd: the buffer, of any exporter, open for writing (FILE_READ) or for reading (FILE_WRITE)
 * @file_offset: first byte in the file
 * @length: bytes, not zero
 * @offset: first byte in the buffer
 * @bytes: out, also on failure: bytes moved, counted from the first one. On success fewer than
 *	@length only if the device, or on a read the file, ends
 * @direct: out, bytes that the drive moved
 * @unaligned: out, bytes that went through system memory because they begin or end within a
 *	logical block, or the buffer's offset is not a multiple of four
 * @unmapped: out, bytes that went through system memory because the file has no block there that
 *	the drive may use: holes, unwritten, shared or inline data; for a write everything but
 *	blocks of xfs that were written before
 * @fallback: out, bytes that went through system memory because the drive has no route
 * @controller: out, PCI address of the drive's controller, PEERBUF_PCI_NONE if none was reached
 * @commands: out, commands that were sent to the drive
 * @max_command: out, maximum bytes of one command
 * @nvme_status: out, the drive's last status that was not zero, as the NVMe specification
 *	defines it, without the phase bit
 * @reserved: zero
 *
 * Every process that holds both descriptors may call this. The drive keeps its driver. Such I/O
 * appears neither in cgroups' I/O limits nor in the statistics of the block device. Bytes beyond
 * @bytes may have been moved as well, and the caller orders this call with what other engines do
 * to the buffer. A command that was sent cannot be called back: after a signal, a revoke or the
 * removal of the drive the call sends no further command, and returns when those under way have
 * ended, at the latest after nvme-core's io_timeout. If the buffer moves meanwhile, later commands
 * use its new place.
 *
 * The same by io_uring: IORING_OP_URING_CMD on control; cmd_op is the ioctl's number, and the first
 * eight bytes of cmd are the address of this structure, which must stay valid until the completion.
 * The result is @bytes, at most 0x7fffffff of them, or the errno. IORING_OP_ASYNC_CANCEL ends
 * the call as a signal does.
 *
 * errno: EBADF a descriptor is invalid, or the file is not open for this; EACCES the buffer is not
 * open for this, or the drive denies access; EINVAL the buffer is not a dma-buf, @length is zero,
 * @depth too large, or with PEERBUF_FILE_F_STRICT a part would go through system memory; ERANGE
 * past the end of the buffer; EOVERFLOW; EOPNOTSUPP the module peerbuf-nvme cannot be loaded, the
 * file is not supported, or the buffer cannot be accessed; EHOSTUNREACH the drive has no route to
 * the buffer; ENODEV the buffer is revoked or its device down or gone, or the drive is gone; EPERM
 * the buffer is exported without CPU access, and the CPU would have to copy; EROFS the device is
 * read-only; ETXTBSY it is used as swap, or a file of ext4 is open for writing; ENOSPC the write
 * begins at the device's end; EINTR; ENODATA, EIO, ENXIO, EILSEQ, EBADE, EBUSY, ETIMEDOUT the drive
 * failed a command, see @nvme_status.
 */
struct peerbuf_ioc_file {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 depth;
	__s32 file_fd;
	__s32 dmabuf_fd;
	__u64 file_offset;
	__u64 length;
	__u64 offset;
	__u64 bytes;
	__u64 direct;
	__u64 unaligned;
	__u64 unmapped;
	__u64 fallback;
	__u64 controller;
	__u32 commands;
	__u32 max_command;
	__u32 nvme_status;
	__u32 reserved;
};

/* Fail instead of moving anything through system memory. */
#define PEERBUF_FILE_F_STRICT	(1U << 0)
/* If the drive has no route to the buffer, read or write through system memory. */
#define PEERBUF_FILE_F_FALLBACK	(1U << 1)

/**
 * struct peerbuf_event - what read() on a node returns
 * @size: bytes of the record that the kernel filled; the rest of the record is zero
 * @type: PEERBUF_EVENT_*
 * @id: the export
 * @time: when it happened, in nanoseconds of CLOCK_BOOTTIME
 * @buffer_size: bytes of the export
 * @function: PCI address of the function whose node reports it
 * @client: PCI address of the importer concerned, or PEERBUF_PCI_NONE
 * @pid: process that caused it, by its number in the reader's PID namespace; 0 if it is
 *	not in that namespace, and for the kernel itself
 * @lost: events dropped before this one because nobody read
 * @reason: enum peerbuf_reason: PEERBUF_EVENT_FALLBACK: why @client could not use the buffer
 * @flags: zero
 * @comm: name of the process that caused it, "" for the kernel itself
 *
 * poll() reports EPOLLIN when an event waits, EPOLLHUP when the device is gone.
 * An open node gets the events of its function's exports from its open() on.
 * read() returns whole records, all of one size: that of this structure as it was first
 * published (up to @comm), or what PEERBUF_IOC_EVENTS asked for. It returns 0 when the
 * device is gone and no event is left; EINVAL when the buffer is smaller than one record;
 * EAGAIN with O_NONBLOCK if no event waits; EFAULT when the buffer cannot be written;
 * the event is then kept for the next read.
 */
struct peerbuf_event {
	__u32 size;
	__u32 type;
	__u64 id;
	__u64 time;
	__u64 buffer_size;
	__u64 function;
	__u64 client;
	__u32 pid;
	__u32 lost;
	__u32 reason;
	__u32 flags;
	char comm[16];
};

/**
 * struct peerbuf_ioc_events - PEERBUF_IOC_EVENTS (nodes only): which events, in which size
 * @size: sizeof(struct peerbuf_ioc_events)
 * @reason: out, enum peerbuf_reason on failure
 * @types: bit n chooses events of type n; PEERBUF_IOC_PROBE says which exist
 * @record_size: bytes of a record that read() returns from now on, a multiple of 8: usually
 *	sizeof(struct peerbuf_event). Bytes that the kernel does not know are zero
 * @flags: zero
 *
 * Applies to this open file. Without this call read() reports the types up to
 * PEERBUF_EVENT_FALLBACK, in records of the first published size: later additions
 * have to be asked for. Events that wait already are reported whatever @types is.
 *
 * errno: EINVAL an unknown type; @record_size is smaller than the first published size,
 * larger than a page, or no multiple of 8.
 */
struct peerbuf_ioc_events {
	__u32 size;
	__u32 reason;
	__u64 types;
	__u32 record_size;
	__u32 flags;
};

#define PEERBUF_EVENT_EXPORT	1
#define PEERBUF_EVENT_MOVE	2
#define PEERBUF_EVENT_REVOKE	3
#define PEERBUF_EVENT_RESTORE	4
#define PEERBUF_EVENT_RELEASE	5 /* the dma-buf is gone */
#define PEERBUF_EVENT_FALLBACK	6 /* moved because an importer could not reach it */
/*
 * The last mapping that was made before a revoke is gone: no device reaches the memory any
 * more. Reported once after each PEERBUF_EVENT_REVOKE, or once after the last of several that
 * follow each other; immediately if nothing was mapped; and also if the buffer was restored
 * meanwhile.
 */
#define PEERBUF_EVENT_DRAINED	7
/* 8..13 are reserved for future types. */

/*
 * One letter for peerbuf and its VFIO devices. Documentation/userspace-api/ioctl/
 * ioctl-number.rst assigns it to nobody. 0x00..0x3f are these, 0x40..0x5f those of peerbuf_vfio.h.
 * 0x11 is reserved for a future call.
 */
#define PEERBUF_IOC_MAGIC	0xBC

#define PEERBUF_IOC_INFO	_IOWR(PEERBUF_IOC_MAGIC, 0x00, struct peerbuf_ioc_info)
#define PEERBUF_IOC_EXPORT	_IOWR(PEERBUF_IOC_MAGIC, 0x01, struct peerbuf_ioc_export)
#define PEERBUF_IOC_MOVE	_IOWR(PEERBUF_IOC_MAGIC, 0x02, struct peerbuf_ioc_move)
#define PEERBUF_IOC_REVOKE	_IOWR(PEERBUF_IOC_MAGIC, 0x03, struct peerbuf_ioc_revoke)
#define PEERBUF_IOC_RESTORE	_IOWR(PEERBUF_IOC_MAGIC, 0x04, struct peerbuf_ioc_restore)
#define PEERBUF_IOC_QUERY	_IOWR(PEERBUF_IOC_MAGIC, 0x05, struct peerbuf_ioc_query)
#define PEERBUF_IOC_LIST	_IOWR(PEERBUF_IOC_MAGIC, 0x06, struct peerbuf_ioc_list)
#define PEERBUF_IOC_ATTACHMENTS	_IOWR(PEERBUF_IOC_MAGIC, 0x07, struct peerbuf_ioc_attachments)
#define PEERBUF_IOC_ROUTE	_IOWR(PEERBUF_IOC_MAGIC, 0x08, struct peerbuf_ioc_route)
#define PEERBUF_IOC_LEND	_IOWR(PEERBUF_IOC_MAGIC, 0x09, struct peerbuf_ioc_lend)
#define PEERBUF_IOC_UNLEND	_IOWR(PEERBUF_IOC_MAGIC, 0x0a, struct peerbuf_ioc_lend)
#define PEERBUF_IOC_DEVICES	_IOWR(PEERBUF_IOC_MAGIC, 0x0b, struct peerbuf_ioc_devices)
#define PEERBUF_IOC_STATS	_IOWR(PEERBUF_IOC_MAGIC, 0x0c, struct peerbuf_ioc_stats)
#define PEERBUF_IOC_PROBE	_IOWR(PEERBUF_IOC_MAGIC, 0x0d, struct peerbuf_ioc_probe)
#define PEERBUF_IOC_EVENTS	_IOWR(PEERBUF_IOC_MAGIC, 0x0e, struct peerbuf_ioc_events)
#define PEERBUF_IOC_POLICY	_IOWR(PEERBUF_IOC_MAGIC, 0x0f, struct peerbuf_ioc_policy)
#define PEERBUF_IOC_LOOKUP	_IOWR(PEERBUF_IOC_MAGIC, 0x10, struct peerbuf_ioc_lookup)
#define PEERBUF_IOC_FILE_READ	_IOWR(PEERBUF_IOC_MAGIC, 0x12, struct peerbuf_ioc_file)
#define PEERBUF_IOC_FILE_WRITE	_IOWR(PEERBUF_IOC_MAGIC, 0x13, struct peerbuf_ioc_file)

#endif /* _UAPI_LINUX_PEERBUF_H */
