// SPDX-License-Identifier: GPL-2.0
/*
 * A thousand rounds of move, revoke and restore against an importer that maps and
 * unmaps all the time, and then: is all the memory back, and every IOVA?
 */
#include <sys/mman.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "lab.h"
#include "memory.h"

#define SIZE	(16 * PAGE)
#define PLACES	8
#define ROUNDS	1000
#define WARM_UP	100
#define SEED	31

static int node, edu, mine;
static struct peer_export export;
static __u32 handle;
static __u8 *cpu;

/* All places have the same bytes, so that whoever reads knows what to find. */
static void paint(void)
{
	struct peer_export all;
	__u8 *every;

	check_ok(peer_export_one(node, MEM_BAR, 0, PLACES * SIZE, 0, &all));
	every = buffer_map(all.fd, PLACES * SIZE, 0);
	for (int i = 0; i < PLACES; i++)
		pattern_fill(every + i * SIZE, SIZE, SEED);
	munmap(every, PLACES * SIZE);
	close(all.fd);
}

static void look(size_t at)
{
	int found = byte_read(cpu + at, false);
	__u8 byte = found;

	if (found < 0)
		return;
	check(pattern_matches_part(&byte, at, 1, SEED));
	actor_did("look");
}

/* An importer of its own: another file, another attachment. */
static void map_again_and_again(const void *unused)
{
	__u32 other;
	int ret;

	(void)unused;
	ret = edu_attach(mine, export.fd, EDU_DMA_DYNAMIC, 0, &other);
	check_among(ret, ENODEV);
	if (ret)
		return;
	for (int i = 0; i < 16; i++) {
		ret = edu_map(mine, other);
		check_among(ret, ENODEV);
		if (!ret)
			actor_did("map");
		check_ok(edu_unmap(mine, other));
		look(rand() % SIZE);
	}
	check_ok(edu_detach(mine, other));
}

static const struct part other_importer = {
	.name = "the other importer", .act = map_again_and_again, .least = 2,
	.deeds = { "map", "look" },
};

static void one_round(unsigned int i)
{
	check_ok(edu_map(edu, handle));
	check_ok(peer_move_one(node, export.id, MEM_BAR, i % PLACES * SIZE, SIZE,
			       0));
	check_ok(edu_map(edu, handle));
	check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	check_ok(peer_restore(node, export.id));
}

/* So many, while the other importer does what it can. */
static void run(void (*round)(unsigned int i), unsigned int count)
{
	struct actor *other = actor_start_thread(&other_importer);

	actor_await(other, 1);
	for (unsigned int i = 0; i < count; i++)
		round(i);
	actor_await(other, 1);
	actors_stop();
	check_ok(edu_unmap(edu, handle));
}

/*
 * A small leak shows in many rounds only, and an IOMMU gives addresses back by hundreds. The
 * instrumented kernel is too slow for that, and looks for leaks itself.
 */
static unsigned int enough(void)
{
	unsigned int nr = rounds(ROUNDS);

	return slowness() > 1 || nr > ROUNDS ? nr : ROUNDS;
}

static void check_counters(unsigned int moves, unsigned int revokes)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(node, export.id, &info));
	check_eq(info.moves, moves);
	check_eq(info.revokes, revokes);
	check_eq(info.nr_mappings, 0);
	check_eq(info.state, 0);
}

static void rounds_leave_nothing(const char *edu_id, const char *mem, __u32 mode,
				 void (*round)(unsigned int i), unsigned int moves)
{
	static struct memory before, after;
	unsigned int count = enough();

	node = node_open(mem);
	paint();
	edu = edu_open(edu_id);
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	mine = edu_open(edu_id);
	cpu = buffer_map(export.fd, SIZE, 0);
	/* With the thread: what it needs once is not a leak. */
	run(round, WARM_UP);
	memory_take(&before);
	run(round, count);
	check_counters(moves * (WARM_UP + count), WARM_UP + count);
	memory_take(&after);
	memory_compare(&before, &after, count);
}

TEST(rounds_leave_no_memory_behind, .timeout = 300)
{
	rounds_leave_nothing("rp-edu", "rp-mem", EDU_DMA_DYNAMIC, one_round, 1);
}

TEST(rounds_leave_no_memory_behind_same_switch, .timeout = 300)
{
	rounds_leave_nothing("sw-edu", "sw-mem", EDU_DMA_DYNAMIC, one_round, 1);
}

TEST(rounds_leave_no_memory_behind_foreign_importer, .timeout = 300)
{
	rounds_leave_nothing("far-edu", "rp-mem", EDU_DMA_FOREIGN, one_round, 1);
}

/* The pages that it is made of in between are the kernel's to lose. */
static void one_migration(unsigned int i)
{
	const struct peerbuf_range system = { .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM };

	check_ok(edu_map(edu, handle));
	check_ok(peer_move(node, export.id, &system, 1, PEERBUF_MOVE_F_COPY));
	check_ok(edu_map(edu, handle));
	check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	check_ok(peer_restore(node, export.id));
	check_ok(peer_move_one(node, export.id, MEM_BAR, i % PLACES * SIZE, SIZE,
			       PEERBUF_MOVE_F_COPY));
}

TEST(rounds_of_migration_leave_no_memory_behind, .timeout = 300)
{
	rounds_leave_nothing("rp-edu", "rp-mem", EDU_DMA_DYNAMIC, one_migration, 2);
}

/* ---- IOVAs ---- */

#define DISTINCT_MOST	4096

static __u64 seen[DISTINCT_MOST];
static unsigned int distinct;

static void remember(__u64 addr)
{
	for (unsigned int i = 0; i < distinct; i++)
		if (seen[i] == addr)
			return;
	check(distinct < DISTINCT_MOST);
	seen[distinct++] = addr;
}

static __u64 map_once(void)
{
	struct edu_dma_segment segment;
	__u32 total;

	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, &segment, 1, &total));
	check_eq(total, 1);
	return segment.addr;
}

/*
 * IOVAs that are given back come round again, those that leak do not: every round
 * would then see an address never seen before. How many are in circulation is
 * up to the allocator's caches and its deferred flush.
 */
TEST(iovas_come_round_again, .timeout = 300)
{
	unsigned int count = enough();

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	for (unsigned int i = 0; i < count; i++) {
		remember(map_once());
		check_ok(peer_move_one(node, export.id, MEM_BAR,
				       i % PLACES * SIZE, SIZE, 0));
		remember(map_once());
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
		check_ok(peer_restore(node, export.id));
	}
	printf("%u addresses in %u mappings\n", distinct, 2 * count);
	check(distinct < count / 2);
}

/* The same for a size that the allocator does not cache. */
TEST(large_iovas_come_round_again, .timeout = 300)
{
	unsigned int count = enough();
	const __u64 large = 4 << 20;

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, 0, large, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	for (unsigned int i = 0; i < count; i++) {
		remember(map_once());
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
		check_ok(peer_restore(node, export.id));
	}
	printf("%u addresses in %u mappings\n", distinct, count);
	check(distinct < count / 2);
}
