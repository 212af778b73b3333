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
	if (!cq->wc)
		return -ENOMEM;
	spin_lock_init(&cq->lock);
	cq->size = attr->cqe;
	ibcq->cqe = attr->cqe;
	return 0;
}

/* No QP refers to it any more: the core counts them. */
int hca_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	kvfree(to_hca_cq(ibcq)->wc);
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

/* An error counts as solicited: who sleeps must hear of it. */
void hca_cq_push(struct ib_cq *ibcq, const struct ib_wc *wc, bool solicited)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	bool full, notify = false;

	spin_lock(&cq->lock);
	full = cq->count == cq->size;
	if (!full) {
		cq->wc[(cq->head + cq->count) % cq->size] = *wc;
		cq->count++;
		notify = cq->armed && (!cq->solicited_only || solicited ||
				       wc->status != IB_WC_SUCCESS);
		if (notify)
			cq->armed = false;
	}
	spin_unlock(&cq->lock);
	if (full)
		hca_cq_overrun(ibcq);
	else if (notify)
		ibcq->comp_handler(ibcq, ibcq->cq_context);
}

/* The QP goes: nobody may find a pointer to it here. */
void hca_cq_purge(struct ib_cq *ibcq, struct ib_qp *ibqp)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	u32 i, kept = 0;

	spin_lock(&cq->lock);
	for (i = 0; i < cq->count; i++) {
		struct ib_wc *wc = &cq->wc[(cq->head + i) % cq->size];

		if (wc->qp != ibqp)
			cq->wc[(cq->head + kept++) % cq->size] = *wc;
	}
	cq->count = kept;
	spin_unlock(&cq->lock);
}
