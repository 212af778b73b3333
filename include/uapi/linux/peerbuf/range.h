/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: what a buffer consists of. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_RANGE_H
#define _UAPI_LINUX_PEERBUF_RANGE_H

#include <linux/types.h>

/** Maximum number of ranges of one export or move. */
#define PEERBUF_MAX_RANGES	16384

/** Maximum number of PCI functions that the ranges of one export belong to. */
#define PEERBUF_MAX_DEVICES	8

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

#endif /* _UAPI_LINUX_PEERBUF_RANGE_H */
