// SPDX-License-Identifier: GPL-2.0
/* Move: the buffer goes elsewhere, and everybody goes with it. */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"

#define SIZE		SCENE_SIZE
#define START		SCENE_START
#define ELSEWHERE	SCENE_ELSEWHERE
#define LENGTH		SCENE_LENGTH

static struct scene scene;

static void open_all(const char *edu, const char *mem, __u32 mode)
{
	scene_open(&scene, edu, mem, 0);
	scene_attach(&scene, mode, 0);
}

static void everybody_moves(const char *edu_id, const char *mem, __u32 mode)
{
	struct edu_dma_state state;

	open_all(edu_id, mem, mode);
	check_eq(*scene.cpu, 0xee);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE, SIZE, 0));
	check_ok(edu_state(scene.edu, scene.handle, &state));
	check_eq(state.invalidations, 1);
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	scene_write(&scene, 0, 1);
	check(pattern_matches(scene.cpu, LENGTH, 1));
	check_host_pattern(mem, ELSEWHERE, LENGTH, 1);
	check_host_untouched(mem, START);
}

TEST_VARIANT(everybody_sees_the_new_place, everybody_moves, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(everybody_sees_the_new_place_same_switch, everybody_moves, "sw-edu", "sw-mem",
	     EDU_DMA_DYNAMIC)

TEST_VARIANT(everybody_sees_the_new_place_foreign_importer, everybody_moves, "far-edu", "rp-mem",
	     EDU_DMA_FOREIGN)

TEST(copy_takes_the_contents_along)
{
	open_all("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	pattern_fill(scene.cpu, SIZE, 2);
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(scene.cpu, SIZE, 2));
	check_host_pattern("rp-mem", ELSEWHERE, LENGTH, 2);
	check_ok(edu_copy(scene.edu, scene.handle, 0, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	__u8 inner[LENGTH];

	check_ok(edu_get(scene.edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, 2));
}

/* What a transfer in flight writes is part of what is copied. */
TEST(move_waits_for_running_transfer)
{
	struct edu_dma_state state;

	open_all("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	scene_put(&scene, 3);
	check_ok(edu_copy(scene.edu, scene.handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	check_ok(edu_state(scene.edu, scene.handle, &state));
	check(state.flags & EDU_DMA_STATE_F_BUSY);
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE, SIZE,
			       PEERBUF_MOVE_F_COPY));
	check_ok(edu_state(scene.edu, scene.handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_BUSY));
	check_host_pattern("rp-mem", START, LENGTH, 3);
	check_host_pattern("rp-mem", ELSEWHERE, LENGTH, 3);
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
	pattern_fill(scene.cpu, SIZE, 4);
	check_ok(peer_move(scene.node, scene.export.id, &range, 1, PEERBUF_MOVE_F_COPY));
	check(pattern_matches(scene.cpu, SIZE, 4));
	check_host_pattern("far-mem", ELSEWHERE, LENGTH, 4);
	scene_write(&scene, 0, 5);
	check_host_pattern("far-mem", ELSEWHERE, LENGTH, 5);
	/* Of the other function's memory, and still known where it was made. */
	check_ok(peer_query(range.device_fd, scene.export.id, &info));
	check_eq(info.addr, lab_addr("far-mem"));
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.addr, lab_addr("rp-mem"));
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
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, ELSEWHERE, SIZE, 0));
	check_ok(peer_export(scene.node, parts, 2, 0, &scene.export));
	check_ok(peer_query_fd(scene.node, scene.export.fd, &info));
	check_eq(info.nr_devices, 2);
	check_eq(info.buffer_size, 2 * SIZE);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	scene_put(&scene, 6);
	/* Half in the one, half in the other. */
	check_ok(edu_copy(scene.edu, scene.handle, SIZE - LENGTH / 2, 0, LENGTH,
			  EDU_DMA_TO_BUFFER, 0));
	__u8 host[LENGTH], inner[LENGTH];

	pattern_fill(inner, LENGTH, 6);
	lab_host_read("rp-mem", SIZE - LENGTH / 2, host, LENGTH / 2);
	lab_host_read("far-mem", PAGE, host + LENGTH / 2, LENGTH / 2);
	check(!memcmp(inner, host, LENGTH));
}
