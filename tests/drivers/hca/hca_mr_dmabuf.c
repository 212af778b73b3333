// SPDX-License-Identifier: GPL-2.0
/*
 * MRs of a DMA-BUF, with the importer helper: memory that can move.
 *
 * Who may still use the mapping when it is removed, and why each has stopped:
 *
 *  - the engine: its job's fence is in mr->last and in the buffer's dma_resv, and
 *    the MR is unmapped only after the fence has signalled;
 *  - an operation that prepares a job holds the dma_resv lock from the time it looks at the
 *    mapping until it has added the fence;
 *  - the exporter may invalidate until peerbuf_detach() has returned.
 *
 * After an invalidation the next operation maps the buffer again at its new place, so queued
 * requests continue. If the exporter refuses because the buffer is revoked, the operation
 * fails like an access to memory that does not exist.
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

/* Maps only the pages that contain the MR. */
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
	/* Another operation may have mapped the buffer again before this took the lock. */
	if (mr->stale && !hca_dmabuf_busy(mr))
		hca_dmabuf_unmap(mr);
	dma_resv_unlock(mr->dmabuf->resv);
}

/* This does not wait: a running job has its fence in the dma_resv. */
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

	/* The engine is claimed, so no job of this device runs, and a stale mapping can go. */
	if (mr->stale)
		hca_dmabuf_unmap(mr);
	ret = hca_dmabuf_map(mr);
	if (ret)
		return ret;
	/* The exporter may still be filling it. As in RDMA, users order other accesses. */
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
 * All fences of this MR have signalled, but the dma_resv keeps them, and the module they
 * belong to, until other fences replace them. Replace them by the core's own stub.
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
	/* An invalidation queues no work any more, because nothing is mapped. */
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

/* Maps at once, so that the registration fails if every operation would fail. */
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
 * Returns 0; -EBADF or -EINVAL: @fd is no DMA-BUF; -EINVAL: bad range; -EACCES: the DMA-BUF is
 * read-only; or what the exporter returned.
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
