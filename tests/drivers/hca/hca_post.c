// SPDX-License-Identifier: GPL-2.0
/* Work requests into queues. */
#include <linux/overflow.h>
#include <linux/slab.h>

#include "hca.h"

static struct hca_wqe *hca_wqe_alloc(u64 wr_id, const struct ib_sge *sge, int nr)
{
	struct hca_wqe *wqe;

	wqe = kzalloc(struct_size(wqe, sge, nr), GFP_KERNEL);
	if (!wqe)
		return NULL;
	wqe->wr_id = wr_id;
	wqe->nr = nr;
	memcpy(wqe->sge, sge, nr * sizeof(*sge));
	return wqe;
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

static bool hca_can_send(enum ib_wr_opcode opcode)
{
	switch (opcode) {
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		return true;
	default:
		return false;
	}
}

/* In the error state requests are taken, to be flushed. */
static int hca_queue_send(struct hca_qp *qp, struct hca_wqe *wqe)
{
	enum ib_qp_state state;
	int ret = 0;

	spin_lock(&qp->lock);
	state = qp->attr.qp_state;
	if (state != IB_QPS_RTS && state != IB_QPS_SQD && state != IB_QPS_ERR) {
		ret = -EINVAL;
	} else if (qp->nr_send == qp->cap.max_send_wr) {
		ret = -ENOMEM;
	} else {
		list_add_tail(&wqe->link, &qp->send);
		qp->nr_send++;
	}
	spin_unlock(&qp->lock);
	return ret;
}

static int hca_post_one_send(struct hca_qp *qp, const struct ib_send_wr *wr)
{
	struct hca_wqe *wqe;
	int ret;

	if (!hca_can_send(wr->opcode) || wr->send_flags & IB_SEND_INLINE ||
	    wr->num_sge < 0 || wr->num_sge > qp->cap.max_send_sge)
		return -EINVAL;
	wqe = hca_wqe_alloc(wr->wr_id, wr->sg_list, wr->num_sge);
	if (!wqe)
		return -ENOMEM;
	hca_wqe_set_send(wqe, wr);
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
	/* Not hca_qp_kick(): a retry that waits for its time shall go on waiting. */
	queue_delayed_work(hca_of_qp(qp)->wq, &qp->work, 0);
	return ret;
}

static int hca_queue_recv(struct hca_qp *qp, struct hca_wqe *wqe)
{
	int ret = 0;

	spin_lock(&qp->lock);
	if (qp->attr.qp_state == IB_QPS_RESET) {
		ret = -EINVAL;
	} else if (qp->nr_recv == qp->cap.max_recv_wr) {
		ret = -ENOMEM;
	} else {
		list_add_tail(&wqe->link, &qp->recv);
		qp->nr_recv++;
	}
	spin_unlock(&qp->lock);
	return ret;
}

static int hca_post_one_recv(struct hca_qp *qp, const struct ib_recv_wr *wr)
{
	struct hca_wqe *wqe;
	int ret;

	if (wr->num_sge < 0 || wr->num_sge > qp->cap.max_recv_sge)
		return -EINVAL;
	wqe = hca_wqe_alloc(wr->wr_id, wr->sg_list, wr->num_sge);
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
