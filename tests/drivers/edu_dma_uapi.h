/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * edu_dma: the user interface of the driver for the DMA engine in QEMU's edu device, for tests.
 *
 * One node per device, /dev/edu_dma/<dddd:bb:dd.f>. Every structure starts with
 * its own size, which must be exact (-EINVAL). An attachment belongs to the open
 * file that created it and ends at the latest when that file is closed.
 */
#ifndef _EDU_DMA_UAPI_H
#define _EDU_DMA_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

/*
 * Bytes of the device's internal memory that a transfer may use. The device has
 * 4096, but some versions of its model abort the machine when a transfer touches the
 * last of them.
 */
#define EDU_DMA_MEMORY		4088

/** Which kind of importer attaches to the buffer. */
#define EDU_DMA_DYNAMIC		0 /* the importer helper; unmaps when invalidated */
#define EDU_DMA_HELPER_PINNED	1 /* the importer helper; pins, has no invalidate callback */
#define EDU_DMA_PINNED		2 /* plain dma-buf API; pins and ignores invalidation */
#define EDU_DMA_STATIC		3 /* plain dma-buf API; has no importer ops at all */
#define EDU_DMA_FOREIGN		4 /* plain dma-buf API; dynamic, as in-tree drivers are */
#define EDU_DMA_PAGES		5 /* likewise, but without peer2peer: needs memory with pages */
#define EDU_DMA_BAD		6 /* as EDU_DMA_FOREIGN, but breaks the rules that flags name */

/**
 * struct edu_dma_attach - EDU_DMA_IOC_ATTACH
 * @size: sizeof(struct edu_dma_attach)
 * @mode: EDU_DMA_DYNAMIC ...
 * @fd: the dma-buf
 * @flags: EDU_DMA_ATTACH_F_*
 * @handle: out
 * @reserved: zero
 */
struct edu_dma_attach {
	__u32 size;
	__u32 mode;
	__s32 fd;
	__u32 flags;
	__u32 handle;
	__u32 reserved;
};

/* Only the worker unmaps, even when no transfer is running. */
#define EDU_DMA_ATTACH_F_LAZY	(1U << 0)
/*
 * Unmap only at EDU_DMA_IOC_UNMAP or _DETACH: an importer that says that it can be invalidated,
 * and never unmaps.
 */
#define EDU_DMA_ATTACH_F_KEEP	(1U << 2)
/* Tell the importer helper that a segment has at most 64 KiB. Only with EDU_DMA_DYNAMIC. */
#define EDU_DMA_ATTACH_F_SHORT	(1U << 1)

/* How EDU_DMA_BAD is wrong, for exporters that are to notice. */
#define EDU_DMA_BAD_UNLOCKED	(1U << 16) /* maps and unmaps without the buffer's lock */
#define EDU_DMA_BAD_PIN_UNLOCKED	(1U << 17) /* pins and unpins without it */
#define EDU_DMA_BAD_TWICE	(1U << 18) /* unmaps twice */
#define EDU_DMA_BAD_DIRECTION	(1U << 19) /* unmaps with another direction than it mapped with */
#define EDU_DMA_BAD_NO_UNMAP	(1U << 20) /* forgets what it has mapped, and detaches */
#define EDU_DMA_BAD_NO_UNPIN	(1U << 21) /* pins, and detaches */
#define EDU_DMA_BAD_UNPIN	(1U << 22) /* unpins what it has not pinned */
#define EDU_DMA_BAD_FENCE	(1U << 23) /* adds a fence that signals when it detaches */
#define EDU_DMA_BAD_ALL		(0xffU << 16)

/* struct edu_dma_handle - EDU_DMA_IOC_DETACH, _MAP, _UNMAP, _WAIT */
struct edu_dma_handle {
	__u32 size;
	__u32 handle;
};

#define EDU_DMA_TO_BUFFER	0 /* the device writes */
#define EDU_DMA_FROM_BUFFER	1 /* the device reads */

/**
 * struct edu_dma_copy - EDU_DMA_IOC_COPY
 * @size: sizeof(struct edu_dma_copy)
 * @handle: attachment; mapped first if it is not mapped
 * @offset: in the buffer, bytes
 * @edu_offset: in the device's internal memory, bytes
 * @length: 1..EDU_DMA_MEMORY bytes
 * @direction: EDU_DMA_TO_BUFFER or EDU_DMA_FROM_BUFFER
 * @flags: EDU_DMA_COPY_F_*
 */
struct edu_dma_copy {
	__u32 size;
	__u32 handle;
	__u64 offset;
	__u32 edu_offset;
	__u32 length;
	__u32 direction;
	__u32 flags;
};

/* Return when the transfer has started; EDU_DMA_IOC_WAIT waits for its end. */
#define EDU_DMA_COPY_F_NOWAIT	(1U << 0)

/* struct edu_dma_local - EDU_DMA_IOC_LOCAL: user memory <-> internal memory */
struct edu_dma_local {
	__u32 size;
	__u32 direction; /* the "buffer" is the user memory at @data */
	__u64 data;
	__u32 edu_offset;
	__u32 length;
};

/*
 * struct edu_dma_raw - EDU_DMA_IOC_RAW: DMA to an unchecked address, to see a stale
 * address fail. Needs CAP_SYS_RAWIO.
 */
struct edu_dma_raw {
	__u32 size;
	__u32 direction;
	__u64 addr;
	__u32 edu_offset;
	__u32 length;
};

struct edu_dma_segment {
	__u64 addr;
	__u64 len;
};

/* struct edu_dma_segments - EDU_DMA_IOC_SEGMENTS: the mapping, in buffer order */
struct edu_dma_segments {
	__u32 size;
	__u32 handle;
	__u64 entries;
	__u32 nr_entries; /* in: room; out: stored */
	__u32 total;
};

#define EDU_DMA_STATE_F_MAPPED	(1U << 0)
#define EDU_DMA_STATE_F_STALE	(1U << 1) /* invalidated, not unmapped yet */
#define EDU_DMA_STATE_F_BUSY	(1U << 2) /* a transfer is running */

/* struct edu_dma_state - EDU_DMA_IOC_STATE */
struct edu_dma_state {
	__u32 size;
	__u32 handle;
	__u32 flags;
	__u32 reserved;
	__u64 invalidations;
	__u64 maps;
	__u64 transfers;
};

/**
 * struct edu_dma_walk - EDU_DMA_IOC_WALK: CPU access through the scatterlist's pages
 * @size: sizeof(struct edu_dma_walk)
 * @handle: attachment of the plain dma-buf API, mapped
 * @data: user memory
 * @offset: in the buffer, bytes
 * @length: bytes, at most EDU_DMA_WALK_MOST
 * @direction: EDU_DMA_TO_BUFFER or EDU_DMA_FROM_BUFFER
 * @pages: out, entries that have pages (orig_nents)
 * @segments: out, entries that have DMA addresses (nents)
 *
 * errno: ENODATA there are no pages, or fewer than @length bytes of them from @offset on.
 * The counts are stored in that case as well.
 */
struct edu_dma_walk {
	__u32 size;
	__u32 handle;
	__u64 data;
	__u64 offset;
	__u32 length;
	__u32 direction;
	__u32 pages;
	__u32 segments;
};

#define EDU_DMA_WALK_MOST	(1U << 20)

#define EDU_DMA_MAGIC		0xED

#define EDU_DMA_IOC_ATTACH	_IOWR(EDU_DMA_MAGIC, 0x00, struct edu_dma_attach)
#define EDU_DMA_IOC_DETACH	_IOW(EDU_DMA_MAGIC, 0x01, struct edu_dma_handle)
#define EDU_DMA_IOC_MAP		_IOW(EDU_DMA_MAGIC, 0x02, struct edu_dma_handle)
#define EDU_DMA_IOC_UNMAP	_IOW(EDU_DMA_MAGIC, 0x03, struct edu_dma_handle)
#define EDU_DMA_IOC_COPY	_IOW(EDU_DMA_MAGIC, 0x04, struct edu_dma_copy)
#define EDU_DMA_IOC_WAIT	_IOW(EDU_DMA_MAGIC, 0x05, struct edu_dma_handle)
#define EDU_DMA_IOC_LOCAL	_IOW(EDU_DMA_MAGIC, 0x06, struct edu_dma_local)
#define EDU_DMA_IOC_SEGMENTS	_IOWR(EDU_DMA_MAGIC, 0x07, struct edu_dma_segments)
#define EDU_DMA_IOC_RAW		_IOW(EDU_DMA_MAGIC, 0x08, struct edu_dma_raw)
#define EDU_DMA_IOC_STATE	_IOWR(EDU_DMA_MAGIC, 0x09, struct edu_dma_state)
#define EDU_DMA_IOC_WALK	_IOWR(EDU_DMA_MAGIC, 0x0a, struct edu_dma_walk)

#endif /* _EDU_DMA_UAPI_H */
