// SPDX-License-Identifier: GPL-2.0
/* Posting of work requests. Users in the kernel post from any context. */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "hca.h"

/* Allocates a request with room for @data_len bytes of inline data after the SGEs. */
struct hca_wqe *hca_wqe_alloc(u64 wr_id, const struct ib_sge *sge, int nr,
			      u32 data_len, gfp_t gfp)
{
	struct hca_wqe *wqe;

	wqe = kzalloc(size_add(struct_size(wqe, sge, nr), data_len), gfp);
	if (!wqe)
		return NULL;
	wqe->wr_id = wr_id;
	wqe->nr = nr;
	memcpy(wqe->sge, sge, nr * sizeof(*sge));
	wqe->data_len = data_len;
	if (data_len)
		wqe->data = (u8 *)wqe + struct_size(wqe, sge, nr);
	return wqe;
}

void hca_wqes_free(struct list_head *list)
{
	struct hca_wqe *wqe, *next;

	list_for_each_entry_safe(wqe, next, list, link)
		kfree(wqe);
	INIT_LIST_HEAD(list);
}

static gfp_t hca_post_gfp(struct hca_qp *qp)
{
	return qp->ibqp.uobject ? GFP_KERNEL : GFP_ATOMIC;
}

static void hca_wqe_set_send(struct hca_wqe *wqe, const struct ib_send_wr *wr)
{
	wqe->opcode = wr->opcode;
	wqe->flags = wr->send_flags;
	wqe->imm = wr->ex.imm_data;
	switch (wr->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
		wqe->remote = rdma_wr(wr)->remote_addr;
		wqe->rkey = rdma_wr(wr)->rkey;
		break;
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		wqe->remote = atomic_wr(wr)->remote_addr;
		wqe->rkey = atomic_wr(wr)->rkey;
		wqe->compare_add = atomic_wr(wr)->compare_add;
		wqe->swap = atomic_wr(wr)->swap;
		break;
	default:
		break;
	}
}

static void hca_wqe_set_datagram(struct hca_wqe *wqe, const struct ib_send_wr *wr)
{
	wqe->to = to_hca_ah(ud_wr(wr)->ah)->to;
	wqe->remote_qpn = ud_wr(wr)->remote_qpn;
	wqe->qkey = ud_wr(wr)->remote_qkey;
}

static bool hca_can_send(struct hca_qp *qp, const struct ib_send_wr *wr)
{
	switch (wr->opcode) {
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
		return !hca_is_datagram(qp) || ud_wr(wr)->ah;
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		return !hca_is_datagram(qp);
	default:
		return false;
	}
}

/* The error state also accepts requests, in order to flush them. */
static int hca_queue_send(struct hca_qp *qp, struct hca_wqe *wqe)
{
	enum ib_qp_state state;
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&qp->lock, flags);
	state = qp->attr.qp_state;
	if (state != IB_QPS_RTS && state != IB_QPS_SQD && state != IB_QPS_SQE &&
	    state != IB_QPS_ERR) {
		ret = -EINVAL;
	} else if (qp->nr_send == qp->cap.max_send_wr) {
		ret = -ENOMEM;
	} else {
		list_add_tail(&wqe->link, &qp->send);
		qp->nr_send++;
	}
	spin_unlock_irqrestore(&qp->lock, flags);
	return ret;
}

/* Inline data is at an address of the poster, which is a process or the kernel. */
static int hca_copy_inline(struct hca_qp *qp, u8 *to, const struct ib_sge *sge)
{
	if (!qp->ibqp.uobject)
		memcpy(to, (void *)(uintptr_t)sge->addr, sge->length);
	else if (copy_from_user(to, u64_to_user_ptr(sge->addr), sge->length))
		return -EFAULT;
	return 0;
}

/* Returns a request with inline data, or an ERR_PTR(). */
static struct hca_wqe *hca_wqe_inline(struct hca_qp *qp, const struct ib_send_wr *wr)
{
	struct hca_wqe *wqe;
	u64 total = 0;
	u32 done = 0;
	int i;

	if (hca_fetches(wr->opcode))
		return ERR_PTR(-EINVAL);
	for (i = 0; i < wr->num_sge; i++)
		total += wr->sg_list[i].length;
	if (total > qp->cap.max_inline_data)
		return ERR_PTR(-EINVAL);
	wqe = hca_wqe_alloc(wr->wr_id, NULL, 0, total, hca_post_gfp(qp));
	if (!wqe)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < wr->num_sge; i++) {
		if (hca_copy_inline(qp, wqe->data + done, &wr->sg_list[i])) {
			kfree(wqe);
			return ERR_PTR(-EFAULT);
		}
		done += wr->sg_list[i].length;
	}
	return wqe;
}

static struct hca_wqe *hca_wqe_send(struct hca_qp *qp, const struct ib_send_wr *wr)
{
	struct hca_wqe *wqe;

	if (wr->send_flags & IB_SEND_INLINE)
		return hca_wqe_inline(qp, wr);
	wqe = hca_wqe_alloc(wr->wr_id, wr->sg_list, wr->num_sge, 0, hca_post_gfp(qp));
	return wqe ?: ERR_PTR(-ENOMEM);
}

static int hca_post_one_send(struct hca_qp *qp, const struct ib_send_wr *wr)
{
	struct hca_wqe *wqe;
	int ret;

	if (!hca_can_send(qp, wr) || wr->num_sge < 0 ||
	    wr->num_sge > qp->cap.max_send_sge)
		return -EINVAL;
	wqe = hca_wqe_send(qp, wr);
	if (IS_ERR(wqe))
		return PTR_ERR(wqe);
	hca_wqe_set_send(wqe, wr);
	if (hca_is_datagram(qp))
		hca_wqe_set_datagram(wqe, wr);
	ret = hca_queue_send(qp, wqe);
	if (ret)
		kfree(wqe);
	return ret;
}

int hca_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad)
{
	struct hca_qp *qp = to_hca_qp(ibqp);
	int ret = 0;

	for (; wr; wr = wr->next) {
		ret = hca_post_one_send(qp, wr);
		if (ret) {
			*bad = wr;
			break;
		}
	}
	/* Not hca_qp_kick(): that would cut short the delay before a retry. */
	queue_delayed_work(hca_of_qp(qp)->wq, &qp->work, 0);
	return ret;
}

static int hca_queue_recv(struct hca_qp *qp, struct hca_wqe *wqe)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&qp->lock, flags);
	if (qp->attr.qp_state == IB_QPS_RESET) {
		ret = -EINVAL;
	} else if (qp->nr_recv == qp->cap.max_recv_wr) {
		ret = -ENOMEM;
	} else {
		list_add_tail(&wqe->link, &qp->recv);
		qp->nr_recv++;
	}
	spin_unlock_irqrestore(&qp->lock, flags);
	return ret;
}

static int hca_post_one_recv(struct hca_qp *qp, const struct ib_recv_wr *wr)
{
	struct hca_wqe *wqe;
	int ret;

	if (qp->ibqp.srq || wr->num_sge < 0 || wr->num_sge > qp->cap.max_recv_sge)
		return -EINVAL;
	wqe = hca_wqe_alloc(wr->wr_id, wr->sg_list, wr->num_sge, 0, hca_post_gfp(qp));
	if (!wqe)
		return -ENOMEM;
	ret = hca_queue_recv(qp, wqe);
	if (ret)
		kfree(wqe);
	return ret;
}

int hca_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad)
{
	struct hca_qp *qp = to_hca_qp(ibqp);
	int ret = 0;

	for (; wr; wr = wr->next) {
		ret = hca_post_one_recv(qp, wr);
		if (ret) {
			*bad = wr;
			break;
		}
	}
	if (hca_qp_state(qp) == IB_QPS_ERR)
		hca_qp_kick(qp);
	return ret;
}
