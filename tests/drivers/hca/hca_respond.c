// SPDX-License-Identifier: GPL-2.0
/*
 * The responder's part of each request: checks what the peer allows, refuses the rest, and
 * completes the peer's receive requests. The requester runs it and holds a reference to the
 * peer.
 */
#include <linux/slab.h>
#include <linux/string.h>

#include "hca.h"

/* The peer rejects the request: both ends of the connection fail. */
static int hca_refuse(struct hca_qp *peer, enum ib_wc_status status)
{
	hca_qp_fail(peer, status == IB_WC_REM_ACCESS_ERR ?
			  IB_EVENT_QP_ACCESS_ERR : IB_EVENT_QP_REQ_ERR);
	return status;
}

static bool hca_peer_allows(struct hca_qp *peer, int access)
{
	return READ_ONCE(peer->attr.qp_access_flags) & access;
}

/* Data that is read is sent in responses, for which the peer may have no resources. */
static bool hca_peer_responds(struct hca_qp *peer, int access)
{
	return hca_peer_allows(peer, access) &&
	       READ_ONCE(peer->attr.max_dest_rd_atomic);
}

/* Neither end failed: one of them has left the state in which it can work. */
static int hca_aborted(struct hca_qp *qp)
{
	enum ib_qp_state state = hca_qp_state(qp);

	return state == IB_QPS_ERR || state == IB_QPS_RESET ?
	       IB_WC_WR_FLUSH_ERR : HCA_NO_PEER;
}

/* The oldest receive request, which the caller owns from now on, or NULL. */
struct hca_wqe *hca_take_recv(struct hca_qp *peer)
{
	struct hca_wqe *recv;

	if (peer->ibqp.srq)
		return hca_srq_take(to_hca_srq(peer->ibqp.srq));
	spin_lock_irq(&peer->lock);
	recv = list_first_entry_or_null(&peer->recv, struct hca_wqe, link);
	if (recv) {
		list_del(&recv->link);
		peer->nr_recv--;
	}
	spin_unlock_irq(&peer->lock);
	return recv;
}

/* The peer's application has not posted a receive request, so the requester has to wait. */
static int hca_not_ready(struct hca_qp *qp, struct hca_qp *peer)
{
	qp->rnr_timer = READ_ONCE(peer->attr.min_rnr_timer);
	return HCA_NO_RECV;
}

/* No message came: the next one gets the request, or it is flushed, or a reset frees it. */
void hca_return_recv(struct hca_qp *peer, struct hca_wqe *recv)
{
	enum ib_qp_state state;

	if (peer->ibqp.srq) {
		hca_srq_return(to_hca_srq(peer->ibqp.srq), recv);
		return;
	}
	spin_lock_irq(&peer->lock);
	state = peer->attr.qp_state;
	if (state != IB_QPS_RESET) {
		list_add(&recv->link, &peer->recv);
		peer->nr_recv++;
	}
	spin_unlock_irq(&peer->lock);
	if (state == IB_QPS_RESET)
		kfree(recv);
	else if (state == IB_QPS_ERR)
		hca_qp_kick(peer);
}

static void hca_received(struct hca_qp *peer, struct hca_wqe *recv,
			 struct hca_qp *qp, const struct hca_wqe *wqe, u32 bytes,
			 enum ib_wc_status status)
{
	struct ib_wc wc = {
		.status = status,
		.opcode = IB_WC_RECV,
		.byte_len = bytes,
		.src_qp = qp->ibqp.qp_num,
		.slid = hca_of_qp(qp)->ndev ? 0 : hca_of_qp(qp)->lid,
		.port_num = 1,
	};

	if (wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM)
		wc.opcode = IB_WC_RECV_RDMA_WITH_IMM;
	if (wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM ||
	    wqe->opcode == IB_WR_SEND_WITH_IMM) {
		wc.wc_flags = IB_WC_WITH_IMM;
		wc.ex.imm_data = wqe->imm;
	}
	hca_qp_complete_recv(peer, recv, &wc, wqe->flags & IB_SEND_SOLICITED);
}

static int hca_write_bytes(struct hca_qp *qp, struct hca_qp *peer,
			   struct hca_vec *local, struct hca_vec *remote)
{
	struct hca_end from = { local, &qp->request, qp };
	struct hca_end to = { remote, &peer->response, peer };

	switch (hca_vec_move(&from, &to, local->total)) {
	case HCA_MOVED:
		return IB_WC_SUCCESS;
	case HCA_FROM_FAILED:
		return IB_WC_LOC_PROT_ERR;
	case HCA_TO_FAILED:
		return hca_refuse(peer, IB_WC_REM_ACCESS_ERR);
	default:
		return hca_aborted(qp);
	}
}

int hca_respond_write(struct hca_qp *qp, struct hca_qp *peer,
		      struct hca_wqe *wqe, struct hca_vec *local)
{
	struct hca_wqe *recv = NULL;
	struct hca_vec remote;
	int status;

	if (!hca_peer_allows(peer, IB_ACCESS_REMOTE_WRITE))
		return hca_refuse(peer, IB_WC_REM_INV_REQ_ERR);
	if (hca_vec_remote(peer, wqe, local->total, IB_ACCESS_REMOTE_WRITE,
			   &remote))
		return hca_refuse(peer, IB_WC_REM_ACCESS_ERR);
	if (wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM)
		recv = hca_take_recv(peer);
	if (wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM && !recv)
		status = hca_not_ready(qp, peer);
	else
		status = hca_write_bytes(qp, peer, local, &remote);
	hca_vec_put(&remote);
	if (recv && status == IB_WC_SUCCESS)
		hca_received(peer, recv, qp, wqe, local->total, status);
	else if (recv)
		hca_return_recv(peer, recv);
	return status;
}

int hca_respond_read(struct hca_qp *qp, struct hca_qp *peer,
		     struct hca_wqe *wqe, struct hca_vec *local)
{
	struct hca_end to = { local, &qp->request, qp };
	enum hca_moved moved;
	struct hca_vec remote;
	struct hca_end from = { &remote, &peer->response, peer };

	if (!hca_peer_responds(peer, IB_ACCESS_REMOTE_READ))
		return hca_refuse(peer, IB_WC_REM_INV_REQ_ERR);
	if (hca_vec_remote(peer, wqe, local->total, IB_ACCESS_REMOTE_READ,
			   &remote))
		return hca_refuse(peer, IB_WC_REM_ACCESS_ERR);
	moved = hca_vec_move(&from, &to, local->total);
	hca_vec_put(&remote);
	switch (moved) {
	case HCA_MOVED:
		return IB_WC_SUCCESS;
	case HCA_FROM_FAILED:
		return hca_refuse(peer, IB_WC_REM_ACCESS_ERR);
	case HCA_TO_FAILED:
		return IB_WC_LOC_PROT_ERR;
	default:
		return hca_aborted(qp);
	}
}

/* The receiver's memory is not accessible: its request completes, and both ends fail. */
static int hca_receive_failed(struct hca_qp *peer, struct hca_wqe *recv,
			      struct hca_qp *qp, const struct hca_wqe *wqe,
			      enum ib_wc_status theirs, enum ib_wc_status ours)
{
	hca_qp_fail(peer, 0);
	hca_received(peer, recv, qp, wqe, 0, theirs);
	return ours;
}

static int hca_receive(struct hca_qp *qp, struct hca_qp *peer,
		       struct hca_wqe *wqe, struct hca_vec *local,
		       struct hca_wqe *recv, struct hca_vec *into)
{
	struct hca_end from = { local, &qp->request, qp };
	struct hca_end to = { into, &peer->response, peer };

	switch (hca_vec_move(&from, &to, local->total)) {
	case HCA_MOVED:
		hca_received(peer, recv, qp, wqe, local->total, IB_WC_SUCCESS);
		return IB_WC_SUCCESS;
	case HCA_FROM_FAILED:
		hca_return_recv(peer, recv);
		return IB_WC_LOC_PROT_ERR;
	case HCA_TO_FAILED:
		return hca_receive_failed(peer, recv, qp, wqe,
					  IB_WC_LOC_PROT_ERR, IB_WC_REM_OP_ERR);
	default:
		hca_return_recv(peer, recv);
		return hca_aborted(qp);
	}
}

int hca_respond_send(struct hca_qp *qp, struct hca_qp *peer,
		     struct hca_wqe *wqe, struct hca_vec *local)
{
	struct hca_wqe *recv;
	struct hca_vec into;
	int status;

	recv = hca_take_recv(peer);
	if (!recv)
		return hca_not_ready(qp, peer);
	if (hca_vec_local(peer, recv, IB_ACCESS_LOCAL_WRITE, &into))
		return hca_receive_failed(peer, recv, qp, wqe,
					  IB_WC_LOC_PROT_ERR, IB_WC_REM_OP_ERR);
	if (into.total < local->total)
		status = hca_receive_failed(peer, recv, qp, wqe,
					    IB_WC_LOC_LEN_ERR,
					    IB_WC_REM_INV_REQ_ERR);
	else
		status = hca_receive(qp, peer, wqe, local, recv, &into);
	hca_vec_put(&into);
	return status;
}

static u64 hca_atomic_result(const struct hca_wqe *wqe, u64 old)
{
	if (wqe->opcode == IB_WR_ATOMIC_FETCH_AND_ADD)
		return old + wqe->compare_add;
	return old == wqe->compare_add ? wqe->swap : old;
}

/* Read, modify, write; serialized with other atomic operations on the peer's device. */
static int hca_atomic_cycle(struct hca_qp *peer, const struct hca_wqe *wqe,
			    struct hca_piece *remote, u64 *old)
{
	struct hca_wire *wire = &peer->response;
	struct hca *hca = hca_of_qp(peer);
	u64 new;
	int ret;

	mutex_lock(&hca->atomics);
	ret = hca_mr_read(remote->mr, remote->offset, wire, sizeof(*old));
	if (ret)
		goto out;
	memcpy(old, wire->cpu, sizeof(*old));
	new = hca_atomic_result(wqe, *old);
	memcpy(wire->cpu, &new, sizeof(new));
	if (new != *old)
		ret = hca_mr_write(remote->mr, remote->offset, wire, sizeof(new));
out:
	mutex_unlock(&hca->atomics);
	return ret;
}

int hca_respond_atomic(struct hca_qp *qp, struct hca_qp *peer,
		       struct hca_wqe *wqe, struct hca_vec *local)
{
	struct hca_vec remote;
	u64 old = 0;
	int ret;

	if (local->nr != 1 || local->total != sizeof(old))
		return IB_WC_LOC_LEN_ERR;
	if (!hca_peer_responds(peer, IB_ACCESS_REMOTE_ATOMIC) ||
	    !IS_ALIGNED(wqe->remote, sizeof(old)))
		return hca_refuse(peer, IB_WC_REM_INV_REQ_ERR);
	if (hca_vec_remote(peer, wqe, sizeof(old), IB_ACCESS_REMOTE_ATOMIC,
			   &remote))
		return hca_refuse(peer, IB_WC_REM_ACCESS_ERR);
	ret = hca_atomic_cycle(peer, wqe, &remote.piece[0], &old);
	hca_vec_put(&remote);
	if (ret)
		return hca_refuse(peer, IB_WC_REM_ACCESS_ERR);
	memcpy(qp->request.cpu, &old, sizeof(old));
	if (hca_mr_write(local->piece[0].mr, local->piece[0].offset,
			 &qp->request, sizeof(old)))
		return IB_WC_LOC_PROT_ERR;
	return IB_WC_SUCCESS;
}
