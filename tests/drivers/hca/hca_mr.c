// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions: keys, checks, references.
 *
 * A key consists of the MR's number and of a byte that changes from one MR to the next, so
 * that the key of a deregistered MR does not match the next MR with its number.
 */
#include <linux/overflow.h>
#include <linux/slab.h>

#include "hca.h"

/* @mr is zeroed. No key refers to it yet. */
void hca_mr_init(struct hca_mr *mr, struct hca *hca, struct ib_pd *pd, u64 iova,
		 u64 size, int access)
{
	mr->hca = hca;
	mr->ibmr.pd = pd;
	/* For an MR on a DMA-BUF the core does not fill in these two, but reports both to users. */
	mr->ibmr.iova = iova;
	mr->ibmr.length = size;
	refcount_set(&mr->ref, 1);
	init_completion(&mr->unused);
	mr->iova = iova;
	mr->size = size;
	mr->access = access;
	mr->context = dma_fence_context_alloc(1);
}

/* No key refers to the MR yet. Returns the MR or an ERR_PTR(). */
struct hca_mr *hca_mr_alloc(struct ib_pd *pd, u64 iova, u64 size, int access)
{
	struct hca_mr *mr;
	u64 end;

	if (!size || size > HCA_MAX_MR_SIZE || check_add_overflow(iova, size, &end))
		return ERR_PTR(-EINVAL);
	if (access & ~(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE |
		       IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC |
		       IB_ACCESS_OPTIONAL))
		return ERR_PTR(-EOPNOTSUPP);
	mr = kzalloc(sizeof(*mr), GFP_KERNEL);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	hca_mr_init(mr, to_hca(pd->device), pd, iova, size, access);
	return mr;
}

/* Gives the MR a key; destroys it if that fails. */
struct ib_mr *hca_mr_publish(struct hca_mr *mr)
{
	struct hca *hca = mr->hca;
	u32 number, salt;
	int ret;

	salt = atomic_inc_return(&hca->key_salt) & 0xff;
	xa_lock(&hca->mrs);
	ret = __xa_alloc_cyclic(&hca->mrs, &number, mr, XA_LIMIT(1, 0xffffff),
				&hca->next_mr, GFP_KERNEL);
	if (ret >= 0) {
		mr->ibmr.lkey = number << 8 | salt;
		mr->ibmr.rkey = mr->ibmr.lkey;
	}
	xa_unlock(&hca->mrs);
	if (ret >= 0)
		return &mr->ibmr;
	mr->kind->destroy(mr);
	kfree(mr);
	return ERR_PTR(ret);
}

struct ib_mr *hca_mr_reg_dmabuf(struct ib_pd *pd, u64 offset, u64 length,
				u64 iova, int fd, int access)
{
	struct hca_mr *mr;
	int ret;

	mr = hca_mr_alloc(pd, iova, length, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	if (READ_ONCE(hca_pinned))
		ret = hca_mr_pin_dmabuf(mr, offset, fd);
	else
		ret = hca_mr_attach_dmabuf(mr, offset, fd);
	if (ret) {
		kfree(mr);
		return ERR_PTR(ret);
	}
	return hca_mr_publish(mr);
}

/*
 * No new operation can begin without the key, and running operations end at their next step
 * as if the key had been wrong. Waiting for the end of a message could take an hour, and the
 * process that waits here may have been killed.
 */
int hca_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	struct hca_mr *mr = to_hca_mr(ibmr);

	xa_erase(&mr->hca->mrs, ibmr->lkey >> 8);
	hca_mr_free(mr);
	return 0;
}

/* No key refers to the MR. Waits for operations that use it. */
void hca_mr_free(struct hca_mr *mr)
{
	WRITE_ONCE(mr->gone, true);
	hca_mr_put(mr);
	wait_for_completion(&mr->unused);
	mr->kind->destroy(mr);
	kfree(mr);
}

void hca_mr_put(struct hca_mr *mr)
{
	if (refcount_dec_and_test(&mr->ref))
		complete(&mr->unused);
}

static bool hca_mr_allows(struct hca_mr *mr, struct ib_pd *pd, u32 key, u64 addr,
			  u64 len, int access)
{
	return mr->ibmr.lkey == key && mr->ibmr.pd == pd &&
	       (mr->access & access) == access &&
	       addr >= mr->iova && len <= mr->size &&
	       addr - mr->iova <= mr->size - len;
}

/* One key gives users in the kernel access to all memory they mapped for the device. */
static struct hca_mr *hca_mr_get_dma(struct hca *hca, struct ib_pd *pd, int access)
{
	struct hca_mr *mr = hca->dma_mr;

	if (!mr || pd->uobject || (mr->access & access) != access ||
	    !refcount_inc_not_zero(&mr->ref))
		return NULL;
	return mr;
}

/* The MR of @key, with a reference, if it allows this access; else NULL. */
struct hca_mr *hca_mr_get(struct hca *hca, struct ib_pd *pd, u32 key, u64 addr,
			  u64 len, int access)
{
	struct hca_mr *mr;

	if (key == HCA_LOCAL_DMA_LKEY)
		return hca_mr_get_dma(hca, pd, access);
	xa_lock(&hca->mrs);
	mr = xa_load(&hca->mrs, key >> 8);
	if (mr && (!hca_mr_allows(mr, pd, key, addr, len, access) ||
		   !refcount_inc_not_zero(&mr->ref)))
		mr = NULL;
	xa_unlock(&hca->mrs);
	return mr;
}
