// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken away while a message is on its way that takes the engine a minute: the
 * MR at either end, the QP at either end, the process. Nobody waits for the message,
 * and the owner has its memory back at once.
 */
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "rdma.h"

#define SIZE	(1024 * 1024)
#define SOON	10	/* seconds; the whole message takes more than fifty */

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;
static struct rdma_bar bar;

static __u64 at(__u64 offset)
{
	return (__u64)(uintptr_t)memory.data + offset;
}

/* Post it, and come back when bytes move. */
static void start(enum ibv_wr_opcode opcode)
{
	__u64 before = rdma_counter(&rdma, "engine_jobs");

	check_ok(rdma_post(qp[0], opcode, at(0), memory.mr->lkey, SIZE, 0,
			   bar.mr->rkey, 1));
	eventually(10, rdma_counter(&rdma, "engine_jobs") - before >= 2);
}

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, SIZE, &memory);
	rdma_bar(&rdma, "rp-mem", 0, SIZE, &bar);
}

static void check_soon(double since)
{
	printf("%.1f s\n", now() - since);
	check(now() - since < SOON * slowness());
}

static void completed(enum ibv_wc_status status)
{
	struct ibv_wc wc;

	rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, 1);
	check_eq(wc.status, status);
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
}

static void check_nobody_has_it(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(bar.node, bar.export.id, &info));
	check_eq(info.nr_attachments, 0);
	check_ok(peer_revoke(bar.node, bar.export.id, 1000));
}

static void remote_mr_goes(enum ibv_wr_opcode opcode)
{
	double begun;

	setup();
	start(opcode);
	begun = now();
	check_eq(ibv_dereg_mr(bar.mr), 0);
	check_soon(begun);
	check_nobody_has_it();
	completed(IBV_WC_REM_ACCESS_ERR);
	check_eq(rdma_state(qp[1]), IBV_QPS_ERR);
}

TEST(remote_mr_of_a_write_goes)
{
	remote_mr_goes(IBV_WR_RDMA_WRITE);
}

TEST(remote_mr_of_a_read_goes)
{
	remote_mr_goes(IBV_WR_RDMA_READ);
}

TEST(local_mr_goes)
{
	double begun;

	setup();
	start(IBV_WR_RDMA_WRITE);
	begun = now();
	check_eq(ibv_dereg_mr(memory.mr), 0);
	check_soon(begun);
	completed(IBV_WC_LOC_PROT_ERR);
}

/* Nothing is left of what was queued, and the pair works when it is connected anew. */
TEST(qp_is_reset)
{
	struct ibv_qp_attr reset = { .qp_state = IBV_QPS_RESET };
	__u8 host[100];
	struct ibv_wc wc;
	double begun;

	setup();
	start(IBV_WR_RDMA_WRITE);
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE, at(0), memory.mr->lkey, 8, 0,
			   bar.mr->rkey, 2));
	begun = now();
	for (int i = 0; i < 2; i++)
		check_eq(ibv_modify_qp(qp[i], &reset, IBV_QP_STATE), 0);
	check_soon(begun);
	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), 0);
	rdma_connect(&rdma, qp[0], &rdma, qp[1], RDMA_ALL);
	pattern_fill(memory.data, sizeof(host), 21);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, sizeof(host), 0x77,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", 0x77, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 21));
}

TEST(responder_is_destroyed)
{
	double begun;

	setup();
	start(IBV_WR_RDMA_READ);
	begun = now();
	check_eq(ibv_destroy_qp(qp[1]), 0);
	check_soon(begun);
	completed(IBV_WC_RETRY_EXC_ERR);
	check_eq(ibv_dereg_mr(bar.mr), 0);
	check_nobody_has_it();
}

/* In use by others, so it stays; and all the rest as it was. */
TEST(what_others_use_is_not_destroyed)
{
	setup();
	check_eq(ibv_destroy_cq(rdma.cq), EBUSY);
	check_eq(ibv_dealloc_pd(rdma.pd), EBUSY);
	pattern_fill(memory.data, 64, 22);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 64, 0, bar.mr->rkey),
		 IBV_WC_SUCCESS);
}

static void register_and_start(const void *unused)
{
	(void)unused;
	rdma_begin(&rdma, "rp-edu", qp, SIZE, &memory);
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, bar.export.fd, RDMA_ALL, &bar.mr));
	start(IBV_WR_RDMA_WRITE);
}

/* Its objects go newest first: the MR before the QP whose message is in the middle of it. */
TEST(process_is_killed)
{
	static const struct part part = {
		.name = "application", .begin = register_and_start, .act = actor_idle,
		.least = 1,
	};
	struct peerbuf_export_info info;
	struct actor *application;
	double begun;

	rdma_modules();
	bar.node = node_open("rp-mem");
	check_ok(peer_export_one(bar.node, MEM_BAR, 0, SIZE, 0, &bar.export));
	application = actor_start(&part);
	actor_await(application, 1);
	begun = now();
	actor_kill(application);
	eventually(SOON, !peer_query(bar.node, bar.export.id, &info) &&
		   !info.nr_attachments);
	check_soon(begun);
	check_ok(peer_revoke(bar.node, bar.export.id, 1000));
}
