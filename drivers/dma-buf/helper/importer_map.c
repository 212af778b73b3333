// SPDX-License-Identifier: GPL-2.0
/* The importer helper: mappings of an attached device, as segments. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include <peerbuf/peerbuf.h>

#include "core/client.h"
#include "core/hold.h"
#include "helper/foreign.h"
#include "helper/importer.h"
#include "ops/mapping.h"

/**
 * struct peerbuf_mapping - a mapping that the importer holds
 * @att: its attachment
 * @dir: direction, needed to undo it
 * @dma: the mapping if the exporter is peerbuf, or NULL
 * @sgt: the mapping if it is another exporter, or NULL
 * @nr: number of segments
 * @seg: the segments, in buffer order
 * @end: offset of each segment's end, for the search by offset; in the same allocation as @seg,
 *	behind it
 * @one: the memory of @seg and @end if there is a single segment
 *
 * If the exporter is peerbuf, this structure lies behind @dma, in the same allocation.
 */
struct peerbuf_mapping {
	struct peerbuf_attachment *att;
	enum dma_data_direction dir;
	struct peerbuf_dma *dma;
	struct sg_table *sgt;
	u32 nr;
	struct p2p_segment *seg;
	u64 *end;
	struct {
		struct p2p_segment seg;
		u64 end;
	} one;
};

/* Allocates room for @nr segments. */
static int peerbuf_mapping_alloc(struct peerbuf_mapping *mapping, u32 nr)
{
	if (!nr)
		return -EOVERFLOW;
	mapping->nr = nr;
	if (nr == 1) {
		mapping->seg = &mapping->one.seg;
		mapping->end = &mapping->one.end;
		return 0;
	}
	mapping->seg = kvmalloc_array(nr, sizeof(*mapping->seg) + sizeof(*mapping->end),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!mapping->seg)
		return -ENOMEM;
	mapping->end = (u64 *)(mapping->seg + nr);
	return 0;
}

static void peerbuf_mapping_free_segments(struct peerbuf_mapping *mapping)
{
	if (mapping->seg != &mapping->one.seg)
		kvfree(mapping->seg);
	mapping->seg = NULL;
}

static void peerbuf_mapping_index(struct peerbuf_mapping *mapping)
{
	u64 end = 0;
	u32 i;

	for (i = 0; i < mapping->nr; i++) {
		end += mapping->seg[i].len;
		mapping->end[i] = end;
	}
}

static int peerbuf_mapping_fill_by_phys(struct peerbuf_mapping *mapping,
					const struct p2p_vecs *vecs)
{
	int ret;
	u32 i;

	ret = peerbuf_mapping_alloc(mapping, vecs->nr);
	if (ret)
		return ret;
	for (i = 0; i < vecs->nr; i++)
		mapping->seg[i] = (struct p2p_segment){
			.addr = vecs->vec[i].paddr,
			.len = vecs->vec[i].len,
			.provider = vecs->vec[i].provider,
		};
	return 0;
}

/* A buffer has at least one segment: 0 means more than 32 bits can count. */
static int peerbuf_mapping_fill(struct peerbuf_mapping *mapping, struct p2p_map *map)
{
	const unsigned long flags = P2P_SEGMENTS_PER_PROVIDER | P2P_SEGMENTS_LONG;
	u32 nr, room = p2p_map_expect_segments(map, flags);
	int ret;

	ret = peerbuf_mapping_alloc(mapping, room);
	if (ret)
		return ret;
	nr = p2p_map_fill_segments(map, flags, mapping->seg, room);
	if (!nr)
		return -EOVERFLOW;
	if (nr <= room) {
		mapping->nr = nr;
		return 0;
	}
	peerbuf_mapping_free_segments(mapping);
	ret = peerbuf_mapping_alloc(mapping, nr);
	if (!ret)
		p2p_map_fill_segments(map, flags, mapping->seg, nr);
	return ret;
}

static struct peerbuf_mapping *peerbuf_map_native(struct peerbuf_attachment *att,
						  enum dma_data_direction dir, u64 offset, u64 len)
{
	const struct peerbuf_want want = {
		.offset = offset,
		.len = len,
		.dir = dir,
		.extra = sizeof(struct peerbuf_mapping),
	};
	struct peerbuf_mapping *mapping;
	struct peerbuf_dma *dma;
	int ret;

	dma = peerbuf_dma_create(att->attach->priv, &want);
	if (IS_ERR(dma))
		return ERR_CAST(dma);
	mapping = (struct peerbuf_mapping *)(dma + 1);
	mapping->att = att;
	mapping->dir = dir;
	mapping->dma = dma;
	if (dma->hold.map)
		ret = peerbuf_mapping_fill(mapping, dma->hold.map);
	else
		ret = peerbuf_mapping_fill_by_phys(mapping, dma->vecs);
	if (ret) {
		peerbuf_unmap(mapping);
		return ERR_PTR(ret);
	}
	peerbuf_dma_account(dma, mapping->nr, mapping->seg[0].addr);
	return mapping;
}

/*
 * Fails if the mapping is not exactly the buffer. Waits for KERNEL fences, because mapping may have
 * started a copy, and the device can use physical addresses at once, so the contents have to be
 * final.
 */
static int peerbuf_mapping_to_phys(struct peerbuf_mapping *mapping)
{
	struct dma_buf *dmabuf = mapping->att->dmabuf;
	struct scatterlist *sg;
	u64 paddr, size = 0;
	unsigned int i;
	int ret;

	for_each_sgtable_dma_sg(mapping->sgt, sg, i) {
		ret = peerbuf_foreign_piece(sg, &paddr);
		if (ret)
			return ret;
		mapping->seg[i].addr = paddr;
		size += sg_dma_len(sg);
	}
	if (size != dmabuf->size)
		return -EIO;
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, false, MAX_SCHEDULE_TIMEOUT);
	return 0;
}

static int peerbuf_fill_foreign(struct peerbuf_mapping *mapping)
{
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	mapping->sgt = dma_buf_map_attachment(mapping->att->attach, mapping->dir);
	if (IS_ERR(mapping->sgt)) {
		ret = PTR_ERR(mapping->sgt);
		mapping->sgt = NULL;
		return ret;
	}

	ret = peerbuf_mapping_alloc(mapping, mapping->sgt->nents);
	if (ret)
		return ret;
	for_each_sgtable_dma_sg(mapping->sgt, sg, i)
		mapping->seg[i] = (struct p2p_segment){
			.addr = sg_dma_address(sg),
			.len = sg_dma_len(sg),
		};
	return peerbuf_is_foreign_by_phys(mapping->att) ? peerbuf_mapping_to_phys(mapping) : 0;
}

/* Another exporter maps the whole buffer. Keeps the segments, or parts of them, of the piece. */
static void peerbuf_trim_foreign(struct peerbuf_mapping *mapping, u64 offset, u64 len)
{
	struct p2p_segment seg;
	u32 i, nr = 0;
	u64 skip;

	for (i = 0; i < mapping->nr && len; i++) {
		seg = mapping->seg[i];
		skip = min(offset, seg.len);
		offset -= skip;
		seg.addr += skip;
		seg.len = min(seg.len - skip, len);
		len -= seg.len;
		if (seg.len)
			mapping->seg[nr++] = seg;
	}
	mapping->nr = nr;
}

static struct peerbuf_mapping *peerbuf_map_foreign(struct peerbuf_attachment *att,
						   enum dma_data_direction dir, u64 offset,
						   u64 len)
{
	struct peerbuf_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->att = att;
	mapping->dir = dir;
	ret = peerbuf_fill_foreign(mapping);
	if (ret) {
		peerbuf_unmap(mapping);
		return ERR_PTR(ret);
	}
	if (len)
		peerbuf_trim_foreign(mapping, offset, len);
	return mapping;
}

/* @len: 0 for all of the buffer. */
static struct peerbuf_mapping *peerbuf_map_piece(struct peerbuf_attachment *att,
						 enum dma_data_direction dir, u64 offset, u64 len)
{
	struct peerbuf_mapping *mapping;

	dma_resv_assert_held(att->attach->dmabuf->resv);

	if (att->native)
		mapping = peerbuf_map_native(att, dir, offset, len);
	else
		mapping = peerbuf_map_foreign(att, dir, offset, len);
	if (!IS_ERR(mapping))
		peerbuf_mapping_index(mapping);
	return mapping;
}

/**
 * peerbuf_map() - map the whole buffer for the attached device
 * @att: the attachment
 * @dir: direction of the DMA
 *
 * The mapping is valid until the next invalidate call. DMA must wait for the fences that the
 * reservation object holds now as DMA_RESV_USAGE_KERNEL.
 *
 * Context: process context, may sleep, the DMA-BUF's reservation lock is held.
 * Return: the mapping, or an ERR_PTR. From a peerbuf: -ENODEV it is revoked, or its device
 * is down or gone; -EHOSTUNREACH the route is gone, or an importer by physical address got other
 * than system memory from another exporter; -ENOSPC the device's IOVA space is
 * exhausted; -EIO the device cannot address it, or a device that it lies in does not decode
 * memory; -EOVERFLOW too many segments; -ENOMEM.
 */
struct peerbuf_mapping *peerbuf_map(struct peerbuf_attachment *att,
				    enum dma_data_direction dir)
{
	return peerbuf_map_piece(att, dir, 0, 0);
}
EXPORT_SYMBOL_GPL(peerbuf_map);

/**
 * peerbuf_map_range() - map a piece of the buffer for the attached device
 * @att: the attachment
 * @dir: direction of the DMA
 * @offset: first byte of the piece, page aligned
 * @len: bytes, page aligned
 *
 * Like peerbuf_map(), for an importer that needs only the piece: the cost in time, memory and IOVA
 * space depends on the piece. The segments are those of the piece, and offsets for
 * peerbuf_segment_at() count from its beginning. Any number of pieces may be mapped at a
 * time. Other exporters map the whole buffer.
 *
 * Context: process context, may sleep, the DMA-BUF's reservation lock is held.
 * Return: the mapping, or an ERR_PTR with any errno of peerbuf_map(); -EINVAL @len is 0, or @offset
 * or @len is not page aligned; -ERANGE the piece ends past the buffer.
 */
struct peerbuf_mapping *peerbuf_map_range(struct peerbuf_attachment *att,
					  enum dma_data_direction dir, u64 offset, u64 len)
{
	u64 end;

	if (!len || !PAGE_ALIGNED(offset | len))
		return ERR_PTR(-EINVAL);
	if (check_add_overflow(offset, len, &end) || end > att->dmabuf->size)
		return ERR_PTR(-ERANGE);
	return peerbuf_map_piece(att, dir, offset, len);
}
EXPORT_SYMBOL_GPL(peerbuf_map_range);

/**
 * peerbuf_unmap() - undo peerbuf_map()
 * @mapping: the mapping; the device must have stopped using it
 *
 * May be called from the invalidate callback.
 *
 * Context: process context, may sleep, the DMA-BUF's reservation lock is held.
 */
void peerbuf_unmap(struct peerbuf_mapping *mapping)
{
	dma_resv_assert_held(mapping->att->attach->dmabuf->resv);

	peerbuf_mapping_free_segments(mapping);
	if (mapping->dma) {
		peerbuf_dma_destroy(mapping->dma);
		return;
	}
	if (mapping->sgt)
		dma_buf_unmap_attachment(mapping->att->attach, mapping->sgt,
					 mapping->dir);
	kfree(mapping);
}
EXPORT_SYMBOL_GPL(peerbuf_unmap);

/**
 * peerbuf_segments() - the DMA segments of a mapping
 * @mapping: the mapping
 * @nr: out, the number of segments
 *
 * Context: any, while the mapping exists.
 * Return: the segments in buffer order; their lengths add up to what was mapped. A segment's
 * provider is NULL for system memory and for other exporters. For an importer by physical
 * address the segments' addresses are CPU physical addresses.
 */
const struct p2p_segment *peerbuf_segments(struct peerbuf_mapping *mapping,
					   u32 *nr)
{
	*nr = mapping->nr;
	return mapping->seg;
}
EXPORT_SYMBOL_GPL(peerbuf_segments);

/**
 * peerbuf_segment_at() - where a byte of the buffer is
 * @mapping: the mapping
 * @offset: from the start of what was mapped, in bytes
 * @addr: out, its DMA address
 * @len: out, bytes from there to the end of its segment
 *
 * Context: any, while the mapping exists.
 * Return: 0, or -ERANGE: @offset is past the end of the mapping.
 */
int peerbuf_segment_at(struct peerbuf_mapping *mapping, u64 offset,
		       dma_addr_t *addr, u64 *len)
{
	u32 low = 0, high = mapping->nr, mid;
	const struct p2p_segment *seg;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (mapping->end[mid] <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == mapping->nr)
		return -ERANGE;

	seg = &mapping->seg[low];
	*len = mapping->end[low] - offset;
	*addr = seg->addr + (seg->len - *len);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_segment_at);

/**
 * peerbuf_mapping_route() - how the device reaches what it has mapped
 * @mapping: the mapping
 * @route: out, the route to the first BAR in the buffer. If the buffer has none, or is another
 *	exporter's, there is no route: its decider is P2P_ADDR_NONE
 *
 * Context: the DMA-BUF's reservation lock has been held since peerbuf_map().
 */
void peerbuf_mapping_route(struct peerbuf_mapping *mapping, struct p2p_route *route)
{
	dma_resv_assert_held(mapping->att->attach->dmabuf->resv);

	if (mapping->dma)
		p2p_plan_verdict(&mapping->dma->client->plan, route);
	else
		*route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
}
EXPORT_SYMBOL_GPL(peerbuf_mapping_route);
