// SPDX-License-Identifier: GPL-2.0
/*
 * VRAM that is larger than the BAR's window: nobody but the GPU's own engine ever touches
 * what is outside of it. (The lab's device has memory there all the same, and the host sees it.)
 */
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"

#define LENGTH	2000
#define VRAM	(1 * MIB)
#define WINDOW	(256 * KIB)

static struct gpu gpu;
static struct writer writer;
static struct bo bo;

static void open_gpu(void)
{
	gpu_open(&gpu, "rp-mem", VRAM / KIB, WINDOW / KIB);
}

static void fill_window_with_pinned(void)
{
	struct drm_vram_stats stats;
	struct bo pinned;

	do {
		bo_new(&pinned, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_PINNED);
		check_eq(bo_where(&pinned), VRAM_IN_WINDOW);
		gpu_stats(&gpu, &stats);
	} while (stats.window_free);
}

/* A BO outside of the window, full of a pattern that the engine has put there. */
static void hidden_bo(struct bo *hidden, __u32 domains, __u32 seed)
{
	struct bo source;
	__u8 *cpu;

	bo_new(&source, &gpu, 64 * KIB, VRAM_DOMAIN_SYSTEM, 0);
	cpu = bo_map(&source);
	pattern_fill(cpu, source.size, seed);
	bo_new(hidden, &gpu, 64 * KIB, domains, 0);
	check_eq(bo_where(hidden), VRAM_IN_HIDDEN);
	check_ok(bo_copy_wait(&source, hidden, source.size));
	munmap(cpu, source.size);
	bo_close(&source);
}

TEST(hidden_bo_is_moved_in_for_an_importer)
{
	struct drm_vram_stats stats;
	int dmabuf;

	open_gpu();
	hidden_bo(&bo, VRAM_DOMAIN_VRAM, 1);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
	check_ok(writer_check(&writer, 0, LENGTH, 1));
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	check_ok(writer_put(&writer, 0, LENGTH, 2));
	bo_host_matches(&bo, 0, LENGTH, 2);
	gpu_stats(&gpu, &stats);
	check_eq(stats.placements, 1);
}

TEST(hidden_bo_is_moved_in_for_the_cpu)
{
	__u8 *cpu;

	open_gpu();
	hidden_bo(&bo, VRAM_DOMAIN_VRAM, 3);
	cpu = bo_map(&bo);
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
	check(pattern_matches(cpu, bo.size, 3));
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
}

TEST(hidden_bo_is_moved_in_for_who_maps_the_dmabuf)
{
	__u8 *cpu;

	open_gpu();
	hidden_bo(&bo, VRAM_DOMAIN_VRAM, 4);
	cpu = buffer_map(bo_share(&bo), bo.size, 0);
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
	check(pattern_matches(cpu, bo.size, 4));
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
}

TEST(full_window_makes_room)
{
	struct bo others[4];
	int dmabuf;

	open_gpu();
	for (unsigned int i = 0; i < 4; i++)
		bo_new(&others[i], &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	hidden_bo(&bo, VRAM_DOMAIN_VRAM, 5);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_check(&writer, 0, LENGTH, 5));
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	check_eq(bo_where(&others[0]), VRAM_IN_SYSTEM);
	check_eq(bo_where(&others[1]), VRAM_IN_WINDOW);
}

TEST(window_full_of_pinned_refuses_a_vram_only_bo)
{
	int dmabuf;

	open_gpu();
	fill_window_with_pinned();
	hidden_bo(&bo, VRAM_DOMAIN_VRAM, 6);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_fails(edu_map(writer.edu, writer.handle), ENOSPC);
	check(!touches(buffer_map(dmabuf, bo.size, 0), false));
	check(!touches(bo_map(&bo), false));
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
}

TEST(window_full_of_pinned_sends_others_to_system_memory)
{
	int dmabuf;

	open_gpu();
	fill_window_with_pinned();
	hidden_bo(&bo, ANYWHERE, 7);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_check(&writer, 0, LENGTH, 7));
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
}

static void hidden_part_is(__u8 byte)
{
	__u8 *host = malloc(VRAM - WINDOW);

	check(host);
	lab_host_read("rp-mem", WINDOW, host, VRAM - WINDOW);
	for (size_t i = 0; i < VRAM - WINDOW; i++)
		check_eq(host[i], byte);
	free(host);
}

/* By the addresses importers get, where they are no IOVAs, and by what the host sees. */
static void segments_lie_in_the_window(void)
{
	__u64 base = bar_base("rp-mem", MEM_BAR);
	struct edu_dma_segment segments[64];
	__u32 total;

	check_ok(edu_segments(writer.edu, writer.handle, segments, 64, &total));
	check(total && total <= 64);
	for (__u32 i = 0; i < total; i++)
		check(segments[i].addr >= base &&
		      segments[i].addr + segments[i].len <= base + WINDOW);
}

TEST(hidden_memory_is_never_mapped)
{
	struct bo bos[24];
	int dmabuf;

	open_gpu();
	lab_host_fill("rp-mem", 0, VRAM, 0xee);
	for (unsigned int i = 0; i < 8; i++) {
		bo_new(&bos[i], &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
		dmabuf = bo_share(&bos[i]);
		writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
		check_ok(writer_put(&writer, 0, LENGTH, i));
		if (!strcmp(getenv("LAB_MACHINE") ?: "", "plain"))
			segments_lie_in_the_window();
		pattern_fill(bo_map(&bos[i]), PAGE, i);
	}
	hidden_part_is(0xee);
}

/* The other way round: a BO that was mapped goes there, and nobody follows it. */
TEST(importers_do_not_follow_into_hidden_memory)
{
	__u8 *cpu, *host = malloc(64 * KIB);
	struct edu_dma_state state;
	int dmabuf;

	open_gpu();
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, LENGTH, 8));
	cpu = bo_map(&bo);
	check(pattern_matches(cpu, LENGTH, 8));
	check_ok(bo_move(&bo, VRAM_IN_HIDDEN));
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
	check_ok(edu_state(writer.edu, writer.handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	/* The engine takes the bytes there. */
	eventually(5, (lab_host_read("rp-mem", bo_vram_offset(&bo, 0), host, LENGTH),
		       pattern_matches(host, LENGTH, 8)));
	check_ok(writer_put(&writer, PAGE, LENGTH, 9));
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	check(pattern_matches(cpu, LENGTH, 8));
	check(pattern_matches(cpu + PAGE, LENGTH, 9));
	free(host);
}

TEST(accounting_shows_what_is_hidden)
{
	struct drm_vram_bo_info info = {};
	struct peerbuf_export_info export;
	int control = control_open();
	int dmabuf;

	open_gpu();
	hidden_bo(&bo, ANYWHERE, 10);
	dmabuf = bo_share(&bo);
	bo_info(&bo, &info);
	check_ok(peer_query(control, info.export_id, &export));
	check_eq(export.hidden_size, bo.size);
	check_eq(export.system_size, 0);
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check_ok(peer_query(control, info.export_id, &export));
	check_eq(export.hidden_size, 0);
	check_eq(export.system_size, bo.size);
	close(dmabuf);
}
