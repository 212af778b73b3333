// SPDX-License-Identifier: GPL-2.0
/*
 * What an export costs: small against large, by bus address and through an IOMMU; the
 * kernel memory that is held for one; a revoke with many importers; and a move that the CPU
 * copies for. Prints lines of JSON, which tests/bench/run makes sense of; see figures.h for
 * what the numbers mean.
 *
 * The parts run as tests: "bench bus", "bench memory", "bench iommu", "bench revoke",
 * "bench copy".
 */
#include <fcntl.h>
#include <unistd.h>

#include "figures.h"
#include "harness.h"
#include "held.h"
#include "lab.h"

#define ROUNDS		101
#define MEMORY_ROUNDS	5
#define REVOKE_ROUNDS	101
#define IMPORTERS_MOST	64
#define SMALL		(64 * 1024ULL)
#define SIZE_STEP	256 /* from one size to the next */
#define COPY_ROUNDS	7
#define COPIED		(8ULL << 20)

enum step { EXPORT, ATTACH, MAP, UNMAP, DETACH, CLOSE, STEPS };

static const char *const step_names[STEPS] = {
	"export", "attach", "map", "unmap", "detach", "close",
};

static int node, edu;

static void open_pair(const char *edu_id, const char *mem)
{
	node = node_open(mem);
	edu = edu_open(edu_id);
	figures_settle();
}

static struct figures figures_of(const char *work, const char *route, __u64 bytes)
{
	return (struct figures) {
		.work = work, .who = "peerbuf", .route = route, .ranges = 1, .bytes = bytes,
		.steps = step_names, .nr_steps = STEPS,
	};
}

static void measure_once(struct figures *figures)
{
	struct peer_export export;
	__u64 at[STEPS + 1];
	__u32 handle;

	figures_calm();
	at[EXPORT] = instructions();
	check_ok(peer_export_one(node, MEM_BAR, 0, figures->bytes, 0, &export));
	at[ATTACH] = instructions();
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	at[MAP] = instructions();
	check_ok(edu_map(edu, handle));
	at[UNMAP] = instructions();
	check_ok(edu_unmap(edu, handle));
	at[DETACH] = instructions();
	check_ok(edu_detach(edu, handle));
	at[CLOSE] = instructions();
	close(export.fd);
	at[STEPS] = instructions();
	figures_add(figures, at);
}

static void measure(const char *route, __u64 bytes)
{
	struct figures figures = figures_of("export", route, bytes);

	for (int i = 0; i < ROUNDS; i++)
		measure_once(&figures);
	figures_print(&figures);
}

/* From small to all of the BAR. */
static void measure_sizes(const char *route, __u64 most)
{
	for (__u64 bytes = SMALL; bytes < most; bytes *= SIZE_STEP)
		measure(route, bytes);
	measure(route, most);
}

TEST(bus, .timeout = 300)
{
	open_pair("sw-edu", "sw-mem");
	measure_sizes("bus", bar_size("sw-mem", MEM_BAR));
}

TEST(iommu, .timeout = 300)
{
	open_pair("rp-edu", "rp-mem");
	measure_sizes("iommu", bar_size("rp-mem", MEM_BAR));
}

/* Bytes that are held for an export that is attached and mapped. */
static __u64 held_for_one(__u64 bytes)
{
	struct peer_export export;
	__u32 handle;
	__u64 held;

	held_start();
	check_ok(peer_export_one(node, MEM_BAR, 0, bytes, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	held = held_bytes();
	check_ok(edu_unmap(edu, handle));
	check_ok(edu_detach(edu, handle));
	close(export.fd);
	return held;
}

/* The first time brings in what stays, so the least of some. */
static void measure_memory(const char *route, __u64 bytes)
{
	struct figures figures = figures_of("memory", route, bytes);
	__u64 held, least = 0;

	for (int i = 0; i < MEMORY_ROUNDS; i++) {
		held = held_for_one(bytes);
		if (!i || held < least)
			least = held;
	}
	figure_print(&figures, "total", least);
}

TEST(memory, .timeout = 600)
{
	open_pair("sw-edu", "sw-mem");
	measure_memory("bus", SMALL);
	measure_memory("bus", bar_size("sw-mem", MEM_BAR));
}

/* From the call to its return, every importer having unmapped. */
static void revoke_with(unsigned int importers)
{
	static const char *const one_step[] = { "revoke" };
	__u32 handles[IMPORTERS_MOST];
	struct peer_export export;
	struct figures figures;
	char work[32];
	__u64 at[2];

	snprintf(work, sizeof(work), "revoke, importers: %u", importers);
	figures = figures_of(work, "iommu", SMALL);
	figures.steps = one_step;
	figures.nr_steps = 1;
	check_ok(peer_export_one(node, MEM_BAR, 0, SMALL, 0, &export));
	for (unsigned int i = 0; i < importers; i++)
		check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handles[i]));
	for (unsigned int i = 0; i < REVOKE_ROUNDS; i++) {
		for (unsigned int h = 0; h < importers; h++)
			check_ok(edu_map(edu, handles[h]));
		figures_calm();
		at[0] = instructions();
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
		at[1] = instructions();
		figures_add(&figures, at);
		check_ok(peer_restore(node, export.id));
	}
	figures_print(&figures);
	for (unsigned int i = 0; i < importers; i++)
		check_ok(edu_detach(edu, handles[i]));
	close(export.fd);
}

TEST(revoke, .timeout = 300)
{
	open_pair("rp-edu", "rp-mem");
	for (unsigned int importers = 1; importers <= IMPORTERS_MOST; importers *= 4)
		revoke_with(importers);
}

enum side { LOW_BAR, HIGH_BAR, PAGES };

static const struct way {
	const char *work;
	enum side from, to;
} ways[] = {
	{ "copy, BAR to BAR", LOW_BAR, HIGH_BAR },
	{ "copy, BAR to system", LOW_BAR, PAGES },
	{ "copy, system to BAR", PAGES, HIGH_BAR },
	{ "copy, system to system", PAGES, PAGES },
};

static const char *const copy_step[] = { "copy" };

static struct figures copy_figures(const struct way *way, const char *who)
{
	return (struct figures) {
		.work = way->work, .who = who, .route = "cpu", .ranges = 1, .bytes = COPIED,
		.steps = copy_step, .nr_steps = 1,
	};
}

static struct peerbuf_range side_range(enum side side)
{
	struct peerbuf_range range = { .length = COPIED };

	if (side == PAGES) {
		range.flags = PEERBUF_RANGE_F_SYSTEM;
		return range;
	}
	range.bar = MEM_BAR;
	range.offset = side == HIGH_BAR ? COPIED : 0;
	return range;
}

/* The way back is not counted, and copies nothing. */
static __u64 one_move(__u64 id, const struct way *way, __u32 flags)
{
	struct peerbuf_range from = side_range(way->from), to = side_range(way->to);
	__u64 before;

	check_ok(peer_move(node, id, &from, 1, 0));
	figures_calm();
	before = instructions();
	check_ok(peer_move(node, id, &to, 1, flags));
	return instructions() - before;
}

/*
 * A move with its copy, and what the copy adds. The move allocates the pages that it goes to and
 * frees those that it leaves, one by one, and what that takes of the kernel's allocator depends on
 * what it did before: so moves with and without a copy take turns, and the total, not the
 * difference of the two, is what a baseline can be held to.
 */
static void copy_one_way(const struct way *way)
{
	struct figures figures = copy_figures(way, "peerbuf");
	struct peerbuf_range from = side_range(way->from);
	__u64 move = ~0ULL, copying = ~0ULL, taken;
	struct peer_export export;

	check_ok(peer_export(node, &from, 1, 0, &export));
	for (int i = 0; i < COPY_ROUNDS; i++) {
		taken = one_move(export.id, way, 0);
		move = taken < move ? taken : move;
		taken = one_move(export.id, way, PEERBUF_MOVE_F_COPY);
		copying = taken < copying ? taken : copying;
	}
	close(export.fd);
	check(copying > move);
	figure_print(&figures, "move", move);
	figure_print(&figures, "copy", copying - move);
	figure_print(&figures, "total", copying);
}

/* What a move's copy is to be compared with: memory to memory, by the C library. */
static __u64 memcpy_least(void)
{
	struct figures figures = copy_figures(&ways[0], "memcpy");
	char *from = malloc(COPIED), *to = malloc(COPIED);
	__u64 at[2];

	check(from && to);
	pattern_fill(from, COPIED, 1);
	memset(to, 2, COPIED);
	for (int i = 0; i < COPY_ROUNDS; i++) {
		figures_calm();
		at[0] = instructions();
		memcpy(to, from, COPIED);
		at[1] = instructions();
		figures_add(&figures, at);
	}
	check(!memcmp(to, from, COPIED));
	free(from);
	free(to);
	return figures.least[0];
}

TEST(copy, .timeout = 300)
{
	__u64 least;

	open_pair("sw-edu", "sw-mem");
	least = memcpy_least();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct figures figures = copy_figures(&ways[i], "memcpy");

		copy_one_way(&ways[i]);
		figure_print(&figures, "copy", least);
		figure_print(&figures, "total", least);
	}
}
