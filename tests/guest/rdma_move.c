// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that moves, and goes, under an MR in use: no byte is lost, none is written
 * to the old place once the move has returned, and what was queued goes on.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define START	(32 * PAGE)
#define SIZE	(4 * PAGE)
#define OTHER	(128 * PAGE)
#define QPS	4
#define SIDES	2
/* Each QP writes blocks of its own, in a part of the buffer of its own. */
#define PART	(SIZE / QPS)
#define BLOCK	256
#define BLOCKS	(PART / BLOCK)

static struct rdma_bar bar;

/* A device with an MR of the buffer: there are two, so that each move meets both. */
static struct side {
	struct rdma rdma;
	struct rdma_memory memory;
	struct ibv_mr *mr;
	__u64 jobs, invalidations;
} side[SIDES];

/* The first side's, for who needs but one. */
static struct rdma_memory *const memory = &side[0].memory;

/* A QP that hammers the MR of its side, and how far it has come. */
struct hammer {
	struct side *side;
	struct ibv_qp *qp[2];
	unsigned int posted;
	unsigned int done;
};

static struct hammer hammer[QPS];

static void side_open(struct side *s, const char *edu)
{
	rdma_open(&s->rdma, edu);
	rdma_memory(&s->rdma, SIZE, &s->memory);
}

static void hammer_open(struct hammer *h, struct side *s)
{
	h->side = s;
	rdma_loop(&s->rdma, h->qp);
}

/* Both devices map the memory of @mem; the QPs take turns between them. */
static void setup(const char *edu, const char *other, const char *mem)
{
	side_open(&side[0], edu);
	side_open(&side[1], other);
	rdma_bar(&side[0].rdma, mem, START, SIZE, &bar);
	side[0].mr = bar.mr;
	check_ok(rdma_reg_dmabuf(&side[1].rdma, 0, SIZE, 0, bar.export.fd, RDMA_ALL,
				 &side[1].mr));
	for (int i = 0; i < QPS; i++)
		hammer_open(&hammer[i], &side[i % SIDES]);
	for (int i = 0; i < SIDES; i++) {
		side[i].jobs = rdma_counter(&side[i].rdma, "engine_jobs");
		side[i].invalidations = rdma_counter(&side[i].rdma,
						     "dmabuf_invalidations");
	}
}

static __u64 block_at(int i, unsigned int n)
{
	return (__u64)i * PART + n % BLOCKS * BLOCK;
}

static void post_block(int i)
{
	struct hammer *h = &hammer[i];
	struct rdma_memory *from = &h->side->memory;
	__u64 offset = block_at(i, h->posted);

	/* Each block is written once: its source may not change under it. */
	pattern_fill(from->data + offset, BLOCK, i * 1000 + h->posted);
	check_ok(rdma_post(h->qp[0], IBV_WR_RDMA_WRITE,
			   (__u64)(uintptr_t)from->data + offset, from->mr->lkey,
			   BLOCK, offset, h->side->mr->rkey, i));
	h->posted++;
}

static void post_all(void)
{
	for (unsigned int n = 0; n < BLOCKS; n++)
		for (int i = 0; i < QPS; i++)
			post_block(i);
}

static unsigned int left(void)
{
	unsigned int sum = 0;

	for (int i = 0; i < QPS; i++)
		sum += hammer[i].posted - hammer[i].done;
	return sum;
}

static bool some_side_polled(struct ibv_wc *wc)
{
	for (int i = 0; i < SIDES; i++)
		if (ibv_poll_cq(side[i].rdma.cq, 1, wc) > 0)
			return true;
	return false;
}

static void wait_any(struct ibv_wc *wc)
{
	eventually(RDMA_PATIENCE, some_side_polled(wc));
	hammer[wc->wr_id].done++;
}

static void take_one(void)
{
	struct ibv_wc wc;

	wait_any(&wc);
	check_eq(wc.status, IBV_WC_SUCCESS);
}

static bool all_is(const __u8 *data, size_t length, __u8 byte)
{
	for (size_t i = 0; i < length; i++)
		if (data[i] != byte)
			return false;
	return true;
}

static void check_blocks(const __u8 *host)
{
	for (int i = 0; i < QPS; i++)
		for (unsigned int n = 0; n < hammer[i].done; n++)
			check(pattern_matches(host + block_at(i, n), BLOCK,
					      i * 1000 + n));
}

/* Both engines have done their half, and both were moved under it. */
static void check_sides(void)
{
	for (int i = 0; i < SIDES; i++) {
		__u64 jobs = rdma_counter(&side[i].rdma, "engine_jobs");
		__u64 invalidations = rdma_counter(&side[i].rdma,
						   "dmabuf_invalidations");

		printf("%s: %llu jobs, %llu invalidations\n", side[i].rdma.id,
		       jobs - side[i].jobs, invalidations - side[i].invalidations);
		check_eq(jobs - side[i].jobs, QPS / SIDES * BLOCKS);
		check(invalidations - side[i].invalidations >= 4);
	}
}

/*
 * Back and forth while four QPs write: after each move the place left is painted by
 * the host and must stay as it was painted.
 */
static void moves_under_load(void)
{
	__u64 place[2] = { START, OTHER };
	unsigned int moves = 0;
	__u8 host[SIZE];

	post_all();
	while (left()) {
		__u64 from = place[moves % 2], to = place[(moves + 1) % 2];

		check_ok(peer_move_one(bar.node, bar.export.id, MEM_BAR, to, SIZE,
				       PEERBUF_MOVE_F_COPY));
		lab_host_fill(bar.mem, from, SIZE, 0xd1 + moves % 2);
		moves++;
		for (int i = 0; i < QPS && left(); i++)
			take_one();
		lab_host_read(bar.mem, from, host, SIZE);
		check(all_is(host, SIZE, 0xd1 + (moves - 1) % 2));
	}
	lab_host_read(bar.mem, place[moves % 2], host, SIZE);
	check_blocks(host);
	printf("%u moves under %d QPs, %d blocks each\n", moves, QPS, (int)BLOCKS);
	check(moves >= 4);
	check_sides();
}

TEST(moves_under_four_qps, .timeout = 120)
{
	setup("rp-edu", "far-edu", "rp-mem");
	moves_under_load();
}

/* One side by its bus address, the other through the root complex. */
TEST(moves_under_four_qps_same_switch, .timeout = 120)
{
	setup("sw-edu", "rp-edu", "sw-mem");
	moves_under_load();
}

/* What a move without a copy leaves behind is what was there. */
TEST(move_then_write)
{
	__u8 host[BLOCK];

	setup("rp-edu", "far-edu", "rp-mem");
	lab_host_fill("rp-mem", START, SIZE, 0x11);
	lab_host_fill("rp-mem", OTHER, SIZE, 0x22);
	check_ok(peer_move_one(bar.node, bar.export.id, MEM_BAR, OTHER, SIZE, 0));
	pattern_fill(memory->data, BLOCK, 3);
	check_eq(rdma_do(hammer[0].qp[0], IBV_WR_RDMA_WRITE, memory, 0, BLOCK,
			 BLOCK, bar.mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", OTHER + BLOCK, host, BLOCK);
	check(pattern_matches(host, BLOCK, 3));
	lab_host_read("rp-mem", START + BLOCK, host, BLOCK);
	check(all_is(host, BLOCK, 0x11));
}

/* Out of the BAR, with what is in it, and into it again: the MR goes with it. */
TEST(moves_to_system_memory_and_back)
{
	const struct peerbuf_range system = {
		.length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM,
	};
	__u8 host[BLOCK];

	setup("rp-edu", "far-edu", "rp-mem");
	lab_host_fill("rp-mem", START, SIZE, 0x44);
	check_ok(peer_move(bar.node, bar.export.id, &system, 1, PEERBUF_MOVE_F_COPY));
	lab_host_fill("rp-mem", START, SIZE, 0x55);
	check_eq(rdma_do(hammer[0].qp[0], IBV_WR_RDMA_READ, memory, 0, BLOCK, 0,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	check(all_is(memory->data, BLOCK, 0x44));
	pattern_fill(memory->data, BLOCK, 4);
	check_eq(rdma_do(hammer[0].qp[0], IBV_WR_RDMA_WRITE, memory, 0, BLOCK, 0,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	lab_host_read("rp-mem", START, host, BLOCK);
	check(all_is(host, BLOCK, 0x55));
	check_ok(peer_move_one(bar.node, bar.export.id, MEM_BAR, OTHER, SIZE,
			       PEERBUF_MOVE_F_COPY));
	lab_host_read("rp-mem", OTHER, host, BLOCK);
	check(pattern_matches(host, BLOCK, 4));
}

/* The QP that used it fails, the others do not, and after a restore the MR is good. */
TEST(revoke_then_restore)
{
	setup("rp-edu", "far-edu", "rp-mem");
	check_ok(peer_revoke(bar.node, bar.export.id, 5000));
	lab_host_fill("rp-mem", START, SIZE, 0x33);
	check_eq(rdma_do(hammer[0].qp[0], IBV_WR_RDMA_WRITE, memory, 0, BLOCK, 0,
			 bar.mr->rkey), IBV_WC_REM_ACCESS_ERR);
	check_eq(rdma_state(hammer[0].qp[0]), IBV_QPS_ERR);
	check_eq(rdma_state(hammer[0].qp[1]), IBV_QPS_ERR);
	check_eq(rdma_state(hammer[2].qp[0]), IBV_QPS_RTS);
	check_ok(peer_restore(bar.node, bar.export.id));
	check_eq(rdma_do(hammer[2].qp[0], IBV_WR_RDMA_READ, memory, 0, BLOCK, 0,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	check(all_is(memory->data, BLOCK, 0x33));
}

/* A revoked buffer as the local side. */
TEST(revoked_buffer_is_the_source)
{
	struct ibv_wc wc;

	setup("rp-edu", "far-edu", "rp-mem");
	check_ok(peer_revoke(bar.node, bar.export.id, 5000));
	check_ok(rdma_post(hammer[0].qp[0], IBV_WR_RDMA_WRITE, 0, bar.mr->lkey,
			   BLOCK, (__u64)(uintptr_t)memory->data,
			   memory->mr->rkey, 1));
	rdma_wait(side[0].rdma.cq, &wc);
	check_eq(wc.status, IBV_WC_LOC_PROT_ERR);
}

/* Nothing is written after the revoke has returned, however much was queued. */
static void revoke_under_load(void)
{
	unsigned int good = 0, refused = 0, flushed = 0;
	__u8 host[SIZE];
	struct ibv_wc wc;

	post_all();
	for (int i = 0; i < 3; i++)
		take_one();
	check_ok(peer_revoke(bar.node, bar.export.id, 10000));
	lab_host_fill(bar.mem, START, SIZE, 0xd5);
	for (unsigned int n = left(); n; n--) {
		wait_any(&wc);
		good += wc.status == IBV_WC_SUCCESS;
		refused += wc.status == IBV_WC_REM_ACCESS_ERR;
		flushed += wc.status == IBV_WC_WR_FLUSH_ERR;
	}
	printf("after the revoke: %u good, %u refused, %u flushed\n", good, refused,
	       flushed);
	check_eq(refused, QPS);
	check_eq(good + refused + flushed, QPS * BLOCKS - 3);
	/* Those were over when the revoke returned, and not polled yet. */
	check(good <= QPS);
	lab_host_read(bar.mem, START, host, SIZE);
	check(all_is(host, SIZE, 0xd5));
	for (int i = 0; i < QPS; i++)
		check_eq(rdma_state(hammer[i].qp[0]), IBV_QPS_ERR);
}

TEST(revoke_under_load, .timeout = 120)
{
	setup("rp-edu", "far-edu", "rp-mem");
	revoke_under_load();
}

TEST(revoke_under_load_same_switch, .timeout = 120)
{
	setup("sw-edu", "rp-edu", "sw-mem");
	revoke_under_load();
}

/* The owner suspends and comes back: only a pause for who does not ask meanwhile. */
TEST(revoke_restore_rounds, .timeout = 120)
{
	setup("rp-edu", "far-edu", "rp-mem");
	for (unsigned int i = 0; i < 10; i++) {
		check_ok(peer_revoke(bar.node, bar.export.id, 5000));
		check_ok(peer_restore(bar.node, bar.export.id));
		pattern_fill(memory->data, 16, i);
		check_eq(rdma_do(hammer[0].qp[0], IBV_WR_RDMA_WRITE, memory, 0, 16,
				 0, bar.mr->rkey), IBV_WC_SUCCESS);
	}
}
