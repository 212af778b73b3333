// SPDX-License-Identifier: GPL-2.0
/* Lists of parts of MRs: a scatter/gather list after its keys have been checked. */
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

/* Looks up the request's own SGEs, or takes its inline data. Skips empty SGEs. */
int hca_vec_local(struct hca_qp *qp, const struct hca_wqe *wqe, int access,
		  struct hca_vec *vec)
{
	u32 i;

	vec->nr = 0;
	vec->total = wqe->data_len;
	vec->data = wqe->data;
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

/* Looks up the peer's memory that the request names, unless @len is zero. */
int hca_vec_remote(struct hca_qp *peer, const struct hca_wqe *wqe, u64 len,
		   int access, struct hca_vec *vec)
{
	vec->nr = 0;
	vec->total = 0;
	vec->data = NULL;
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

/* A position in a vec: in one of its parts, or in its inline data. */
struct hca_cursor {
	const struct hca_vec *vec;
	const struct hca_piece *piece;
	u64 done;
};

static u64 hca_cursor_left(const struct hca_cursor *at)
{
	return (at->vec->data ? at->vec->total : at->piece->len) - at->done;
}

static void hca_cursor_advance(struct hca_cursor *at, u64 len)
{
	at->done += len;
	while (!at->vec->data && at->piece < &at->vec->piece[at->vec->nr] &&
	       at->done >= at->piece->len) {
		at->done -= at->piece->len;
		at->piece++;
	}
}

static struct hca_cursor hca_cursor_at(const struct hca_end *end)
{
	struct hca_cursor at = { end->vec, end->vec->piece };

	hca_cursor_advance(&at, end->start);
	return at;
}

static bool hca_fetch(const struct hca_cursor *at, struct hca_wire *wire, u32 len)
{
	if (at->vec->data) {
		memcpy(wire->cpu, at->vec->data + at->done, len);
		return true;
	}
	return !hca_mr_gone(at->piece->mr) &&
	       !hca_mr_read(at->piece->mr, at->piece->offset + at->done, wire, len);
}

static bool hca_store(const struct hca_cursor *at, struct hca_wire *wire, u32 len)
{
	return !hca_mr_gone(at->piece->mr) &&
	       !hca_mr_write(at->piece->mr, at->piece->offset + at->done, wire, len);
}

static bool hca_gives_up(struct hca_qp *qp)
{
	enum ib_qp_state state = hca_qp_state(qp);

	return state == IB_QPS_ERR || state == IB_QPS_RESET;
}

/*
 * Moves @len bytes from the start of one end to the start of the other in steps. A step fits a
 * wire page and lies in one part on each side. Ends early when a QP has left its working state
 * or an MR is being deregistered.
 */
enum hca_moved hca_vec_move(struct hca_end *from, struct hca_end *to, u64 len)
{
	struct hca_cursor in = hca_cursor_at(from);
	struct hca_cursor out = hca_cursor_at(to);
	u32 step;

	for (; len; len -= step) {
		if (hca_gives_up(from->qp) || hca_gives_up(to->qp))
			return HCA_MOVE_ABORTED;
		step = min3(len, hca_cursor_left(&in), (u64)HCA_STEP);
		step = min_t(u64, step, hca_cursor_left(&out));
		if (!hca_fetch(&in, from->wire, step))
			return HCA_FROM_FAILED;
		memcpy(to->wire->cpu, from->wire->cpu, step);
		if (!hca_store(&out, to->wire, step))
			return HCA_TO_FAILED;
		hca_cursor_advance(&in, step);
		hca_cursor_advance(&out, step);
	}
	return HCA_MOVED;
}
