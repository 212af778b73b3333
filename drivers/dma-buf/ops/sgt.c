// SPDX-License-Identifier: GPL-2.0
/*
 * Scatterlists, for importers that do not use the helper.
 *
 * A BAR has no pages. A table with any BAR range in it carries DMA addresses only, and its
 * orig_nents is 0, so that nobody walks a list of pages that is not there.
 *
 * System memory has pages, and importers that are not prepared for peer-to-peer memory walk them. A
 * table of system memory only has orig_nents entries of pages, and the DMA segments in the first
 * nents of these, which are never more.
 *
 * The list is one array without chains, because this file frees it.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <peerbuf/peerbuf.h>

#include "core/hold.h"
#include "ops/mapping.h"

/* Segments taken at a time, on the stack. */
#define PEERBUF_SEGMENTS_STEP	16

/**
 * struct peerbuf_sgt - a mapping as a scatterlist
 * @dma: the mapping; this structure lies behind it, in the same allocation
 * @table: what the importer gets
 * @one: the list of @table, if it has one entry
 */
struct peerbuf_sgt {
	struct peerbuf_dma *dma;
	struct sg_table table;
	struct scatterlist one;
};

/**
 * struct peerbuf_piece_iter - a walk over pieces that are contiguous for both CPU and device
 * @vecs: the ranges, in buffer order
 * @segs: the segments, of the same total length
 * @seg: the segment in which the next piece begins
 * @seg_offset: where in that segment, in bytes
 * @vec: the range in which the next piece begins
 * @vec_offset: where in that range, in bytes
 */
struct peerbuf_piece_iter {
	const struct p2p_vecs *vecs;
	struct p2p_segment_iter segs;
	struct p2p_segment seg;
	u64 seg_offset;
	u32 vec;
	u64 vec_offset;
};

static void peerbuf_piece_begin(struct peerbuf_piece_iter *iter, const struct p2p_vecs *vecs,
				const struct p2p_segment_iter *segs)
{
	*iter = (struct peerbuf_piece_iter){ .vecs = vecs, .segs = *segs };
}

static bool peerbuf_piece_next(struct peerbuf_piece_iter *iter, phys_addr_t *paddr, u64 *len)
{
	const struct p2p_vec *vec = &iter->vecs->vec[iter->vec];

	if (iter->vec == iter->vecs->nr)
		return false;
	if (iter->seg_offset == iter->seg.len) {
		if (!p2p_segment_next(&iter->segs, &iter->seg))
			return false;
		iter->seg_offset = 0;
	}
	*paddr = vec->paddr + iter->vec_offset;
	*len = min(vec->len - iter->vec_offset, iter->seg.len - iter->seg_offset);
	iter->vec_offset += *len;
	iter->seg_offset += *len;
	if (iter->vec_offset == vec->len) {
		iter->vec_offset = 0;
		iter->vec++;
	}
	return true;
}

static u64 peerbuf_count_pieces(const struct p2p_vecs *vecs, const struct p2p_segment_iter *segs)
{
	struct peerbuf_piece_iter iter;
	phys_addr_t paddr;
	u64 nr = 0, len;

	peerbuf_piece_begin(&iter, vecs, segs);
	while (peerbuf_piece_next(&iter, &paddr, &len))
		if (!(++nr % SZ_4K))
			cond_resched();
	return nr;
}

/* A piece is no longer than a segment, so its length fits into an entry. */
static void peerbuf_sgt_fill_pages(struct sg_table *table, const struct p2p_vecs *vecs,
				   const struct p2p_segment_iter *segs)
{
	struct peerbuf_piece_iter iter;
	struct scatterlist *sg;
	phys_addr_t paddr;
	unsigned int i;
	u64 len;

	peerbuf_piece_begin(&iter, vecs, segs);
	for_each_sgtable_sg(table, sg, i) {
		if (!peerbuf_piece_next(&iter, &paddr, &len))
			return;
		sg_set_page(sg, pfn_to_page(PHYS_PFN(paddr)), len, offset_in_page(paddr));
		if (!(i % SZ_4K))
			cond_resched();
	}
}

/* Fills in the first @room segments. Returns how many there are. */
static u64 peerbuf_sgt_fill_dma(struct scatterlist *list, u32 room, struct p2p_segment_iter segs)
{
	struct p2p_segment seg[PEERBUF_SEGMENTS_STEP];
	u64 nr = 0;
	u32 i, got;

	do {
		got = p2p_segments_take(&segs, seg, ARRAY_SIZE(seg));
		for (i = 0; i < got && nr + i < room; i++) {
			sg_dma_address(&list[nr + i]) = seg[i].addr;
			sg_dma_len(&list[nr + i]) = seg[i].len;
		}
		nr += got;
		cond_resched();
	} while (got == ARRAY_SIZE(seg));
	return nr;
}

static void peerbuf_sgt_free_list(struct peerbuf_sgt *sgt)
{
	if (sgt->table.sgl != &sgt->one)
		kvfree(sgt->table.sgl);
}

static int peerbuf_sgt_alloc_list(struct peerbuf_sgt *sgt, u64 nr)
{
	if (nr > UINT_MAX)
		return -EOVERFLOW;
	sgt->table.sgl = &sgt->one;
	if (nr > 1) {
		sgt->table.sgl = kvmalloc_array(nr, sizeof(*sgt->table.sgl),
						GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!sgt->table.sgl)
			return -ENOMEM;
	}
	sg_init_table(sgt->table.sgl, nr);
	return 0;
}

/* Makes room for the expected number of segments, so that usually one walk is enough. */
static int peerbuf_sgt_fill(struct peerbuf_sgt *sgt, const struct p2p_segment_iter *segs)
{
	u64 room = p2p_map_expect_segments(sgt->dma->hold.map, 0);
	u64 nr;
	int ret;

	for (;;) {
		ret = peerbuf_sgt_alloc_list(sgt, room);
		if (ret)
			return ret;
		nr = peerbuf_sgt_fill_dma(sgt->table.sgl, room, *segs);
		if (nr <= room)
			break;
		peerbuf_sgt_free_list(sgt);
		room = nr;
	}
	sg_mark_end(&sgt->table.sgl[nr - 1]);
	sgt->table.nents = nr;
	return 0;
}

static int peerbuf_sgt_fill_paged(struct peerbuf_sgt *sgt, const struct p2p_vecs *vecs,
				  const struct p2p_segment_iter *segs)
{
	u64 entries = peerbuf_count_pieces(vecs, segs);
	int ret;

	ret = peerbuf_sgt_alloc_list(sgt, entries);
	if (ret)
		return ret;
	sgt->table.orig_nents = entries;
	peerbuf_sgt_fill_pages(&sgt->table, vecs, segs);
	sgt->table.nents = peerbuf_sgt_fill_dma(sgt->table.sgl, entries, *segs);
	return 0;
}

static int peerbuf_sgt_make(struct peerbuf_sgt *sgt)
{
	struct p2p_vecs *vecs = p2p_map_vecs(sgt->dma->hold.map);
	struct p2p_segment_iter segs;

	if (!p2p_map_begin_segments(sgt->dma->hold.map, 0, &segs))
		return -EIO;
	if (vecs->system_size == vecs->size)
		return peerbuf_sgt_fill_paged(sgt, vecs, &segs);
	return peerbuf_sgt_fill(sgt, &segs);
}

struct sg_table *peerbuf_op_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	const struct peerbuf_want want = {
		.dir = dir,
		.via_core = true,
		.extra = sizeof(struct peerbuf_sgt),
	};
	struct peerbuf_dma *dma;
	struct peerbuf_sgt *sgt;
	int ret;

	dma = peerbuf_dma_create(attach->priv, &want);
	if (IS_ERR(dma))
		return ERR_CAST(dma);

	sgt = (struct peerbuf_sgt *)(dma + 1);
	sgt->dma = dma;
	ret = peerbuf_sgt_make(sgt);
	if (ret) {
		peerbuf_dma_destroy(dma);
		return ERR_PTR(ret);
	}
	peerbuf_dma_account(dma, sgt->table.nents, sg_dma_address(sgt->table.sgl));
	return &sgt->table;
}

void peerbuf_op_unmap(struct dma_buf_attachment *attach, struct sg_table *table,
		      enum dma_data_direction dir)
{
	struct peerbuf_sgt *sgt = container_of(table, struct peerbuf_sgt, table);

	peerbuf_sgt_free_list(sgt);
	peerbuf_dma_destroy(sgt->dma);
}
