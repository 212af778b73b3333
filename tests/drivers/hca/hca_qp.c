// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs: creation and states.
 *
 * Who may still use a QP that is being destroyed, and why each has stopped:
 *
 *  - its own work sees the new state and ends; then it is cancelled;
 *  - its peer's work, which uses it as the responder, and whoever sends it a datagram
 *    count as users. hca_qp_drop() waits for the users after the QP has been removed from
 *    hca.qps, so no new one can come;
 *  - completions have only its number. They are purged last, when there are no new ones.
 *
 * A reset does the same but leaves the QP in hca.qps: a new user sees the state and gives up.
 * So a QP that is connected again is not still in use by its old peer.
 */
#include <linux/slab.h>

#include "hca.h"

static int hca_check_init(const struct ib_qp_init_attr *init)
{
	const struct ib_qp_cap *cap = &init->cap;

	if (init->qp_type != IB_QPT_RC && init->qp_type != IB_QPT_UD &&
	    init->qp_type != IB_QPT_GSI)
		return -EOPNOTSUPP;
	if (init->create_flags)
		return -EOPNOTSUPP;
	if (cap->max_send_wr > HCA_MAX_WR || cap->max_recv_wr > HCA_MAX_WR ||
	    cap->max_send_sge > HCA_MAX_SGE || cap->max_recv_sge > HCA_MAX_SGE ||
	    cap->max_inline_data > HCA_MAX_INLINE)
		return -EINVAL;
	return 0;
}

static void hca_qp_init(struct hca_qp *qp, const struct ib_qp_init_attr *init)
{
	init_waitqueue_head(&qp->unused);
	spin_lock_init(&qp->lock);
	mutex_init(&qp->modify);
	mutex_init(&qp->receiving);
	INIT_LIST_HEAD(&qp->send);
	INIT_LIST_HEAD(&qp->recv);
	INIT_DELAYED_WORK(&qp->work, hca_qp_work);
	qp->attr.qp_state = IB_QPS_RESET;
	qp->cap = init->cap;
	qp->signal_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	/* Before the QP can be found: the core sets these too, but later. */
	qp->ibqp.qp_type = init->qp_type;
	qp->ibqp.send_cq = init->send_cq;
	qp->ibqp.recv_cq = init->recv_cq;
	qp->ibqp.srq = init->srq;
}

/* The QP of the connection manager has a well-known number. */
static int hca_qp_number(struct hca *hca, struct ib_qp *ibqp)
{
	if (ibqp->qp_type != IB_QPT_GSI)
		return xa_alloc_cyclic(&hca->qps, &ibqp->qp_num, NULL,
				       XA_LIMIT(0x10, 0xffffff), &hca->next_qp, GFP_KERNEL);
	ibqp->qp_num = HCA_GSI_NUMBER;
	return xa_insert(&hca->qps, HCA_GSI_NUMBER, NULL, GFP_KERNEL);
}

/* The QP can be found from here on, unless this fails. */
static int hca_qp_publish(struct hca *hca, struct hca_qp *qp)
{
	u32 number;
	int ret;

	ret = hca_qp_number(hca, &qp->ibqp);
	if (ret < 0)
		return ret;
	number = qp->ibqp.qp_num;
	ret = hca_cq_name(qp->ibqp.send_cq, number);
	if (!ret)
		ret = hca_cq_name(qp->ibqp.recv_cq, number);
	/* The entry is reserved, so that storing the QP needs no memory. */
	if (!ret)
		ret = xa_err(xa_store(&hca->qps, number, qp, GFP_KERNEL));
	if (ret)
		xa_erase(&hca->qps, number);
	return ret;
}

int hca_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		  struct ib_udata *udata)
{
	struct hca *hca = to_hca(ibqp->device);
	struct hca_qp *qp = to_hca_qp(ibqp);
	int ret;

	ret = hca_check_init(init);
	if (ret)
		return ret;
	hca_qp_init(qp, init);
	ret = hca_wire_alloc(hca, &qp->request);
	if (ret)
		return ret;
	ret = hca_wire_alloc(hca, &qp->response);
	if (ret)
		goto err_request;
	ret = hca_qp_publish(hca, qp);
	if (ret)
		goto err_response;
	return 0;

err_response:
	hca_wire_free(hca, &qp->response);
err_request:
	hca_wire_free(hca, &qp->request);
	return ret;
}

/* The caller holds the lock of the xarray it found @qp in. */
void hca_qp_get_locked(struct hca_qp *qp)
{
	spin_lock_irq(&qp->lock);
	qp->users++;
	spin_unlock_irq(&qp->lock);
}

void hca_qp_put(struct hca_qp *qp)
{
	spin_lock_irq(&qp->lock);
	/* Wake under the lock: the waiter takes the lock too before it frees the QP. */
	if (!--qp->users)
		wake_up(&qp->unused);
	spin_unlock_irq(&qp->lock);
}

static bool hca_qp_unused(struct hca_qp *qp)
{
	bool unused;

	spin_lock_irq(&qp->lock);
	unused = !qp->users;
	spin_unlock_irq(&qp->lock);
	return unused;
}

enum ib_qp_state hca_qp_state(struct hca_qp *qp)
{
	return READ_ONCE(qp->attr.qp_state);
}

static void hca_qp_set_state(struct hca_qp *qp, enum ib_qp_state state)
{
	spin_lock_irq(&qp->lock);
	WRITE_ONCE(qp->attr.qp_state, state);
	spin_unlock_irq(&qp->lock);
}

/* Runs the work now, even if it is waiting before a retry. */
void hca_qp_kick(struct hca_qp *qp)
{
	mod_delayed_work(hca_of_qp(qp)->wq, &qp->work, 0);
}

/*
 * Puts the QP into the error state, which flushes all queued requests. @event: the affiliated
 * asynchronous error to report, or 0 if a completion reports the error. The caller is @qp's own
 * work or holds a reference.
 */
void hca_qp_fail(struct hca_qp *qp, enum ib_event_type event)
{
	struct ib_event ev = {
		.device = qp->ibqp.device,
		.element.qp = &qp->ibqp,
		.event = event,
	};
	bool changed;

	spin_lock_irq(&qp->lock);
	changed = qp->attr.qp_state != IB_QPS_RESET &&
		  qp->attr.qp_state != IB_QPS_ERR;
	if (changed)
		WRITE_ONCE(qp->attr.qp_state, IB_QPS_ERR);
	spin_unlock_irq(&qp->lock);
	if (!changed)
		return;
	hca_qp_kick(qp);
	if (event && qp->ibqp.event_handler)
		qp->ibqp.event_handler(&ev, qp->ibqp.qp_context);
}

/* A request of @qp has failed. A QP for datagrams can still receive. */
void hca_qp_send_failed(struct hca_qp *qp)
{
	if (!hca_is_datagram(qp)) {
		hca_qp_fail(qp, 0);
		return;
	}
	spin_lock_irq(&qp->lock);
	if (qp->attr.qp_state == IB_QPS_RTS)
		WRITE_ONCE(qp->attr.qp_state, IB_QPS_SQE);
	spin_unlock_irq(&qp->lock);
}

/* In the error state: reports that a QP with a shared receive queue takes no more requests. */
void hca_qp_last_recv(struct hca_qp *qp)
{
	struct ib_event ev = {
		.device = qp->ibqp.device,
		.element.qp = &qp->ibqp,
		.event = IB_EVENT_QP_LAST_WQE_REACHED,
	};
	bool tell;

	spin_lock_irq(&qp->lock);
	tell = qp->ibqp.srq && qp->attr.qp_state == IB_QPS_ERR && !qp->last_told;
	if (tell)
		qp->last_told = true;
	spin_unlock_irq(&qp->lock);
	if (tell && qp->ibqp.event_handler)
		qp->ibqp.event_handler(&ev, qp->ibqp.qp_context);
}

/* The send queue has stopped; report it if the user asked for that. */
void hca_qp_drained(struct hca_qp *qp)
{
	struct ib_event ev = {
		.device = qp->ibqp.device,
		.element.qp = &qp->ibqp,
		.event = IB_EVENT_SQ_DRAINED,
	};
	bool tell;

	spin_lock_irq(&qp->lock);
	tell = qp->attr.qp_state == IB_QPS_SQD && qp->attr.en_sqd_async_notify;
	if (tell)
		qp->attr.en_sqd_async_notify = 0;
	spin_unlock_irq(&qp->lock);
	if (tell && qp->ibqp.event_handler)
		qp->ibqp.event_handler(&ev, qp->ibqp.qp_context);
}

/* The peer, with a reference, if it is ready to receive and connected to @qp; else NULL. */
struct hca_qp *hca_qp_find_peer(struct hca_qp *qp)
{
	struct hca_address to, back;
	struct hca_qp *peer;
	u32 number;
	bool ready;

	spin_lock_irq(&qp->lock);
	to = qp->to;
	number = qp->attr.dest_qp_num;
	spin_unlock_irq(&qp->lock);
	peer = hca_list_find_qp(&to, number);
	if (!peer)
		return NULL;
	spin_lock_irq(&peer->lock);
	back = peer->to;
	ready = (peer->attr.qp_state == IB_QPS_RTR ||
		 peer->attr.qp_state == IB_QPS_RTS ||
		 peer->attr.qp_state == IB_QPS_SQD) &&
		!hca_is_datagram(peer) &&
		peer->attr.dest_qp_num == qp->ibqp.qp_num;
	spin_unlock_irq(&peer->lock);
	if (ready && hca_address_is(hca_of_qp(qp), &back))
		return peer;
	hca_qp_put(peer);
	return NULL;
}

static void hca_qp_store(struct hca_qp *qp, const struct ib_qp_attr *attr,
			 int mask)
{
	struct ib_qp_attr *to = &qp->attr;

	if (mask & IB_QP_ACCESS_FLAGS)
		to->qp_access_flags = attr->qp_access_flags;
	if (mask & IB_QP_PKEY_INDEX)
		to->pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		to->port_num = attr->port_num;
	if (mask & IB_QP_AV) {
		to->ah_attr = attr->ah_attr;
		/* The core owns it and keeps it only for the duration of this call. */
		to->ah_attr.grh.sgid_attr = NULL;
		hca_address_set(&qp->to, &attr->ah_attr);
	}
	if (mask & IB_QP_QKEY)
		to->qkey = attr->qkey;
	if (mask & IB_QP_PATH_MTU)
		to->path_mtu = attr->path_mtu;
	if (mask & IB_QP_TIMEOUT)
		to->timeout = attr->timeout;
	if (mask & IB_QP_RETRY_CNT)
		to->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		to->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_RQ_PSN)
		to->rq_psn = attr->rq_psn;
	if (mask & IB_QP_SQ_PSN)
		to->sq_psn = attr->sq_psn;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		to->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		to->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IB_QP_MIN_RNR_TIMER)
		to->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_DEST_QPN)
		to->dest_qp_num = attr->dest_qp_num;
	if (mask & IB_QP_EN_SQD_ASYNC_NOTIFY)
		to->en_sqd_async_notify = attr->en_sqd_async_notify;
}

/* Rejects values that do not fit the fields of a packet or of the QP's context. */
static bool hca_attr_fits(const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_PKEY_INDEX && attr->pkey_index)
		return false;
	if (mask & IB_QP_PATH_MTU &&
	    (attr->path_mtu < IB_MTU_256 || attr->path_mtu > IB_MTU_4096))
		return false;
	if (mask & IB_QP_TIMEOUT && attr->timeout > 31)
		return false;
	if (mask & IB_QP_RETRY_CNT && attr->retry_cnt > 7)
		return false;
	if (mask & IB_QP_RNR_RETRY && attr->rnr_retry > 7)
		return false;
	return !(mask & IB_QP_MIN_RNR_TIMER) || attr->min_rnr_timer <= 31;
}

static int hca_check_attr(const struct ib_qp_attr *attr, int mask)
{
	if (!hca_attr_fits(attr, mask))
		return -EINVAL;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC &&
	    attr->max_rd_atomic > HCA_MAX_RD_ATOMIC)
		return -EINVAL;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC &&
	    attr->max_dest_rd_atomic > HCA_MAX_RD_ATOMIC)
		return -EINVAL;
	return 0;
}

/*
 * In the reset state: discards requests without a completion, and completions that no one has
 * polled.
 */
static void hca_qp_drop(struct hca_qp *qp)
{
	LIST_HEAD(send);
	LIST_HEAD(recv);

	/* Users and the work see the state and stop at their next step. */
	wait_event(qp->unused, hca_qp_unused(qp));
	cancel_delayed_work_sync(&qp->work);
	spin_lock_irq(&qp->lock);
	list_splice_init(&qp->send, &send);
	list_splice_init(&qp->recv, &recv);
	qp->nr_send = 0;
	qp->nr_recv = 0;
	qp->tries = 0;
	qp->last_told = false;
	spin_unlock_irq(&qp->lock);
	hca_wqes_free(&send);
	hca_wqes_free(&recv);
	hca_cq_purge(qp->ibqp.send_cq, qp->ibqp.qp_num);
	hca_cq_purge(qp->ibqp.recv_cq, qp->ibqp.qp_num);
}

static int hca_qp_change(struct hca_qp *qp, struct ib_qp_attr *attr, int mask)
{
	enum ib_qp_state now = hca_qp_state(qp);
	enum ib_qp_state next = mask & IB_QP_STATE ? attr->qp_state : now;

	if (mask & IB_QP_CUR_STATE && attr->cur_qp_state != now)
		return -EINVAL;
	if (!ib_modify_qp_is_ok(now, next, qp->ibqp.qp_type, mask) ||
	    hca_check_attr(attr, mask))
		return -EINVAL;
	spin_lock_irq(&qp->lock);
	/* The QP may have failed meanwhile, and only a reset ends the error state. */
	if (qp->attr.qp_state != now && next != IB_QPS_ERR &&
	    next != IB_QPS_RESET) {
		spin_unlock_irq(&qp->lock);
		return -EINVAL;
	}
	hca_qp_store(qp, attr, mask);
	WRITE_ONCE(qp->attr.qp_state, next);
	spin_unlock_irq(&qp->lock);
	if (next == IB_QPS_RESET)
		hca_qp_drop(qp);
	else
		hca_qp_kick(qp);
	return 0;
}

int hca_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata)
{
	struct hca_qp *qp = to_hca_qp(ibqp);
	int ret;

	if (mask & ~IB_QP_ATTR_STANDARD_BITS)
		return -EOPNOTSUPP;
	mutex_lock(&qp->modify);
	ret = hca_qp_change(qp, attr, mask);
	mutex_unlock(&qp->modify);
	return ret;
}

int hca_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init)
{
	struct hca_qp *qp = to_hca_qp(ibqp);

	spin_lock_irq(&qp->lock);
	*attr = qp->attr;
	spin_unlock_irq(&qp->lock);
	attr->cur_qp_state = attr->qp_state;
	attr->cap = qp->cap;
	init->cap = qp->cap;
	init->send_cq = ibqp->send_cq;
	init->recv_cq = ibqp->recv_cq;
	init->srq = ibqp->srq;
	init->qp_type = ibqp->qp_type;
	init->sq_sig_type = qp->signal_all ? IB_SIGNAL_ALL_WR : IB_SIGNAL_REQ_WR;
	return 0;
}

int hca_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata)
{
	struct hca *hca = to_hca(ibqp->device);
	struct hca_qp *qp = to_hca_qp(ibqp);

	xa_erase(&hca->qps, ibqp->qp_num);
	hca_qp_set_state(qp, IB_QPS_RESET);
	hca_qp_drop(qp);
	hca_wire_free(hca, &qp->response);
	hca_wire_free(hca, &qp->request);
	mutex_destroy(&qp->receiving);
	mutex_destroy(&qp->modify);
	return 0;
}
