/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: what this kernel's peerbuf knows. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_PROBE_H
#define _UAPI_LINUX_PEERBUF_PROBE_H

#include <linux/types.h>

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

#endif /* _UAPI_LINUX_PEERBUF_PROBE_H */
