// SPDX-License-Identifier: GPL-2.0
/*
 * The corners of the verbs: requests without a completion, fences, lists of pieces of
 * everything, empty requests, a QP connected with itself, attributes no device has,
 * limits that are what the device says, and what it does not do at all.
 */
#include <stddef.h>
#include <sys/mman.h>

#include "harness.h"
#include "rdma.h"

#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define MOST	8	/* SGEs */

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;
static struct rdma_bar bar;

static __u64 at(__u64 offset)
{
	return (__u64)(uintptr_t)memory.data + offset;
}

/* Connected QPs that complete what they are told to, with room for many SGEs. */
static void setup(void)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 32, .max_recv_wr = 32,
			 .max_send_sge = MOST, .max_recv_sge = MOST },
	};

	rdma_open(&rdma, "rp-edu");
	rdma_memory(&rdma, 4 * SIZE, &memory);
	rdma_bar(&rdma, "rp-mem", START, SIZE, &bar);
	init.send_cq = rdma.cq;
	init.recv_cq = rdma.cq;
	for (int i = 0; i < 2; i++) {
		qp[i] = ibv_create_qp(rdma.pd, &init);
		check(qp[i]);
	}
	rdma_connect(&rdma, qp[0], &rdma, qp[1], RDMA_ALL);
}

static int post(enum ibv_wr_opcode opcode, int flags, struct ibv_sge *sge, int nr,
		__u64 remote, __u32 rkey, __u64 wr_id)
{
	struct ibv_send_wr wr = {
		.wr_id = wr_id, .opcode = opcode, .send_flags = flags,
		.sg_list = sge, .num_sge = nr,
	}, *bad;

	wr.wr.rdma.remote_addr = remote;
	wr.wr.rdma.rkey = rkey;
	return -ibv_post_send(qp[0], &wr, &bad);
}

/* The next completion is of that request. */
static void completed(__u64 wr_id, enum ibv_wc_status status)
{
	struct ibv_wc wc;

	rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, wr_id);
	check_eq(wc.status, status);
}

static void nothing_completed(void)
{
	struct ibv_wc wc;

	check_eq(ibv_poll_cq(rdma.cq, 1, &wc), 0);
}

/* ---- completions ---- */

TEST(unsignaled_requests)
{
	struct ibv_sge sge = { at(0), 64, 0 };

	setup();
	sge = (struct ibv_sge){ at(0), 64, memory.mr->lkey };
	for (int i = 0; i < 4; i++)
		check_ok(post(IBV_WR_RDMA_WRITE, i == 3 ? IBV_SEND_SIGNALED : 0, &sge,
			      1, at(0x1000 + i * 64), memory.mr->rkey, i));
	completed(3, IBV_WC_SUCCESS);
	nothing_completed();
}

/* Asked for or not, an error is told, and so is every request behind it. */
TEST(unsignaled_requests_fail_aloud)
{
	struct ibv_sge sge;

	setup();
	sge = (struct ibv_sge){ at(0), 64, memory.mr->lkey };
	check_ok(post(IBV_WR_RDMA_WRITE, 0, &sge, 1, at(0x1000), memory.mr->rkey, 1));
	check_ok(post(IBV_WR_RDMA_WRITE, 0, &sge, 1, at(0x1000), memory.mr->rkey ^ 1, 2));
	check_ok(post(IBV_WR_RDMA_WRITE, 0, &sge, 1, at(0x1000), memory.mr->rkey, 3));
	completed(2, IBV_WC_REM_ACCESS_ERR);
	completed(3, IBV_WC_WR_FLUSH_ERR);
	nothing_completed();
}

/* What a READ fetched from the BAR is what the fenced request behind it sends. */
TEST(fence_behind_a_read)
{
	struct ibv_sge sge;
	__u8 host[3000];

	setup();
	sge = (struct ibv_sge){ at(5), sizeof(host), memory.mr->lkey };
	pattern_fill(buffer_map(bar.export.fd, SIZE, 0), sizeof(host), 11);
	check_ok(post(IBV_WR_RDMA_READ, 0, &sge, 1, 0, bar.mr->rkey, 1));
	check_ok(post(IBV_WR_RDMA_WRITE, IBV_SEND_FENCE | IBV_SEND_SIGNALED, &sge, 1,
		      0x8003, bar.mr->rkey, 2));
	completed(2, IBV_WC_SUCCESS);
	lab_host_read("rp-mem", START + 0x8003, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 11));
}

/* ---- lists ---- */

/* Pieces of memory and of the BAR by turns, of odd lengths, some of them empty. */
static __u32 fill_list(struct ibv_sge *sge)
{
	static const __u32 length[MOST] = { 1, 77, 0, 4097, 513, 0, 3, 250 };
	__u32 total = 0;

	for (int i = 0; i < MOST; i++) {
		if (i % 2)
			sge[i] = (struct ibv_sge){ 0x5001 + total, length[i], bar.mr->lkey };
		else
			sge[i] = (struct ibv_sge){ at(0x101 + total), length[i],
						   memory.mr->lkey };
		/* Nobody looks at the key of nothing. */
		if (!length[i])
			sge[i].lkey ^= 1;
		total += length[i];
	}
	return total;
}

/* Gathered by a WRITE, scattered by a READ: what is in the list comes back to it. */
TEST(list_of_memory_and_bar)
{
	__u8 *cpu, seen[8192];
	struct ibv_sge sge[MOST];
	__u32 total, done = 0;

	setup();
	cpu = buffer_map(bar.export.fd, SIZE, 0);
	total = fill_list(sge);
	check(total <= sizeof(seen));
	pattern_fill(memory.data + 0x101, total, 12);
	pattern_fill(cpu + 0x5001, total, 12);
	check_ok(post(IBV_WR_RDMA_WRITE, IBV_SEND_SIGNALED, sge, MOST, 0x21,
		      bar.mr->rkey, 1));
	completed(1, IBV_WC_SUCCESS);
	lab_host_read("rp-mem", START + 0x21, seen, total);
	check(pattern_matches(seen, total, 12));
	memset(memory.data, 0, SIZE);
	memset(cpu + 0x5001, 0, total);
	check_ok(post(IBV_WR_RDMA_READ, IBV_SEND_SIGNALED, sge, MOST, 0x21, bar.mr->rkey, 2));
	completed(2, IBV_WC_SUCCESS);
	for (int i = 0; i < MOST; i++) {
		const __u8 *from = i % 2 ? cpu + 0x5001 : memory.data + 0x101;

		for (__u32 n = 0; n < sge[i].length; n++)
			seen[done + n] = from[done + n];
		done += sge[i].length;
	}
	check(pattern_matches(seen, total, 12));
}

/* One bad piece, however late in the list, and nothing at all is sent. */
TEST(list_with_a_bad_end)
{
	struct ibv_sge sge[MOST];

	setup();
	lab_host_fill("rp-mem", START, SIZE, 0x5a);
	fill_list(sge);
	sge[MOST - 1].addr += SIZE;
	check_ok(post(IBV_WR_RDMA_WRITE, 0, sge, MOST, 0x21, bar.mr->rkey, 1));
	completed(1, IBV_WC_LOC_PROT_ERR);
	check_host_bytes("rp-mem", START + 0x21, 4096, 0x5a);
	check_eq(rdma_state(qp[1]), IBV_QPS_RTS);
}

TEST(empty_requests)
{
	struct ibv_wc wc;

	setup();
	check_ok(post(IBV_WR_RDMA_READ, IBV_SEND_SIGNALED, NULL, 0, at(0), 1, 1));
	completed(1, IBV_WC_SUCCESS);
	check_ok(rdma_post_recv(qp[1], at(0), memory.mr->lkey, 8, 2));
	check_ok(post(IBV_WR_SEND, 0, NULL, 0, 0, 0, 3));
	rdma_wait(rdma.cq, &wc);
	check_eq(wc.wr_id, 2);
	check_eq(wc.status, IBV_WC_SUCCESS);
	check_eq(wc.byte_len, 0);
	nothing_completed();
}

/* ---- who is connected with whom ---- */

TEST(connected_with_itself)
{
	struct ibv_sge sge;
	struct ibv_qp *self;
	__u8 host[2000];

	setup();
	self = rdma_qp(&rdma, NULL);
	check_ok(rdma_qp_init(self, RDMA_ALL));
	check_ok(rdma_qp_connect(self, rdma.lid, self->qp_num));
	qp[0] = self;
	pattern_fill(memory.data, sizeof(host), 13);
	sge = (struct ibv_sge){ at(0), sizeof(host), memory.mr->lkey };
	check_ok(post(IBV_WR_RDMA_WRITE, 0, &sge, 1, 0x3000, bar.mr->rkey, 1));
	completed(1, IBV_WC_SUCCESS);
	lab_host_read("rp-mem", START + 0x3000, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 13));
	check_ok(post(IBV_WR_RDMA_WRITE, 0, &sge, 1, 0x3000, bar.mr->rkey ^ 1, 2));
	completed(2, IBV_WC_REM_ACCESS_ERR);
	check_eq(ibv_destroy_qp(self), 0);
}

/* The key is good; the QP it comes through is of another protection domain. */
TEST(qp_of_another_pd)
{
	struct ibv_pd *other;
	struct ibv_sge sge;
	struct ibv_qp *far;

	setup();
	other = ibv_alloc_pd(rdma.context);
	check(other);
	qp[0] = rdma_qp(&rdma, NULL);
	far = rdma_qp(&rdma, other);
	rdma_connect(&rdma, qp[0], &rdma, far, RDMA_ALL);
	sge = (struct ibv_sge){ at(0), 8, memory.mr->lkey };
	check_ok(post(IBV_WR_RDMA_WRITE, 0, &sge, 1, 0, bar.mr->rkey, 1));
	completed(1, IBV_WC_REM_ACCESS_ERR);
	check_eq(rdma_state(far), IBV_QPS_ERR);
}

/* ---- attributes ---- */

#define TO_INIT	(IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS)
#define TO_RTR	(IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |	\
		 IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER)
#define TO_RTS	(IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |	\
		 IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC)

/* One attribute, and a value for which there is no room where it belongs. */
static const struct bad {
	enum ibv_qp_state state;
	int mask;
	size_t offset;
	__u8 value;
} bads[] = {
#define BAD(state, member, value)	\
	{ IBV_QPS_##state, TO_##state, offsetof(struct ibv_qp_attr, member), value }
	BAD(INIT, pkey_index, 1),
	BAD(INIT, port_num, 2),
	BAD(RTR, path_mtu, 0),
	BAD(RTR, path_mtu, IBV_MTU_4096 + 1),
	BAD(RTR, max_dest_rd_atomic, 17),
	BAD(RTR, min_rnr_timer, 32),
	BAD(RTR, ah_attr.port_num, 2),
	BAD(RTS, timeout, 32),
	BAD(RTS, retry_cnt, 8),
	BAD(RTS, rnr_retry, 8),
	BAD(RTS, max_rd_atomic, 17),
#undef BAD
};

/* The largest there are. */
static struct ibv_qp_attr largest(enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = {
		.qp_state = state, .port_num = 1, .path_mtu = IBV_MTU_4096,
		.dest_qp_num = 0xffffff, .rq_psn = 0xffffff, .sq_psn = 0xffffff,
		.max_dest_rd_atomic = 16, .max_rd_atomic = 16, .min_rnr_timer = 31,
		.timeout = 31, .retry_cnt = 7, .rnr_retry = 7,
		.ah_attr = { .dlid = 1, .port_num = 1 },
	};

	return attr;
}

/* Every bad value of that state is refused and leaves the QP where it was. */
static void advance(struct ibv_qp *q, enum ibv_qp_state state, int mask)
{
	enum ibv_qp_state before = rdma_state(q);
	struct ibv_qp_attr attr;

	for (size_t i = 0; i < sizeof(bads) / sizeof(*bads); i++) {
		if (bads[i].state != state)
			continue;
		attr = largest(state);
		*((__u8 *)&attr + bads[i].offset) = bads[i].value;
		printf("state %d, offset %zu, value %d\n", state, bads[i].offset,
		       bads[i].value);
		check_eq(ibv_modify_qp(q, &attr, mask), EINVAL);
		check_eq(rdma_state(q), before);
	}
	attr = largest(state);
	check_eq(ibv_modify_qp(q, &attr, mask), 0);
}

TEST(attributes_out_of_range)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_qp *q;

	rdma_open(&rdma, "rp-edu");
	q = rdma_qp(&rdma, NULL);
	advance(q, IBV_QPS_INIT, TO_INIT);
	advance(q, IBV_QPS_RTR, TO_RTR);
	advance(q, IBV_QPS_RTS, TO_RTS);
	check_eq(ibv_query_qp(q, &attr, IBV_QP_STATE, &init), 0);
	check_eq(attr.qp_state, IBV_QPS_RTS);
	check_eq(attr.path_mtu, IBV_MTU_4096);
	check_eq(attr.dest_qp_num, 0xffffff);
	check_eq(attr.min_rnr_timer, 31);
	check_eq(attr.timeout, 31);
	check_eq(attr.retry_cnt, 7);
	check_eq(attr.rnr_retry, 7);
	check_eq(attr.max_rd_atomic, 16);
	check_eq(attr.max_dest_rd_atomic, 16);
	check_eq(init.cap.max_send_sge, 2);
}

/* ---- limits, and what there is not ---- */

static int try_qp(struct ibv_qp_init_attr *init)
{
	struct ibv_qp *q = ibv_create_qp(rdma.pd, init);

	if (!q)
		return -errno;
	check_eq(ibv_destroy_qp(q), 0);
	return 0;
}

static int try_cq(int entries, int vector)
{
	struct ibv_cq *cq = ibv_create_cq(rdma.context, entries, NULL, NULL, vector);

	if (!cq)
		return -errno;
	check(cq->cqe >= entries);
	check_eq(ibv_destroy_cq(cq), 0);
	return 0;
}

/* As much as the device says it can do, and not one more. */
static void check_limit(struct ibv_qp_init_attr *init, __u32 *limit)
{
	check_ok(try_qp(init));
	++*limit;
	check_fails(try_qp(init), EINVAL);
	--*limit;
}

TEST(limits_are_what_the_device_says)
{
	struct ibv_qp_init_attr init = { .qp_type = IBV_QPT_RC };
	struct ibv_device_attr dev;

	rdma_open(&rdma, "rp-edu");
	check_eq(ibv_query_device(rdma.context, &dev), 0);
	init.send_cq = rdma.cq;
	init.recv_cq = rdma.cq;
	init.cap.max_send_wr = dev.max_qp_wr;
	init.cap.max_recv_wr = dev.max_qp_wr;
	init.cap.max_send_sge = dev.max_sge;
	init.cap.max_recv_sge = dev.max_sge;
	check_limit(&init, &init.cap.max_send_wr);
	check_limit(&init, &init.cap.max_recv_wr);
	check_limit(&init, &init.cap.max_send_sge);
	check_limit(&init, &init.cap.max_recv_sge);
	check_ok(try_cq(dev.max_cqe, 0));
	check_fails(try_cq(dev.max_cqe + 1, 0), EINVAL);
	check_fails(try_cq(0, 0), EINVAL);
	check_fails(try_cq(1, rdma.context->num_comp_vectors), EINVAL);
	check_eq(dev.max_mw, 0);
	check_eq(dev.atomic_cap, IBV_ATOMIC_HCA);
	check(dev.device_cap_flags & IBV_DEVICE_RC_RNR_NAK_GEN);
}

/* The extended query says the same, and that there is no paging on demand. */
TEST(extended_query)
{
	struct ibv_device_attr_ex ex;
	struct ibv_device_attr dev;

	rdma_open(&rdma, "rp-edu");
	check_eq(ibv_query_device(rdma.context, &dev), 0);
	memset(&ex, 0xff, sizeof(ex));
	check_eq(ibv_query_device_ex(rdma.context, NULL, &ex), 0);
	check(!memcmp(&ex.orig_attr, &dev, sizeof(dev)));
	check_eq(ex.odp_caps.general_caps, 0);
	check_eq(ex.tso_caps.max_tso, 0);
	check_eq(ex.rss_caps.supported_qpts, 0);
	check_eq(dev.max_srq_wr, dev.max_qp_wr);
	check(dev.max_ah > 0);
}

/* Said to be so, with the errno that says it, and not something that half works. */
TEST(what_the_device_does_not_do)
{
	struct ibv_qp_init_attr init = { .cap = { .max_send_wr = 1, .max_send_sge = 1 } };

	setup();
	init.send_cq = rdma.cq;
	init.recv_cq = rdma.cq;
	init.qp_type = IBV_QPT_UC;
	check_fails(try_qp(&init), EOPNOTSUPP);
	check(!ibv_alloc_mw(rdma.pd, IBV_MW_TYPE_1));
	check_eq(errno, EOPNOTSUPP);
	check_eq(ibv_resize_cq(rdma.cq, 10), EOPNOTSUPP);
	check(!ibv_qp_to_qp_ex(qp[0]));
	/* And all that was there still works. */
	check_ok(post(IBV_WR_RDMA_WRITE, IBV_SEND_SIGNALED, NULL, 0, 0, 0, 9));
	completed(9, IBV_WC_SUCCESS);
}
