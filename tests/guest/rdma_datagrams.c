// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams (UD): to whom they go, what the receiver learns of the sender, and how they
 * are lost. Every receive has room for a header of 40 bytes in front.
 */
#include "harness.h"
#include "rdma.h"

#define START	(128 * 1024)
#define SIZE	(64 * 1024)
#define HEADER	40
#define MTU	4096
#define QKEY	0x1111
#define LENGTH	1000

static struct rdma rdma;
static struct rdma_memory memory;
static struct ibv_qp *from, *to;
static struct ibv_ah *ah;

static __u64 at(__u64 offset)
{
	return (__u64)(uintptr_t)memory.data + offset;
}

static struct ibv_qp *create_qp(struct rdma *on)
{
	struct ibv_qp_init_attr init = {
		.send_cq = on->cq, .recv_cq = on->cq, .qp_type = IBV_QPT_UD, .sq_sig_all = 1,
		.cap = { .max_send_wr = 64, .max_send_sge = 2, .max_recv_wr = 64,
			 .max_recv_sge = 2, .max_inline_data = 64 },
	};
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY };
	struct ibv_qp *qp = ibv_create_qp(on->pd, &init);

	if (!qp)
		fail("ibv_create_qp: %s", strerror(errno));
	check_eq(ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			       IBV_QP_QKEY), 0);
	attr.qp_state = IBV_QPS_RTR;
	check_eq(ibv_modify_qp(qp, &attr, IBV_QP_STATE), 0);
	attr.qp_state = IBV_QPS_RTS;
	check_eq(ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN), 0);
	return qp;
}

static struct ibv_ah *create_ah(struct rdma *on, __u16 lid, const union ibv_gid *dgid)
{
	struct ibv_ah_attr attr = { .dlid = lid, .port_num = 1, .is_global = !!dgid };
	struct ibv_ah *created;

	if (dgid)
		attr.grh = (struct ibv_global_route){ .dgid = *dgid, .hop_limit = 9 };
	created = ibv_create_ah(on->pd, &attr);
	if (!created)
		fail("ibv_create_ah: %s", strerror(errno));
	return created;
}

static void setup(void)
{
	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, SIZE, &memory);
	from = create_qp(&rdma);
	to = create_qp(&rdma);
	ah = create_ah(&rdma, rdma.lid, NULL);
}

static int post(struct ibv_qp *qp, struct ibv_ah *where, __u32 number, __u64 addr,
		__u32 lkey, __u32 length, __u32 qkey)
{
	struct ibv_sge sge = { addr, length, lkey };
	struct ibv_send_wr wr = {
		.wr_id = 100, .opcode = IBV_WR_SEND_WITH_IMM, .sg_list = &sge, .num_sge = 1,
		.imm_data = htobe32(0x77),
		.wr.ud = { .ah = where, .remote_qpn = number, .remote_qkey = qkey },
	}, *bad;

	return -ibv_post_send(qp, &wr, &bad);
}

static int post_one(__u32 length, __u32 qkey)
{
	return post(from, ah, to->qp_num, at(0), memory.mr->lkey, length, qkey);
}

static int receive(__u32 length, __u64 wr_id)
{
	return rdma_post_recv(to, at(SIZE / 2), memory.mr->lkey, length, wr_id);
}

static struct ibv_wc next(void)
{
	struct ibv_wc wc;

	rdma_wait(rdma.cq, &wc);
	return wc;
}

static void sent(enum ibv_wc_status status)
{
	struct ibv_wc wc = next();

	check_eq(wc.wr_id, 100);
	check_eq(wc.status, status);
}

/* The sender's completion comes last: it waits for the receiver's bytes. */
static struct ibv_wc received(__u64 wr_id, __u32 length)
{
	struct ibv_wc wc = next();

	check_eq(wc.wr_id, wr_id);
	check_eq(wc.status, IBV_WC_SUCCESS);
	check_eq(wc.byte_len, HEADER + length);
	sent(IBV_WC_SUCCESS);
	return wc;
}

TEST(payload_is_behind_the_header)
{
	struct ibv_wc wc;

	setup();
	pattern_fill(memory.data, LENGTH, 1);
	memset(memory.data + SIZE / 2, 0xee, SIZE / 2);
	check_ok(receive(8192, 1));
	check_ok(post_one(LENGTH, QKEY));
	wc = received(1, LENGTH);
	check_eq(wc.src_qp, from->qp_num);
	check_eq(wc.slid, rdma.lid);
	check_eq(wc.wc_flags, IBV_WC_WITH_IMM);
	check_eq(wc.imm_data, htobe32(0x77));
	check(pattern_matches(memory.data + SIZE / 2 + HEADER, LENGTH, 1));
	check_eq(memory.data[SIZE / 2 + HEADER + LENGTH], 0xee);
}

TEST(header_and_payload_into_a_bar)
{
	struct rdma_bar bar;
	__u8 host[LENGTH];
	struct ibv_wc wc;

	setup();
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	pattern_fill(memory.data, LENGTH, 2);
	check_ok(rdma_post_recv(to, 0x1001, bar.mr->lkey, 8192, 1));
	check_ok(post_one(LENGTH, QKEY));
	wc = received(1, LENGTH);
	check_eq(wc.src_qp, from->qp_num);
	lab_host_read("rp-mem", START + 0x1001 + HEADER, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 2));
}

/* Who answers needs no more than the completion and the header. */
TEST(answer_to_a_global_address)
{
	union ibv_gid gid;
	struct ibv_ah *back;
	struct ibv_grh *grh;
	struct ibv_wc wc;

	setup();
	check_eq(ibv_query_gid(rdma.context, 1, 0, &gid), 0);
	ah = create_ah(&rdma, rdma.lid, &gid);
	check_ok(receive(8192, 1));
	check_ok(post_one(LENGTH, QKEY));
	wc = received(1, LENGTH);
	check(wc.wc_flags & IBV_WC_GRH);
	grh = (struct ibv_grh *)(memory.data + SIZE / 2);
	check(!memcmp(&grh->sgid, &gid, sizeof(gid)));
	check(!memcmp(&grh->dgid, &gid, sizeof(gid)));
	check_eq(be16toh(grh->paylen), LENGTH);
	check_eq(grh->hop_limit, 9);
	back = ibv_create_ah_from_wc(rdma.pd, &wc, grh, 1);
	check(back);
	pattern_fill(memory.data, 100, 3);
	check_ok(rdma_post_recv(from, at(SIZE / 2), memory.mr->lkey, 8192, 2));
	check_ok(post(to, back, wc.src_qp, at(0), memory.mr->lkey, 100, QKEY));
	received(2, 100);
	check(pattern_matches(memory.data + SIZE / 2 + HEADER, 100, 3));
}

/* Whatever is wrong at the other end, the sender has done its part. */
TEST(lost_without_a_word)
{
	struct ibv_wc wc;

	setup();
	check_ok(post_one(LENGTH, QKEY));
	sent(IBV_WC_SUCCESS);
	check_ok(receive(HEADER + LENGTH - 1, 1));
	check_ok(post_one(LENGTH, QKEY));
	sent(IBV_WC_SUCCESS);
	check_ok(post_one(8, QKEY + 1));
	sent(IBV_WC_SUCCESS);
	check_ok(post(from, ah, 0xffffff, at(0), memory.mr->lkey, 8, QKEY));
	sent(IBV_WC_SUCCESS);
	check_ok(post(from, create_ah(&rdma, 0xbfff, NULL), to->qp_num, at(0),
		      memory.mr->lkey, 8, QKEY));
	sent(IBV_WC_SUCCESS);
	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), 0);
	/* The receive that was too small is there still, and fits this one. */
	check_ok(post_one(8, QKEY));
	received(1, 8);
}

/* A key with its highest bit set stands for the sender's own. */
TEST(own_key_of_the_sender)
{
	setup();
	check_ok(receive(8192, 1));
	check_ok(post_one(8, 0x80000000));
	received(1, 8);
}

/* Its own mistake stops who sends, who goes on receiving and can start again. */
TEST(sender_that_failed)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS, .cur_qp_state = IBV_QPS_SQE };

	setup();
	check_ok(post_one(MTU + 1, QKEY));
	check_ok(post_one(8, QKEY));
	sent(IBV_WC_LOC_LEN_ERR);
	sent(IBV_WC_WR_FLUSH_ERR);
	check_eq(rdma_state(from), IBV_QPS_SQE);
	check_ok(rdma_post_recv(from, at(SIZE / 2), memory.mr->lkey, 8192, 1));
	check_ok(post(to, ah, from->qp_num, at(0), memory.mr->lkey, 8, QKEY));
	received(1, 8);
	check_eq(ibv_modify_qp(from, &attr, IBV_QP_STATE | IBV_QP_CUR_STATE), 0);
	check_ok(receive(MTU + HEADER, 2));
	check_ok(post_one(MTU, QKEY));
	received(2, MTU);
}

/* Two devices at once: each datagram arrives whole, whatever the other one does. */
TEST(two_devices_to_one_receiver)
{
	enum { EACH = 8 };
	struct ibv_ah *far_ah;
	struct rdma_memory theirs;
	struct ibv_qp *far_qp;
	struct rdma far;
	int seen[2] = { 0 };

	setup();
	rdma_open(&far, "far-edu");
	rdma_memory(&far, 4096, &theirs);
	far_qp = create_qp(&far);
	far_ah = create_ah(&far, rdma.lid, NULL);
	pattern_fill(memory.data, 1024, 5);
	pattern_fill(theirs.data, 1024, 6);
	for (int i = 0; i < 2 * EACH; i++)
		check_ok(rdma_post_recv(to, at(SIZE / 2 + i * 2048), memory.mr->lkey, 2048, i));
	for (int i = 0; i < EACH; i++) {
		check_ok(post_one(1024, QKEY));
		check_ok(post(far_qp, far_ah, to->qp_num, (__u64)(uintptr_t)theirs.data,
			      theirs.mr->lkey, 1024, QKEY));
	}
	while (seen[0] + seen[1] < 2 * EACH) {
		struct ibv_wc wc = next();
		bool is_far;

		check_eq(wc.status, IBV_WC_SUCCESS);
		if (wc.wr_id == 100)
			continue;
		is_far = wc.slid == far.lid;
		check_eq(wc.src_qp, is_far ? far_qp->qp_num : from->qp_num);
		check(pattern_matches(memory.data + SIZE / 2 + wc.wr_id * 2048 + HEADER, 1024,
				      is_far ? 6 : 5));
		seen[is_far]++;
	}
	check_eq(seen[0], EACH);
}

TEST(what_datagrams_cannot_do)
{
	struct ibv_sge sge = { 0, 8, 0 };
	struct ibv_send_wr wr = { .opcode = IBV_WR_RDMA_WRITE, .sg_list = &sge, .num_sge = 1 };
	struct ibv_send_wr *bad;

	setup();
	sge = (struct ibv_sge){ at(0), 8, memory.mr->lkey };
	wr.wr.ud.ah = ah;
	check_eq(ibv_post_send(from, &wr, &bad), EINVAL);
	check(bad == &wr);
	check_eq(rdma_state(from), IBV_QPS_RTS);
}
