// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions: keys, checks, references.
 *
 * A key is the MR's number and a byte that changes from one MR to the next, so that
 * the key of an MR that is gone does not open its successor.
 */
#include <linux/overflow.h>
#include <linux/slab.h>

#include "hca.h"

/* @mr is zeroed. It is not to be found yet. */
void hca_mr_init(struct hca_mr *mr, struct hca *hca, struct ib_pd *pd, u64 iova,
		 u64 size, int access)
{
	mr->hca = hca;
	mr->ibmr.pd = pd;
	/* Of an MR on a DMA-BUF the core fills in neither, but tells both. */
	mr->ibmr.iova = iova;
	mr->ibmr.length = size;
	refcount_set(&mr->ref, 1);
	init_completion(&mr->unused);
	mr->iova = iova;
	mr->size = size;
	mr->access = access;
	mr->context = dma_fence_context_alloc(1);
}

/* Not to be found yet. Returns the MR or an ERR_PTR(). */
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

/* Give it a key. Destroys it if that fails. */
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
 * There are no new operations without the key, and those under way end at their next
 * step, as if the key had been wrong: a message can take the engine an hour, and who
 * waits here may be a process that was killed.
 */
int hca_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	struct hca_mr *mr = to_hca_mr(ibmr);

	xa_erase(&mr->hca->mrs, ibmr->lkey >> 8);
	hca_mr_free(mr);
	return 0;
}

/* It is not found any more, or never was. Waits for who uses it. */
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

/* The core's own users have a key for what they mapped for the device. */
static struct hca_mr *hca_mr_get_dma(struct hca *hca, struct ib_pd *pd, int access)
{
	struct hca_mr *mr = hca->dma_mr;

	if (!mr || pd->uobject || (mr->access & access) != access ||
	    !refcount_inc_not_zero(&mr->ref))
		return NULL;
	return mr;
}

/* The MR of @key with a reference, if it allows that; else NULL. */
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
