/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: which buffers there are, and who holds them. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_ACCOUNT_H
#define _UAPI_LINUX_PEERBUF_ACCOUNT_H

#include <linux/types.h>
#include "route.h"

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

#endif /* _UAPI_LINUX_PEERBUF_ACCOUNT_H */
