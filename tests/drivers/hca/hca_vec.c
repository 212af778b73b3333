// SPDX-License-Identifier: GPL-2.0
/* Lists of pieces of MRs: what a scatter/gather list is once it has been checked. */
#include <linux/minmax.h>
#include <linux/string.h>

#include "hca.h"

static bool hca_vec_add(struct hca_vec *vec, struct hca *hca, struct ib_pd *pd,
			u32 key, u64 addr, u64 len, int access)
{
	struct hca_piece *piece = &vec->piece[vec->nr];

	piece->mr = hca_mr_get(hca, pd, key, addr, len, access);
	if (!piece->mr)
		return false;
	piece->offset = addr - piece->mr->iova;
	piece->len = len;
	vec->total += len;
	vec->nr++;
	return true;
}

/* What the request's own SGEs name. Empty ones are not looked at. */
int hca_vec_local(struct hca_qp *qp, const struct hca_wqe *wqe, int access,
		  struct hca_vec *vec)
{
	u32 i;

	vec->nr = 0;
	vec->total = 0;
	for (i = 0; i < wqe->nr; i++) {
		const struct ib_sge *sge = &wqe->sge[i];

		if (!sge->length)
			continue;
		if (!hca_vec_add(vec, hca_of_qp(qp), qp->ibqp.pd, sge->lkey,
				 sge->addr, sge->length, access)) {
			hca_vec_put(vec);
			return -EACCES;
		}
	}
	return 0;
}

/* What the request wants of the peer's memory. Nothing is not looked at. */
int hca_vec_remote(struct hca_qp *peer, const struct hca_wqe *wqe, u64 len,
		   int access, struct hca_vec *vec)
{
	vec->nr = 0;
	vec->total = 0;
	if (len && !hca_vec_add(vec, hca_of_qp(peer), peer->ibqp.pd, wqe->rkey,
				wqe->remote, len, access))
		return -EACCES;
	return 0;
}

void hca_vec_put(struct hca_vec *vec)
{
	while (vec->nr)
		hca_mr_put(vec->piece[--vec->nr].mr);
}

/* Where in a vec we are. */
struct hca_cursor {
	struct hca_piece *piece;
	u64 done;
};

static u64 hca_cursor_left(const struct hca_cursor *at)
{
	return at->piece->len - at->done;
}

static void hca_cursor_advance(struct hca_cursor *at, u64 len)
{
	at->done += len;
	if (at->done == at->piece->len) {
		at->piece++;
		at->done = 0;
	}
}

static bool hca_gives_up(struct hca_qp *qp)
{
	enum ib_qp_state state = hca_qp_state(qp);

	return state == IB_QPS_ERR || state == IB_QPS_RESET;
}

/*
 * The first @len bytes of one end to the start of the other, step by step; a step fits
 * a wire page and lies in one piece on each side. Stops early when a QP has no use for
 * it any more, or an MR is being deregistered.
 */
enum hca_moved hca_vec_move(struct hca_end *from, struct hca_end *to, u64 len)
{
	struct hca_cursor in = { from->vec->piece };
	struct hca_cursor out = { to->vec->piece };
	u32 step;

	for (; len; len -= step) {
		if (hca_gives_up(from->qp) || hca_gives_up(to->qp))
			return HCA_MOVE_ABORTED;
		step = min3(len, hca_cursor_left(&in), (u64)HCA_STEP);
		step = min_t(u64, step, hca_cursor_left(&out));
		if (hca_mr_gone(in.piece->mr) ||
		    hca_mr_read(in.piece->mr, in.piece->offset + in.done,
				from->wire, step))
			return HCA_FROM_FAILED;
		memcpy(to->wire->cpu, from->wire->cpu, step);
		if (hca_mr_gone(out.piece->mr) ||
		    hca_mr_write(out.piece->mr, out.piece->offset + out.done,
				 to->wire, step))
			return HCA_TO_FAILED;
		hca_cursor_advance(&in, step);
		hca_cursor_advance(&out, step);
	}
	return HCA_MOVED;
}
