// SPDX-License-Identifier: GPL-2.0
/*
 * Scatterlists, for importers that are not ours.
 *
 * A BAR has no pages. A table with a BAR in it, be it only in part, carries DMA addresses and
 * nothing else, and orig_nents is 0 so that nobody walks a CPU list that is not
 * there. The length sg_free_table() needs is kept beside it.
 *
 * System memory has pages, and importers that are not prepared for peer-to-peer walk them. A
 * table of nothing but system memory carries them as anybody's does: orig_nents entries of
 * pages, and in the first nents of these the DMA segments, which never are more.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct peerbuf_piece_iter - what is contiguous both for the CPU and for the device
 * @vecs: the ranges, in buffer order
 * @segs: the segments, in buffer order, as long altogether
 * @vec: the range where the next piece begins
 * @seg: the segment where it begins
 * @vec_offset: where in the range, in bytes
 * @seg_offset: where in the segment, in bytes
 */
struct peerbuf_piece_iter {
	const struct p2p_vecs *vecs;
	const struct p2p_segment *segs;
	u32 vec;
	u32 seg;
	u64 vec_offset;
	u64 seg_offset;
};

static bool peerbuf_piece_next(struct peerbuf_piece_iter *iter, phys_addr_t *paddr, u64 *len)
{
	const struct p2p_segment *seg = &iter->segs[iter->seg];
	const struct p2p_vec *vec = &iter->vecs->vec[iter->vec];

	if (iter->vec == iter->vecs->nr)
		return false;
	*paddr = vec->paddr + iter->vec_offset;
	*len = min(vec->len - iter->vec_offset, seg->len - iter->seg_offset);
	iter->vec_offset += *len;
	iter->seg_offset += *len;
	if (iter->vec_offset == vec->len) {
		iter->vec_offset = 0;
		iter->vec++;
	}
	if (iter->seg_offset == seg->len) {
		iter->seg_offset = 0;
		iter->seg++;
	}
	return true;
}

static u64 peerbuf_count_pieces(const struct p2p_vecs *vecs, const struct p2p_segment *segs)
{
	struct peerbuf_piece_iter iter = { .vecs = vecs, .segs = segs };
	phys_addr_t paddr;
	u64 nr = 0, len;

	while (peerbuf_piece_next(&iter, &paddr, &len))
		if (!(++nr % SZ_4K))
			cond_resched();
	return nr;
}

/* A piece is no longer than a segment, and so than an entry can be. */
static void peerbuf_sgt_fill_pages(struct sg_table *sgt, const struct p2p_vecs *vecs,
				   const struct p2p_segment *segs)
{
	struct peerbuf_piece_iter iter = { .vecs = vecs, .segs = segs };
	struct scatterlist *sg;
	phys_addr_t paddr;
	unsigned int i;
	u64 len;

	for_each_sgtable_sg(sgt, sg, i) {
		if (!peerbuf_piece_next(&iter, &paddr, &len))
			return;
		sg_set_page(sg, pfn_to_page(PHYS_PFN(paddr)), len, offset_in_page(paddr));
		if (!(i % SZ_4K))
			cond_resched();
	}
}

static void peerbuf_sgt_fill_dma(struct sg_table *sgt, const struct p2p_segment *segs)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		sg_dma_address(sg) = segs[i].addr;
		sg_dma_len(sg) = segs[i].len;
		if (!(i % SZ_4K))
			cond_resched();
	}
}

static int peerbuf_sgt_make(struct peerbuf_dma *dma, const struct p2p_segment *segs, u32 nr)
{
	struct peerbuf *pb = dma->client->attach->dmabuf->priv;
	struct p2p_vecs *vecs = p2p_map_vecs(dma->map);
	/* It was mapped where it is: we have had the lock since. */
	bool paged = peerbuf_all_system(pb->placement);
	u64 entries = nr;
	int ret;

	if (paged)
		entries = peerbuf_count_pieces(vecs, segs);
	if (entries > UINT_MAX)
		return -EOVERFLOW;
	ret = sg_alloc_table(&dma->sgt, entries, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	dma->sgt_orig_nents = dma->sgt.orig_nents;
	dma->sgt.nents = nr;
	if (paged)
		peerbuf_sgt_fill_pages(&dma->sgt, vecs, segs);
	else
		dma->sgt.orig_nents = 0;
	peerbuf_sgt_fill_dma(&dma->sgt, segs);
	return 0;
}

static int peerbuf_sgt_create(struct peerbuf_dma *dma)
{
	u32 nr = p2p_map_count_segments(dma->map, 0);
	struct p2p_segment *segs;
	int ret;

	/* A buffer always has a segment; none means more than 32 bits can count. */
	if (!nr)
		return -EOVERFLOW;
	segs = kvmalloc_array(nr, sizeof(*segs),
			      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!segs)
		return -ENOMEM;
	p2p_map_fill_segments(dma->map, 0, segs, nr);
	ret = peerbuf_sgt_make(dma, segs, nr);
	kvfree(segs);
	return ret;
}

static void peerbuf_sgt_destroy(struct peerbuf_dma *dma)
{
	dma->sgt.orig_nents = dma->sgt_orig_nents;
	sg_free_table(&dma->sgt);
}

struct sg_table *peerbuf_op_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	struct peerbuf_dma *dma;
	int ret;

	dma = peerbuf_dma_create(attach->priv, dir, true);
	if (IS_ERR(dma))
		return ERR_CAST(dma);

	ret = peerbuf_sgt_create(dma);
	if (ret) {
		peerbuf_dma_destroy(dma);
		return ERR_PTR(ret);
	}
	return &dma->sgt;
}

void peerbuf_op_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir)
{
	struct peerbuf_dma *dma = container_of(sgt, struct peerbuf_dma, sgt);

	peerbuf_sgt_destroy(dma);
	peerbuf_dma_destroy(dma);
}
