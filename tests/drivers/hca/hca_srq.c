// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queues: any QP that uses the queue takes its receive requests.
 *
 * The core counts the QPs that use a queue, so a queue that is destroyed has no users.
 */
#include <linux/slab.h>

#include "hca.h"

int hca_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
		   struct ib_udata *udata)
{
	struct hca_srq *srq = to_hca_srq(ibsrq);

	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	if (!init->attr.max_wr || init->attr.max_wr > HCA_MAX_WR ||
	    init->attr.max_sge > HCA_MAX_SGE)
		return -EINVAL;
	spin_lock_init(&srq->lock);
	INIT_LIST_HEAD(&srq->recv);
	srq->max_wr = init->attr.max_wr;
	srq->max_sge = init->attr.max_sge;
	return 0;
}

/* The size of the queue is fixed. A new limit can be set; it is reported once. */
int hca_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
		   enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	struct hca_srq *srq = to_hca_srq(ibsrq);

	if (mask & ~IB_SRQ_LIMIT)
		return -EOPNOTSUPP;
	if (attr->srq_limit > srq->max_wr)
		return -EINVAL;
	spin_lock_irq(&srq->lock);
	srq->limit = attr->srq_limit;
	spin_unlock_irq(&srq->lock);
	return 0;
}

int hca_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr)
{
	struct hca_srq *srq = to_hca_srq(ibsrq);

	attr->max_wr = srq->max_wr;
	attr->max_sge = srq->max_sge;
	spin_lock_irq(&srq->lock);
	attr->srq_limit = srq->limit;
	spin_unlock_irq(&srq->lock);
	return 0;
}

int hca_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata)
{
	hca_wqes_free(&to_hca_srq(ibsrq)->recv);
	return 0;
}

static void hca_srq_limit_reached(struct hca_srq *srq)
{
	struct ib_event event = {
		.device = srq->ibsrq.device,
		.element.srq = &srq->ibsrq,
		.event = IB_EVENT_SRQ_LIMIT_REACHED,
	};

	if (srq->ibsrq.event_handler)
		srq->ibsrq.event_handler(&event, srq->ibsrq.srq_context);
}

/* The oldest request, which the caller owns from now on, or NULL. */
struct hca_wqe *hca_srq_take(struct hca_srq *srq)
{
	struct hca_wqe *recv;
	bool tell;

	spin_lock_irq(&srq->lock);
	recv = list_first_entry_or_null(&srq->recv, struct hca_wqe, link);
	if (recv) {
		list_del(&recv->link);
		srq->nr--;
	}
	tell = srq->nr < srq->limit;
	if (tell)
		srq->limit = 0;
	spin_unlock_irq(&srq->lock);
	if (tell)
		hca_srq_limit_reached(srq);
	return recv;
}

/* No message came: put the request back as the next one to be taken. */
void hca_srq_return(struct hca_srq *srq, struct hca_wqe *recv)
{
	spin_lock_irq(&srq->lock);
	list_add(&recv->link, &srq->recv);
	srq->nr++;
	spin_unlock_irq(&srq->lock);
}

static int hca_srq_queue(struct hca_srq *srq, struct hca_wqe *wqe)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&srq->lock, flags);
	if (srq->nr == srq->max_wr) {
		ret = -ENOMEM;
	} else {
		list_add_tail(&wqe->link, &srq->recv);
		srq->nr++;
	}
	spin_unlock_irqrestore(&srq->lock, flags);
	return ret;
}

static int hca_srq_post_one(struct hca_srq *srq, const struct ib_recv_wr *wr)
{
	struct hca_wqe *wqe;
	int ret;

	if (wr->num_sge < 0 || wr->num_sge > srq->max_sge)
		return -EINVAL;
	wqe = hca_wqe_alloc(wr->wr_id, wr->sg_list, wr->num_sge, 0,
			    srq->ibsrq.uobject ? GFP_KERNEL : GFP_ATOMIC);
	if (!wqe)
		return -ENOMEM;
	ret = hca_srq_queue(srq, wqe);
	if (ret)
		kfree(wqe);
	return ret;
}

int hca_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad)
{
	int ret;

	for (; wr; wr = wr->next) {
		ret = hca_srq_post_one(to_hca_srq(ibsrq), wr);
		if (ret) {
			*bad = wr;
			return ret;
		}
	}
	return 0;
}
