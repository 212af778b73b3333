// SPDX-License-Identifier: GPL-2.0
/* Completion queues: a ring, and whether the next entry is to be reported. */
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
	xa_init(&cq->names);
	cq->size = attr->cqe;
	ibcq->cqe = attr->cqe;
	return 0;
}

/* No QP uses the queue any more: the core counts them. */
int hca_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	unsigned long number;
	struct ib_qp *name;

	xa_for_each(&cq->names, number, name)
		kfree(name);
	xa_destroy(&cq->names);
	kvfree(cq->wc);
	return 0;
}

/*
 * Prepares for completions of a QP with this number. Returns 0 or -ENOMEM. Users in the kernel
 * do not need it: their completions point to the real QP, whose lifetime they know.
 */
int hca_cq_name(struct ib_cq *ibcq, u32 qp_num)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	struct ib_qp *name;
	int ret;

	if (!ibcq->uobject || xa_load(&cq->names, qp_num))
		return 0;
	name = kzalloc(sizeof(*name), GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	name->qp_num = qp_num;
	ret = xa_insert(&cq->names, qp_num, name, GFP_KERNEL);
	if (ret)
		kfree(name);
	return ret;
}

int hca_poll_cq(struct ib_cq *ibcq, int nr, struct ib_wc *wc)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	unsigned long flags;
	int done = 0;

	spin_lock_irqsave(&cq->lock, flags);
	while (done < nr && cq->count) {
		wc[done++] = cq->wc[cq->head];
		cq->head = (cq->head + 1) % cq->size;
		cq->count--;
	}
	spin_unlock_irqrestore(&cq->lock, flags);
	return done;
}

int hca_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	unsigned long irqs;
	int ret;

	spin_lock_irqsave(&cq->lock, irqs);
	cq->armed = true;
	cq->solicited_only = (flags & IB_CQ_SOLICITED_MASK) == IB_CQ_SOLICITED;
	ret = (flags & IB_CQ_REPORT_MISSED_EVENTS) && cq->count;
	spin_unlock_irqrestore(&cq->lock, irqs);
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

/* Adds an entry to the ring, which has room for it. */
static void hca_cq_store(struct hca_cq *cq, const struct ib_wc *wc)
{
	struct ib_wc *entry = &cq->wc[(cq->head + cq->count) % cq->size];

	lockdep_assert_held(&cq->lock);
	*entry = *wc;
	if (cq->ibcq.uobject)
		entry->qp = xa_load(&cq->names, wc->qp->qp_num);
	cq->count++;
}

/*
 * An error counts as solicited, so that a sleeping user sees it. Returns false if the ring
 * was full: the completion is lost, and the caller must fail its QP.
 */
bool hca_cq_push(struct ib_cq *ibcq, const struct ib_wc *wc, bool solicited)
{
	bool full, first = false, notify = false;
	struct hca_cq *cq = to_hca_cq(ibcq);

	spin_lock_irq(&cq->lock);
	full = cq->count == cq->size;
	if (full) {
		first = !cq->overrun;
		cq->overrun = true;
	} else {
		hca_cq_store(cq, wc);
		notify = cq->armed && (!cq->solicited_only || solicited ||
				       wc->status != IB_WC_SUCCESS);
		if (notify)
			cq->armed = false;
	}
	spin_unlock_irq(&cq->lock);
	if (first)
		hca_cq_overrun(ibcq);
	if (notify)
		ibcq->comp_handler(ibcq, ibcq->cq_context);
	return !full;
}

/* Removes the QP's completions, because the QP is being destroyed or reset. */
void hca_cq_purge(struct ib_cq *ibcq, u32 qp_num)
{
	struct hca_cq *cq = to_hca_cq(ibcq);
	u32 i, count;

	spin_lock_irq(&cq->lock);
	count = cq->count;
	cq->count = 0;
	for (i = 0; i < count; i++) {
		const struct ib_wc wc = cq->wc[(cq->head + i) % cq->size];

		if (wc.qp->qp_num != qp_num)
			hca_cq_store(cq, &wc);
	}
	spin_unlock_irq(&cq->lock);
}
