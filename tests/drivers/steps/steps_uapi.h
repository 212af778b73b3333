/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * steps: what tests ask of clients of p2p_space_*(), which do DMA with QEMU's edu device.
 *
 * One node per device, /dev/steps/<dddd:bb:dd.f>. Every structure starts with its own size,
 * which must be exact (-EINVAL). Offsets in the device's memory are those of edu_dma_uapi.h, and
 * so are the directions.
 */
#ifndef _STEPS_UAPI_H
#define _STEPS_UAPI_H

#include <linux/types.h>
#include <linux/ioctl.h>

#define STEPS_PROBE_F_CONTIGUOUS	(1U << 0) /* P2P_SPACE_CONTIGUOUS */
#define STEPS_PROBE_F_TRANSLATED	(1U << 1) /* P2P_SPACE_TRANSLATED */
#define STEPS_PROBE_F_SHARED		(1U << 2) /* P2P_SPACE_SHARED */
#define STEPS_PROBE_F_MIRROR		(1U << 3) /* the kernel has hmm_range_fault() */

/* struct steps_probe - STEPS_IOC_PROBE: what this kernel can do for this device */
struct steps_probe {
	__u32 size;
	__u32 flags; /* out, STEPS_PROBE_F_* */
};

#define STEPS_USER	0 /* memory of the process: any address, any length */
#define STEPS_SHARED	1 /* the same, linked as memory that a guest shares with devices */
#define STEPS_BAR	2 /* whole pages of a BAR */
#define STEPS_P2PMEM	3 /* whole pages that the kernel's pci_p2pdma allocates from a BAR */

/**
 * struct steps_range - a piece of memory
 * @kind: STEPS_USER ...
 * @bar: of a BAR, index
 * @device: of a BAR, PCI address as PEERBUF_PCI_ADDR() makes it
 * @start: user address, or offset in the BAR; unused for STEPS_P2PMEM
 * @length: bytes
 */
struct steps_range {
	__u32 kind;
	__u32 bar;
	__u64 device;
	__u64 start;
	__u64 length;
};

#define STEPS_RANGES_MOST	64
/* Pieces that lie in a page each, or in a BAR. */
#define STEPS_ENTRIES_MOST	256

#define STEPS_BY_SG		0 /* the scatterlist mapper */
#define STEPS_BY_WALK		1 /* the walk along a bio's pieces */

/**
 * struct steps_copy - STEPS_IOC_COPY: map a list, copy some of it, unmap it
 * @size: sizeof(struct steps_copy)
 * @by: STEPS_BY_*
 * @ranges: pointer to struct steps_range
 * @nr_ranges: how many
 * @direction: EDU_DMA_TO_BUFFER or EDU_DMA_FROM_BUFFER; the "buffer" is the list
 * @offset: in the list, bytes
 * @length: bytes, 0 to EDU_DMA_MEMORY; with 0 nothing is copied
 * @edu_offset: in the device's memory
 * @entries: out, pieces
 * @runs: out, runs of one type of memory; of STEPS_BY_WALK only
 * @segments: out, what the device has to be told
 * @reserved: zero
 */
struct steps_copy {
	__u32 size;
	__u32 by;
	__u64 ranges;
	__u32 nr_ranges;
	__u32 direction;
	__u64 offset;
	__u32 length;
	__u32 edu_offset;
	__u32 entries;
	__u32 runs;
	__u32 segments;
	__u32 reserved;
};

/**
 * struct steps_compare - STEPS_IOC_COMPARE: the scatterlist mapper and dma_map_sg()
 * @size: sizeof(struct steps_compare)
 * @nr_ranges: how many
 * @ranges: pointer to struct steps_range
 * @offset: in the list, bytes: there @length bytes of the device's memory, from its beginning
 *	on, are written by the addresses of the one
 * @length: bytes; and read by the addresses of the other to the device's memory behind them
 * @entries: out, pieces
 * @segments: out, of the scatterlist mapper
 * @stock_segments: out, of dma_map_sg()
 * @line: out, line of steps_compare.c that found a difference, 0 if there is none
 * @reserved: zero
 *
 * Both mappings are there at the same time. errno: EOPNOTSUPP some of it is a BAR's without
 * struct pages, which dma_map_sg() cannot do.
 */
struct steps_compare {
	__u32 size;
	__u32 nr_ranges;
	__u64 ranges;
	__u64 offset;
	__u32 length;
	__u32 entries;
	__u32 segments;
	__u32 stock_segments;
	__u32 line;
	__u32 reserved;
};

/**
 * struct steps_check - STEPS_IOC_CHECK: link, refuse, unlink, link again, page by page
 * @size: sizeof(struct steps_check)
 * @bar: index of a BAR of at least ten pages
 * @device: PCI address of its function
 * @line: out, line of steps_check.c that found something wrong, 0 if all is well
 * @error: out, what a call returned there
 * @contiguous: out, the space was one range of IOVAs
 * @reserved: zero
 */
struct steps_check {
	__u32 size;
	__u32 bar;
	__u64 device;
	__u32 line;
	__s32 error;
	__u32 contiguous;
	__u32 reserved;
};

/**
 * struct steps_mirror - STEPS_IOC_MIRROR: the process's memory, as the device sees it
 * @size: sizeof(struct steps_mirror)
 * @reserved: zero
 * @start: user address, page aligned
 * @length: bytes, whole pages
 *
 * Nothing is linked yet. A file has one mirror. errno: EOPNOTSUPP without hmm_range_fault().
 */
struct steps_mirror {
	__u32 size;
	__u32 reserved;
	__u64 start;
	__u64 length;
};

/**
 * struct steps_mirror_copy - STEPS_IOC_MIRROR_COPY: between the mirror and the device's memory
 * @size: sizeof(struct steps_mirror_copy)
 * @direction: EDU_DMA_TO_BUFFER or EDU_DMA_FROM_BUFFER; the "buffer" is the mirror
 * @offset: in the mirror, bytes
 * @length: 1 to EDU_DMA_MEMORY bytes
 * @edu_offset: in the device's memory
 *
 * Links what is not linked. errno: EFAULT the process has no memory there; EPERM it may not write
 * to it; ESRCH the process has ended.
 */
struct steps_mirror_copy {
	__u32 size;
	__u32 direction;
	__u64 offset;
	__u32 length;
	__u32 edu_offset;
};

#define STEPS_PAGE_F_LINKED	(1U << 0)
#define STEPS_PAGE_F_RIGHT	(1U << 1) /* the address leads to @paddr, as far as is known */

/**
 * struct steps_mirror_page - STEPS_IOC_MIRROR_PAGE: a page of the mirror
 * @size: sizeof(struct steps_mirror_page)
 * @flags: out, STEPS_PAGE_F_*
 * @offset: in the mirror, bytes
 * @addr: out, DMA address
 * @paddr: out, the memory that was linked last
 * @links: out, pages linked so far, in all of the mirror
 * @unlinks: out, invalidations so far
 */
struct steps_mirror_page {
	__u32 size;
	__u32 flags;
	__u64 offset;
	__u64 addr;
	__u64 paddr;
	__u64 links;
	__u64 unlinks;
};

#define STEPS_MAGIC		0xEF

#define STEPS_IOC_PROBE		_IOWR(STEPS_MAGIC, 0x00, struct steps_probe)
#define STEPS_IOC_COPY		_IOWR(STEPS_MAGIC, 0x01, struct steps_copy)
#define STEPS_IOC_COMPARE	_IOWR(STEPS_MAGIC, 0x02, struct steps_compare)
#define STEPS_IOC_MIRROR	_IOW(STEPS_MAGIC, 0x03, struct steps_mirror)
#define STEPS_IOC_MIRROR_COPY	_IOW(STEPS_MAGIC, 0x04, struct steps_mirror_copy)
#define STEPS_IOC_MIRROR_PAGE	_IOWR(STEPS_MAGIC, 0x05, struct steps_mirror_page)
#define STEPS_IOC_CHECK		_IOWR(STEPS_MAGIC, 0x06, struct steps_check)

#endif /* _STEPS_UAPI_H */
