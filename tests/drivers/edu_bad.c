// SPDX-License-Identifier: GPL-2.0
/*
 * An importer that does what none may do, one thing for each flag: to see that an exporter that
 * judges importers notices. An exporter that trusts them may not survive it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>

#include "edu_dma.h"

static int edu_bad_pin_unlocked(struct edu_attachment *att)
{
	int ret = dma_buf_pin(att->plain);

	if (!ret)
		dma_buf_unpin(att->plain);
	return ret;
}

static int edu_bad_pins(struct edu_attachment *att)
{
	int ret = 0;

	if (att->bad & EDU_DMA_BAD_PIN_UNLOCKED)
		ret = edu_bad_pin_unlocked(att);
	dma_resv_lock(att->dmabuf->resv, NULL);
	if (!ret && att->bad & EDU_DMA_BAD_NO_UNPIN)
		ret = dma_buf_pin(att->plain);
	if (!ret && att->bad & EDU_DMA_BAD_UNPIN)
		dma_buf_unpin(att->plain);
	dma_resv_unlock(att->dmabuf->resv);
	return ret;
}

static int edu_bad_attach(struct edu_attachment *att)
{
	int ret;

	ret = edu_importer_foreign.attach(att);
	if (ret)
		return ret;
	ret = edu_bad_pins(att);
	if (ret)
		edu_importer_foreign.detach(att);
	return ret;
}

static void edu_bad_detach(struct edu_attachment *att)
{
	if (att->stuck)
		edu_job_complete(att->stuck, 0);
	edu_importer_foreign.detach(att);
}

/* A fence in the buffer that stands for nothing. */
static int edu_bad_fence(struct edu_attachment *att)
{
	int ret;

	if (att->stuck)
		return 0;
	ret = dma_resv_reserve_fences(att->dmabuf->resv, 1);
	if (ret)
		return ret;
	att->stuck = edu_job_create(0, false);
	if (!att->stuck)
		return -ENOMEM;
	edu_job_publish(att->stuck, att->context, ++att->seqno);
	dma_resv_add_fence(att->dmabuf->resv, &att->stuck->fence, DMA_RESV_USAGE_BOOKKEEP);
	return 0;
}

static int edu_bad_map(struct edu_attachment *att)
{
	int ret;

	if (att->bad & EDU_DMA_BAD_FENCE) {
		ret = edu_bad_fence(att);
		if (ret)
			return ret;
	}
	if (!(att->bad & EDU_DMA_BAD_UNLOCKED))
		return edu_importer_foreign.map(att);
	dma_resv_unlock(att->dmabuf->resv);
	ret = edu_importer_foreign.map(att);
	dma_resv_lock(att->dmabuf->resv, NULL);
	return ret;
}

static void edu_bad_unmap_unlocked(struct edu_attachment *att)
{
	dma_resv_unlock(att->dmabuf->resv);
	edu_importer_foreign.unmap(att);
	dma_resv_lock(att->dmabuf->resv, NULL);
}

static void edu_bad_unmap(struct edu_attachment *att)
{
	if (att->bad & EDU_DMA_BAD_NO_UNMAP) {
		att->sgt = NULL;
	} else if (att->bad & EDU_DMA_BAD_UNLOCKED) {
		edu_bad_unmap_unlocked(att);
	} else if (att->bad & EDU_DMA_BAD_DIRECTION) {
		dma_buf_unmap_attachment(att->plain, att->sgt, DMA_TO_DEVICE);
		att->sgt = NULL;
	} else {
		if (att->bad & EDU_DMA_BAD_TWICE)
			dma_buf_unmap_attachment(att->plain, att->sgt, DMA_BIDIRECTIONAL);
		edu_importer_foreign.unmap(att);
	}
}

static int edu_bad_segment_at(struct edu_attachment *att, u64 offset, dma_addr_t *addr, u64 *len)
{
	return edu_importer_foreign.segment_at(att, offset, addr, len);
}

const struct edu_importer edu_importer_bad = {
	.attach = edu_bad_attach,
	.detach = edu_bad_detach,
	.map = edu_bad_map,
	.unmap = edu_bad_unmap,
	.segment_at = edu_bad_segment_at,
};
