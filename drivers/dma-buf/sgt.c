// SPDX-License-Identifier: GPL-2.0
/*
 * Scatterlists, for importers that are not ours.
 *
 * They carry DMA addresses only. There is no page to put into them, and
 * orig_nents is 0 so that nobody walks a CPU list that is not there. The length
 * sg_free_table() needs is kept beside it.
 */
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

static void peerbuf_sgt_fill(struct sg_table *sgt,
			     const struct p2p_segment *segs)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		sg_set_page(sg, NULL, 0, 0);
		sg_dma_address(sg) = segs[i].addr;
		sg_dma_len(sg) = segs[i].len;
		if (!(i % SZ_4K))
			cond_resched();
	}
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

	ret = sg_alloc_table(&dma->sgt, nr, GFP_KERNEL_ACCOUNT);
	if (!ret) {
		peerbuf_sgt_fill(&dma->sgt, segs);
		dma->sgt_orig_nents = dma->sgt.orig_nents;
		dma->sgt.orig_nents = 0;
	}
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
