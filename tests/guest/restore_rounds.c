// SPDX-License-Identifier: GPL-2.0
/*
 * A thousand rounds of move, revoke and restore against an importer that maps and
 * unmaps all the time, and then: is all the memory back, and every IOVA?
 */
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "slab.h"

#define SIZE	(64 * 1024)
#define PLACES	8
#define ROUNDS	1000
#define WARM_UP	100

static int node, edu, mine;
static struct peer_export export;
static __u32 handle;
static volatile bool stop;
static volatile unsigned int mapped;

/* An importer of its own: another file, another attachment. */
static void *map_again_and_again(void *unused)
{
	__u32 mine_handle = 0;
	int ret;

	(void)unused;

	while (!stop) {
		if (!mine_handle &&
		    edu_attach(mine, export.fd, EDU_DMA_DYNAMIC, 0,
			       &mine_handle))
			mine_handle = 0;
		if (!mine_handle)
			continue;
		ret = edu_map(mine, mine_handle);
		if (ret && ret != -ENODEV)
			fail("map: %s", strerror(-ret));
		mapped += !ret;
		check_ok(edu_unmap(mine, mine_handle));
		if (!(mapped % 16)) {
			check_ok(edu_detach(mine, mine_handle));
			mine_handle = 0;
		}
	}
	if (mine_handle)
		check_ok(edu_detach(mine, mine_handle));
	return NULL;
}

static pthread_t start_other(void)
{
	pthread_t thread;

	stop = false;
	mapped = 0;
	check_eq(pthread_create(&thread, NULL, map_again_and_again, NULL), 0);
	eventually(10, mapped > 0);
	return thread;
}

static void stop_other(pthread_t thread)
{
	stop = true;
	pthread_join(thread, NULL);
}

static void one_round(unsigned int i)
{
	check_ok(edu_map(edu, handle));
	check_ok(peer_move_one(node, export.id, MEM_BAR, i % PLACES * SIZE, SIZE,
			       0));
	check_ok(edu_map(edu, handle));
	check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	check_ok(peer_restore(node, export.id));
}

static void run(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		one_round(i);
	check_ok(edu_unmap(edu, handle));
}

static void check_counters(unsigned int count)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(node, export.id, &info));
	check_eq(info.moves, count);
	check_eq(info.revokes, count);
	check_eq(info.nr_mappings, 0);
	check_eq(info.state, 0);
}

static void rounds_leave_nothing(const char *edu_id, const char *mem,
				 __u32 mode)
{
	static struct slab before, after;
	unsigned int count = rounds(ROUNDS);
	pthread_t thread;

	node = node_open(mem);
	edu = edu_open(edu_id);
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	mine = edu_open(edu_id);
	/* With the thread: what it needs once is not a leak. */
	thread = start_other();
	run(WARM_UP);
	stop_other(thread);
	slab_take(&before);

	thread = start_other();
	run(count);
	stop_other(thread);
	printf("%u mappings by the other importer meanwhile\n", mapped);
	check_counters(WARM_UP + count);
	slab_take(&after);
	slab_compare(&before, &after, count);
}

TEST(rounds_leave_no_memory_behind, .timeout = 300)
{
	rounds_leave_nothing("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(rounds_leave_no_memory_behind_same_switch, .timeout = 300)
{
	rounds_leave_nothing("sw-edu", "sw-mem", EDU_DMA_DYNAMIC);
}

TEST(rounds_leave_no_memory_behind_foreign_importer, .timeout = 300)
{
	rounds_leave_nothing("far-edu", "rp-mem", EDU_DMA_FOREIGN);
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
	unsigned int count = rounds(ROUNDS);

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
	unsigned int count = rounds(ROUNDS);
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
