/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: data between files and buffers. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_FILE_H
#define _UAPI_LINUX_PEERBUF_FILE_H

#include <linux/types.h>

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

#endif /* _UAPI_LINUX_PEERBUF_FILE_H */
