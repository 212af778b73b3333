// SPDX-License-Identifier: GPL-2.0
/* Divides a transfer into extents: which bytes the drive can move, and where they are. */
#include <linux/slab.h>

#include "internal.h"

static int peerbuf_nvme_make_room(struct peerbuf_nvme_transfer *transfer)
{
	struct peerbuf_nvme_extent *extents;
	u32 room = max(2 * transfer->room, 8U);

	if (transfer->nr_extents < transfer->room)
		return 0;
	extents = kvmalloc_array(room, sizeof(*extents), GFP_KERNEL_ACCOUNT);
	if (!extents)
		return -ENOMEM;
	if (transfer->nr_extents)
		memcpy(extents, transfer->extents, transfer->nr_extents * sizeof(*extents));
	kvfree(transfer->extents);
	transfer->extents = extents;
	transfer->room = room;
	return 0;
}

/**
 * peerbuf_nvme_add_extent() - append an extent
 * @transfer: the transfer, no worker of which has begun
 * @extent: begins where the last one ends
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int peerbuf_nvme_add_extent(struct peerbuf_nvme_transfer *transfer,
			    const struct peerbuf_nvme_extent *extent)
{
	struct peerbuf_nvme_extent *last;
	int ret;

	if (!extent->len)
		return 0;
	if (transfer->nr_extents && extent->way != PEERBUF_NVME_DIRECT) {
		last = &transfer->extents[transfer->nr_extents - 1];
		if (last->way == extent->way) {
			last->len += extent->len;
			return 0;
		}
	}
	ret = peerbuf_nvme_make_room(transfer);
	if (!ret)
		transfer->extents[transfer->nr_extents++] = *extent;
	return ret;
}

/* How many of the @len bytes from @at on, which start at @where, the drive cannot move. */
static u64 peerbuf_nvme_head(const struct peerbuf_nvme_transfer *transfer, u64 at, u64 len,
			     u64 where)
{
	u32 block = transfer->ns.block;
	u64 head = round_up(where, block) - where;

	/* Buffer and blocks are not aligned to each other: no block can be moved directly. */
	if ((transfer->offset + at + head) & transfer->ns.dma_mask)
		return len;
	return min(head, len);
}

/**
 * peerbuf_nvme_add_blocks() - append bytes that are contiguous on the medium
 * @transfer: the transfer, no worker of which has begun
 * @at: where they begin in the transfer, in bytes: where the last extent ends
 * @len: bytes
 * @where: where they begin in the namespace, in bytes
 *
 * Context: process context, may sleep.
 * Return: 0 or -ENOMEM.
 */
int peerbuf_nvme_add_blocks(struct peerbuf_nvme_transfer *transfer, u64 at, u64 len, u64 where)
{
	u64 head = peerbuf_nvme_head(transfer, at, len, where);
	struct peerbuf_nvme_extent part = {
		.at = at, .len = head, .way = PEERBUF_NVME_UNALIGNED,
	};
	int ret;

	ret = peerbuf_nvme_add_extent(transfer, &part);
	if (ret)
		return ret;
	part = (struct peerbuf_nvme_extent){
		.at = at + head,
		.len = round_down(len - head, transfer->ns.block),
		.where = where + head,
		.way = PEERBUF_NVME_DIRECT,
	};
	ret = peerbuf_nvme_add_extent(transfer, &part);
	if (ret)
		return ret;
	part = (struct peerbuf_nvme_extent){
		.at = part.at + part.len,
		.len = len - head - part.len,
		.way = PEERBUF_NVME_UNALIGNED,
	};
	return peerbuf_nvme_add_extent(transfer, &part);
}

/**
 * peerbuf_nvme_check_strict() - with PEERBUF_FILE_F_STRICT, can the drive move everything?
 * @transfer: the transfer, with all its extents
 * @reason: out, enum peerbuf_reason on failure
 *
 * Context: any.
 * Return: 0; -EINVAL: the flag is set, and a part would have to go through system memory.
 */
int peerbuf_nvme_check_strict(const struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	static const u32 reasons[PEERBUF_NVME_NR_WAYS] = {
		[PEERBUF_NVME_UNALIGNED] = PEERBUF_REASON_UNALIGNED,
		[PEERBUF_NVME_UNMAPPED] = PEERBUF_REASON_NO_BLOCK,
		[PEERBUF_NVME_FALLBACK] = PEERBUF_REASON_NO_ROUTE,
	};
	u32 i;

	if (!(transfer->flags & PEERBUF_FILE_F_STRICT))
		return 0;
	for (i = 0; i < transfer->nr_extents; i++) {
		if (transfer->extents[i].way == PEERBUF_NVME_DIRECT)
			continue;
		*reason = reasons[transfer->extents[i].way];
		return -EINVAL;
	}
	return 0;
}
