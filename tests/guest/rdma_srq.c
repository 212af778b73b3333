// SPDX-License-Identifier: GPL-2.0
/* Shared receive queues: who takes from them, what is told of them, and when. */
#include <poll.h>

#include "harness.h"
#include "rdma.h"

#define START	(128 * 1024)
#define SIZE	(64 * 1024)
#define ROOM	8
#define LENGTH	512

static struct rdma rdma;
static struct rdma_memory memory;
static struct ibv_srq *srq;
/* The receiving ends of [0] and [1] are [2] and [3]. */
static struct ibv_qp *qp[4];

static __u64 at(__u64 offset)
{
	return (__u64)(uintptr_t)memory.data + offset;
}

static struct ibv_qp *create_qp(struct ibv_srq *with)
{
	struct ibv_qp_init_attr init = {
		.send_cq = rdma.cq, .recv_cq = rdma.cq, .srq = with,
		.qp_type = IBV_QPT_RC, .sq_sig_all = 1,
		.cap = { .max_send_wr = 16, .max_send_sge = 1,
			 .max_recv_wr = with ? 0 : 1, .max_recv_sge = with ? 0 : 1 },
	};
	struct ibv_qp *created = ibv_create_qp(rdma.pd, &init);

	if (!created)
		fail("ibv_create_qp: %s", strerror(errno));
	return created;
}

static void setup(void)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = ROOM, .max_sge = 2 } };

	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, SIZE, &memory);
	srq = ibv_create_srq(rdma.pd, &init);
	if (!srq)
		fail("ibv_create_srq: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		qp[i] = create_qp(NULL);
		qp[i + 2] = create_qp(srq);
		rdma_connect(&rdma, qp[i], &rdma, qp[i + 2], RDMA_ALL);
	}
}

static int post(__u64 addr, __u32 lkey, __u32 length, int nr, __u64 wr_id)
{
	struct ibv_sge sge[3] = { { addr, length, lkey } };
	struct ibv_recv_wr wr = { .wr_id = wr_id, .sg_list = sge, .num_sge = nr }, *bad;

	return -ibv_post_srq_recv(srq, &wr, &bad);
}

/* Room @slot of the memory's second half. */
static int post_slot(int slot)
{
	return post(at(SIZE / 2 + slot * LENGTH), memory.mr->lkey, LENGTH, 1, slot);
}

static void send_seed(struct ibv_qp *from, __u32 seed)
{
	pattern_fill(memory.data + seed * LENGTH, LENGTH, seed);
	check_ok(rdma_post(from, IBV_WR_SEND, at(seed * LENGTH), memory.mr->lkey, LENGTH,
			   0, 0, 100 + seed));
}

/* The two completions of one message; what the receiver's says. */
static struct ibv_wc both(void)
{
	struct ibv_wc wc[2];

	rdma_wait(rdma.cq, &wc[0]);
	rdma_wait(rdma.cq, &wc[1]);
	check_eq(wc[0].status, IBV_WC_SUCCESS);
	check_eq(wc[1].status, IBV_WC_SUCCESS);
	check((wc[0].wr_id >= 100) != (wc[1].wr_id >= 100));
	return wc[wc[0].wr_id >= 100];
}

static int told(enum ibv_event_type type)
{
	struct pollfd fd = { .fd = rdma.context->async_fd, .events = POLLIN };
	struct ibv_async_event event;
	bool same;

	if (!poll(&fd, 1, 300))
		return 0;
	check_eq(ibv_get_async_event(rdma.context, &event), 0);
	same = event.event_type == type;
	ibv_ack_async_event(&event);
	return same ? 1 : -1;
}

TEST(two_connections_take_in_turn)
{
	struct ibv_wc wc;

	setup();
	for (int i = 0; i < 4; i++)
		check_ok(post_slot(i));
	for (int i = 0; i < 4; i++) {
		send_seed(qp[i % 2], i);
		wc = both();
		check_eq(wc.wr_id, i);
		check_eq(wc.byte_len, LENGTH);
		check_eq(wc.qp_num, qp[2 + i % 2]->qp_num);
		check(pattern_matches(memory.data + SIZE / 2 + i * LENGTH, LENGTH, i));
	}
}

TEST(message_into_a_bar)
{
	struct rdma_bar bar;
	__u8 host[LENGTH];

	setup();
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	check_ok(post(0x1003, bar.mr->lkey, LENGTH, 1, 1));
	send_seed(qp[1], 7);
	check_eq(both().wr_id, 1);
	lab_host_read("rp-mem", START + 0x1003, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 7));
}

TEST(limit_is_told_once)
{
	struct ibv_srq_attr attr = { .srq_limit = 2 };

	setup();
	for (int i = 0; i < 3; i++)
		check_ok(post_slot(i));
	check_eq(ibv_modify_srq(srq, &attr, IBV_SRQ_LIMIT), 0);
	check_eq(ibv_query_srq(srq, &attr), 0);
	check_eq(attr.srq_limit, 2);
	check_eq(attr.max_wr, ROOM);
	send_seed(qp[0], 0);
	both();
	check_eq(told(IBV_EVENT_SRQ_LIMIT_REACHED), 0);
	send_seed(qp[1], 1);
	both();
	check_eq(told(IBV_EVENT_SRQ_LIMIT_REACHED), 1);
	check_eq(ibv_query_srq(srq, &attr), 0);
	check_eq(attr.srq_limit, 0);
	send_seed(qp[0], 2);
	both();
	check_eq(told(IBV_EVENT_SRQ_LIMIT_REACHED), 0);
}

TEST(empty_queue_is_not_ready)
{
	struct ibv_wc wc;

	setup();
	send_seed(qp[0], 1);
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_RNR_RETRY_EXC_ERR);
	check_eq(rdma_state(qp[2]), IBV_QPS_RTS);
}

/* A connection that fails says that it takes no more; the rest is for the other one. */
TEST(failed_connection_leaves_the_queue)
{
	struct ibv_qp_attr error = { .qp_state = IBV_QPS_ERR };
	struct ibv_wc wc;

	setup();
	check_ok(post_slot(1));
	check_eq(ibv_modify_qp(qp[2], &error, IBV_QP_STATE), 0);
	check_eq(told(IBV_EVENT_QP_LAST_WQE_REACHED), 1);
	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), 0);
	send_seed(qp[1], 5);
	check_eq(both().wr_id, 1);
	check(pattern_matches(memory.data + SIZE / 2 + LENGTH, LENGTH, 5));
}

TEST(room_and_lists_have_limits)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = 1, .max_sge = 1 } };
	struct ibv_srq_attr attr = { .max_wr = 2 * ROOM, .srq_limit = ROOM + 1 };
	struct ibv_device_attr dev;

	setup();
	check_fails(rdma_post_recv(qp[2], at(0), memory.mr->lkey, 8, 1), EINVAL);
	check_fails(post(at(0), memory.mr->lkey, 8, 3, 1), EINVAL);
	for (int i = 0; i < ROOM; i++)
		check_ok(post_slot(i));
	check_fails(post_slot(ROOM), ENOMEM);
	check_eq(ibv_modify_srq(srq, &attr, IBV_SRQ_LIMIT), EINVAL);
	check_eq(ibv_modify_srq(srq, &attr, IBV_SRQ_MAX_WR), EOPNOTSUPP);
	check_eq(ibv_destroy_srq(srq), EBUSY);
	check_eq(ibv_query_device(rdma.context, &dev), 0);
	init.attr.max_wr = dev.max_srq_wr + 1;
	check(!ibv_create_srq(rdma.pd, &init));
	check_eq(errno, EINVAL);
	init.attr.max_wr = 1;
	init.attr.max_sge = dev.max_srq_sge + 1;
	check(!ibv_create_srq(rdma.pd, &init));
	check_eq(errno, EINVAL);
	for (int i = 0; i < 4; i++)
		check_eq(ibv_destroy_qp(qp[i]), 0);
	/* With requests in it that nobody took. */
	check_eq(ibv_destroy_srq(srq), 0);
}
