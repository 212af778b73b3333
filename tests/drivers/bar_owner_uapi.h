/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * bar_owner: a driver that owns a BAR, as tests see it.
 *
 * One node per device, /dev/bar_owner/<dddd:bb:dd.f>. Every structure starts with
 * its own size, which must be exact (-EINVAL). All of it is BAR 2.
 */
#ifndef _BAR_OWNER_UAPI_H
#define _BAR_OWNER_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

/**
 * struct bar_owner_export - BAR_OWNER_IOC_EXPORT
 * @size: sizeof(struct bar_owner_export)
 * @flags: PEERBUF_EXPORT_F_ALLOW_PINNED or 0
 * @offset: in the BAR, bytes
 * @length: bytes
 * @share: a dma-buf whose reservation object to share, or -1
 * @fd: out, the dma-buf
 * @id: out, the export's id
 */
struct bar_owner_export {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u64 length;
	__s32 share;
	__s32 fd;
	__u64 id;
};

/**
 * struct bar_owner_buffer - BAR_OWNER_IOC_MOVE, _REVOKE, _RESTORE, _VMAP, _VUNMAP
 * @size: sizeof(struct bar_owner_buffer)
 * @fd: the dma-buf
 * @offset: MOVE: the new place; VMAP: which byte to look at
 * @flags: MOVE: PEERBUF_MOVE_F_*
 * @timeout_ms: REVOKE
 * @value: VMAP: out, 32 bits found at @offset
 * @reserved: zero
 */
struct bar_owner_buffer {
	__u32 size;
	__s32 fd;
	__u64 offset;
	__u32 flags;
	__u32 timeout_ms;
	__u32 value;
	__u32 reserved;
};

/* struct bar_owner_switch - BAR_OWNER_IOC_VETO, _DOWN */
struct bar_owner_switch {
	__u32 size;
	__u32 on;
};

/* struct bar_owner_count - BAR_OWNER_IOC_RELEASED: buffers released so far */
struct bar_owner_count {
	__u32 size;
	__u32 released;
};

/**
 * struct bar_owner_map_check - BAR_OWNER_IOC_MAP_CHECK
 * @size: sizeof(struct bar_owner_map_check)
 * @nr: single pages of the BAR, last page first, so that none touches the next
 * @client: PCI address of the device to map them for, bound to a driver
 * @line: out, line of owner_map_check.c whose check failed, 0 if none did
 * @error: out, errno that came with it, or 0
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

#endif /* _BAR_OWNER_UAPI_H */
