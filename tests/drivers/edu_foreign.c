// SPDX-License-Identifier: GPL-2.0
/*
 * Importers that do not use peerbuf's helper: plain <linux/dma-buf.h>, in the ways in
 * which drivers in the kernel use it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "edu_dma.h"

static void edu_foreign_invalidate(struct dma_buf_attachment *plain)
{
	edu_attachment_invalidate(plain->importer_priv);
}

static const struct dma_buf_attach_ops edu_foreign_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = edu_foreign_invalidate,
};

static const struct dma_buf_attach_ops edu_pages_ops = {
	.invalidate_mappings = edu_foreign_invalidate,
};

/* Some kernels require the callback; this importer ignores invalidations. */
static const struct dma_buf_attach_ops edu_pinned_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = DMA_BUF_NO_INVALIDATE,
};

static int edu_foreign_attach(struct edu_attachment *att)
{
	att->plain = dma_buf_dynamic_attach(att->dmabuf, &att->edu->pdev->dev,
					    &edu_foreign_ops, att);
	return PTR_ERR_OR_ZERO(att->plain);
}

static int edu_pages_attach(struct edu_attachment *att)
{
	att->plain = dma_buf_dynamic_attach(att->dmabuf, &att->edu->pdev->dev,
					    &edu_pages_ops, att);
	return PTR_ERR_OR_ZERO(att->plain);
}

static int edu_static_attach(struct edu_attachment *att)
{
	att->plain = dma_buf_attach(att->dmabuf, &att->edu->pdev->dev);
	return PTR_ERR_OR_ZERO(att->plain);
}

static void edu_foreign_detach(struct edu_attachment *att)
{
	dma_buf_detach(att->dmabuf, att->plain);
}

static int edu_pinned_attach(struct edu_attachment *att)
{
	int ret;

	att->plain = dma_buf_dynamic_attach(att->dmabuf, &att->edu->pdev->dev,
					    &edu_pinned_ops, att);
	if (IS_ERR(att->plain))
		return PTR_ERR(att->plain);
	dma_resv_lock(att->dmabuf->resv, NULL);
	ret = dma_buf_pin(att->plain);
	dma_resv_unlock(att->dmabuf->resv);
	if (ret)
		dma_buf_detach(att->dmabuf, att->plain);
	return ret;
}

static void edu_pinned_detach(struct edu_attachment *att)
{
	dma_resv_lock(att->dmabuf->resv, NULL);
	dma_buf_unpin(att->plain);
	dma_resv_unlock(att->dmabuf->resv);
	dma_buf_detach(att->dmabuf, att->plain);
}

static int edu_foreign_map(struct edu_attachment *att)
{
	struct sg_table *sgt;

	sgt = dma_buf_map_attachment(att->plain, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	att->sgt = sgt;
	return 0;
}

static void edu_foreign_unmap(struct edu_attachment *att)
{
	dma_buf_unmap_attachment(att->plain, att->sgt, DMA_BIDIRECTIONAL);
	att->sgt = NULL;
}

static int edu_foreign_segment_at(struct edu_attachment *att, u64 offset,
				  dma_addr_t *addr, u64 *len)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(att->sgt, sg, i) {
		if (offset < sg_dma_len(sg)) {
			*addr = sg_dma_address(sg) + offset;
			*len = sg_dma_len(sg) - offset;
			return 0;
		}
		offset -= sg_dma_len(sg);
	}
	return -ERANGE;
}

/*
 * Access by the CPU page by page, as importers without an engine do it. @data holds the bytes to
 * write or receives the bytes read. Called under the resv lock; the buffer is mapped.
 */
int edu_foreign_walk(struct edu_attachment *att, struct edu_dma_walk *req, void *data)
{
	struct sg_table *sgt = att->sgt;
	size_t done;

	req->pages = sgt->orig_nents;
	req->segments = sgt->nents;
	if (!sgt->orig_nents)
		return -ENODATA;
	if (req->direction == EDU_DMA_TO_BUFFER)
		done = sg_pcopy_from_buffer(sgt->sgl, sgt->orig_nents, data, req->length,
					    req->offset);
	else
		done = sg_pcopy_to_buffer(sgt->sgl, sgt->orig_nents, data, req->length,
					  req->offset);
	return done == req->length ? 0 : -ENODATA;
}

const struct edu_importer edu_importer_foreign = {
	.attach = edu_foreign_attach,
	.detach = edu_foreign_detach,
	.map = edu_foreign_map,
	.unmap = edu_foreign_unmap,
	.segment_at = edu_foreign_segment_at,
};

const struct edu_importer edu_importer_pages = {
	.attach = edu_pages_attach,
	.detach = edu_foreign_detach,
	.map = edu_foreign_map,
	.unmap = edu_foreign_unmap,
	.segment_at = edu_foreign_segment_at,
};

const struct edu_importer edu_importer_static = {
	.attach = edu_static_attach,
	.detach = edu_foreign_detach,
	.map = edu_foreign_map,
	.unmap = edu_foreign_unmap,
	.segment_at = edu_foreign_segment_at,
};

const struct edu_importer edu_importer_pinned = {
	.attach = edu_pinned_attach,
	.detach = edu_pinned_detach,
	.map = edu_foreign_map,
	.unmap = edu_foreign_unmap,
	.segment_at = edu_foreign_segment_at,
};
