// SPDX-License-Identifier: GPL-2.0
/* Inline data: it goes with the request, and its memory is the sender's again at once. */
#include "harness.h"
#include "rdma.h"

#define START	(128 * 1024)
#define SIZE	(64 * 1024)
#define MOST	1024

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;
/* Not registered. */
static __u8 own[MOST + 1];

static struct ibv_qp *create_qp(__u32 inline_data)
{
	struct ibv_qp_init_attr init = {
		.send_cq = rdma.cq, .recv_cq = rdma.cq,
		.qp_type = IBV_QPT_RC, .sq_sig_all = 1,
		.cap = { .max_send_wr = 16, .max_send_sge = 3, .max_recv_wr = 16,
			 .max_recv_sge = 1, .max_inline_data = inline_data },
	};
	struct ibv_qp *created = ibv_create_qp(rdma.pd, &init);

	if (created)
		check(init.cap.max_inline_data >= inline_data);
	return created;
}

static void setup(void)
{
	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, SIZE, &memory);
	for (int i = 0; i < 2; i++) {
		qp[i] = create_qp(MOST);
		check(qp[i]);
	}
	rdma_connect(&rdma, qp[0], &rdma, qp[1], RDMA_ALL);
}

static int post(enum ibv_wr_opcode opcode, struct ibv_sge *sge, int nr, __u64 remote,
		__u32 rkey)
{
	struct ibv_send_wr wr = {
		.wr_id = 1, .opcode = opcode, .send_flags = IBV_SEND_INLINE,
		.sg_list = sge, .num_sge = nr, .imm_data = htobe32(0x1234),
	}, *bad;

	wr.wr.rdma.remote_addr = remote;
	wr.wr.rdma.rkey = rkey;
	return -ibv_post_send(qp[0], &wr, &bad);
}

static __u64 at(const void *byte)
{
	return (__u64)(uintptr_t)byte;
}

static void succeeded(void)
{
	struct ibv_wc wc;

	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_SUCCESS);
}

/* From memory that is not registered, in three pieces, with keys of nothing. */
TEST(write_into_a_bar)
{
	struct ibv_sge sge[3] = { { at(own), 1, 1 }, { at(own + 1), 0, 2 },
				  { at(own + 1), MOST - 1, 3 } };
	struct rdma_bar bar;
	__u8 host[MOST];

	setup();
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	pattern_fill(own, MOST, 21);
	check_ok(post(IBV_WR_RDMA_WRITE, sge, 3, 0x123, bar.mr->rkey));
	memset(own, 0, sizeof(own));
	succeeded();
	lab_host_read("rp-mem", START + 0x123, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 21));
}

/* The receiver is late, and the sender has used the memory for something else. */
TEST(data_is_taken_when_it_is_posted)
{
	struct ibv_sge sge = { at(own), 700, 0 };

	setup();
	pattern_fill(own, 700, 22);
	check_ok(post(IBV_WR_SEND, &sge, 1, 0, 0));
	memset(own, 0x55, sizeof(own));
	check_ok(rdma_post_recv(qp[1], at(memory.data), memory.mr->lkey, 4096, 2));
	succeeded();
	succeeded();
	check(pattern_matches(memory.data, 700, 22));
}

TEST(immediate_without_data)
{
	struct ibv_wc wc;

	setup();
	check_ok(rdma_post_recv(qp[1], at(memory.data), memory.mr->lkey, 8, 2));
	check_ok(post(IBV_WR_SEND_WITH_IMM, NULL, 0, 0, 0));
	rdma_wait(rdma.cq, &wc);
	if (wc.wr_id == 1)
		rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, 2);
	check_eq(wc.byte_len, 0);
	check_eq(wc.imm_data, htobe32(0x1234));
}

TEST(refusals)
{
	struct ibv_sge sge = { at(own), MOST + 1, 0 };

	setup();
	check_fails(post(IBV_WR_SEND, &sge, 1, 0, 0), EINVAL);
	sge.length = 8;
	check_fails(post(IBV_WR_RDMA_READ, &sge, 1, at(memory.data), memory.mr->rkey),
		    EINVAL);
	sge.addr = 8;
	check_fails(post(IBV_WR_SEND, &sge, 1, 0, 0), EFAULT);
	check(!create_qp(MOST + 1));
	check_eq(errno, EINVAL);
	/* And the QP is as before. */
	sge.addr = at(own);
	check_ok(post(IBV_WR_RDMA_WRITE, &sge, 1, at(memory.data), memory.mr->rkey));
	succeeded();
}

TEST(as_much_as_was_asked_for)
{
	struct ibv_sge sge = { at(own), 17, 0 };

	setup();
	qp[0] = create_qp(16);
	check(qp[0]);
	check_ok(rdma_qp_init(qp[0], RDMA_ALL));
	check_ok(rdma_qp_connect(qp[0], rdma.lid, qp[0]->qp_num));
	check_fails(post(IBV_WR_RDMA_WRITE, &sge, 1, at(memory.data), memory.mr->rkey),
		    EINVAL);
	sge.length = 16;
	check_ok(post(IBV_WR_RDMA_WRITE, &sge, 1, at(memory.data), memory.mr->rkey));
	succeeded();
}
