// SPDX-License-Identifier: GPL-2.0
/*
 * Importers that walk the pages of a scatterlist: those of system memory are there, in buffer
 * order and as many as orig_nents says; a table with a BAR in it has none.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(1 << 20)
#define LENGTH	3000

static const __u32 walkers[] = { EDU_DMA_FOREIGN, EDU_DMA_PAGES, EDU_DMA_STATIC };
#define EACH_WALKER(i)	for (size_t i = 0; i < sizeof(walkers) / sizeof(*walkers); i++)

static int node, edu;
static struct peer_export export;
static __u8 seen[SIZE];

static void open_all(void)
{
	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
}

static struct peerbuf_range system_memory(__u64 length)
{
	return (struct peerbuf_range) { .length = length, .flags = PEERBUF_RANGE_F_SYSTEM };
}

static __u32 attach(__u32 mode)
{
	__u32 handle;

	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	check_ok(edu_map(edu, handle));
	return handle;
}

static struct edu_dma_walk walk(__u32 handle, __u32 direction, void *data, __u64 offset,
				__u32 length)
{
	struct edu_dma_walk req = {
		.handle = handle, .data = (unsigned long)data, .offset = offset,
		.length = length, .direction = direction,
	};

	check_ok(edu_walk(edu, &req));
	check(req.segments >= 1);
	check(req.pages >= req.segments);
	return req;
}

/* What the CPU wrote is on the pages; what is written there the CPU and the device see. */
static void all_see_the_same(__u32 mode, __u8 *cpu, __u32 seed)
{
	__u32 handle = attach(mode);
	__u8 inner[LENGTH];

	pattern_fill(cpu, SIZE, seed);
	walk(handle, EDU_DMA_FROM_BUFFER, seen, 0, SIZE);
	check(pattern_matches(seen, SIZE, seed));
	/* From the middle of a page, over others. */
	walk(handle, EDU_DMA_FROM_BUFFER, seen, 5 * PAGE - 100, 3 * PAGE);
	check(pattern_matches_part(seen, 5 * PAGE - 100, 3 * PAGE, seed));

	pattern_fill(seen, SIZE, seed + 1);
	walk(handle, EDU_DMA_TO_BUFFER, seen, 0, SIZE);
	check(pattern_matches(cpu, SIZE, seed + 1));
	check_ok(edu_copy(edu, handle, 7 * PAGE - 99, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(pattern_matches_part(inner, 7 * PAGE - 99, LENGTH, seed + 1));
	check_ok(edu_detach(edu, handle));
}

TEST(system_memory_has_its_pages)
{
	const struct peerbuf_range range = system_memory(SIZE);
	__u8 *cpu;

	open_all();
	check_ok(peer_export(node, &range, 1, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	EACH_WALKER(i)
		all_see_the_same(walkers[i], cpu, 10 * i + 1);
}

/* Many ranges, and a device that sees them in one piece, or in pieces of its own. */
TEST(pages_of_many_ranges)
{
	struct peerbuf_range ranges[SIZE / (4 * PAGE)];
	__u8 *cpu;

	open_all();
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		ranges[i] = system_memory(4 * PAGE);
	check_ok(peer_export(node, ranges, sizeof(ranges) / sizeof(*ranges), 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	EACH_WALKER(i)
		all_see_the_same(walkers[i], cpu, 10 * i + 2);
}

TEST(pages_of_cut_segments)
{
	const struct peerbuf_range range = system_memory(SIZE);
	struct edu_dma_walk req;
	__u32 handle;
	__u8 *cpu;

	open_all();
	check_ok(peer_export_cut(node, &range, 0, 3 * PAGE, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	EACH_WALKER(i)
		all_see_the_same(walkers[i], cpu, 10 * i + 3);
	handle = attach(EDU_DMA_PAGES);
	req = walk(handle, EDU_DMA_FROM_BUFFER, seen, SIZE - 1, 1);
	check(req.segments >= SIZE / (3 * PAGE));
}

/* No page of a BAR, nor of what lies beside it. */
static void no_pages(__u32 handle)
{
	struct edu_dma_walk req = {
		.handle = handle, .data = (unsigned long)seen, .length = 16,
		.direction = EDU_DMA_FROM_BUFFER,
	};

	check_fails(edu_walk(edu, &req), ENODATA);
	check_eq(req.pages, 0);
	check(req.segments >= 1);
}

TEST(a_bar_has_no_pages)
{
	struct peerbuf_range ranges[2] = { { .length = SIZE / 2, .bar = MEM_BAR } };

	open_all();
	check_ok(peer_export(node, ranges, 1, 0, &export));
	no_pages(attach(EDU_DMA_FOREIGN));
	close(export.fd);
	ranges[1] = system_memory(SIZE / 2);
	check_ok(peer_export(node, ranges, 2, 0, &export));
	no_pages(attach(EDU_DMA_FOREIGN));
}

/* The table of where the buffer is, not of where it was. */
TEST(pages_come_and_go_with_a_move)
{
	struct peerbuf_range range = system_memory(SIZE);
	__u32 handle;
	__u8 *cpu;

	open_all();
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 5);
	handle = attach(EDU_DMA_FOREIGN);
	no_pages(handle);
	check_ok(peer_move(node, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
	check_ok(edu_map(edu, handle));
	walk(handle, EDU_DMA_FROM_BUFFER, seen, 0, SIZE);
	check(pattern_matches(seen, SIZE, 5));
	check_ok(peer_move_one(node, export.id, MEM_BAR, 0, SIZE, PEERBUF_MOVE_F_COPY));
	check_ok(edu_map(edu, handle));
	no_pages(handle);
}

/* An importer that takes memory with pages only makes it fall back, and has them. */
TEST(who_needs_pages_gets_them)
{
	__u8 *cpu;

	open_all();
	for (size_t i = 1; i < sizeof(walkers) / sizeof(*walkers); i++) {
		check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, PEERBUF_EXPORT_F_FALLBACK,
					 &export));
		cpu = buffer_map(export.fd, SIZE, 0);
		all_see_the_same(walkers[i], cpu, 10 * i + 4);
		munmap(cpu, SIZE);
		close(export.fd);
	}
}
