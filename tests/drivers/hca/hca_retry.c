// SPDX-License-Identifier: GPL-2.0
/* How often, and after which delay, a request is retried when the peer is not ready. */
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "hca.h"

/* 4.096 us * 2^timeout. 0 means no limit; then this is the interval of the retries. */
static unsigned long hca_timeout(const struct hca_qp *qp)
{
	if (!qp->attr.timeout)
		return HZ / 10;
	return max(1UL, nsecs_to_jiffies(4096ULL << qp->attr.timeout));
}

/*
 * The delay that a peer without a receive request asks for. In units of 10 us the codes mean
 * 1, 2, 3, 4, 6, 8, 12, ..., and code zero means the longest delay.
 */
static unsigned long hca_rnr_pause(const struct hca_qp *qp)
{
	unsigned int timer = qp->rnr_timer ?: 32;
	unsigned long units = 1;

	if (timer > 1)
		units = timer & 1 ? 3UL << (timer - 3) / 2 : 1UL << timer / 2;
	return max(1UL, usecs_to_jiffies(10 * units));
}

/*
 * The peer is not ready. Schedules a retry and returns true; or returns false with the status
 * of the failed request in *@status. Called by @qp's work.
 */
bool hca_try_again(struct hca_qp *qp, int *status)
{
	bool receiver = *status == HCA_NO_RECV;
	unsigned int limit = receiver ? qp->attr.rnr_retry : qp->attr.retry_cnt;
	bool forever = receiver ? limit == 7 : !qp->attr.timeout;

	if (!forever && qp->tries++ >= limit) {
		*status = receiver ? IB_WC_RNR_RETRY_EXC_ERR :
				     IB_WC_RETRY_EXC_ERR;
		return false;
	}
	queue_delayed_work(hca_of_qp(qp)->wq, &qp->work,
			   receiver ? hca_rnr_pause(qp) : hca_timeout(qp));
	return true;
}
