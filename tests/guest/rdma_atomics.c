// SPDX-License-Identifier: GPL-2.0
/*
 * Atomic operations on a BAR: what they compute, what they refuse, and that none is
 * lost, whoever else operates on the same eight bytes and wherever they move.
 */
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define SIZE	(64 * 1024)
#define HERE	0
#define THERE	(256 * 1024)
#define TARGET	0x808
#define PAIRS	3

static struct rdma rdma, other;
static struct ibv_qp *qp[2];
static struct rdma_memory memory, theirs;
static struct rdma_bar bar;
static volatile __u64 *target;

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, PAGE, &memory);
	rdma_bar(&rdma, "rp-mem", HERE, SIZE, &bar);
	target = buffer_map(bar.export.fd, SIZE, 0) + TARGET;
}

struct atomic {
	enum ibv_wr_opcode opcode;
	__u64 remote;
	__u32 rkey;
	__u64 compare_add;
	__u64 swap;
	struct ibv_sge sge;
};

static void atomic_post(struct ibv_qp *q, const struct atomic *op, __u64 wr_id)
{
	struct ibv_sge sge = op->sge;
	struct ibv_send_wr wr = {
		.wr_id = wr_id, .sg_list = &sge, .num_sge = 1, .opcode = op->opcode,
	}, *bad;

	wr.wr.atomic.remote_addr = op->remote;
	wr.wr.atomic.rkey = op->rkey;
	wr.wr.atomic.compare_add = op->compare_add;
	wr.wr.atomic.swap = op->swap;
	check_eq(ibv_post_send(q, &wr, &bad), 0);
}

/* Add to the target, and put what it was before at the start of the memory. */
static struct atomic add(__u64 n)
{
	return (struct atomic){
		.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
		.remote = TARGET,
		.rkey = bar.mr->rkey,
		.compare_add = n,
		.sge = { (__u64)(uintptr_t)memory.data, 8, memory.mr->lkey },
	};
}

static enum ibv_wc_status run(const struct atomic *op)
{
	struct ibv_wc wc;

	atomic_post(qp[0], op, 1);
	rdma_wait(rdma.cq, &wc);
	return wc.status;
}

static __u64 old(void)
{
	return *(volatile __u64 *)memory.data;
}

TEST(add_wraps_around)
{
	struct atomic op;

	setup();
	op = add(3);
	target[-1] = 0;
	*target = -2ULL;
	target[1] = 0;
	check_eq(run(&op), IBV_WC_SUCCESS);
	check_eq(old(), -2LL);
	check_eq(*target, 1);
	/* Its neighbours are nobody's business. */
	check_eq(target[-1] | target[1], 0);
}

/* All 64 bits are compared, and all are swapped. */
TEST(compare_looks_at_all_bits)
{
	struct atomic op;

	setup();
	op = add(0x1122334455667788);
	op.opcode = IBV_WR_ATOMIC_CMP_AND_SWP;
	op.swap = 0x99aabbccddeeff00;
	*target = 0x1122334455667789;
	check_eq(run(&op), IBV_WC_SUCCESS);
	check_eq(*target, 0x1122334455667789);
	*target = 0x0122334455667788;
	check_eq(run(&op), IBV_WC_SUCCESS);
	check_eq(*target, 0x0122334455667788);
	*target = 0x1122334455667788;
	check_eq(run(&op), IBV_WC_SUCCESS);
	check_eq(*target, 0x99aabbccddeeff00);
	check_eq(old(), 0x1122334455667788);
}

/* The address counts, and not where the MR begins in the buffer. */
TEST(mr_at_an_odd_place)
{
	const __u64 iova = 0x7f0000001123;
	struct ibv_mr *mr;
	struct atomic op;

	setup();
	check_ok(rdma_reg_dmabuf(&rdma, 0x123, PAGE, iova, bar.export.fd, RDMA_ALL, &mr));
	op = add(5);
	op.rkey = mr->rkey;
	op.remote = iova - 0x123 + TARGET;
	*target = 1;
	check_eq(run(&op), IBV_WC_SUCCESS);
	check_eq(*target, 6);
}

static void refused(const struct atomic *op, enum ibv_wc_status status,
		    enum ibv_qp_state responder)
{
	*target = 77;
	check_eq(run(op), status);
	check_eq(*target, 77);
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
	check_eq(rdma_state(qp[1]), responder);
}

TEST(unaligned_in_a_bar)
{
	struct atomic op;

	setup();
	op = add(1);
	op.remote += 4;
	refused(&op, IBV_WC_REM_INV_REQ_ERR, IBV_QPS_ERR);
}

TEST(past_the_end_of_the_bar_mr)
{
	struct atomic op;

	setup();
	op = add(1);
	op.remote = SIZE;
	refused(&op, IBV_WC_REM_ACCESS_ERR, IBV_QPS_ERR);
}

TEST(bar_mr_without_remote_atomic)
{
	struct ibv_mr *mr;
	struct atomic op;

	setup();
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, bar.export.fd,
				 RDMA_ALL & ~IBV_ACCESS_REMOTE_ATOMIC, &mr));
	op = add(1);
	op.rkey = mr->rkey;
	refused(&op, IBV_WC_REM_ACCESS_ERR, IBV_QPS_ERR);
}

/* Eight bytes come back, and there must be a place for just these. */
TEST(room_for_less_than_the_answer)
{
	struct atomic op;

	setup();
	op = add(1);
	op.sge.length = 4;
	refused(&op, IBV_WC_LOC_LEN_ERR, IBV_QPS_RTS);
}

/* Where the answer cannot be written nothing is asked. */
TEST(no_place_for_the_answer)
{
	struct ibv_mr *mr;
	struct atomic op;

	setup();
	mr = ibv_reg_mr(rdma.pd, memory.data, memory.size, 0);
	check(mr);
	op = add(1);
	op.sge.lkey = mr->lkey;
	refused(&op, IBV_WC_LOC_PROT_ERR, IBV_QPS_RTS);
}

/* The answer may go to a BAR as well. */
TEST(answer_into_the_bar)
{
	struct atomic op;

	setup();
	op = add(2);
	op.sge = (struct ibv_sge){ TARGET + 16, 8, bar.mr->lkey };
	*target = 9;
	check_eq(run(&op), IBV_WC_SUCCESS);
	check_eq(target[2], 9);
	check_eq(*target, 11);
}

/* ---- many at once ---- */

struct counter {
	struct ibv_cq *cq;
	struct rdma_memory *memory;
	struct ibv_qp *from;
};

/* Two requesters on the device whose MR it is, one on another: all add to the same. */
static void connect_counters(struct counter *counter)
{
	struct ibv_qp *to;

	rdma_open(&other, "far-edu");
	rdma_memory(&other, PAGE, &theirs);
	for (int i = 0; i < PAIRS; i++) {
		struct rdma *at = i == PAIRS - 1 ? &other : &rdma;

		to = rdma_qp(&rdma, NULL);
		counter[i].cq = at->cq;
		counter[i].memory = at == &rdma ? &memory : &theirs;
		counter[i].from = rdma_qp(at, NULL);
		rdma_connect(at, counter[i].from, &rdma, to, RDMA_ALL);
	}
}

static void post_adds(struct counter *counter, unsigned int each)
{
	for (unsigned int n = 0; n < each; n++)
		for (int i = 0; i < PAIRS; i++) {
			struct atomic op = add(1);
			unsigned int slot = i * each + n;

			op.sge.addr = (__u64)(uintptr_t)counter[i].memory->data + slot * 8;
			op.sge.lkey = counter[i].memory->mr->lkey;
			atomic_post(counter[i].from, &op, slot);
		}
}

/* Every number was there once, and one requester saw it. */
static void check_answers(struct counter *counter, unsigned int each)
{
	bool seen[PAIRS * 64] = {};

	for (unsigned int slot = 0; slot < PAIRS * each; slot++) {
		const struct rdma_memory *at = counter[slot / each].memory;
		__u64 was = ((__u64 *)at->data)[slot];

		check(was < PAIRS * each);
		check(!seen[was]);
		seen[was] = true;
	}
}

TEST(none_is_lost_while_the_buffer_moves, .timeout = 120)
{
	struct counter counter[PAIRS];
	unsigned int each = 8, done = 0;
	bool there = false;
	struct ibv_wc wc;
	__u64 last;

	setup();
	lab_host_fill("rp-mem", HERE, SIZE, 0);
	lab_host_fill("rp-mem", THERE, SIZE, 0);
	connect_counters(counter);
	post_adds(counter, each);
	while (done < PAIRS * each) {
		there = !there;
		check_ok(peer_move_one(bar.node, bar.export.id, MEM_BAR,
				       there ? THERE : HERE, SIZE,
				       PEERBUF_MOVE_F_COPY));
		for (int i = 0; i < PAIRS; i++)
			while (ibv_poll_cq(counter[i].cq, 1, &wc) > 0) {
				check_eq(wc.status, IBV_WC_SUCCESS);
				done++;
			}
		pause_ms(50);
	}
	check_answers(counter, each);
	lab_host_read("rp-mem", (there ? THERE : HERE) + TARGET, &last, sizeof(last));
	check_eq(last, PAIRS * each);
	check_eq(*target, last);
}
