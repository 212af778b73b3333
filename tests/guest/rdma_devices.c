// SPDX-License-Identifier: GPL-2.0
/* Several RDMA devices: connected with each other, and side by side at one BAR. */
#include "harness.h"
#include "rdma.h"

#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)

/* ---- a connection between two ---- */

static struct rdma near, far;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(void)
{
	rdma_open(&near, "rp-edu");
	rdma_open(&far, "far-edu");
	rdma_memory(&near, 4096, &memory);
	qp[0] = rdma_qp(&near, NULL);
	qp[1] = rdma_qp(&far, NULL);
	rdma_connect(&near, qp[0], &far, qp[1], RDMA_ALL);
}

/* From one device's BAR into another's: each end's own engine moves the bytes. */
TEST(write_from_bar_to_bar)
{
	struct rdma_bar from, to;
	__u8 host[3000];
	struct ibv_wc wc;
	__u64 before[2];

	setup();
	rdma_bar(&near, "rp-mem", START, SIZE, &from);
	rdma_bar(&far, "far-mem", START, SIZE, &to);
	before[0] = rdma_counter(&near, "engine_bytes");
	before[1] = rdma_counter(&far, "engine_bytes");
	pattern_fill(buffer_map(from.export.fd, SIZE, 0), sizeof(host), 5);
	check_ok(rdma_post(qp[0], IBV_WR_RDMA_WRITE, 0, from.mr->lkey,
			   sizeof(host), 0x200, to.mr->rkey, 1));
	rdma_wait(near.cq, &wc);
	check_eq(wc.status, IBV_WC_SUCCESS);
	lab_host_read("far-mem", START + 0x200, host, sizeof(host));
	check(pattern_matches(host, sizeof(host), 5));
	check_eq(rdma_counter(&near, "engine_bytes") - before[0], sizeof(host));
	check_eq(rdma_counter(&far, "engine_bytes") - before[1], sizeof(host));
}

/* The others: out of the far device's BAR, into it, and both at once. */
TEST(read_send_and_atomic_at_a_bar)
{
	struct rdma_bar bar;
	struct ibv_wc wc;
	__u64 host[2];

	setup();
	rdma_bar(&far, "far-mem", START, SIZE, &bar);
	lab_host_fill("far-mem", START, 4096, 0x31);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 64, 32, 8,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	check(memory.data[64] == 0x31 && memory.data[95] == 0x31);
	check_eq(rdma_do(qp[0], IBV_WR_ATOMIC_FETCH_AND_ADD, &memory, 0, 8, 16,
			 bar.mr->rkey), IBV_WC_SUCCESS);
	check_eq(*(__u64 *)memory.data, 0x3131313131313131ULL);
	memset(memory.data, 0x32, 16);
	check_ok(rdma_post_recv(qp[1], 0x100, bar.mr->lkey, 64, 5));
	check_eq(rdma_do(qp[0], IBV_WR_SEND, &memory, 0, 16, 0, 0),
		 IBV_WC_SUCCESS);
	rdma_wait(far.cq, &wc);
	check_eq(wc.status, IBV_WC_SUCCESS);
	check_eq(wc.byte_len, 16);
	lab_host_read("far-mem", START + 0x100, host, sizeof(host));
	check(host[0] == 0x3232323232323232ULL && host[1] == host[0]);
}

/* A key is good on its own device only. */
TEST(rkey_of_the_near_device)
{
	setup();
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, 64,
			 (__u64)(uintptr_t)memory.data, memory.mr->rkey),
		 IBV_WC_REM_ACCESS_ERR);
	check_eq(rdma_state(qp[0]), IBV_QPS_ERR);
	check_eq(rdma_state(qp[1]), IBV_QPS_ERR);
}

/* ---- side by side ---- */

#define BLOCKS	6
#define BLOCK	256
#define PART	(BLOCKS * BLOCK)

/* A device with a part of the buffer to write, and what it had counted before. */
static struct worker {
	const char *edu;
	struct rdma rdma;
	struct rdma_memory memory;
	struct ibv_mr *mr;
	struct ibv_qp *qp[2];
	__u64 before;
} workers[] = {
	{ .edu = "rp-edu" }, { .edu = "far-edu" }, { .edu = "sw-edu" },
};

#define WORKERS	(sizeof(workers) / sizeof(*workers))

static void worker_open(struct worker *worker, int fd, __u32 seed)
{
	rdma_open(&worker->rdma, worker->edu);
	rdma_memory(&worker->rdma, PART, &worker->memory);
	pattern_fill(worker->memory.data, PART, seed);
	check_ok(rdma_reg_dmabuf(&worker->rdma, 0, SIZE, 0, fd, RDMA_ALL,
				 &worker->mr));
	rdma_loop(&worker->rdma, worker->qp);
	worker->before = rdma_counter(&worker->rdma, "engine_jobs");
}

static void worker_start(struct worker *worker, __u64 remote)
{
	for (__u64 i = 0; i < PART; i += BLOCK)
		check_ok(rdma_post(worker->qp[0], IBV_WR_RDMA_WRITE,
				   (__u64)(uintptr_t)worker->memory.data + i,
				   worker->memory.mr->lkey, BLOCK, remote + i,
				   worker->mr->rkey, i));
}

static void worker_finish(struct worker *worker)
{
	struct ibv_wc wc;

	for (int i = 0; i < BLOCKS; i++) {
		rdma_wait(worker->rdma.cq, &wc);
		check_eq(wc.status, IBV_WC_SUCCESS);
	}
}

static __u64 worker_jobs(struct worker *worker)
{
	return rdma_counter(&worker->rdma, "engine_jobs") - worker->before;
}

static bool one_is_done(__u64 *jobs)
{
	bool done = false;

	for (size_t i = 0; i < WORKERS; i++) {
		jobs[i] = worker_jobs(&workers[i]);
		done |= jobs[i] == BLOCKS;
	}
	return done;
}

/*
 * Three devices write into one BAR, each with its own engine and at the same time:
 * when the first has finished the others are not far behind.
 */
TEST(engines_in_parallel)
{
	__u8 host[WORKERS * PART];
	struct peer_export export;
	__u64 jobs[WORKERS];

	check_ok(peer_export_one(node_open("rp-mem"), MEM_BAR, START, SIZE, 0,
				 &export));
	for (size_t i = 0; i < WORKERS; i++)
		worker_open(&workers[i], export.fd, 20 + i);
	for (size_t i = 0; i < WORKERS; i++)
		worker_start(&workers[i], i * PART);
	eventually(RDMA_PATIENCE, one_is_done(jobs));
	printf("jobs of each engine when the first had done its %d: %llu %llu %llu\n",
	       BLOCKS, jobs[0], jobs[1], jobs[2]);
	for (size_t i = 0; i < WORKERS; i++)
		check(jobs[i] >= BLOCKS / 2);
	for (size_t i = 0; i < WORKERS; i++) {
		worker_finish(&workers[i]);
		check_eq(worker_jobs(&workers[i]), BLOCKS);
	}
	lab_host_read("rp-mem", START, host, sizeof(host));
	for (size_t i = 0; i < WORKERS; i++)
		check(pattern_matches(host + i * PART, PART, 20 + i));
}
