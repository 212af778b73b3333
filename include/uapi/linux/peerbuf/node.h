/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: the functions that have a node. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_NODE_H
#define _UAPI_LINUX_PEERBUF_NODE_H

#include <linux/types.h>

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

#endif /* _UAPI_LINUX_PEERBUF_NODE_H */
