// SPDX-License-Identifier: GPL-2.0
/*
 * The requester: takes one request after the other from its send queue, runs it to the
 * end, and completes it. It does all the work of a connection; the responder has no thread.
 */
#include <linux/slab.h>

#include "hca.h"

static enum ib_wc_opcode hca_wc_opcode(enum ib_wr_opcode opcode)
{
	switch (opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return IB_WC_RDMA_WRITE;
	case IB_WR_RDMA_READ:
		return IB_WC_RDMA_READ;
	case IB_WR_ATOMIC_CMP_AND_SWP:
		return IB_WC_COMP_SWAP;
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		return IB_WC_FETCH_ADD;
	default:
		return IB_WC_SEND;
	}
}

static u32 hca_wqe_bytes(const struct hca_wqe *wqe)
{
	u32 i, bytes = wqe->data_len;

	for (i = 0; i < wqe->nr; i++)
		bytes += wqe->sge[i].length;
	return bytes;
}

/* The request is off the queue; this frees it. */
static void hca_qp_complete_send(struct hca_qp *qp, struct hca_wqe *wqe,
				 enum ib_wc_status status)
{
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.qp = &qp->ibqp,
		.status = status,
		.opcode = hca_wc_opcode(wqe->opcode),
		.byte_len = hca_wqe_bytes(wqe),
	};

	if ((status != IB_WC_SUCCESS || qp->signal_all ||
	     wqe->flags & IB_SEND_SIGNALED) &&
	    !hca_cq_push(qp->ibqp.send_cq, &wc, false))
		hca_qp_fail(qp, IB_EVENT_QP_FATAL);
	kfree(wqe);
}

/* Likewise for a receive request. @wc is complete except for the request's id and the QP. */
void hca_qp_complete_recv(struct hca_qp *qp, struct hca_wqe *wqe,
			  const struct ib_wc *wc, bool solicited)
{
	struct ib_wc done = *wc;

	done.wr_id = wqe->wr_id;
	done.qp = &qp->ibqp;
	if (!hca_cq_push(qp->ibqp.recv_cq, &done, solicited))
		hca_qp_fail(qp, IB_EVENT_QP_FATAL);
	kfree(wqe);
}

static int hca_exec_peer(struct hca_qp *qp, struct hca_qp *peer,
			 struct hca_wqe *wqe, struct hca_vec *local)
{
	switch (wqe->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return hca_respond_write(qp, peer, wqe, local);
	case IB_WR_RDMA_READ:
		return hca_respond_read(qp, peer, wqe, local);
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		return hca_respond_atomic(qp, peer, wqe, local);
	default:
		return hca_respond_send(qp, peer, wqe, local);
	}
}

/* Returns a completion status, or HCA_NO_PEER, HCA_NO_RECV. */
static int hca_exec(struct hca_qp *qp, struct hca_wqe *wqe)
{
	bool fetches = hca_fetches(wqe->opcode);
	struct hca_vec local;
	struct hca_qp *peer;
	int ret = HCA_NO_PEER;

	/* A QP without resources for responses cannot send requests that need them. */
	if (fetches && !READ_ONCE(qp->attr.max_rd_atomic))
		return IB_WC_LOC_QP_OP_ERR;
	if (hca_vec_local(qp, wqe, fetches ? IB_ACCESS_LOCAL_WRITE : 0, &local))
		return IB_WC_LOC_PROT_ERR;
	if (local.total > HCA_MAX_MESSAGE) {
		ret = IB_WC_LOC_LEN_ERR;
		goto out;
	}
	if (hca_is_datagram(qp)) {
		ret = hca_send_datagram(qp, wqe, &local);
		goto out;
	}
	peer = hca_qp_find_peer(qp);
	if (peer) {
		ret = hca_exec_peer(qp, peer, wqe, &local);
		hca_qp_put(peer);
	}
out:
	hca_vec_put(&local);
	return ret;
}

/* The request stays at the head of the queue until it is done: only this work removes it. */
static struct hca_wqe *hca_qp_next(struct hca_qp *qp)
{
	struct hca_wqe *wqe = NULL;

	spin_lock_irq(&qp->lock);
	if (qp->attr.qp_state == IB_QPS_RTS)
		wqe = list_first_entry_or_null(&qp->send, struct hca_wqe, link);
	spin_unlock_irq(&qp->lock);
	return wqe;
}

static void hca_qp_done(struct hca_qp *qp, struct hca_wqe *wqe, int status)
{
	spin_lock_irq(&qp->lock);
	list_del(&wqe->link);
	qp->nr_send--;
	spin_unlock_irq(&qp->lock);
	qp->tries = 0;
	/* Before the completion: whoever sees the completion finds the QP in its new state. */
	if (status != IB_WC_SUCCESS)
		hca_qp_send_failed(qp);
	hca_qp_complete_send(qp, wqe, status);
}

static void hca_qp_flush(struct hca_qp *qp)
{
	const struct ib_wc flushed = {
		.status = IB_WC_WR_FLUSH_ERR,
		.opcode = IB_WC_RECV,
	};
	struct hca_wqe *wqe, *next;
	LIST_HEAD(send);
	LIST_HEAD(recv);

	spin_lock_irq(&qp->lock);
	if (qp->attr.qp_state == IB_QPS_ERR || qp->attr.qp_state == IB_QPS_SQE) {
		list_splice_init(&qp->send, &send);
		qp->nr_send = 0;
	}
	if (qp->attr.qp_state == IB_QPS_ERR) {
		list_splice_init(&qp->recv, &recv);
		qp->nr_recv = 0;
	}
	spin_unlock_irq(&qp->lock);
	list_for_each_entry_safe(wqe, next, &send, link)
		hca_qp_complete_send(qp, wqe, IB_WC_WR_FLUSH_ERR);
	list_for_each_entry_safe(wqe, next, &recv, link)
		hca_qp_complete_recv(qp, wqe, &flushed, false);
	hca_qp_last_recv(qp);
}

void hca_qp_work(struct work_struct *work)
{
	struct hca_qp *qp = container_of(work, struct hca_qp, work.work);
	struct hca_wqe *wqe;
	int status;

	while ((wqe = hca_qp_next(qp))) {
		status = hca_exec(qp, wqe);
		if (status >= HCA_NO_PEER && hca_try_again(qp, &status))
			return;
		hca_qp_done(qp, wqe, status);
		cond_resched();
	}
	hca_qp_flush(qp);
	hca_qp_drained(qp);
}
