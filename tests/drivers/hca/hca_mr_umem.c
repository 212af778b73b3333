// SPDX-License-Identifier: GPL-2.0
/*
 * MRs of memory that does not move: user memory, and a DMA-BUF that is pinned as many
 * drivers do it (the other mode of this driver). The exporter cannot take the memory of the
 * latter back before the MR is deregistered.
 */
#include <linux/dma-buf.h>
#include <linux/scatterlist.h>

#include <rdma/ib_umem.h>

#include "hca.h"
#include "rdma.h"

static int hca_umem_begin(struct hca_mr *mr, bool write)
{
	return 0;
}

static void hca_umem_publish(struct hca_mr *mr, struct dma_fence *fence, bool write)
{
}

static void hca_umem_end(struct hca_mr *mr)
{
}

/* The segments begin at the page that contains the first byte. */
static int hca_umem_segment_at(struct hca_mr *mr, u64 offset, dma_addr_t *addr,
			       u64 *len)
{
	struct scatterlist *sg;
	int i;

	offset += ib_umem_offset(mr->umem);
	for_each_sgtable_dma_sg(&mr->umem->sgt_append.sgt, sg, i) {
		if (offset < sg_dma_len(sg)) {
			*addr = sg_dma_address(sg) + offset;
			*len = sg_dma_len(sg) - offset;
			return 0;
		}
		offset -= sg_dma_len(sg);
	}
	return -ERANGE;
}

/* Whoever ran a job has waited for it, and none can be started now. */
static void hca_umem_destroy(struct hca_mr *mr)
{
	ib_umem_release(mr->umem);
}

static const struct hca_mr_kind hca_mr_umem = {
	.begin = hca_umem_begin,
	.segment_at = hca_umem_segment_at,
	.publish = hca_umem_publish,
	.end = hca_umem_end,
	.destroy = hca_umem_destroy,
};

struct ib_mr *hca_mr_reg_user(struct ib_pd *pd, u64 start, u64 length, u64 iova,
			      int access)
{
	struct hca_mr *mr;

	mr = hca_mr_alloc(pd, iova, length, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->kind = &hca_mr_umem;
	mr->by_cpu = true;
	mr->umem = ib_umem_get_va(pd->device, start, length, access);
	if (IS_ERR(mr->umem)) {
		long ret = PTR_ERR(mr->umem);

		kfree(mr);
		return ERR_PTR(ret);
	}
	return hca_mr_publish(mr);
}

int hca_mr_pin_dmabuf(struct hca_mr *mr, u64 offset, int fd)
{
	struct ib_umem_dmabuf *pinned;

	pinned = ib_umem_dmabuf_get_pinned(&mr->hca->ibdev, offset, mr->size, fd,
					   mr->access);
	if (IS_ERR(pinned))
		return PTR_ERR(pinned);
	mr->kind = &hca_mr_umem;
	mr->umem = &pinned->umem;
	return 0;
}

/* Only for system memory. */
int hca_mr_umem_copy(struct hca_mr *mr, u64 offset, void *data, u32 len,
		     bool write)
{
	struct sg_table *sgt = &mr->umem->sgt_append.sgt;
	size_t done;

	offset += ib_umem_offset(mr->umem);
	if (write)
		done = sg_pcopy_from_buffer(sgt->sgl, sgt->orig_nents, data, len,
					    offset);
	else
		done = sg_pcopy_to_buffer(sgt->sgl, sgt->orig_nents, data, len,
					  offset);
	return done == len ? 0 : -EFAULT;
}
