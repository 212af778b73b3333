// SPDX-License-Identifier: GPL-2.0
/*
 * A CPU that never stops writing through its mapping while the BO goes from place to
 * place: no write is lost, torn, or seen by anybody else.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "actors.h"
#include "gpu.h"
#include "harness.h"

#define SIZE	(64 * KIB)
#define WORDS	(SIZE / sizeof(__u64))

static struct gpu gpu;
static struct bo bo;

/* Writes that make a round. */
#define STROKES	64

/* One thread's words: every second one of a mapping, each a count of its own writes. */
struct hammer {
	volatile __u64 *words;
	size_t first;
	__u64 count[WORDS];
	__u32 state;
};

static void strike(struct hammer *hammer)
{
	size_t i;

	hammer->state = hammer->state * 1664525 + 1013904223;
	i = (hammer->state >> 8) % (WORDS / 2) * 2 + hammer->first;
	check_eq(hammer->words[i], hammer->count[i]);
	hammer->words[i] = ++hammer->count[i];
}

static void hammer_act(const void *with)
{
	for (int i = 0; i < STROKES; i++)
		strike((struct hammer *)with);
}

static void hammer_start(struct hammer *hammer, void *words, size_t first)
{
	struct part part = {
		.name = first ? "writer by the DMA-BUF" : "writer by DRM", .with = hammer,
		.act = hammer_act, .least = FEWEST_ROUNDS,
	};

	hammer->words = words;
	hammer->first = first;
	hammer->state = 1 + first;
	actor_start_thread(&part);
}

/* What each wrote is there, by this way as by the other. */
static void check_words(const struct hammer *hammer, const volatile __u64 *words)
{
	for (size_t i = hammer->first; i < WORDS; i += 2)
		check_eq(words[i], hammer->count[i]);
}

static struct hammer by_drm, by_dmabuf;

/* Let the writers fault in what they can, so that there is something to take away. */
static void breathe(void)
{
	pause_ms(5);
}

static void moves(unsigned int nr, bool hidden)
{
	static const __u32 places[] = { VRAM_IN_SYSTEM, VRAM_IN_WINDOW, VRAM_IN_HIDDEN };

	for (unsigned int i = 0; i < nr; i++) {
		check_ok(bo_move(&bo, places[i % (hidden ? 3 : 2)]));
		breathe();
	}
}

TEST(writes_survive_moves, .timeout = 120)
{
	void *cpu;

	gpu_open(&gpu, "rp-mem", 512, 256);
	bo_new(&bo, &gpu, SIZE, ANYWHERE, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	hammer_start(&by_drm, cpu, 0);
	moves(rounds(60), true);
	actors_stop();
	check_words(&by_drm, cpu);
}

TEST(writes_by_two_ways_survive_moves, .timeout = 120)
{
	void *cpu, *shared;

	gpu_open(&gpu, "rp-mem", 512, 256);
	bo_new(&bo, &gpu, SIZE, ANYWHERE, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	shared = buffer_map(bo_share(&bo), SIZE, 0);
	hammer_start(&by_drm, cpu, 0);
	hammer_start(&by_dmabuf, shared, 1);
	moves(rounds(60), true);
	actors_stop();
	check_words(&by_drm, shared);
	check_words(&by_dmabuf, cpu);
}

/* By pressure and not by request, while a device reads and writes as well. */
TEST(writes_survive_evictions_with_an_importer, .timeout = 120)
{
	struct drm_vram_bo_info info = {};
	struct writer writer;
	struct bo others[8];
	__u64 buffer = SIZE;
	void *cpu;
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 256, 0);
	/* Its last page is the device's, the rest the CPU's. */
	bo_new(&bo, &gpu, SIZE + PAGE, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	cpu = bo_map(&bo);
	hammer_start(&by_drm, cpu, 0);
	for (unsigned int i = 0; i < rounds(8); i++) {
		unsigned int nr = bo_crowd_out(&gpu, &bo, others, 8);

		check_ok(writer_put(&writer, buffer, 1000, i));
		while (nr)
			bo_close(&others[--nr]);
		check_ok(writer_check(&writer, buffer, 1000, i));
		check_ok(bo_move(&bo, VRAM_IN_WINDOW));
		check_ok(writer_check(&writer, buffer, 1000, i));
	}
	actors_stop();
	check_words(&by_drm, cpu);
	bo_info(&bo, &info);
	check(info.evictions >= rounds(8));
}

TEST(private_mapping_is_refused)
{
	struct drm_vram_bo_info info = {};

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, SIZE, ANYWHERE, 0);
	bo_info(&bo, &info);
	check(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, gpu.fd, info.map_offset) ==
	      MAP_FAILED && errno == EINVAL);
	check(mmap(NULL, SIZE + PAGE, PROT_READ, MAP_SHARED, gpu.fd, info.map_offset) ==
	      MAP_FAILED && errno == EINVAL);
}

TEST(part_of_a_bo)
{
	struct drm_vram_bo_info info = {};
	__u8 *whole, *part;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, SIZE, ANYWHERE, VRAM_BO_VISIBLE);
	whole = bo_map(&bo);
	pattern_fill(whole + 3 * PAGE, PAGE, 1);
	munmap(whole, 3 * PAGE);
	check(pattern_matches(whole + 3 * PAGE, PAGE, 1));
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check(pattern_matches(whole + 3 * PAGE, PAGE, 1));
	bo_info(&bo, &info);
	part = buffer_map(gpu.fd, PAGE, info.map_offset);
	part[0] = 42;
	bo_close(&bo);
	check_eq(part[0], 42);
}
