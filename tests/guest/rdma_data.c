// SPDX-License-Identifier: GPL-2.0
/*
 * What the verbs promise, of the test HCA itself: data, immediate data, atomics,
 * protection, and what both ends of a connection learn of an error. In system
 * memory, and where it makes a difference in a BAR.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, 256 * 1024, &memory);
}

static __u64 at(__u64 offset)
{
	return (__u64)(uintptr_t)memory.data + offset;
}

static enum ibv_wc_status do_one(enum ibv_wr_opcode opcode, __u64 local,
				 __u32 length, __u64 remote)
{
	return rdma_do(qp[0], opcode, &memory, local, length, at(remote),
		       memory.mr->rkey);
}

TEST(write_and_read)
{
	setup();
	pattern_fill(memory.data, 100000, 1);
	check_eq(do_one(IBV_WR_RDMA_WRITE, 0, 100000, 0x20001), IBV_WC_SUCCESS);
	check(pattern_matches(memory.data + 0x20001, 100000, 1));
	memset(memory.data, 0, 100000);
	check_eq(do_one(IBV_WR_RDMA_READ, 3, 100000, 0x20001), IBV_WC_SUCCESS);
	check(pattern_matches(memory.data + 3, 100000, 1));
	check_eq(memory.data[2], 0);
	check_eq(memory.data[100003], 0);
}

/* The engine moves system memory as well, at the addresses the IOMMU gave. */
TEST(write_by_the_engine)
{
	setup();
	check_ok(sysfs_write("/sys/module/hca/parameters/cpu_copy", "0"));
	pattern_fill(memory.data + 77, 6000, 2);
	check_eq(do_one(IBV_WR_RDMA_WRITE, 77, 6000, 0x10fff), IBV_WC_SUCCESS);
	check(pattern_matches(memory.data + 0x10fff, 6000, 2));
	check_ok(sysfs_write("/sys/module/hca/parameters/cpu_copy", "1"));
}

static void receive(__u32 length, struct ibv_wc *sent, struct ibv_wc *got)
{
	struct ibv_wc wc[2];

	check_ok(rdma_post_recv(qp[1], at(0x10000), memory.mr->lkey, length, 5));
	check_ok(rdma_post(qp[0], IBV_WR_SEND_WITH_IMM, at(0), memory.mr->lkey,
			   3000, 0, 0, 6));
	rdma_wait(rdma.cq, &wc[0]);
	rdma_wait(rdma.cq, &wc[1]);
	*sent = wc[wc[0].wr_id == 6 ? 0 : 1];
	*got = wc[wc[0].wr_id == 6 ? 1 : 0];
}

TEST(send_with_immediate)
{
	struct ibv_wc sent, got;

	setup();
	pattern_fill(memory.data, 3000, 3);
	receive(4096, &sent, &got);
	check_eq(sent.status, IBV_WC_SUCCESS);
	check_eq(got.status, IBV_WC_SUCCESS);
	check_eq(got.opcode, IBV_WC_RECV);
	check_eq(got.byte_len, 3000);
	check(got.wc_flags & IBV_WC_WITH_IMM);
	check_eq(be32toh(got.imm_data), 0x1234);
	check_eq(got.src_qp, qp[0]->qp_num);
	check(pattern_matches(memory.data + 0x10000, 3000, 3));
}

TEST(send_longer_than_the_receive)
{
	struct ibv_wc sent, got;

	setup();
	receive(2999, &sent, &got);
	check_eq(sent.status, IBV_WC_REM_INV_REQ_ERR);
	check_eq(got.status, IBV_WC_LOC_LEN_ERR);
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
	check_eq(rdma_state(qp[1]), IBV_QPS_ERR);
}

TEST(send_to_nobody)
{
	struct ibv_wc wc;

	setup();
	check_ok(rdma_post(qp[0], IBV_WR_SEND, at(0), memory.mr->lkey, 8, 0, 0, 6));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_RNR_RETRY_EXC_ERR);
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
	check_eq(rdma_state(qp[1]), IBV_QPS_RTS);
}

TEST(peer_is_gone)
{
	setup();
	check_eq(ibv_destroy_qp(qp[1]), 0);
	check_eq(do_one(IBV_WR_RDMA_WRITE, 0, 8, 0x10000), IBV_WC_RETRY_EXC_ERR);
}

TEST(write_with_immediate)
{
	struct ibv_wc wc[2];
	int recv;

	setup();
	pattern_fill(memory.data, 500, 4);
	check_ok(rdma_post_recv(qp[1], 0, 0, 0, 5));
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE_WITH_IMM, at(0),
			   memory.mr->lkey, 500, at(0x10000), memory.mr->rkey, 6));
	rdma_wait(rdma.cq, &wc[0]);
	rdma_wait(rdma.cq, &wc[1]);
	recv = wc[0].wr_id == 5 ? 0 : 1;
	check_eq(wc[recv].opcode, IBV_WC_RECV_RDMA_WITH_IMM);
	check_eq(wc[recv].byte_len, 500);
	check_eq(be32toh(wc[recv].imm_data), 0x1234);
	check(pattern_matches(memory.data + 0x10000, 500, 4));
}

static enum ibv_wc_status atomic(enum ibv_wr_opcode opcode, __u64 remote,
				 __u32 rkey, __u64 compare_add, __u64 swap)
{
	struct ibv_sge sge = { at(0x100), 8, memory.mr->lkey };
	struct ibv_send_wr wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = opcode,
	}, *bad;
	struct ibv_wc wc;

	wr.wr.atomic.remote_addr = remote;
	wr.wr.atomic.rkey = rkey;
	wr.wr.atomic.compare_add = compare_add;
	wr.wr.atomic.swap = swap;
	check_eq(ibv_post_send(qp[0], &wr, &bad), 0);
	rdma_wait(rdma.cq, &wc);
	return wc.status;
}

static void atomics(volatile __u64 *target, __u64 remote, __u32 rkey)
{
	volatile __u64 *old = (__u64 *)(memory.data + 0x100);

	*target = 40;
	check_eq(atomic(IBV_WR_ATOMIC_FETCH_AND_ADD, remote, rkey, 2, 0),
		 IBV_WC_SUCCESS);
	check_eq(*old, 40);
	check_eq(*target, 42);
	check_eq(atomic(IBV_WR_ATOMIC_CMP_AND_SWP, remote, rkey, 41, 7),
		 IBV_WC_SUCCESS);
	check_eq(*old, 42);
	check_eq(*target, 42);
	check_eq(atomic(IBV_WR_ATOMIC_CMP_AND_SWP, remote, rkey, 42, 7),
		 IBV_WC_SUCCESS);
	check_eq(*old, 42);
	check_eq(*target, 7);
}

TEST(atomics_in_memory)
{
	setup();
	atomics((__u64 *)(memory.data + 0x10000), at(0x10000), memory.mr->rkey);
}

TEST(atomics_in_a_bar)
{
	struct rdma_bar bar;
	__u8 *cpu;

	setup();
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	cpu = buffer_map(bar.export.fd, SIZE, 0);
	atomics((__u64 *)(cpu + 0x800), 0x800, bar.mr->rkey);
}

TEST(atomic_unaligned)
{
	setup();
	check_eq(atomic(IBV_WR_ATOMIC_FETCH_AND_ADD, at(0x10004), memory.mr->rkey,
			1, 0), IBV_WC_REM_INV_REQ_ERR);
}

/* ---- protection ---- */

/* The requester learns @status; both ends are in the error state after it. */
static void refused(enum ibv_wr_opcode opcode, __u64 remote, __u32 rkey,
		    enum ibv_wc_status status)
{
	__u8 before[64];

	memset(memory.data, 0xee, 64);
	memcpy(before, memory.data + 0x10000, 64);
	check_eq(rdma_do(qp[0], opcode, &memory, 0, 64, remote, rkey), status);
	check(!memcmp(before, memory.data + 0x10000, 64));
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
	check_eq(rdma_state(qp[1]), IBV_QPS_ERR);
}

TEST(wrong_rkey)
{
	setup();
	refused(IBV_WR_RDMA_WRITE, at(0x10000), memory.mr->rkey ^ 1,
		IBV_WC_REM_ACCESS_ERR);
}

TEST(rkey_of_a_dead_mr)
{
	struct rdma_memory dead;
	__u32 rkey;

	setup();
	rdma_memory(&rdma, 4096, &dead);
	rkey = dead.mr->rkey;
	check_eq(ibv_dereg_mr(dead.mr), 0);
	dead.mr = ibv_reg_mr(rdma.pd, dead.data, dead.size, RDMA_ALL);
	check(dead.mr && dead.mr->rkey != rkey);
	refused(IBV_WR_RDMA_WRITE, (__u64)(uintptr_t)dead.data, rkey,
		IBV_WC_REM_ACCESS_ERR);
}

TEST(past_the_end)
{
	setup();
	refused(IBV_WR_RDMA_WRITE, at(memory.size - 63), memory.mr->rkey,
		IBV_WC_REM_ACCESS_ERR);
}

TEST(before_the_start)
{
	setup();
	refused(IBV_WR_RDMA_READ, at(-1), memory.mr->rkey, IBV_WC_REM_ACCESS_ERR);
}

TEST(mr_without_remote_write)
{
	struct ibv_mr *mr;

	setup();
	mr = ibv_reg_mr(rdma.pd, memory.data, memory.size,
			IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ);
	check(mr);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, 64, at(0x10000),
			 mr->rkey), IBV_WC_SUCCESS);
	refused(IBV_WR_RDMA_WRITE, at(0x10000), mr->rkey, IBV_WC_REM_ACCESS_ERR);
}

TEST(qp_without_remote_write)
{
	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, 256 * 1024, &memory);
	qp[0] = rdma_qp(&rdma, NULL);
	qp[1] = rdma_qp(&rdma, NULL);
	rdma_connect(&rdma, qp[0], &rdma, qp[1], IBV_ACCESS_REMOTE_READ);
	refused(IBV_WR_RDMA_WRITE, at(0x10000), memory.mr->rkey,
		IBV_WC_REM_INV_REQ_ERR);
}

TEST(mr_of_another_pd)
{
	struct ibv_pd *other;
	struct ibv_mr *mr;

	setup();
	other = ibv_alloc_pd(rdma.context);
	check(other);
	mr = ibv_reg_mr(other, memory.data, memory.size, RDMA_ALL);
	check(mr);
	refused(IBV_WR_RDMA_WRITE, at(0x10000), mr->rkey, IBV_WC_REM_ACCESS_ERR);
}

TEST(wrong_lkey)
{
	struct ibv_wc wc;

	setup();
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE, at(0), memory.mr->lkey ^ 1, 64,
			   at(0x10000), memory.mr->rkey, 6));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_LOC_PROT_ERR);
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
	/* Nothing was sent. */
	check_eq(rdma_state(qp[1]), IBV_QPS_RTS);
}

/* An error flushes what is queued, on both queues, in order. */
TEST(error_flushes)
{
	struct ibv_wc wc;

	setup();
	for (int i = 0; i < 3; i++)
		check_ok(rdma_post_recv(qp[0], at(0), memory.mr->lkey, 64, 100 + i));
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE, at(0), memory.mr->lkey, 64,
			   at(0x10000), 1, 1));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, 1);
	check_eq(wc.status, IBV_WC_REM_ACCESS_ERR);
	for (int i = 0; i < 3; i++) {
		rdma_wait(rdma.cq, &wc);
		check_eq(wc.wr_id, 100 + i);
		check_eq(wc.status, IBV_WC_WR_FLUSH_ERR);
	}
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE, at(0), memory.mr->lkey, 64,
			   at(0x10000), memory.mr->rkey, 2));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, 2);
	check_eq(wc.status, IBV_WC_WR_FLUSH_ERR);
}

TEST(completion_event)
{
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	void *context;

	rdma_open(&rdma, "rp-edu");
	channel = ibv_create_comp_channel(rdma.context);
	check(channel);
	cq = ibv_create_cq(rdma.context, 16, &rdma, channel, 0);
	check(cq);
	rdma.cq = cq;
	rdma_loop(&rdma, qp);
	rdma_memory(&rdma, 4096, &memory);
	check_eq(ibv_req_notify_cq(cq, 0), 0);
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE, at(0), memory.mr->lkey, 64,
			   at(1024), memory.mr->rkey, 6));
	check_eq(ibv_get_cq_event(channel, &cq, &context), 0);
	check(cq == rdma.cq && context == &rdma);
	ibv_ack_cq_events(cq, 1);
}

/* What is sent goes into the BAR by the engine, too, and comes out of it. */
TEST(send_from_bar_to_bar)
{
	struct rdma_bar bar;
	struct ibv_wc wc[2];
	__u8 host[5000];
	__u8 *cpu;

	setup();
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	cpu = buffer_map(bar.export.fd, SIZE, 0);
	pattern_fill(cpu + 0x123, sizeof(host), 6);
	check_ok(rdma_post_recv(qp[1], 0x8001, bar.mr->lkey, 0x4000, 5));
	check_ok(rdma_post(qp[0], IBV_WR_SEND, 0x123, bar.mr->lkey, sizeof(host), 0,
			   0, 6));
	rdma_wait(rdma.cq, &wc[0]);
	rdma_wait(rdma.cq, &wc[1]);
	check_eq(wc[0].status, IBV_WC_SUCCESS);
	check_eq(wc[1].status, IBV_WC_SUCCESS);
	lab_host_read("rp-mem", START + 0x8001, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 6));
}

/* One request, whose bytes are gathered from memory and from a BAR. */
TEST(gather_from_memory_and_bar)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_RDMA_WRITE, .num_sge = 2 }, *bad;
	struct ibv_sge sge[2];
	struct rdma_bar bar;
	struct ibv_wc wc;

	setup();
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	pattern_fill(memory.data, 700, 7);
	pattern_fill(buffer_map(bar.export.fd, SIZE, 0), 500, 8);
	sge[0] = (struct ibv_sge){ at(0), 700, memory.mr->lkey };
	sge[1] = (struct ibv_sge){ 0, 500, bar.mr->lkey };
	wr.sg_list = sge;
	wr.wr.rdma.remote_addr = at(0x10000);
	wr.wr.rdma.rkey = memory.mr->rkey;
	check_eq(ibv_post_send(qp[0], &wr, &bad), 0);
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_SUCCESS);
	check(pattern_matches(memory.data + 0x10000, 700, 7));
	check(pattern_matches(memory.data + 0x10000 + 700, 500, 8));
}
