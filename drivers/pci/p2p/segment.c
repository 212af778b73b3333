// SPDX-License-Identifier: GPL-2.0
/*
 * Turns the DMA addresses of ranges into segments. Pure logic: tests/unit builds this file
 * in userspace.
 */

#include <linux/align.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "segment.h"

/*
 * The maximum length of a segment, from the device's limit and the driver's (0: none). The PCI
 * core sets 65,536 for every device, and the DMA API reports that for a device that has set
 * nothing, so 65,536 is taken for no limit. A driver that means it passes it as @driver.
 */
u64 p2p_segment_max_len(u64 device, u64 driver)
{
	if (device == SZ_64K)
		device = U64_MAX;
	return driver ? min(device, driver) : device;
}

/*
 * The limits are whole pages, so that no segment begins inside a page; at least one page,
 * whatever the device says; and less than 4 GiB, because a scatterlist has 32 bits. A caller
 * that can take more sets P2P_SEGMENTS_LONG: then a length or boundary of 32 one bits, which is
 * the default where nobody has set a limit, counts as no limit.
 * @align: a power of two, or 0 for none.
 */
void p2p_segment_limits_set(struct p2p_segment_limits *limits, u64 max_len, u64 align,
			    u64 boundary, unsigned long flags)
{
	if (!(flags & P2P_SEGMENTS_LONG)) {
		max_len = min_t(u64, max_len, U32_MAX);
	} else {
		max_len = max_len == U32_MAX ? U64_MAX : max_len;
		boundary = boundary == U32_MAX ? U64_MAX : boundary;
	}
	max_len = ALIGN_DOWN(max_len, PAGE_SIZE);
	limits->max_len = max_t(u64, max_len, PAGE_SIZE);
	limits->align = max_t(u64, align, PAGE_SIZE);
	limits->boundary = boundary | (PAGE_SIZE - 1);
	limits->flags = flags;
}

void p2p_segment_iter_init(struct p2p_segment_iter *iter, const struct p2p_vecs *vecs,
			   const dma_addr_t *addr, const struct p2p_map_part *part,
			   const struct p2p_segment_limits *limits)
{
	iter->vecs = vecs;
	iter->addr = addr;
	iter->part = part;
	iter->limits = *limits;
	iter->index = 0;
	iter->offset = 0;
}

/* The client's address of the byte that the next segment begins with. */
static u64 next_addr(const struct p2p_segment_iter *iter)
{
	const struct p2p_vec *vec = &iter->vecs->vec[iter->index];

	if (iter->addr)
		return iter->addr[iter->index] + iter->offset;
	return vec->paddr + iter->part[vec->part].shift + iter->offset;
}

/* The longest segment that may start at @addr. */
static u64 limit_at(const struct p2p_segment_limits *limits, u64 addr)
{
	/* Length less one: the full length may not fit in 64 bits. */
	u64 to_boundary = limits->boundary - (addr & limits->boundary);
	u64 limit = min(limits->max_len - 1, to_boundary) + 1;
	/* How far the limit lies behind the last multiple of @align. */
	u64 behind = (addr + limit) & (limits->align - 1);

	return behind < limit ? limit - behind : limit;
}

/* Are the next bytes of the buffer also contiguous in the client's addresses? */
static bool continues(const struct p2p_segment_iter *iter, const struct p2p_segment *segment)
{
	u64 addr = next_addr(iter);

	/* A segment may end at the top of the address space: address 0 does not follow it. */
	if (!addr || segment->addr + segment->len != addr)
		return false;
	return !(iter->limits.flags & P2P_SEGMENTS_PER_PROVIDER) ||
	       iter->vecs->vec[iter->index].provider == segment->provider;
}

static u64 take(struct p2p_segment_iter *iter, u64 room)
{
	u64 rest = iter->vecs->vec[iter->index].len - iter->offset;

	if (rest > room) {
		iter->offset += room;
		return room;
	}
	iter->index++;
	iter->offset = 0;
	return rest;
}

static bool segment_next(struct p2p_segment_iter *iter, struct p2p_segment *segment)
{
	u64 limit;

	if (iter->index == iter->vecs->nr)
		return false;
	segment->addr = next_addr(iter);
	segment->provider = iter->vecs->vec[iter->index].provider;
	limit = limit_at(&iter->limits, segment->addr);
	segment->len = take(iter, limit);
	while (segment->len < limit && iter->index < iter->vecs->nr && continues(iter, segment))
		segment->len += take(iter, limit - segment->len);
	return true;
}

/**
 * p2p_segment_next() - the next segment of a walk
 * @iter: from p2p_map_begin_segments()
 * @segment: out
 *
 * Context: Any, while the mapping exists and is linked.
 * Return: true, or false at the end
 */
bool p2p_segment_next(struct p2p_segment_iter *iter, struct p2p_segment *segment)
{
	return segment_next(iter, segment);
}
EXPORT_SYMBOL_GPL(p2p_segment_next);

/**
 * p2p_segments_take() - the next segments of a walk, several at a time
 * @iter: from p2p_map_begin_segments()
 * @segs: out
 * @room: how many fit there
 *
 * Context: Any, while the mapping exists and is linked.
 * Return: how many were stored; fewer than @room at the end
 */
u32 p2p_segments_take(struct p2p_segment_iter *iter, struct p2p_segment *segs, u32 room)
{
	u32 nr = 0;

	while (nr < room && segment_next(iter, &segs[nr]))
		nr++;
	return nr;
}
EXPORT_SYMBOL_GPL(p2p_segments_take);
