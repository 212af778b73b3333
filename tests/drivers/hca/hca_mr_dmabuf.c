// SPDX-License-Identifier: GPL-2.0
/*
 * MRs of a DMA-BUF, by the importer helper: memory that moves.
 *
 * Who may still use the mapping when it goes, and why each is done:
 *
 *  - the engine: its job's fence is in mr->last and in the buffer's dma_resv, and
 *    nothing is unmapped before it has signalled;
 *  - an operation that prepares a job: holds the dma_resv from looking at the
 *    mapping until the fence is there;
 *  - the exporter, which may invalidate until peerbuf_detach() has returned.
 *
 * After an invalidation the next operation maps again, wherever the buffer is by
 * then: what was queued goes on. If the exporter refuses, because the buffer is
 * revoked, the operation fails as an access to memory that is not there.
 */
#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pci.h>

#include "hca.h"

static bool hca_dmabuf_busy(struct hca_mr *mr)
{
	dma_resv_assert_held(mr->dmabuf->resv);
	return mr->last && !dma_fence_is_signaled(mr->last);
}

static void hca_dmabuf_unmap(struct hca_mr *mr)
{
	dma_resv_assert_held(mr->dmabuf->resv);
	if (mr->mapping)
		peerbuf_unmap(mr->mapping);
	mr->mapping = NULL;
	mr->stale = false;
}

/* No more than the pages that the MR is in. */
static int hca_dmabuf_map(struct hca_mr *mr)
{
	u64 from = ALIGN_DOWN(mr->offset, PAGE_SIZE);
	u64 end = ALIGN(mr->offset + mr->size, PAGE_SIZE);
	struct peerbuf_mapping *mapping;

	dma_resv_assert_held(mr->dmabuf->resv);
	if (mr->mapping)
		return 0;
	mapping = peerbuf_map_range(mr->att, DMA_BIDIRECTIONAL, from, end - from);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	mr->mapping = mapping;
	hca_count(mr->hca, HCA_STAT_DMABUF_MAPS, 1);
	return 0;
}

static void hca_dmabuf_wait(struct hca_mr *mr)
{
	struct dma_fence *fence;

	dma_resv_lock(mr->dmabuf->resv, NULL);
	fence = dma_fence_get(mr->last);
	dma_resv_unlock(mr->dmabuf->resv);
	if (!fence)
		return;
	dma_fence_wait(fence, false);
	dma_fence_put(fence);
}

static void hca_dmabuf_unmap_work(struct work_struct *work)
{
	struct hca_mr *mr = container_of(work, struct hca_mr, unmap_work);

	hca_dmabuf_wait(mr);
	dma_resv_lock(mr->dmabuf->resv, NULL);
	/* A later operation may have unmapped and mapped anew in between. */
	if (mr->stale && !hca_dmabuf_busy(mr))
		hca_dmabuf_unmap(mr);
	dma_resv_unlock(mr->dmabuf->resv);
}

/* Nothing is waited for here: a running job has its fence in the dma_resv. */
static void hca_dmabuf_invalidate(struct peerbuf_attachment *att, void *priv)
{
	struct hca_mr *mr = priv;

	dma_resv_assert_held(peerbuf_attachment_dma_buf(att)->resv);
	if (!mr->mapping)
		return;
	mr->stale = true;
	hca_count(mr->hca, HCA_STAT_DMABUF_INVALIDATIONS, 1);
	if (hca_dmabuf_busy(mr))
		queue_work(mr->hca->wq, &mr->unmap_work);
	else
		hca_dmabuf_unmap(mr);
}

static const struct peerbuf_importer_ops hca_importer_ops = {
	.invalidate = hca_dmabuf_invalidate,
};

static int hca_dmabuf_prepare(struct hca_mr *mr)
{
	long left;
	int ret;

	/* With the engine claimed every job of ours is over, so stale can go. */
	if (mr->stale)
		hca_dmabuf_unmap(mr);
	ret = hca_dmabuf_map(mr);
	if (ret)
		return ret;
	/* The exporter may still be filling it. Others' access is the user's affair. */
	left = dma_resv_wait_timeout(mr->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				     false, MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		return left;
	return dma_resv_reserve_fences(mr->dmabuf->resv, 1);
}

static int hca_dmabuf_begin(struct hca_mr *mr, bool write)
{
	int ret;

	dma_resv_lock(mr->dmabuf->resv, NULL);
	ret = hca_dmabuf_prepare(mr);
	if (ret)
		dma_resv_unlock(mr->dmabuf->resv);
	return ret;
}

static int hca_dmabuf_segment_at(struct hca_mr *mr, u64 offset, dma_addr_t *addr,
				 u64 *len)
{
	return peerbuf_segment_at(mr->mapping, offset_in_page(mr->offset) + offset, addr, len);
}

static void hca_dmabuf_publish(struct hca_mr *mr, struct dma_fence *fence,
			       bool write)
{
	dma_resv_add_fence(mr->dmabuf->resv, fence,
			   write ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	dma_fence_put(mr->last);
	mr->last = dma_fence_get(fence);
}

static void hca_dmabuf_end(struct hca_mr *mr)
{
	dma_resv_unlock(mr->dmabuf->resv);
}

/*
 * Our fences have signalled, but the dma_resv would keep them, and the module they
 * belong to, until others take their place. Put the core's own stub there.
 */
static void hca_dmabuf_drop_fences(struct hca_mr *mr)
{
	struct dma_fence *stub = dma_fence_get_stub();

	dma_resv_assert_held(mr->dmabuf->resv);
	dma_resv_replace_fences(mr->dmabuf->resv, mr->context, stub,
				DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(stub);
	dma_fence_put(mr->last);
	mr->last = NULL;
}

static void hca_dmabuf_destroy(struct hca_mr *mr)
{
	hca_dmabuf_wait(mr);
	dma_resv_lock(mr->dmabuf->resv, NULL);
	hca_dmabuf_unmap(mr);
	hca_dmabuf_drop_fences(mr);
	dma_resv_unlock(mr->dmabuf->resv);
	/* With nothing mapped, an invalidation that comes now queues nothing. */
	cancel_work_sync(&mr->unmap_work);
	peerbuf_detach(mr->att);
	dma_buf_put(mr->dmabuf);
}

static const struct hca_mr_kind hca_mr_dmabuf = {
	.begin = hca_dmabuf_begin,
	.segment_at = hca_dmabuf_segment_at,
	.publish = hca_dmabuf_publish,
	.end = hca_dmabuf_end,
	.destroy = hca_dmabuf_destroy,
};

static int hca_dmabuf_check(struct hca_mr *mr, u64 offset)
{
	u64 end;

	if (check_add_overflow(offset, mr->size, &end) || end > mr->dmabuf->size)
		return -EINVAL;
	if (ib_access_writable(mr->access) &&
	    !(mr->dmabuf->file->f_mode & FMODE_WRITE))
		return -EACCES;
	return 0;
}

/* Map at once, so that the registration fails if no operation could succeed. */
static int hca_dmabuf_attach(struct hca_mr *mr)
{
	int ret;

	mr->att = peerbuf_attach(mr->dmabuf, &mr->hca->pdev->dev,
				 &hca_importer_ops, mr);
	if (IS_ERR(mr->att))
		return PTR_ERR(mr->att);
	dma_resv_lock(mr->dmabuf->resv, NULL);
	ret = hca_dmabuf_map(mr);
	dma_resv_unlock(mr->dmabuf->resv);
	if (ret)
		peerbuf_detach(mr->att);
	return ret;
}

/*
 * -EBADF or -EINVAL: not a DMA-BUF's fd. -EINVAL: the range. -EACCES: the DMA-BUF is
 * read-only. Else what the exporter says.
 */
int hca_mr_attach_dmabuf(struct hca_mr *mr, u64 offset, int fd)
{
	int ret;

	mr->kind = &hca_mr_dmabuf;
	mr->offset = offset;
	INIT_WORK(&mr->unmap_work, hca_dmabuf_unmap_work);
	mr->dmabuf = dma_buf_get(fd);
	if (IS_ERR(mr->dmabuf))
		return PTR_ERR(mr->dmabuf);
	ret = hca_dmabuf_check(mr, offset);
	if (!ret)
		ret = hca_dmabuf_attach(mr);
	if (ret)
		dma_buf_put(mr->dmabuf);
	return ret;
}
