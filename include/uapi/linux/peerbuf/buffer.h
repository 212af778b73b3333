/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: making, moving and withdrawing buffers. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_BUFFER_H
#define _UAPI_LINUX_PEERBUF_BUFFER_H

#include <linux/types.h>

/** Maximum segment alignment that an export can ask for. */
#define PEERBUF_MAX_SEGMENT_ALIGN	(1U << 31)

/** Maximum number of nodes in the array of rights of one call. */
#define PEERBUF_MAX_RIGHTS	16

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

#endif /* _UAPI_LINUX_PEERBUF_BUFFER_H */
