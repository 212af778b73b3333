/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * odd_exporter: DMA-BUFs from an exporter that does all it may do, when a script says so, and
 * that counts what importers do and may not.
 *
 * One node, /dev/odd_exporter. Every structure starts with its own size, which must be exact
 * (-EINVAL). A buffer is named by the descriptor of its DMA-BUF and lives as long as that.
 * The first use that counts is number 1.
 */
#ifndef _ODD_UAPI_H
#define _ODD_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

/** What happens to a buffer. */
#define ODD_ON_ATTACH		0
#define ODD_ON_DETACH		1
#define ODD_ON_MAP		2
#define ODD_ON_UNMAP		3
#define ODD_ON_PIN		4 /* before Linux 7.1 also by the kernel, at each map */
#define ODD_ON_UNPIN		5
#define ODD_ON_INVALIDATE	6 /* importers have been told, the lock is still held */
#define ODD_NR_EVENTS		7

/** What the exporter does then. */
#define ODD_DO_FAIL		0 /* attach, map or pin fails */
#define ODD_DO_DELAY		1 /* it takes long */
#define ODD_DO_MOVE		2 /* to another place of the same kind, contents carried over */
#define ODD_DO_MIGRATE		3 /* the same, from system memory to the BAR or back */
#define ODD_DO_REVOKE		4 /* every map fails with -ENODEV from now on */
#define ODD_DO_RESTORE		5 /* the contents are there again, somewhere */
#define ODD_DO_INVALIDATE	6 /* importers are told, and nothing else happens */
#define ODD_NR_ACTIONS		7

/** What an importer must not do. */
#define ODD_BAD_MAP_UNLOCKED	0 /* maps without holding the buffer's dma_resv */
#define ODD_BAD_UNMAP_UNLOCKED	1
#define ODD_BAD_PIN_UNLOCKED	2 /* pins or unpins without it */
#define ODD_BAD_UNMAP_UNKNOWN	3 /* unmaps what it has not mapped */
#define ODD_BAD_UNMAP_DIRECTION	4 /* unmaps with another direction than it mapped with */
#define ODD_BAD_KEPT		5 /* keeps a mapping longer than the limit after it was told */
#define ODD_BAD_WRITTEN		6 /* somebody wrote to memory that was given back */
#define ODD_BAD_FENCES		7 /* fences that do not signal within ODD_FENCES_MS */
#define ODD_BAD_DETACH_MAPPED	8 /* detaches with mappings */
#define ODD_BAD_DETACH_PINNED	9 /* detaches with pins */
#define ODD_BAD_UNPIN		10 /* unpins what it has not pinned */
#define ODD_NR_BAD		11

#define ODD_FENCES_MS		5000

#define ODD_IN_SYSTEM		0
#define ODD_IN_BAR		1

#define ODD_MOST_PIECES		16
#define ODD_MOST_RULES		16
#define ODD_MOST_DELAY_MS	10000
#define ODD_MOST_LATE_MS	4000
/* What is longer does not move, and is not looked at after it was given back. */
#define ODD_MOST_MOVED		(64ULL << 20)
#define ODD_MOST_SYSTEM		(256ULL << 20)

/**
 * struct odd_export - ODD_IOC_EXPORT
 * @size: sizeof(struct odd_export)
 * @flags: ODD_EXPORT_F_*
 * @length: bytes, whole pages
 * @where: ODD_IN_*, where it is in the beginning
 * @addr: the PCI function that has the BAR: domain << 16 | bus << 8 | devfn
 * @bar: which BAR
 * @slots: how many places of @length bytes the buffer has in the BAR, one after the other;
 *	0: it is never there, and @addr is not looked at
 * @offset: of the first of them, bytes
 * @limit_ms: how long an importer may keep a mapping after it was told; 0: one second
 * @nr_pieces: how many of @piece count
 * @piece: pages of the first segment, the second ...; after the last again the first.
 *	Without any, segments are as long as they can be
 * @fd: out, the DMA-BUF
 * @reserved: zero
 *
 * A segment is at most 4 GiB less a page, and as long as the device's driver has set.
 *
 * errno: ENODEV @addr is not bound to odd_exporter; ERANGE the slots are not in the BAR; E2BIG
 * too much system memory; EINVAL; ENOMEM.
 */
struct odd_export {
	__u32 size;
	__u32 flags;
	__u64 length;
	__u32 where;
	__u32 addr;
	__u32 bar;
	__u32 slots;
	__u64 offset;
	__u32 limit_ms;
	__u32 nr_pieces;
	__u32 piece[ODD_MOST_PIECES];
	__s32 fd;
	__u32 reserved;
};

/* The scatterlist has an entry for each page, and DMA addresses in fewer of them. */
#define ODD_EXPORT_F_PAGES	(1U << 0)

/**
 * struct odd_rule - what to do when
 * @event: ODD_ON_*
 * @action: ODD_DO_*
 * @first: the first event it goes for
 * @every: and each so many after that; 0: that one only
 * @times: so often at most; 0: without a limit
 * @error: ODD_DO_FAIL: the errno, positive
 * @delay_ms: ODD_DO_DELAY: how long; else do it that much later, and by somebody else
 * @late_ms: move, migrate: the contents arrive that much later, with a fence of the kernel's
 *	usage for importers to wait for
 *
 * Attach, map and pin: what is done without @delay_ms is done first, under the buffer's lock.
 * For the other events it is somebody else who does it, as soon as the lock is free.
 */
struct odd_rule {
	__u32 event;
	__u32 action;
	__u32 first;
	__u32 every;
	__u32 times;
	__u32 error;
	__u32 delay_ms;
	__u32 late_ms;
};

/* struct odd_rules - ODD_IOC_RULES: these instead of those before; events are counted anew */
struct odd_rules {
	__u32 size;
	__s32 fd;
	__u64 rules;
	__u32 nr_rules;
	__u32 reserved;
};

/*
 * struct odd_do - ODD_IOC_DO: do it now, ODD_DO_MOVE and what follows it
 *
 * errno: EBUSY pinned, or no place is free; ENODEV it is revoked, or the BAR is gone; EEXIST it is
 * not; EOPNOTSUPP an importer takes no peer memory; EFBIG more than ODD_MOST_MOVED;
 * EXDEV it has no places in a BAR; ETIMEDOUT fences do not signal; EINVAL; ENOMEM.
 */
struct odd_do {
	__u32 size;
	__s32 fd;
	__u32 action;
	__u32 late_ms;
};

/**
 * struct odd_counts - ODD_IOC_COUNTS
 * @size: sizeof(struct odd_counts)
 * @fd: the DMA-BUF
 * @where: ODD_IN_*
 * @revoked: 1 or 0
 * @events: how often, by ODD_ON_*
 * @actions: how often done, by ODD_DO_*
 * @refused: actions that could not be done
 * @bad: how often, by ODD_BAD_*
 * @attachments: now
 * @mappings: now
 * @pins: of importers, now
 * @given_back: places that are still looked at
 * @longest_ns: that an importer kept a mapping after it was told
 */
struct odd_counts {
	__u32 size;
	__s32 fd;
	__u32 where;
	__u32 revoked;
	__u64 events[ODD_NR_EVENTS];
	__u64 actions[ODD_NR_ACTIONS];
	__u64 refused;
	__u64 bad[ODD_NR_BAD];
	__u64 attachments;
	__u64 mappings;
	__u64 pins;
	__u64 given_back;
	__u64 longest_ns;
};

#define ODD_MAGIC		0x0D

#define ODD_IOC_EXPORT		_IOWR(ODD_MAGIC, 0x00, struct odd_export)
#define ODD_IOC_RULES		_IOW(ODD_MAGIC, 0x01, struct odd_rules)
#define ODD_IOC_DO		_IOW(ODD_MAGIC, 0x02, struct odd_do)
#define ODD_IOC_COUNTS		_IOWR(ODD_MAGIC, 0x03, struct odd_counts)

#endif /* _ODD_UAPI_H */
