// SPDX-License-Identifier: GPL-2.0
/* All of a large BAR in one MR, and MRs of what is behind 4 GiB of it. */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "large.h"
#include "rdma.h"
#include "scene.h"

#define MEM	"rp-mem"
#define LENGTH	600

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;

static void setup(void)
{
	rdma_begin(&rdma, "rp-edu", qp, PAGE, &memory);
}

static void write_pattern(struct ibv_mr *mr, __u64 remote, __u32 seed)
{
	pattern_fill(memory.data, LENGTH, seed);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, remote, mr->rkey),
		 IBV_WC_SUCCESS);
}

static void read_pattern(struct ibv_mr *mr, __u64 remote, __u32 seed)
{
	memset(memory.data, 0, LENGTH);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, LENGTH, remote, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(memory.data, LENGTH, seed));
}

/* Both ways. */
static void reaches(struct ibv_mr *mr, __u64 remote, __u64 offset, __u32 seed)
{
	lab_host_fill(MEM, offset, LENGTH, 0xee);
	write_pattern(mr, remote, seed);
	check_host_pattern(MEM, offset, LENGTH, seed);
	read_pattern(mr, remote, seed);
}

static void past_the_end(struct ibv_mr *mr, __u64 end)
{
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, LENGTH, end - LENGTH + 1,
			 mr->rkey), IBV_WC_REM_ACCESS_ERR);
}

TEST(mr_of_all_of_it)
{
	__u64 size = large_bar(MEM);
	struct large_spots spots;
	struct rdma_bar bar;

	setup();
	rdma_bar(&rdma, MEM, 0, size, &bar);
	large_spots(size, LENGTH, &spots);
	for (unsigned int i = 0; i < spots.nr; i++)
		reaches(bar.mr, spots.at[i], spots.at[i], i + 1);
	past_the_end(bar.mr, size);
}

/* A small piece of a large buffer, at an address of its own choosing, down to the page. */
TEST(mr_of_what_is_behind_4_gib)
{
	const __u64 from = FOUR_GIB + 0x123, iova = 0x7000000123;
	__u64 size = large_bar(MEM);
	struct peer_export export;
	struct ibv_mr *mr;

	setup();
	check_ok(peer_export_one(node_open(MEM), MEM_BAR, 0, size, 0, &export));
	check_ok(rdma_reg_dmabuf(&rdma, from, 2 * LENGTH, iova, export.fd, RDMA_ALL, &mr));
	reaches(mr, iova, from, 1);
	reaches(mr, iova + LENGTH, from + LENGTH, 2);
	past_the_end(mr, iova + 2 * LENGTH);
}

/* Five GiB, and a page from elsewhere behind them. */
TEST(mr_with_a_seam_behind_4_gib)
{
	const struct peerbuf_range ranges[2] = {
		{ .bar = MEM_BAR, .offset = ONE_GIB, .length = 5 * ONE_GIB },
		{ .bar = MEM_BAR, .offset = 0, .length = PAGE },
	};
	const __u64 seam = 5 * ONE_GIB - LENGTH / 2;
	struct peer_export export;
	__u8 host[LENGTH];
	struct ibv_mr *mr;

	large_bar(MEM);
	setup();
	check_ok(peer_export(node_open(MEM), ranges, 2, 0, &export));
	check_ok(rdma_reg_dmabuf(&rdma, 0, export.size, 0, export.fd, RDMA_ALL, &mr));
	write_pattern(mr, seam, 3);
	lab_host_read(MEM, 6 * ONE_GIB - LENGTH / 2, host, LENGTH / 2);
	lab_host_read(MEM, 0, host + LENGTH / 2, LENGTH / 2);
	check(pattern_matches(host, LENGTH, 3));
	read_pattern(mr, seam, 3);
}
