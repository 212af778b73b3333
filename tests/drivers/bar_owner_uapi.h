/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * bar_owner: the user interface of a driver that exports a BAR, for tests.
 *
 * One node per device, /dev/bar_owner/<dddd:bb:dd.f>. Every structure starts with
 * its own size, which must be exact (-EINVAL). The BAR is always BAR 2.
 */
#ifndef _BAR_OWNER_UAPI_H
#define _BAR_OWNER_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

/** Where a buffer is. */
#define BAR_OWNER_IN_BAR	0
#define BAR_OWNER_IN_PAGES	1 /* system memory that the driver allocates */
#define BAR_OWNER_IN_SYSTEM	2 /* system memory that the list of ranges allocates */
#define BAR_OWNER_IN_HIDDEN	3 /* memory that only the device can access */

/** What the driver does when it is asked to place a buffer where a client can access it. */
#define BAR_OWNER_PLACE_NOT	0 /* return -EOPNOTSUPP */
#define BAR_OWNER_PLACE_REFUSE	1 /* return -ENOSPC */
#define BAR_OWNER_PLACE_BAR	2 /* move it into the BAR, if the client has a route to the BAR */
#define BAR_OWNER_PLACE_SYSTEM	3
#define BAR_OWNER_PLACE_LIE	4 /* return success and do nothing */

/**
 * struct bar_owner_export - BAR_OWNER_IOC_EXPORT
 * @size: sizeof(struct bar_owner_export)
 * @flags: PEERBUF_EXPORT_F_FALLBACK
 * @offset: bytes, in the BAR or, with BAR_OWNER_IN_HIDDEN, in hidden memory
 * @length: bytes
 * @share: a dma-buf whose reservation object to share, or -1
 * @fd: out, the dma-buf
 * @id: out, the export's id
 * @where: BAR_OWNER_IN_*
 * @place: BAR_OWNER_PLACE_*
 * @engine: BAR_OWNER_ENGINE_*
 * @reserved: zero
 */
struct bar_owner_export {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u64 length;
	__s32 share;
	__s32 fd;
	__u64 id;
	__u32 where;
	__u32 place;
	__u32 engine;
	__u32 reserved;
};

/** Who copies when the buffer moves. Only the driver can copy hidden memory. */
#define BAR_OWNER_ENGINE_HIDDEN	0 /* the driver, only if hidden memory is involved */
#define BAR_OWNER_ENGINE_ALWAYS	1 /* the driver, before copy() returns */
#define BAR_OWNER_ENGINE_QUEUED	2 /* the driver, later; copy() adds a fence for it */
#define BAR_OWNER_ENGINE_BROKEN	3 /* copy() fails */
#define BAR_OWNER_ENGINE_DEAF	4 /* the driver, after BAR_OWNER_LONG, whatever happens */
#define BAR_OWNER_ENGINE_POLITE	5 /* likewise, but ends if withdrawn or killed */
#define BAR_OWNER_ENGINE_LEAVES	6 /* as QUEUED, but copy() then returns an error */

/** How long a slow copy keeps the reservation lock, in milliseconds. */
#define BAR_OWNER_LONG		3000

/**
 * struct bar_owner_buffer - BAR_OWNER_IOC_MOVE, _REVOKE, _RESTORE, _VMAP, _VUNMAP
 * @size: sizeof(struct bar_owner_buffer)
 * @fd: the dma-buf
 * @offset: MOVE: the new place; VMAP: offset of the 32 bits to read
 * @flags: MOVE: PEERBUF_MOVE_F_*; VMAP: BAR_OWNER_VMAP_F_TRY
 * @timeout_ms: REVOKE
 * @value: VMAP: out, 32 bits found at @offset
 * @where: MOVE: BAR_OWNER_IN_*
 * @locked: MOVE: use peerbuf_move_locked(), which returns before importers unmap
 * @reserved: zero
 */
struct bar_owner_buffer {
	__u32 size;
	__s32 fd;
	__u64 offset;
	__u32 flags;
	__u32 timeout_ms;
	__u32 value;
	__u32 where;
	__u32 locked;
	__u32 reserved;
};

/** Call the exporter's vmap directly, because the core warns if it fails; undo it at once. */
#define BAR_OWNER_VMAP_F_TRY	(1U << 0)

/*
 * struct bar_owner_switch - BAR_OWNER_IOC_VETO, _DOWN, _PINNED (accept importers that pin)
 * @on: 0 or 1; for DOWN also BAR_OWNER_DOWN_SOON
 */
struct bar_owner_switch {
	__u32 size;
	__u32 on;
};

/** Wait for importers for a second at most. */
#define BAR_OWNER_DOWN_SOON	2

/* struct bar_owner_count - BAR_OWNER_IOC_RELEASED: buffers released so far */
struct bar_owner_count {
	__u32 size;
	__u32 released;
};

/** Same values as enum peerbuf_place_why. */
#define BAR_OWNER_WHY_NO_ROUTE	1
#define BAR_OWNER_WHY_HIDDEN	2
#define BAR_OWNER_WHY_NO_PAGES	3

/**
 * struct bar_owner_places - BAR_OWNER_IOC_PLACES
 * @size: sizeof(struct bar_owner_places)
 * @held: placements in use, because a buffer is there or is still mapped there
 * @asked: how often the driver was asked to place a buffer
 * @why: BAR_OWNER_WHY_* of the last request
 * @for_cpu: the last request was for the CPU
 * @copies: copies the driver made
 * @reserved: zero
 */
struct bar_owner_places {
	__u32 size;
	__u32 held;
	__u32 asked;
	__u32 why;
	__u32 for_cpu;
	__u32 copies;
	__u32 reserved;
};

/**
 * struct bar_owner_map_check - BAR_OWNER_IOC_MAP_CHECK
 * @size: sizeof(struct bar_owner_map_check)
 * @nr: pages of the BAR to map, last page first, so that no two ranges can be merged
 * @client: PCI address of the device to map them for, bound to a driver
 * @line: out, line of owner_map_check.c whose check failed, or 0
 * @error: out, errno of that failure, or 0
 * @translated: out, an IOMMU translates for the client
 * @relinked: out, ranges that were unlinked and linked again
 */
struct bar_owner_map_check {
	__u32 size;
	__u32 nr;
	__u64 client;
	__u32 line;
	__s32 error;
	__u32 translated;
	__u32 relinked;
};

/**
 * struct bar_owner_sleep - BAR_OWNER_IOC_SLEEP: call a driver's callbacks for system sleep
 * @size: sizeof(struct bar_owner_sleep)
 * @on: 1 suspend, 0 resume
 * @addr: PCI address of the function, which any driver may be bound to
 *
 * errno: EOPNOTSUPP its driver has no such callbacks; or what the callback returned.
 */
struct bar_owner_sleep {
	__u32 size;
	__u32 on;
	__u64 addr;
};

/**
 * struct bar_owner_pages - BAR_OWNER_IOC_PAGES: struct pages for the BAR, by pci_p2pdma
 * @size: sizeof(struct bar_owner_pages)
 * @reserved: zero
 * @length: bytes from the BAR's start
 * @nanoseconds: out, how long that took
 * @bytes: out, memory that it took from the page allocator
 *
 * They stay until the driver is unbound. errno: EOPNOTSUPP the kernel has no pci_p2pdma.
 */
struct bar_owner_pages {
	__u32 size;
	__u32 reserved;
	__u64 length;
	__u64 nanoseconds;
	__u64 bytes;
};

#define BAR_OWNER_MAGIC		0xBA

#define BAR_OWNER_IOC_EXPORT	_IOWR(BAR_OWNER_MAGIC, 0x00, struct bar_owner_export)
#define BAR_OWNER_IOC_MOVE	_IOWR(BAR_OWNER_MAGIC, 0x01, struct bar_owner_buffer)
#define BAR_OWNER_IOC_REVOKE	_IOWR(BAR_OWNER_MAGIC, 0x02, struct bar_owner_buffer)
#define BAR_OWNER_IOC_RESTORE	_IOWR(BAR_OWNER_MAGIC, 0x03, struct bar_owner_buffer)
#define BAR_OWNER_IOC_VMAP	_IOWR(BAR_OWNER_MAGIC, 0x04, struct bar_owner_buffer)
#define BAR_OWNER_IOC_VUNMAP	_IOWR(BAR_OWNER_MAGIC, 0x05, struct bar_owner_buffer)
#define BAR_OWNER_IOC_VETO	_IOW(BAR_OWNER_MAGIC, 0x06, struct bar_owner_switch)
#define BAR_OWNER_IOC_DOWN	_IOW(BAR_OWNER_MAGIC, 0x07, struct bar_owner_switch)
#define BAR_OWNER_IOC_RELEASED	_IOWR(BAR_OWNER_MAGIC, 0x08, struct bar_owner_count)
#define BAR_OWNER_IOC_MAP_CHECK	_IOWR(BAR_OWNER_MAGIC, 0x09, struct bar_owner_map_check)
#define BAR_OWNER_IOC_PLACES	_IOWR(BAR_OWNER_MAGIC, 0x0a, struct bar_owner_places)
/* Did this driver export the dma-buf? 0, EXDEV, or EMEDIUMTYPE: another user of peerbuf did. */
#define BAR_OWNER_IOC_MINE	_IOWR(BAR_OWNER_MAGIC, 0x0b, struct bar_owner_buffer)
#define BAR_OWNER_IOC_SLEEP	_IOW(BAR_OWNER_MAGIC, 0x0c, struct bar_owner_sleep)
#define BAR_OWNER_IOC_PINNED	_IOW(BAR_OWNER_MAGIC, 0x0d, struct bar_owner_switch)
#define BAR_OWNER_IOC_PAGES	_IOWR(BAR_OWNER_MAGIC, 0x0e, struct bar_owner_pages)

#endif /* _BAR_OWNER_UAPI_H */
