// SPDX-License-Identifier: GPL-2.0
/*
 * MRs of all memory that the device can access, by DMA address: users in the kernel, such as
 * the connection manager, name their memory that way. Only the engine can access it.
 */
#include <linux/slab.h>

#include "hca.h"

static int hca_dma_begin(struct hca_mr *mr, bool write)
{
	return 0;
}

static int hca_dma_segment_at(struct hca_mr *mr, u64 offset, dma_addr_t *addr, u64 *len)
{
	*addr = offset;
	*len = U64_MAX - offset;
	return 0;
}

static void hca_dma_publish(struct hca_mr *mr, struct dma_fence *fence, bool write)
{
}

static void hca_dma_end(struct hca_mr *mr)
{
}

static void hca_dma_destroy(struct hca_mr *mr)
{
}

static const struct hca_mr_kind hca_mr_dma = {
	.begin = hca_dma_begin,
	.segment_at = hca_dma_segment_at,
	.publish = hca_dma_publish,
	.end = hca_dma_end,
	.destroy = hca_dma_destroy,
};

/* No key refers to the MR. Returns NULL if there is no memory. */
struct hca_mr *hca_mr_dma_create(struct hca *hca, struct ib_pd *pd, int access)
{
	struct hca_mr *mr = kzalloc(sizeof(*mr), GFP_KERNEL);

	if (!mr)
		return NULL;
	hca_mr_init(mr, hca, pd, 0, U64_MAX, access);
	mr->kind = &hca_mr_dma;
	return mr;
}

/* For a user in the kernel that needs a key of its own. */
struct ib_mr *hca_get_dma_mr(struct ib_pd *pd, int access)
{
	struct hca_mr *mr = hca_mr_dma_create(to_hca(pd->device), pd, access);

	return mr ? hca_mr_publish(mr) : ERR_PTR(-ENOMEM);
}
