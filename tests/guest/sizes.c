// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers of 8 GiB and more: bytes on both sides of 4 GiB, at the end, and across a
 * segment's end, by the CPU, by devices, and by a copy. On machines with large BARs:
 * "plain+rdma+8G+sriov", "vtd+rdma+64G+sriov".
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "large.h"
#include "scene.h"

#define LENGTH	600
#define GIB	(1ULL << 30)

static const char *mem;
static int node, edu;
static struct peer_export export;

static void export_all(const char *id)
{
	mem = id;
	node = node_open(mem);
	check_ok(peer_export_one(node, MEM_BAR, 0, large_bar(mem), 0, &export));
	check_eq(export.size, large_bar(mem));
}

/* ---- the CPU ---- */

static void cpu_reaches(__u8 *cpu, __u64 at, __u64 offset, __u32 seed)
{
	lab_host_fill(mem, offset, LENGTH, 0xee);
	check_eq(cpu[at], 0xee);
	check_eq(cpu[at + LENGTH - 1], 0xee);
	pattern_fill(cpu + at, LENGTH, seed);
	check_host_pattern(mem, offset, LENGTH, seed);
}

TEST(cpu_maps_all_of_it)
{
	struct large_spots spots;
	__u8 *cpu;

	export_all("rp-mem");
	large_spots(export.size, LENGTH, &spots);
	cpu = buffer_map(export.fd, export.size, 0);
	for (unsigned int i = 0; i < spots.nr; i++)
		cpu_reaches(cpu, spots.at[i], spots.at[i], i + 1);
	for (unsigned int i = 0; i < spots.nr; i++)
		check_host_pattern(mem, spots.at[i], LENGTH, i + 1);
}

/* A window of it that begins below 4 GiB and ends above, and the last page. */
TEST(cpu_maps_a_window)
{
	__u8 *cpu;

	export_all("far-mem");
	cpu = buffer_map(export.fd, 4 * PAGE, FOUR_GIB - 2 * PAGE);
	cpu_reaches(cpu, 2 * PAGE - LENGTH / 2, FOUR_GIB - LENGTH / 2, 1);
	cpu = buffer_map(export.fd, PAGE, export.size - PAGE);
	cpu_reaches(cpu, PAGE - LENGTH, export.size - LENGTH, 2);
	check(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, export.fd,
		   export.size - PAGE) == MAP_FAILED);
	check_eq(errno, EINVAL);
}

/* ---- devices ---- */

/* Between the device and a place of the buffer, which is there in the BAR. */
static void device_reaches(__u32 handle, __u64 at, const __u64 *offset, __u32 seed)
{
	__u8 inner[LENGTH], host[LENGTH];

	for (int half = 0; half < 2; half++)
		lab_host_fill(mem, offset[half], LENGTH / 2, 0xee);
	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, at, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	for (int half = 0; half < 2; half++)
		lab_host_read(mem, offset[half], host + half * LENGTH / 2, LENGTH / 2);
	check(pattern_matches(host, LENGTH, seed));
	memset(inner, 0, LENGTH);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, at, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, seed));
}

static void device_reaches_here(__u32 handle, __u64 at, __u32 seed)
{
	const __u64 offset[2] = { at, at + LENGTH / 2 };

	device_reaches(handle, at, offset, seed);
}

/* Across the end of its first and of its last but one segment: how many there are. */
static __u32 across_segments(__u32 handle)
{
	static struct edu_dma_segment segments[64];
	__u64 end = 0;
	__u32 total;

	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, segments, 64, &total));
	check(total <= 64);
	for (__u32 i = 0; i + 1 < total; i++) {
		end += segments[i].len;
		if (!i || i + 2 == total)
			device_reaches_here(handle, end - LENGTH / 2, 10 + i);
	}
	check_eq(end + segments[total - 1].len, export.size);
	return total;
}

static void device_has_all(const char *edu_id, const char *id, __u32 mode)
{
	struct large_spots spots;
	__u32 handle, total;

	export_all(id);
	edu = edu_open(edu_id);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	large_spots(export.size, LENGTH, &spots);
	for (unsigned int i = 0; i < spots.nr; i++)
		device_reaches_here(handle, spots.at[i], i + 1);
	total = across_segments(handle);
	/* A scatterlist's lengths have 32 bits. */
	if (mode == EDU_DMA_FOREIGN)
		check(total >= 2);
}

TEST_VARIANT(importer_has_all_of_it, device_has_all, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(importer_has_all_of_it_across_host_bridges, device_has_all, "rp-edu", "far-mem",
	     EDU_DMA_DYNAMIC)

TEST_VARIANT(importer_has_all_of_it_same_switch, device_has_all, "sw-edu", "sw-mem",
	     EDU_DMA_DYNAMIC)

/* What an RDMA device registers in pages of 1 GiB. */
static void segments_of_a_gib(__u32 mode)
{
	static struct edu_dma_segment segments[64];
	__u32 handle, total;

	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, segments, 64, &total));
	check_eq(total, export.size / GIB);
	for (__u32 i = 0; i < total; i++) {
		check_eq(segments[i].len, GIB);
		check_eq(segments[i].addr % GIB, 0);
	}
	check_ok(edu_detach(edu, handle));
}

TEST(export_asks_for_segments_of_a_gib)
{
	struct peerbuf_range range = { .bar = MEM_BAR };

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	range.length = large_bar("rp-mem");
	check_ok(peer_export_cut(node, &range, GIB, GIB, &export));
	segments_of_a_gib(EDU_DMA_DYNAMIC);
	segments_of_a_gib(EDU_DMA_FOREIGN);
}

TEST_VARIANT(foreign_importer_has_all_of_it, device_has_all, "rp-edu", "rp-mem", EDU_DMA_FOREIGN)
TEST_VARIANT(foreign_importer_has_all_of_it_same_switch, device_has_all, "sw-edu", "sw-mem",
	     EDU_DMA_FOREIGN)

/* Five GiB out of the middle, and then the beginning: the seam is behind 4 GiB. */
static void seam_behind_4_gib(__u32 mode)
{
	const struct peerbuf_range ranges[2] = {
		{ .bar = MEM_BAR, .offset = ONE_GIB, .length = 5 * ONE_GIB },
		{ .bar = MEM_BAR, .offset = 0, .length = PAGE },
	};
	const __u64 seam[2] = { 6 * ONE_GIB - LENGTH / 2, 0 };
	const __u64 middle[2] = {
		FOUR_GIB + ONE_GIB - LENGTH / 2, FOUR_GIB + ONE_GIB,
	};
	__u32 handle;

	mem = "rp-mem";
	node = node_open(mem);
	edu = edu_open("rp-edu");
	large_bar(mem);
	check_ok(peer_export(node, ranges, 2, 0, &export));
	check_eq(export.size, 5 * ONE_GIB + PAGE);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	device_reaches(handle, FOUR_GIB - LENGTH / 2, middle, 1);
	device_reaches(handle, 5 * ONE_GIB - LENGTH / 2, seam, 2);
}

TEST(importer_crosses_a_seam_behind_4_gib)
{
	seam_behind_4_gib(EDU_DMA_DYNAMIC);
}

TEST(foreign_importer_crosses_a_seam_behind_4_gib)
{
	seam_behind_4_gib(EDU_DMA_FOREIGN);
}

/* ---- copies ---- */

#define MOVED	(16 * PAGE)

static void moves_to(__u64 offset, __u32 handle, __u8 *cpu, __u32 seed)
{
	__u8 inner[LENGTH];

	lab_host_fill(mem, offset, MOVED, 0xee);
	check_ok(peer_move_one(node, export.id, MEM_BAR, offset, MOVED, PEERBUF_MOVE_F_COPY));
	check_host_pattern(mem, offset, MOVED, seed);
	check(pattern_matches(cpu, MOVED, seed));
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, seed));
}

/* From below 4 GiB to the end of the BAR, across 4 GiB, and back. */
TEST(copy_behind_4_gib)
{
	__u32 handle;
	__u8 *cpu;

	mem = "rp-mem";
	node = node_open(mem);
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, ONE_GIB, MOVED, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	cpu = buffer_map(export.fd, MOVED, 0);
	pattern_fill(cpu, MOVED, 7);
	moves_to(large_bar(mem) - MOVED, handle, cpu, 7);
	moves_to(FOUR_GIB - MOVED / 2, handle, cpu, 7);
	moves_to(FOUR_GIB + ONE_GIB, handle, cpu, 7);
	moves_to(ONE_GIB, handle, cpu, 7);
}

#define MIB	(1ULL << 20)
#define PIECES	3

/* Where that byte of a buffer of these ranges is in the BAR. */
static __u64 place_of(const struct peerbuf_range *range, __u64 at)
{
	for (; at >= range->length; range++)
		at -= range->length;
	return range->offset + at;
}

/* A short pattern of its own on both sides of each of these places: in the BAR by the host. */
static void check_places(const struct peerbuf_range *ranges, const __u64 *places, unsigned int nr)
{
	__u8 host[LENGTH];

	for (unsigned int i = 0; i < nr; i++) {
		__u64 start = places[i] - LENGTH / 2;

		lab_host_read(mem, place_of(ranges, start), host, LENGTH / 2);
		lab_host_read(mem, place_of(ranges, places[i]), host + LENGTH / 2, LENGTH / 2);
		check(pattern_matches(host, LENGTH, 40 + i));
	}
}

/* The CPU sees at most 16 MiB at a time, and ranges end elsewhere on both sides. */
TEST(copy_of_ranges_larger_than_a_window)
{
	const struct peerbuf_range from[PIECES] = {
		{ .bar = MEM_BAR, .offset = ONE_GIB, .length = 20 * MIB },
		{ .bar = MEM_BAR, .offset = 0, .length = PAGE },
		{ .bar = MEM_BAR, .offset = FOUR_GIB - 10 * MIB, .length = 18 * MIB },
	}, to[PIECES] = {
		{ .bar = MEM_BAR, .offset = FOUR_GIB - MIB - GIB, .length = MIB + 3 * PAGE },
		{ .bar = MEM_BAR, .offset = FOUR_GIB + GIB, .length = 35 * MIB },
		{ .bar = MEM_BAR, .offset = large_bar("rp-mem") - 2 * MIB + 2 * PAGE,
		  .length = 2 * MIB - 2 * PAGE },
	};
	/* Seams, the ends of windows on either side, and 4 GiB. */
	const __u64 places[] = {
		MIB + 3 * PAGE, 16 * MIB, 17 * MIB + 3 * PAGE, 20 * MIB, 20 * MIB + PAGE,
		30 * MIB + PAGE, 33 * MIB + 3 * PAGE, 36 * MIB + PAGE, 36 * MIB + 3 * PAGE,
	};
	const unsigned int nr = sizeof(places) / sizeof(*places);
	__u8 *cpu;

	mem = "rp-mem";
	node = node_open(mem);
	check_ok(peer_export(node, from, PIECES, 0, &export));
	check_eq(export.size, 38 * MIB + PAGE);
	cpu = buffer_map(export.fd, export.size, 0);
	for (unsigned int i = 0; i < nr; i++)
		pattern_fill(cpu + places[i] - LENGTH / 2, LENGTH, 40 + i);
	check_places(from, places, nr);
	check_ok(peer_move(node, export.id, to, PIECES, PEERBUF_MOVE_F_COPY));
	check_places(to, places, nr);
	for (unsigned int i = 0; i < nr; i++)
		check(pattern_matches(cpu + places[i] - LENGTH / 2, LENGTH, 40 + i));
}
