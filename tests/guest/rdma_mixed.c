// SPDX-License-Identifier: GPL-2.0
/*
 * One MR over a buffer of several devices' BARs and system memory, in any order, that goes
 * elsewhere and stays registered. Witnesses: the host's files behind the BARs, and the CPU.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "rdma.h"

#define NR_PIECES	5
#define SIZE		(10 * PAGE)

static const struct piece {
	const char *mem; /* NULL: system memory */
	__u32 page;
	__u32 pages;
} pieces[NR_PIECES] = {
	{ NULL, 0, 2 }, { "rp-mem", 4, 3 }, { "far-mem", 1, 2 }, { NULL, 0, 1 }, { "rp-mem", 0, 2 },
};

static struct rdma rdma;
static struct ibv_qp *qp[2];
static struct rdma_memory memory;
static struct peer_export export;
static struct ibv_mr *mr;
static int node, far;
static __u8 *cpu;

static void setup(const char *edu)
{
	struct peerbuf_range ranges[NR_PIECES] = {};

	rdma_begin(&rdma, edu, qp, 2 * SIZE, &memory);
	node = node_open("rp-mem");
	far = node_open("far-mem");
	for (int i = 0; i < NR_PIECES; i++) {
		ranges[i].length = pieces[i].pages * PAGE;
		ranges[i].flags = PEERBUF_RANGE_F_SYSTEM;
		if (!pieces[i].mem)
			continue;
		ranges[i].flags = PEERBUF_RANGE_F_DEVICE_FD;
		ranges[i].device_fd = node_open(pieces[i].mem);
		ranges[i].bar = MEM_BAR;
		ranges[i].offset = pieces[i].page * PAGE;
	}
	check_ok(peer_export(node, ranges, NR_PIECES, 0, &export));
	check_eq(export.size, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	check_ok(rdma_reg_dmabuf(&rdma, 0, SIZE, 0, export.fd, RDMA_ALL, &mr));
}

/* One WRITE, one READ, across all of it. */
static void round_trip(__u32 seed)
{
	pattern_fill(memory.data, SIZE, seed);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_WRITE, &memory, 0, SIZE, 0, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(cpu, SIZE, seed));
	pattern_fill(cpu, SIZE, seed + 1);
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, SIZE, SIZE, 0, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(memory.data + SIZE, SIZE, seed + 1));
}

static void host_agrees(void)
{
	__u8 host[SIZE];
	size_t at = 0;

	for (int i = 0; i < NR_PIECES; i++) {
		size_t length = pieces[i].pages * PAGE;

		if (pieces[i].mem) {
			lab_host_read(pieces[i].mem, pieces[i].page * PAGE, host, length);
			check(!memcmp(host, cpu + at, length));
		}
		at += length;
	}
}

TEST(one_mr_of_everything)
{
	struct peerbuf_export_info info;

	setup("rp-edu");
	round_trip(1);
	host_agrees();
	check_ok(peer_query_fd(node, export.fd, &info));
	check_eq(info.nr_devices, 2);
	check_eq(info.system_size, 3 * PAGE);
	check_eq(info.nr_mappings, 1);
}

/* To system memory, to a BAR and back to a mixture: the MR stays, and so do the bytes. */
TEST(mr_stays_while_the_buffer_migrates)
{
	struct peerbuf_range system = { .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM };
	struct peerbuf_range half[2] = {
		{ .length = SIZE / 2, .offset = 64 * PAGE, .bar = MEM_BAR },
		{ .length = SIZE / 2, .flags = PEERBUF_RANGE_F_SYSTEM },
	};

	setup("rp-edu");
	round_trip(3);
	check_ok(peer_move_with(node, export.id, &system, 1, PEERBUF_MOVE_F_COPY, &far, 1));
	check(pattern_matches(cpu, SIZE, 4));
	check_eq(rdma_do(qp[0], IBV_WR_RDMA_READ, &memory, 0, SIZE, 0, mr->rkey),
		 IBV_WC_SUCCESS);
	check(pattern_matches(memory.data, SIZE, 4));
	round_trip(5);
	check_ok(peer_move_one(node, export.id, MEM_BAR, 32 * PAGE, SIZE, PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu, SIZE, 6));
	round_trip(7);
	check_ok(peer_move(node, export.id, half, 2, PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu, SIZE, 8));
	round_trip(9);
	check_eq(ibv_dereg_mr(mr), 0);
}
