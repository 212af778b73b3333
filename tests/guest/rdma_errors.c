// SPDX-License-Identifier: GPL-2.0
/*
 * What goes wrong in a connection, and what each end learns of it: statuses, states
 * and events as the InfiniBand specification has them. In system memory: the BAR's
 * own failures are in rdma_move.c and rdma_death.c.
 */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define SIZE	(64 * 1024)
#define THERE	0x8000
#define LENGTH	64
/* As many requests as rdma_qp() asks room for. */
#define DEPTH	64

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup_access(int access)
{
	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, SIZE, &memory);
	qp[0] = rdma_qp(&rdma, NULL);
	qp[1] = rdma_qp(&rdma, NULL);
	rdma_connect(&rdma, qp[0], &rdma, qp[1], access);
}

static void setup(void)
{
	setup_access(RDMA_ALL);
}

static __u64 at(__u64 offset)
{
	return (__u64)(uintptr_t)memory.data + offset;
}

static int post(enum ibv_wr_opcode opcode, __u64 wr_id)
{
	return rdma_post(qp[0], opcode, at(0), memory.mr->lkey, LENGTH, at(THERE),
			 memory.mr->rkey, wr_id);
}

static enum ibv_wc_status one(enum ibv_wr_opcode opcode, __u32 rkey)
{
	/* An atomic operation takes eight bytes. */
	__u32 length = opcode == IBV_WR_ATOMIC_FETCH_AND_ADD ? 8 : LENGTH;

	return rdma_do(qp[0], opcode, &memory, 0, length, at(THERE), rkey);
}

static struct ibv_mr *mr_with(int access)
{
	struct ibv_mr *mr = ibv_reg_mr(rdma.pd, memory.data, memory.size, access);

	check(mr);
	return mr;
}

static void check_states(enum ibv_qp_state requester, enum ibv_qp_state responder)
{
	check_eq(rdma_state(qp[0]), requester);
	check_eq(rdma_state(qp[1]), responder);
}

/* ---- access flags: of the MR, and of the QP ---- */

TEST(mr_without_remote_read)
{
	setup();
	check_eq(one(IBV_WR_RDMA_READ,
		     mr_with(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE)->rkey),
		 IBV_WC_REM_ACCESS_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_ERR);
}

TEST(mr_without_remote_atomic)
{
	setup();
	check_eq(one(IBV_WR_ATOMIC_FETCH_AND_ADD, memory.mr->rkey),
		 IBV_WC_SUCCESS);
	check_eq(one(IBV_WR_ATOMIC_FETCH_AND_ADD,
		     mr_with(RDMA_ALL & ~IBV_ACCESS_REMOTE_ATOMIC)->rkey),
		 IBV_WC_REM_ACCESS_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_ERR);
}

TEST(qp_without_remote_read)
{
	setup_access(IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC);
	check_eq(one(IBV_WR_RDMA_READ, memory.mr->rkey), IBV_WC_REM_INV_REQ_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_ERR);
}

TEST(qp_without_remote_atomic)
{
	setup_access(IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	check_eq(one(IBV_WR_ATOMIC_FETCH_AND_ADD, memory.mr->rkey),
		 IBV_WC_REM_INV_REQ_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_ERR);
}

/* The answer would have to be written: the peer is not even asked. */
TEST(read_into_read_only_mr)
{
	struct ibv_wc wc;

	setup();
	memset(memory.data, 0xa1, LENGTH);
	memset(memory.data + THERE, 0xa2, LENGTH);
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_READ, at(0), mr_with(0)->lkey, LENGTH,
			   at(THERE), memory.mr->rkey, 1));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_LOC_PROT_ERR);
	check_eq(memory.data[0], 0xa1);
	check_states(IBV_QPS_ERR, IBV_QPS_RTS);
}

TEST(receive_into_read_only_mr)
{
	struct ibv_wc wc[2];
	int sent;

	setup();
	check_ok(rdma_post_recv(qp[1], at(THERE), mr_with(0)->lkey, LENGTH, 5));
	check_ok(post(IBV_WR_SEND, 6));
	rdma_wait(rdma.cq, &wc[0]);
	rdma_wait(rdma.cq, &wc[1]);
	sent = wc[0].wr_id == 6 ? 0 : 1;
	check_eq(wc[sent].status, IBV_WC_REM_OP_ERR);
	check_eq(wc[!sent].status, IBV_WC_LOC_PROT_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_ERR);
}

/* Nothing is transferred, so no key is looked at. */
TEST(empty_write_with_any_rkey)
{
	setup();
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 0, at(THERE),
			 memory.mr->rkey ^ 1), IBV_WC_SUCCESS);
}

/* ---- states ---- */

static int to_state(struct ibv_qp *q, enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = { .qp_state = state };

	return -ibv_modify_qp(q, &attr, IBV_QP_STATE);
}

static void drain(void)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_SQD,
		.en_sqd_async_notify = 1,
	};

	check_eq(ibv_modify_qp(qp[0], &attr,
			       IBV_QP_STATE | IBV_QP_EN_SQD_ASYNC_NOTIFY), 0);
}

/* Of that kind, about that QP; false if there is none yet. */
static bool event_came(enum ibv_event_type type, struct ibv_qp *about)
{
	struct ibv_async_event event;

	if (ibv_get_async_event(rdma.context, &event))
		return false;
	ibv_ack_async_event(&event);
	if (event.event_type == IBV_EVENT_CQ_ERR)
		return type == event.event_type && event.element.cq == rdma.cq;
	if (event.event_type != type || event.element.qp != about)
		fail("event %d instead of %d", event.event_type, type);
	return true;
}

static void do_not_block(int fd)
{
	int flags = check_sys(fcntl(fd, F_GETFL));

	check_sys(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

TEST(drained_send_queue_waits)
{
	struct ibv_wc wc;

	setup();
	do_not_block(rdma.context->async_fd);
	drain();
	eventually(10, event_came(IBV_EVENT_SQ_DRAINED, qp[0]));
	check_ok(post(IBV_WR_RDMA_WRITE, 1));
	pause_ms(100);
	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), 0);
	check_ok(to_state(qp[0], IBV_QPS_RTS));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_SUCCESS);
}

/* READ and atomic operations take resources at both ends. */
static void limit(struct ibv_qp *q, int mask, __u8 max)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_SQD,
		.max_rd_atomic = max,
		.max_dest_rd_atomic = max,
	};

	check_ok(to_state(q, IBV_QPS_SQD));
	check_eq(ibv_modify_qp(q, &attr, IBV_QP_STATE | mask), 0);
	check_ok(to_state(q, IBV_QPS_RTS));
}

TEST(read_without_initiator_resources)
{
	setup();
	limit(qp[0], IBV_QP_MAX_QP_RD_ATOMIC, 0);
	check_eq(one(IBV_WR_RDMA_READ, memory.mr->rkey), IBV_WC_LOC_QP_OP_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_RTS);
}

TEST(read_without_responder_resources)
{
	setup();
	limit(qp[1], IBV_QP_MAX_DEST_RD_ATOMIC, 0);
	check_eq(one(IBV_WR_RDMA_READ, memory.mr->rkey), IBV_WC_REM_INV_REQ_ERR);
	check_states(IBV_QPS_ERR, IBV_QPS_ERR);
}

/* Into the error state by hand, and out of it the only way there is. */
TEST(error_state_and_back)
{
	struct ibv_wc wc;

	setup();
	check_ok(rdma_post_recv(qp[1], at(0), memory.mr->lkey, LENGTH, 9));
	check_ok(to_state(qp[1], IBV_QPS_ERR));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, 9);
	check_eq(wc.status, IBV_WC_WR_FLUSH_ERR);
	check_fails(to_state(qp[1], IBV_QPS_RTS), EINVAL);
	check_ok(to_state(qp[1], IBV_QPS_RESET));
	check_ok(rdma_qp_init(qp[1], RDMA_ALL));
	check_ok(rdma_qp_connect(qp[1], rdma.lid, qp[0]->qp_num));
	check_eq(one(IBV_WR_RDMA_WRITE, memory.mr->rkey), IBV_WC_SUCCESS);
}

TEST(posts_that_are_refused)
{
	struct ibv_sge sge[9] = {};
	struct ibv_send_wr many = { .sg_list = sge, .num_sge = 9,
				    .opcode = IBV_WR_RDMA_WRITE }, *bad;
	struct ibv_send_wr bind = { .opcode = IBV_WR_BIND_MW };
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .max_rd_atomic = 17 };

	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, SIZE, &memory);
	qp[0] = rdma_qp(&rdma, NULL);
	qp[1] = rdma_qp(&rdma, NULL);
	check_fails(post(IBV_WR_RDMA_WRITE, 1), EINVAL);
	check_fails(rdma_post_recv(qp[0], at(0), memory.mr->lkey, 8, 1), EINVAL);
	rdma_connect(&rdma, qp[0], &rdma, qp[1], RDMA_ALL);
	check_eq(ibv_post_send(qp[0], &many, &bad), EINVAL);
	check(bad == &many);
	check_eq(ibv_post_send(qp[0], &bind, &bad), EINVAL);
	drain();
	for (int i = 0; i < DEPTH; i++)
		check_ok(post(IBV_WR_RDMA_WRITE, i));
	check_fails(post(IBV_WR_RDMA_WRITE, DEPTH), ENOMEM);
	check_eq(ibv_modify_qp(qp[0], &attr,
			       IBV_QP_STATE | IBV_QP_MAX_QP_RD_ATOMIC), EINVAL);
	check_states(IBV_QPS_SQD, IBV_QPS_RTS);
}

/* ---- completions ---- */

/* Nobody polls a number that may be another QP's by then. */
TEST(destroyed_qp_takes_its_completions)
{
	struct ibv_qp *other[2];
	struct ibv_wc wc;
	__u64 before;

	setup();
	rdma_loop(&rdma, other);
	before = rdma_counter(&rdma, "cpu_bytes");
	for (int i = 0; i < 4; i++) {
		check_ok(post(IBV_WR_RDMA_WRITE, i));
		check_ok(rdma_post(other[0], IBV_WR_RDMA_WRITE, at(0),
				   memory.mr->lkey, LENGTH, at(THERE),
				   memory.mr->rkey, 10 + i));
	}
	/* All are done, read and written: in one queue, those of both QPs mixed. */
	eventually(10, rdma_counter(&rdma, "cpu_bytes") - before ==
		       8 * 2 * LENGTH);
	pause_ms(50 * slowness());
	check_eq(ibv_destroy_qp(qp[0]), 0);
	for (int i = 0; i < 4; i++) {
		rdma_wait(rdma.cq, &wc);
		check_eq(wc.wr_id, 10 + i);
		check_eq(wc.qp_num, other[0]->qp_num);
	}
	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), 0);
}

/* What does not fit is lost, and nobody is left to believe that all is well. */
TEST(completion_queue_overrun)
{
	struct ibv_cq *small;

	rdma_open(&rdma, "rp-edu");
	small = ibv_create_cq(rdma.context, 2, NULL, NULL, 0);
	check(small);
	rdma.cq = small;
	rdma_memory(&rdma, SIZE, &memory);
	rdma_loop(&rdma, qp);
	do_not_block(rdma.context->async_fd);
	for (int i = 0; i < 3; i++)
		check_ok(post(IBV_WR_RDMA_WRITE, i));
	eventually(10, event_came(IBV_EVENT_CQ_ERR, NULL));
	eventually(10, event_came(IBV_EVENT_QP_FATAL, qp[0]));
	check_states(IBV_QPS_ERR, IBV_QPS_RTS);
}

TEST(access_error_is_an_event)
{
	setup();
	do_not_block(rdma.context->async_fd);
	check_eq(one(IBV_WR_RDMA_WRITE, memory.mr->rkey ^ 1),
		 IBV_WC_REM_ACCESS_ERR);
	eventually(10, event_came(IBV_EVENT_QP_ACCESS_ERR, qp[1]));
}

/* Only what was sent as solicited wakes who asked for that. */
TEST(solicited_event)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND }, *bad;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_wc wc;
	void *context;

	rdma_open(&rdma, "rp-edu");
	channel = ibv_create_comp_channel(rdma.context);
	check(channel);
	do_not_block(channel->fd);
	rdma_memory(&rdma, SIZE, &memory);
	qp[0] = rdma_qp(&rdma, NULL);
	cq = rdma.cq;
	rdma.cq = ibv_create_cq(rdma.context, 16, NULL, channel, 0);
	check(rdma.cq);
	qp[1] = rdma_qp(&rdma, NULL);
	rdma_connect(&rdma, qp[0], &rdma, qp[1], RDMA_ALL);
	check_ok(rdma_post_recv(qp[1], 0, 0, 0, 1));
	check_ok(rdma_post_recv(qp[1], 0, 0, 0, 2));
	check_eq(ibv_req_notify_cq(rdma.cq, 1), 0);
	check_eq(ibv_post_send(qp[0], &wr, &bad), 0);
	rdma_wait(cq, &wc);
	check_eq(ibv_get_cq_event(channel, &cq, &context), -1);
	check_eq(errno, EAGAIN);
	wr.send_flags = IBV_SEND_SOLICITED;
	check_eq(ibv_post_send(qp[0], &wr, &bad), 0);
	eventually(10, !ibv_get_cq_event(channel, &cq, &context));
	check(cq == rdma.cq);
	ibv_ack_cq_events(cq, 1);
}

/* ---- a peer that is not ready ---- */

/* The sender tries again as long as it was told to. */
TEST(receive_that_comes_late)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD, .rnr_retry = 7 };
	struct ibv_wc wc[2];

	setup();
	check_ok(to_state(qp[0], IBV_QPS_SQD));
	check_eq(ibv_modify_qp(qp[0], &attr, IBV_QP_STATE | IBV_QP_RNR_RETRY), 0);
	check_ok(to_state(qp[0], IBV_QPS_RTS));
	check_ok(post(IBV_WR_SEND, 6));
	pause_ms(300);
	check_eq(ibv_poll_cq(rdma.cq, 1, wc), 0);
	check_ok(rdma_post_recv(qp[1], at(THERE), memory.mr->lkey, LENGTH, 5));
	rdma_wait(rdma.cq, &wc[0]);
	rdma_wait(rdma.cq, &wc[1]);
	check_eq(wc[0].status, IBV_WC_SUCCESS);
	check_eq(wc[1].status, IBV_WC_SUCCESS);
}
