// SPDX-License-Identifier: GPL-2.0
/* A BO as an MR: RDMA into a GPU's memory, which is evicted and comes back in between. */
#include <unistd.h>

#include "gpu.h"
#include "harness.h"
#include "rdma.h"

#define LENGTH	3000

static struct rdma rdma;
static struct rdma_memory memory;
static struct ibv_qp *qp[2];
static struct ibv_mr *mr;
static struct gpu gpu;
static struct bo bo;

static void setup(unsigned int vram_kib, unsigned int window_kib, __u32 flags)
{
	rdma_begin(&rdma, "rp-edu", qp, 16 * KIB, &memory);
	gpu_open(&gpu, "rp-mem", vram_kib, window_kib);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, flags);
	check_ok(rdma_reg_dmabuf(&rdma, 0, bo.size, 0, bo_share(&bo), RDMA_ALL, &mr));
}

static void write_at(__u64 offset, __u32 seed)
{
	pattern_fill(memory.data, LENGTH, seed);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, offset, mr->rkey),
		 IBV_WC_SUCCESS);
}

static void read_has(__u64 offset, __u32 seed)
{
	memset(memory.data, 0, LENGTH);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, LENGTH, offset, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(memory.data, LENGTH, seed));
}

TEST(mr_of_a_bo_goes_where_the_bo_goes)
{
	struct bo others[16];
	unsigned int nr;
	__u8 *cpu;

	setup(512, 0, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	write_at(0, 1);
	bo_host_matches(&bo, 0, LENGTH, 1);
	nr = bo_crowd_out(&gpu, &bo, others, 16);
	write_at(16 * KIB, 2);
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check(pattern_matches(cpu, LENGTH, 1));
	check(pattern_matches(cpu + 16 * KIB, LENGTH, 2));
	while (nr)
		bo_close(&others[--nr]);
	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	write_at(32 * KIB, 3);
	bo_host_matches(&bo, 16 * KIB, LENGTH, 2);
	bo_host_matches(&bo, 32 * KIB, LENGTH, 3);
	read_has(0, 1);
	read_has(16 * KIB, 2);
}

TEST(mr_of_a_bo_out_of_hidden_memory)
{
	setup(512, 128, 0);
	write_at(0, 4);
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	check_ok(bo_move(&bo, VRAM_IN_HIDDEN));
	read_has(0, 4);
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	bo_host_matches(&bo, 0, LENGTH, 4);
}
