// SPDX-License-Identifier: GPL-2.0
/* Completion queues: a ring, and whether to tell somebody of the next entry. */
#include <linux/slab.h>

#include "hca.h"

int hca_cq_create(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr)
{
	struct hca_cq *cq = to_hca_cq(ibcq);

	if (attr->flags)
		return -EOPNOTSUPP;
	if (!attr->cqe || attr->cqe > HCA_MAX_CQE)
		return -EINVAL;
	cq->wc = kvcalloc(attr->cqe, sizeof(*cq->wc), GFP_KERNEL);
	cq->qp = kvcalloc(attr->cqe, sizeof(*cq->qp), GFP_KERNEL);
	if (!cq->wc || !cq->qp) {
		kvfree(cq->qp);
		kvfree(cq->wc);
		return -ENOMEM;
	}
	spin_lock_init(&cq->lock);
	cq->size = attr->cqe;
	ibcq->cqe = attr->cqe;
	return 0;
}

/* No QP refers to it any more: the core counts them. */
int hca_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct hca_cq *cq = to_hca_cq(ibcq);

	kvfree(cq->qp);
	kvfree(cq->wc);
	return 0;
}

int hca_poll_cq(struct ib_cq *ibcq, int nr, struct ib_wc *wc)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	int done = 0;

	spin_lock(&cq->lock);
	while (done < nr && cq->count) {
		wc[done++] = cq->wc[cq->head];
		cq->head = (cq->head + 1) % cq->size;
		cq->count--;
	}
	spin_unlock(&cq->lock);
	return done;
}

int hca_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	int ret;

	spin_lock(&cq->lock);
	cq->armed = true;
	cq->solicited_only = (flags & IB_CQ_SOLICITED_MASK) == IB_CQ_SOLICITED;
	ret = (flags & IB_CQ_REPORT_MISSED_EVENTS) && cq->count;
	spin_unlock(&cq->lock);
	return ret;
}

static void hca_cq_overrun(struct ib_cq *ibcq)
{
	struct ib_event event = {
		.device = ibcq->device,
		.element.cq = ibcq,
		.event = IB_EVENT_CQ_ERR,
	};

	if (ibcq->event_handler)
		ibcq->event_handler(&event, ibcq->cq_context);
}

/* Entry @at of the ring is @wc, of QP number @qp_num. */
static void hca_cq_store(struct hca_cq *cq, u32 at, const struct ib_wc *wc,
			 u32 qp_num)
{
	lockdep_assert_held(&cq->lock);
	at %= cq->size;
	cq->wc[at] = *wc;
	cq->wc[at].qp = &cq->qp[at];
	cq->qp[at].qp_num = qp_num;
}

/*
 * An error counts as solicited: who sleeps must hear of it. Returns false if there
 * was no room: the completion is lost, and the QP it is of must fail.
 */
bool hca_cq_push(struct ib_cq *ibcq, const struct ib_wc *wc, bool solicited)
{
	bool full, first = false, notify = false;
	struct hca_cq *cq = to_hca_cq(ibcq);

	spin_lock(&cq->lock);
	full = cq->count == cq->size;
	if (full) {
		first = !cq->overrun;
		cq->overrun = true;
	} else {
		hca_cq_store(cq, cq->head + cq->count, wc, wc->qp->qp_num);
		cq->count++;
		notify = cq->armed && (!cq->solicited_only || solicited ||
				       wc->status != IB_WC_SUCCESS);
		if (notify)
			cq->armed = false;
	}
	spin_unlock(&cq->lock);
	if (first)
		hca_cq_overrun(ibcq);
	if (notify)
		ibcq->comp_handler(ibcq, ibcq->cq_context);
	return !full;
}

/* The QP goes, or starts anew: nobody may find what it completed before. */
void hca_cq_purge(struct ib_cq *ibcq, u32 qp_num)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	u32 i, kept = 0;

	spin_lock(&cq->lock);
	for (i = 0; i < cq->count; i++) {
		u32 at = (cq->head + i) % cq->size;

		if (cq->qp[at].qp_num != qp_num)
			hca_cq_store(cq, cq->head + kept++, &cq->wc[at],
				     cq->qp[at].qp_num);
	}
	cq->count = kept;
	spin_unlock(&cq->lock);
}
