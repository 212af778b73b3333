// SPDX-License-Identifier: GPL-2.0
/*
 * Migration: a buffer that goes from anywhere to anywhere, with its contents, while devices
 * and the CPU write to it.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "scene.h"

#define SIZE	SCENE_SIZE
#define START	SCENE_START
#define LENGTH	SCENE_LENGTH

static struct scene scene;
static int other;

/* Five places that share no byte, so that one can be copied to any other. */
enum place { IN_BAR, ELSEWHERE_IN_BAR, IN_OTHER_BAR, IN_SYSTEM, MIXED, NR_PLACES };

static const char *const place_names[] = {
	"BAR", "another part of the BAR", "another device's BAR", "system memory", "a mixture",
};

static __u32 place_ranges(enum place place, struct peerbuf_range *ranges)
{
	memset(ranges, 0, 4 * sizeof(*ranges));
	ranges[0].length = SIZE;
	ranges[0].bar = MEM_BAR;
	switch (place) {
	case IN_BAR:
		ranges[0].offset = START;
		return 1;
	case ELSEWHERE_IN_BAR:
		return 1;
	case IN_OTHER_BAR:
		ranges[0].device_fd = other;
		ranges[0].flags = PEERBUF_RANGE_F_DEVICE_FD;
		return 1;
	case IN_SYSTEM:
		ranges[0].bar = 0;
		ranges[0].flags = PEERBUF_RANGE_F_SYSTEM;
		return 1;
	default:
		break;
	}
	/* Other boundaries than any other place has. */
	ranges[0] = (struct peerbuf_range){ .length = 3 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM };
	ranges[1] = (struct peerbuf_range){ .length = 5 * PAGE, .bar = MEM_BAR,
		.offset = 4 * SIZE };
	ranges[2] = (struct peerbuf_range){ .length = 7 * PAGE, .bar = MEM_BAR,
		.offset = 4 * SIZE, .device_fd = other, .flags = PEERBUF_RANGE_F_DEVICE_FD };
	ranges[3] = (struct peerbuf_range){ .length = PAGE, .flags = PEERBUF_RANGE_F_SYSTEM };
	return 4;
}

static int move_to(enum place place, __u32 flags)
{
	struct peerbuf_range ranges[4];
	__u32 nr = place_ranges(place, ranges);

	/* It may leave the other device's memory. */
	return peer_move_with(scene.node, scene.export.id, ranges, nr, flags, &other, 1);
}

/* In the first of the places. */
static void open_all(const char *edu, __u32 mode)
{
	scene_open(&scene, edu, "rp-mem", 0);
	scene_attach(&scene, mode, 0);
	other = node_open("far-mem");
}

/* What the device writes before each move is what CPU and device find after it. */
static void from_everywhere_to_everywhere(const char *edu_id, __u32 mode)
{
	struct peerbuf_ioc_stats stats;
	struct peerbuf_export_info info;
	__u32 moves = 0;
	__u64 before;

	open_all(edu_id, mode);
	check_ok(peer_stats(&stats));
	before = stats.migrations;
	for (int from = 0; from < NR_PLACES; from++) {
		for (int to = 0; to < NR_PLACES; to++) {
			__u64 offset = (moves * 1000) % (SIZE - LENGTH);

			if (from == to && from != IN_SYSTEM)
				continue;
			check_ok(move_to(from, 0));
			pattern_fill(scene.cpu, SIZE, moves);
			scene_write(&scene, offset, moves + 1);
			check_ok(move_to(to, PEERBUF_MOVE_F_COPY));
			if (!pattern_matches(scene.cpu + offset, LENGTH, moves + 1))
				fail("lost from %s to %s", place_names[from], place_names[to]);
			scene_read(&scene, offset, moves + 1);
			moves++;
		}
	}
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.moves, 2 * moves);
	check_ok(peer_stats(&stats));
	check_eq(stats.migrations, before + moves);
}

TEST(from_everywhere_to_everywhere)
{
	from_everywhere_to_everywhere("rp-edu", EDU_DMA_DYNAMIC);
}

TEST(from_everywhere_to_everywhere_foreign_importer)
{
	from_everywhere_to_everywhere("far-edu", EDU_DMA_FOREIGN);
}

/* The whole of it, as the host sees it. */
TEST(bar_has_what_system_memory_had)
{
	open_all("rp-edu", EDU_DMA_DYNAMIC);
	check_ok(move_to(IN_SYSTEM, 0));
	pattern_fill(scene.cpu, SIZE, 7);
	check_host_untouched("rp-mem", START);
	check_ok(move_to(ELSEWHERE_IN_BAR, PEERBUF_MOVE_F_COPY));
	check_host_pattern("rp-mem", 0, SIZE, 7);
	lab_host_fill("rp-mem", 0, SIZE, 0x55);
	check_eq(scene.cpu[SIZE - 1], 0x55);
}

/* A mapping of the old place that was not undone yet reaches nothing that matters. */
TEST(transfer_in_flight_is_copied)
{
	open_all("rp-edu", EDU_DMA_DYNAMIC);
	for (__u32 seed = 1; seed <= 6; seed++) {
		scene_put(&scene, seed);
		scene_start_write(&scene);
		check_ok(move_to(seed % 2 ? IN_SYSTEM : IN_BAR, PEERBUF_MOVE_F_COPY));
		check(pattern_matches(scene.cpu, LENGTH, seed));
	}
}

TEST(without_copy_system_memory_is_zeroed)
{
	open_all("rp-edu", EDU_DMA_DYNAMIC);
	memset(scene.cpu, 0x99, SIZE);
	check_ok(move_to(IN_SYSTEM, 0));
	for (size_t i = 0; i < SIZE; i++)
		check_eq(scene.cpu[i], 0);
}

/* ---- writers against moves ---- */

#define WRITERS		3
#define WORDS		(SIZE / sizeof(__u64))

/* Writes that make a round. */
#define STROKES		64

/**
 * struct scribe - a thread that never stops writing
 * @index: it writes each WRITERSth word from here
 * @seed: of its next word
 * @shadow: what it knows to be in its words
 */
struct scribe {
	unsigned int index;
	unsigned int seed;
	__u64 shadow[WORDS];
};

static struct scribe scribes[WRITERS];

/* All eight bytes of a value differ from those of the next: a torn one is neither. */
static __u64 next_value(__u64 value)
{
	return value + 0x0101010101010101;
}

static void write_word(struct scribe *scribe)
{
	volatile __u64 *words = (volatile __u64 *)scene.cpu;
	size_t n = rand_r(&scribe->seed) % WORDS;
	__u64 found;

	n -= n % WRITERS;
	n += scribe->index;
	if (n >= WORDS)
		return;
	found = words[n];
	if (found != scribe->shadow[n])
		fail("word %zu is %#llx, not %#llx", n, found, scribe->shadow[n]);
	scribe->shadow[n] = next_value(found);
	words[n] = scribe->shadow[n];
}

static void scribe_act(const void *with)
{
	for (int i = 0; i < STROKES; i++)
		write_word((struct scribe *)with);
}

static void writers_start(void)
{
	struct part part = { .name = "writer", .act = scribe_act, .least = FEWEST_ROUNDS };

	memset(scene.cpu, 0, SIZE);
	for (unsigned int i = 0; i < WRITERS; i++) {
		memset(&scribes[i], 0, sizeof(scribes[i]));
		scribes[i].index = i;
		scribes[i].seed = i;
		part.with = &scribes[i];
		actor_start_thread(&part);
	}
}

static void writers_stop(unsigned int done)
{
	actors_stop();
	for (unsigned int i = 0; i < WRITERS; i++)
		for (size_t n = i; n < WORDS; n += WRITERS)
			if (((volatile __u64 *)scene.cpu)[n] != scribes[i].shadow[n])
				fail("after %u moves word %zu is %#llx, not %#llx", done, n,
				     ((volatile __u64 *)scene.cpu)[n], scribes[i].shadow[n]);
}

TEST(no_write_of_the_cpu_is_lost, .timeout = 120)
{
	unsigned int done, nr = rounds(300), seed = 4711;
	int where = IN_BAR, to;

	open_all("rp-edu", EDU_DMA_DYNAMIC);
	writers_start();
	for (done = 0; done < nr; done++) {
		do {
			to = rand_r(&seed) % NR_PLACES;
		} while (to == where && to != IN_SYSTEM);
		check_ok(move_to(to, PEERBUF_MOVE_F_COPY));
		where = to;
		pause_ms(seed % 5);
	}
	writers_stop(done);
}

/* The device writes one half, the CPU the other, and the buffer never stands still. */
TEST(no_write_of_a_device_is_lost, .timeout = 120)
{
	unsigned int nr = rounds(60);
	__u8 want[LENGTH];

	open_all("rp-edu", EDU_DMA_DYNAMIC);
	for (unsigned int round = 0; round < nr; round++) {
		__u64 offset = (round * 3001) % (SIZE - LENGTH);

		pattern_fill(want, LENGTH, round);
		check_ok(edu_put(scene.edu, 0, want, LENGTH));
		check_ok(edu_copy(scene.edu, scene.handle, offset, 0, LENGTH, EDU_DMA_TO_BUFFER,
				  round % 2 ? EDU_DMA_COPY_F_NOWAIT : 0));
		check_ok(move_to(round % NR_PLACES == IN_BAR ? IN_OTHER_BAR :
				 round % 2 ? IN_SYSTEM : IN_BAR, PEERBUF_MOVE_F_COPY));
		check(!memcmp(scene.cpu + offset, want, LENGTH));
	}
}
