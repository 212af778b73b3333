// SPDX-License-Identifier: GPL-2.0
/* Move: the buffer goes elsewhere, and everybody goes with it. */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(64 * 1024)
#define START	(128 * 1024)
#define ELSEWHERE (512 * 1024)
#define LENGTH	2000

static int node, edu;
static struct peer_export export;
static __u32 handle;
static __u8 *cpu;

static void open_all(const char *edu_id, const char *mem, __u32 mode)
{
	node = node_open(mem);
	edu = edu_open(edu_id);
	lab_host_fill(mem, 0, 1 << 20, 0xee);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	cpu = buffer_map(export.fd, SIZE, 0);
}

static void put_pattern(__u32 seed)
{
	__u8 inner[LENGTH];

	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(edu, 0, inner, LENGTH));
}

static void host_has(const char *mem, __u64 offset, __u32 seed)
{
	__u8 host[LENGTH];

	lab_host_read(mem, offset, host, LENGTH);
	check(pattern_matches(host, LENGTH, seed));
}

static void host_untouched(const char *mem, __u64 offset)
{
	__u8 host[LENGTH];

	lab_host_read(mem, offset, host, LENGTH);
	for (size_t i = 0; i < LENGTH; i++)
		check_eq(host[i], 0xee);
}

static void everybody_moves(const char *edu_id, const char *mem, __u32 mode)
{
	struct edu_dma_state state;

	open_all(edu_id, mem, mode);
	check_eq(*cpu, 0xee);
	check_ok(edu_map(edu, handle));
	check_ok(peer_move_one(node, export.id, MEM_BAR, ELSEWHERE, SIZE, 0));
	check_ok(edu_state(edu, handle, &state));
	check_eq(state.invalidations, 1);
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	put_pattern(1);
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	check(pattern_matches(cpu, LENGTH, 1));
	host_has(mem, ELSEWHERE, 1);
	host_untouched(mem, START);
}

TEST(everybody_sees_the_new_place)
{
	everybody_moves("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(everybody_sees_the_new_place_same_switch)
{
	everybody_moves("sw-edu", "sw-mem", EDU_DMA_DYNAMIC);
}

TEST(everybody_sees_the_new_place_foreign_importer)
{
	everybody_moves("far-edu", "rp-mem", EDU_DMA_FOREIGN);
}

TEST(copy_takes_the_contents_along)
{
	open_all("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	pattern_fill(cpu, SIZE, 2);
	check_ok(peer_move_one(node, export.id, MEM_BAR, ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu, SIZE, 2));
	host_has("rp-mem", ELSEWHERE, 2);
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	__u8 inner[LENGTH];

	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, 2));
}

/* What a transfer in flight writes is part of what is copied. */
TEST(move_waits_for_running_transfer)
{
	struct edu_dma_state state;

	open_all("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	put_pattern(3);
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	check_ok(edu_state(edu, handle, &state));
	check(state.flags & EDU_DMA_STATE_F_BUSY);
	check_ok(peer_move_one(node, export.id, MEM_BAR, ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check_ok(edu_state(edu, handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_BUSY));
	host_has("rp-mem", START, 3);
	host_has("rp-mem", ELSEWHERE, 3);
}

/* To another device's BAR: every attached importer must reach that one too. */
TEST(move_to_another_device)
{
	struct peerbuf_range range = {
		.offset = ELSEWHERE, .length = SIZE, .bar = MEM_BAR,
		.flags = PEERBUF_RANGE_F_DEVICE_FD,
	};
	struct peerbuf_export_info info;

	open_all("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	range.device_fd = node_open("far-mem");
	lab_host_fill("far-mem", ELSEWHERE, SIZE, 0xee);
	pattern_fill(cpu, SIZE, 4);
	check_ok(peer_move(node, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu, SIZE, 4));
	host_has("far-mem", ELSEWHERE, 4);
	put_pattern(5);
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	host_has("far-mem", ELSEWHERE, 5);
	/* Of the other function's memory, and still known where it was made. */
	check_ok(peer_query(range.device_fd, export.id, &info));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.addr, lab_addr("far-mem"));
	check_eq(info.moves, 1);
}

/* A buffer made of two devices' memory, in one piece for everybody. */
TEST(buffer_of_two_devices)
{
	struct peerbuf_range parts[2] = {
		{ .offset = 0, .length = SIZE, .bar = MEM_BAR },
		{ .offset = PAGE, .length = SIZE, .bar = MEM_BAR,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
	};
	struct peerbuf_export_info info;

	open_all("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	parts[1].device_fd = node_open("far-mem");
	lab_host_fill("far-mem", 0, 1 << 20, 0xee);
	check_ok(peer_move_one(node, export.id, MEM_BAR, ELSEWHERE, SIZE, 0));
	check_ok(peer_export(node, parts, 2, 0, &export));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.nr_devices, 2);
	check_eq(info.buffer_size, 2 * SIZE);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	put_pattern(6);
	/* Half in the one, half in the other. */
	check_ok(edu_copy(edu, handle, SIZE - LENGTH / 2, 0, LENGTH,
			  EDU_DMA_TO_BUFFER, 0));
	__u8 host[LENGTH], inner[LENGTH];

	pattern_fill(inner, LENGTH, 6);
	lab_host_read("rp-mem", SIZE - LENGTH / 2, host, LENGTH / 2);
	lab_host_read("far-mem", PAGE, host + LENGTH / 2, LENGTH / 2);
	check(!memcmp(inner, host, LENGTH));
}
