/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: what the administrator lends and allows. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_LEND_H
#define _UAPI_LINUX_PEERBUF_LEND_H

#include <linux/types.h>

/** Maximum number of separate ranges lent of one function. */
#define PEERBUF_MAX_LENT	32

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

#endif /* _UAPI_LINUX_PEERBUF_LEND_H */
