// SPDX-License-Identifier: GPL-2.0
/*
 * Migration: a buffer that goes from anywhere to anywhere, with its contents, while devices
 * and the CPU write to it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(16 * PAGE)
#define LENGTH	2000

static struct peer_export export;
static int node, other, edu;
static __u32 handle;
static __u8 *cpu;

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
		return 1;
	case ELSEWHERE_IN_BAR:
		ranges[0].offset = 2 * SIZE;
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

	return peer_move(node, export.id, ranges, nr, flags);
}

static void open_all(const char *edu_id, __u32 mode)
{
	struct peerbuf_range ranges[4];
	__u32 nr = place_ranges(IN_BAR, ranges);

	node = node_open("rp-mem");
	other = node_open("far-mem");
	edu = edu_open(edu_id);
	check_ok(peer_export(node, ranges, nr, 0, &export));
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	cpu = buffer_map(export.fd, SIZE, 0);
}

static void edu_writes(__u64 offset, __u32 seed)
{
	__u8 inner[LENGTH];

	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(edu, 0, inner, LENGTH));
	check_ok(edu_copy(edu, handle, offset, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
}

static void edu_reads(__u64 offset, const __u8 *want)
{
	__u8 inner[LENGTH];

	check_ok(edu_copy(edu, handle, offset, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(!memcmp(inner, want, LENGTH));
}

/* What the device writes before each move is what CPU and device find after it. */
static void from_everywhere_to_everywhere(const char *edu_id, __u32 mode)
{
	struct peerbuf_ioc_stats stats;
	struct peerbuf_export_info info;
	__u8 want[LENGTH];
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
			pattern_fill(cpu, SIZE, moves);
			edu_writes(offset, moves + 1);
			check_ok(move_to(to, PEERBUF_MOVE_F_COPY));
			pattern_fill(want, LENGTH, moves + 1);
			if (memcmp(cpu + offset, want, LENGTH))
				fail("lost from %s to %s", place_names[from], place_names[to]);
			edu_reads(offset, want);
			moves++;
		}
	}
	check_ok(peer_query(node, export.id, &info));
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
	static __u8 host[SIZE];

	open_all("rp-edu", EDU_DMA_DYNAMIC);
	lab_host_fill("rp-mem", 0, 1 << 20, 0xee);
	check_ok(move_to(IN_SYSTEM, 0));
	pattern_fill(cpu, SIZE, 7);
	lab_host_read("rp-mem", 0, host, SIZE);
	check_eq(host[0], 0xee);
	check_ok(move_to(ELSEWHERE_IN_BAR, PEERBUF_MOVE_F_COPY));
	lab_host_read("rp-mem", 2 * SIZE, host, SIZE);
	check(pattern_matches(host, SIZE, 7));
	lab_host_fill("rp-mem", 2 * SIZE, SIZE, 0x55);
	check_eq(cpu[SIZE - 1], 0x55);
}

/* A mapping of the old place that was not undone yet reaches nothing that matters. */
TEST(transfer_in_flight_is_copied)
{
	__u8 inner[LENGTH];

	open_all("rp-edu", EDU_DMA_DYNAMIC);
	for (__u32 seed = 1; seed <= 6; seed++) {
		pattern_fill(inner, LENGTH, seed);
		check_ok(edu_put(edu, 0, inner, LENGTH));
		check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER,
				  EDU_DMA_COPY_F_NOWAIT));
		check_ok(move_to(seed % 2 ? IN_SYSTEM : IN_BAR, PEERBUF_MOVE_F_COPY));
		check(pattern_matches(cpu, LENGTH, seed));
	}
}

TEST(without_copy_system_memory_is_zeroed)
{
	open_all("rp-edu", EDU_DMA_DYNAMIC);
	memset(cpu, 0x99, SIZE);
	check_ok(move_to(IN_SYSTEM, 0));
	for (size_t i = 0; i < SIZE; i++)
		check_eq(cpu[i], 0);
}

/* ---- writers against moves ---- */

#define WRITERS		3
#define WORDS		(SIZE / sizeof(__u64))

/**
 * struct writer - a thread that never stops writing
 * @index: it writes each WRITERSth word from here
 * @shadow: what it knows to be in its words
 * @writes: how many it did
 * @lost: a word that was not as it had left it, plus one; 0: none
 * @found: what was in it
 */
struct writer {
	pthread_t thread;
	unsigned int index;
	__u64 shadow[WORDS];
	__u64 writes;
	size_t lost;
	__u64 found;
};

static struct writer writers[WRITERS];
static atomic_bool stop;

/* All eight bytes of a value differ from those of the next: a torn one is neither. */
static __u64 next_value(__u64 value)
{
	return value + 0x0101010101010101;
}

static void *write_words(void *arg)
{
	volatile __u64 *words = (volatile __u64 *)cpu;
	struct writer *writer = arg;
	unsigned int seed = writer->index;

	while (!atomic_load(&stop)) {
		size_t n = rand_r(&seed) % WORDS;
		__u64 found;

		n -= n % WRITERS;
		n += writer->index;
		if (n >= WORDS)
			continue;
		found = words[n];
		if (found != writer->shadow[n]) {
			writer->found = found;
			writer->lost = n + 1;
			return NULL;
		}
		writer->shadow[n] = next_value(found);
		words[n] = writer->shadow[n];
		writer->writes++;
	}
	return NULL;
}

static void writers_start(void)
{
	memset(cpu, 0, SIZE);
	atomic_store(&stop, false);
	for (unsigned int i = 0; i < WRITERS; i++) {
		memset(&writers[i], 0, sizeof(writers[i]));
		writers[i].index = i;
		check_eq(pthread_create(&writers[i].thread, NULL, write_words, &writers[i]), 0);
	}
}

static void writers_stop(unsigned int done)
{
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	for (unsigned int i = 0; i < WRITERS; i++) {
		struct writer *writer = &writers[i];

		if (writer->lost)
			fail("word %zu was %#llx, not %#llx, after %llu writes and up to %u moves",
			     writer->lost - 1, writer->found,
			     writer->shadow[writer->lost - 1], writer->writes, done);
		check(writer->writes > done);
		for (size_t n = writer->index; n < WORDS; n += WRITERS)
			if (((volatile __u64 *)cpu)[n] != writer->shadow[n])
				fail("at the end word %zu is %#llx, not %#llx", n,
				     ((volatile __u64 *)cpu)[n], writer->shadow[n]);
	}
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
		check_ok(edu_put(edu, 0, want, LENGTH));
		check_ok(edu_copy(edu, handle, offset, 0, LENGTH, EDU_DMA_TO_BUFFER,
				  round % 2 ? EDU_DMA_COPY_F_NOWAIT : 0));
		check_ok(move_to(round % NR_PLACES == IN_BAR ? IN_OTHER_BAR :
				 round % 2 ? IN_SYSTEM : IN_BAR, PEERBUF_MOVE_F_COPY));
		check(!memcmp(cpu + offset, want, LENGTH));
	}
}
