// SPDX-License-Identifier: GPL-2.0
/*
 * A buffer that the device can access: the life of an importer.
 *
 * Who may still use an attachment's mapping when it is removed, and why each has stopped:
 *
 *  - the engine reads the addresses of the job it runs. The job's fence is in
 *    att->last, and the buffer is unmapped only after the fence has signalled;
 *  - an ioctl looks at the mapping under the resv lock. edu_file.lock serializes the
 *    ioctls of a file, and detach is one of them;
 *  - the worker also takes the resv lock; it is cancelled before the detach;
 *  - the exporter may invalidate until peerbuf_detach() has returned.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "edu_dma.h"

/* ---- importers that use the importer helper ---- */

static void edu_helper_invalidate(struct peerbuf_attachment *helper, void *priv)
{
	edu_attachment_invalidate(priv);
}

static const struct peerbuf_importer_ops edu_helper_ops = {
	.invalidate = edu_helper_invalidate,
};

static const struct peerbuf_importer_ops edu_helper_short_ops = {
	.invalidate = edu_helper_invalidate,
	.max_segment = SZ_64K,
};

static int edu_helper_attach(struct edu_attachment *att)
{
	att->helper = peerbuf_attach(att->dmabuf, &att->edu->pdev->dev,
				     att->short_segments ? &edu_helper_short_ops :
							   &edu_helper_ops, att);
	return PTR_ERR_OR_ZERO(att->helper);
}

static void edu_helper_detach(struct edu_attachment *att)
{
	peerbuf_detach(att->helper);
}

static int edu_helper_map(struct edu_attachment *att)
{
	struct peerbuf_mapping *mapping;

	mapping = peerbuf_map(att->helper, DMA_BIDIRECTIONAL);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	att->mapping = mapping;
	return 0;
}

static void edu_helper_unmap(struct edu_attachment *att)
{
	peerbuf_unmap(att->mapping);
	att->mapping = NULL;
}

static int edu_helper_segment_at(struct edu_attachment *att, u64 offset,
				 dma_addr_t *addr, u64 *len)
{
	return peerbuf_segment_at(att->mapping, offset, addr, len);
}

const struct edu_importer edu_importer_dynamic = {
	.attach = edu_helper_attach,
	.detach = edu_helper_detach,
	.map = edu_helper_map,
	.unmap = edu_helper_unmap,
	.segment_at = edu_helper_segment_at,
};

/* An importer without an invalidate callback must pin the buffer. */
static int edu_helper_pinned_attach(struct edu_attachment *att)
{
	int ret;

	att->helper = peerbuf_attach(att->dmabuf, &att->edu->pdev->dev, NULL,
				     att);
	if (IS_ERR(att->helper))
		return PTR_ERR(att->helper);
	dma_resv_lock(att->dmabuf->resv, NULL);
	ret = peerbuf_pin(att->helper);
	dma_resv_unlock(att->dmabuf->resv);
	if (ret)
		peerbuf_detach(att->helper);
	return ret;
}

static void edu_helper_pinned_detach(struct edu_attachment *att)
{
	dma_resv_lock(att->dmabuf->resv, NULL);
	peerbuf_unpin(att->helper);
	dma_resv_unlock(att->dmabuf->resv);
	peerbuf_detach(att->helper);
}

const struct edu_importer edu_importer_helper_pinned = {
	.attach = edu_helper_pinned_attach,
	.detach = edu_helper_pinned_detach,
	.map = edu_helper_map,
	.unmap = edu_helper_unmap,
	.segment_at = edu_helper_segment_at,
};

/* ---- all kinds of importer ---- */

/* Does a running transfer use the mapping? */
bool edu_attachment_busy(struct edu_attachment *att)
{
	dma_resv_assert_held(att->dmabuf->resv);
	return att->last && !dma_fence_is_signaled(att->last);
}

/* Map the buffer unless it is mapped. Returns 0 or the exporter's error, -ENODEV if revoked. */
int edu_attachment_map(struct edu_attachment *att)
{
	int ret;

	dma_resv_assert_held(att->dmabuf->resv);
	if (att->mapped)
		return 0;
	ret = att->importer->map(att);
	if (ret)
		return ret;
	att->mapped = true;
	att->maps++;
	return 0;
}

/* No transfer may be running. */
void edu_attachment_unmap(struct edu_attachment *att)
{
	dma_resv_assert_held(att->dmabuf->resv);
	if (!att->mapped)
		return;
	att->importer->unmap(att);
	att->mapped = false;
	att->stale = false;
}

/* Wait for the latest transfer and return its result. */
int edu_attachment_wait(struct edu_attachment *att, bool intr)
{
	struct dma_fence *fence;
	long left;
	int ret;

	dma_resv_lock(att->dmabuf->resv, NULL);
	fence = dma_fence_get(att->last);
	dma_resv_unlock(att->dmabuf->resv);
	if (!fence)
		return 0;
	left = dma_fence_wait(fence, intr);
	ret = left < 0 ? left : dma_fence_get_status(fence);
	dma_fence_put(fence);
	return min(ret, 0);
}

static void edu_attachment_unmap_work(struct work_struct *work)
{
	struct edu_attachment *att =
		container_of(work, struct edu_attachment, unmap_work);

	edu_attachment_wait(att, false);
	dma_resv_lock(att->dmabuf->resv, NULL);
	/* Another transfer may have mapped the buffer again before this took the lock. */
	if (att->stale && !edu_attachment_busy(att))
		edu_attachment_unmap(att);
	dma_resv_unlock(att->dmabuf->resv);
}

/*
 * The exporter asks for an unmap. This does not wait: the fence of a running
 * transfer is in the dma_resv, where the exporter finds it.
 */
void edu_attachment_invalidate(struct edu_attachment *att)
{
	dma_resv_assert_held(att->dmabuf->resv);
	att->invalidations++;
	if (!att->mapped)
		return;
	att->stale = true;
	if (att->keep)
		return;
	if (att->lazy || edu_attachment_busy(att))
		queue_work(att->edu->workqueue, &att->unmap_work);
	else
		edu_attachment_unmap(att);
}

static const struct edu_importer *edu_importer_of(u32 mode)
{
	switch (mode) {
	case EDU_DMA_DYNAMIC:
		return &edu_importer_dynamic;
	case EDU_DMA_HELPER_PINNED:
		return &edu_importer_helper_pinned;
	case EDU_DMA_PINNED:
		return &edu_importer_pinned;
	case EDU_DMA_STATIC:
		return &edu_importer_static;
	case EDU_DMA_FOREIGN:
		return &edu_importer_foreign;
	case EDU_DMA_PAGES:
		return &edu_importer_pages;
	case EDU_DMA_BAD:
		return &edu_importer_bad;
	default:
		return NULL;
	}
}

static bool edu_flags_valid(u32 mode, u32 flags)
{
	u32 known = EDU_DMA_ATTACH_F_LAZY | EDU_DMA_ATTACH_F_SHORT | EDU_DMA_ATTACH_F_KEEP;

	if (mode == EDU_DMA_BAD)
		known |= EDU_DMA_BAD_ALL;
	return !(flags & ~known);
}

/* Caller holds edu.present. Returns the attachment or an ERR_PTR(). */
struct edu_attachment *edu_attachment_create(struct edu *edu, int fd, u32 mode,
					     u32 flags)
{
	const struct edu_importer *importer = edu_importer_of(mode);
	struct edu_attachment *att;
	int ret;

	if (!importer || !edu_flags_valid(mode, flags))
		return ERR_PTR(-EINVAL);
	att = kzalloc(sizeof(*att), GFP_KERNEL);
	if (!att)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&att->link);
	INIT_WORK(&att->unmap_work, edu_attachment_unmap_work);
	att->edu = edu;
	att->importer = importer;
	att->lazy = flags & EDU_DMA_ATTACH_F_LAZY;
	att->keep = flags & EDU_DMA_ATTACH_F_KEEP;
	att->short_segments = flags & EDU_DMA_ATTACH_F_SHORT;
	att->bad = flags & EDU_DMA_BAD_ALL;
	att->context = edu_job_private_context();
	att->dmabuf = dma_buf_get(fd);
	if (IS_ERR(att->dmabuf)) {
		ret = PTR_ERR(att->dmabuf);
		goto err_free;
	}
	ret = importer->attach(att);
	if (ret)
		goto err_put;
	mutex_lock(&edu->attachments_lock);
	list_add(&att->link, &edu->attachments);
	mutex_unlock(&edu->attachments_lock);
	return att;
err_put:
	dma_buf_put(att->dmabuf);
err_free:
	kfree(att);
	return ERR_PTR(ret);
}

/*
 * All fences of this attachment have signalled, but the dma_resv keeps them, and thereby this
 * module, until other fences replace them. Replace them by the core's own stub.
 */
static void edu_attachment_drop_fences(struct edu_attachment *att)
{
	struct dma_fence *stub = dma_fence_get_stub();

	dma_resv_assert_held(att->dmabuf->resv);
	dma_resv_replace_fences(att->dmabuf->resv, att->context, stub,
				DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(stub);
	dma_fence_put(att->last);
	att->last = NULL;
}

/*
 * Unmap and detach, in any state. The caller holds edu.present and is the only one to
 * call this for @att: it has removed the handle, or it is edu_remove(), which holds
 * edu.present for writing.
 */
void edu_attachment_destroy(struct edu_attachment *att)
{
	mutex_lock(&att->edu->attachments_lock);
	list_del_init(&att->link);
	mutex_unlock(&att->edu->attachments_lock);

	edu_attachment_wait(att, false);
	dma_resv_lock(att->dmabuf->resv, NULL);
	edu_attachment_unmap(att);
	edu_attachment_drop_fences(att);
	dma_resv_unlock(att->dmabuf->resv);
	/* An invalidation queues no work any more, because nothing is mapped. */
	cancel_work_sync(&att->unmap_work);
	att->importer->detach(att);
	dma_buf_put(att->dmabuf);
}
