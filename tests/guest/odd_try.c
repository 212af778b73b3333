// SPDX-License-Identifier: GPL-2.0
/*
 * The trials of an importer: buffers of every shape, that move, arrive late, fail, are withdrawn.
 * A copy of what must be in the buffer is kept here, and all of it is compared after each round.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "odd.h"

#define NOTHING		~0U
#define ROUNDS		4

/**
 * struct trial - what the exporter does
 * @name: for the test's output
 * @flags: ODD_EXPORT_F_*
 * @piece: pages of the segments
 * @nr_pieces: how many
 * @rule: the rules
 * @nr_rules: how many
 * @each: ODD_DO_* in each round, from outside, or NOTHING
 * @late_ms: of that
 * @fails: the importer may not get the buffer for a while
 */
struct trial {
	const char *name;
	__u32 flags;
	__u32 piece[ODD_MOST_PIECES];
	__u32 nr_pieces;
	struct odd_rule rule[4];
	__u32 nr_rules;
	__u32 each;
	__u32 late_ms;
	bool fails;
};

/**
 * struct table - a trial under way
 * @importer: who
 * @fd: the buffer
 * @cpu: the CPU's mapping of it
 * @right: what must be in it
 * @seed: of the next pattern
 */
static struct table {
	const struct odd_importer *importer;
	int fd;
	__u8 *cpu;
	__u8 right[ODD_SIZE];
	__u32 seed;
} table;

static void check_all(void)
{
	check(!memcmp(table.cpu, table.right, ODD_SIZE));
}

/* What was put off has come by then: whoever looks at the buffer next has it to look at. */
static void restore(void)
{
	struct odd_counts counts;

	pause_ms(20);
	counts = odd_counts(table.fd);
	if (counts.revoked)
		check_ok(odd_do(table.fd, ODD_DO_RESTORE, 0));
}

/* The importer's own errors apart, there is one thing it may do: come again. */
static bool may_try_again(const struct trial *trial, int ret, unsigned int *tries)
{
	if (!ret)
		return false;
	if (!trial->fails)
		fail("%s: the importer gives up: %d (%s)", trial->name, ret, strerror(-ret));
	if (++*tries == 20)
		fail("%s: not once in %u times: %d (%s)", trial->name, *tries, ret,
		     strerror(-ret));
	restore();
	if (table.importer->again)
		table.importer->again();
	return true;
}

static void device_writes(const struct trial *trial, __u64 offset, __u32 length)
{
	unsigned int tries = 0;
	int ret;

	do {
		ret = table.importer->write(offset, length, table.seed);
	} while (may_try_again(trial, ret, &tries));
	restore();
	if (table.importer->wrote)
		check(table.importer->wrote(table.cpu + offset, length, table.seed));
	else
		check(pattern_matches(table.cpu + offset, length, table.seed));
	check(!memcmp(table.cpu, table.right, offset));
	check(!memcmp(table.cpu + offset + length, table.right + offset + length,
		      ODD_SIZE - offset - length));
	memcpy(table.right + offset, table.cpu + offset, length);
	table.seed++;
}

static void device_reads(const struct trial *trial, __u64 offset, __u32 length)
{
	unsigned int tries = 0;
	int ret;

	restore();
	pattern_fill(table.cpu + offset, length, table.seed);
	pattern_fill(table.right + offset, length, table.seed);
	do {
		ret = table.importer->read(offset, length, table.seed);
	} while (may_try_again(trial, ret, &tries));
	restore();
	check_all();
	table.seed++;
}

static __u64 aligned(__u64 offset)
{
	return offset / table.importer->unit * table.importer->unit;
}

static void act(const struct trial *trial)
{
	int ret;

	if (trial->each == NOTHING)
		return;
	/* An importer's work may keep it in place a moment longer than its caller waits. */
	for (int i = 0; i < 100; i++) {
		ret = odd_do(table.fd, trial->each, trial->late_ms);
		if (ret != -EBUSY)
			break;
		pause_ms(20);
	}
	if (ret && !(ret == -ENODEV && odd_counts(table.fd).revoked))
		fail("%s: the exporter's turn: %s", trial->name, strerror(-ret));
}

/* At both ends, and across the ends of pieces of 1, 2, 3, 5 and more pages. */
static void round_of(const struct trial *trial, unsigned int round)
{
	static const __u64 around[ROUNDS] = { 0, 3 * PAGE, 7 * PAGE, 40 * PAGE };
	__u32 length = table.importer->length;
	__u64 offset = around[round];

	if (offset)
		offset = aligned(offset - length / 2);
	act(trial);
	device_writes(trial, offset, length);
	act(trial);
	device_reads(trial, aligned(ODD_SIZE - offset - length), length);
}

static void export(const struct trial *trial, const struct odd_where *where)
{
	struct odd_export req;

	if (where->mem)
		odd_bind(where->mem);
	req = odd_request(where->mem, where->where);
	req.flags = trial->flags;
	req.nr_pieces = trial->nr_pieces;
	memcpy(req.piece, trial->piece, sizeof(req.piece));
	check_ok(odd_export(&req));
	table.fd = req.fd;
	table.cpu = buffer_map(req.fd, ODD_SIZE, 0);
	pattern_fill(table.cpu, ODD_SIZE, 1000);
	pattern_fill(table.right, ODD_SIZE, 1000);
	check_ok(odd_rules(table.fd, trial->rule, trial->nr_rules));
}

static void import(const struct trial *trial)
{
	unsigned int tries = 0;
	int ret;

	do {
		ret = table.importer->open(table.fd, ODD_SIZE);
		if (!ret)
			return;
		if (!trial->fails)
			fail("%s: import: %s", trial->name, strerror(-ret));
		restore();
	} while (++tries < 5);
	fail("%s: not imported in %u times: %s", trial->name, tries, strerror(-ret));
}

static __u64 deeds(const struct odd_counts *counts)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < ODD_NR_ACTIONS; i++)
		sum += counts->actions[i];
	return sum;
}

static void try_one(const struct odd_importer *importer, const struct odd_where *where,
		    const struct trial *trial)
{
	struct odd_counts counts;

	table.importer = importer;
	table.seed = 1;
	export(trial, where);
	import(trial);
	for (unsigned int round = 0; round < ROUNDS; round++)
		round_of(trial, round);
	importer->close();
	/* What was put off may still come. */
	pause_ms(200);
	restore();
	check_all();
	counts = odd_counts(table.fd);
	printf("%s: %llu attached, %llu mapped, %llu told, %llu acts, kept %llu us\n", trial->name,
	       (unsigned long long)counts.events[ODD_ON_ATTACH],
	       (unsigned long long)counts.events[ODD_ON_MAP],
	       (unsigned long long)counts.events[ODD_ON_INVALIDATE],
	       (unsigned long long)deeds(&counts),
	       (unsigned long long)counts.longest_ns / 1000);
	check(trial->each == NOTHING && !trial->nr_rules ? !deeds(&counts) : deeds(&counts) > 0);
	check(counts.events[ODD_ON_MAP] > 0);
	check_eq(counts.attachments, 0);
	check_eq(counts.mappings, 0);
	check_eq(counts.pins, 0);
	odd_check_good(table.fd, ODD_NR_BAD);
	munmap(table.cpu, ODD_SIZE);
	close(table.fd);
}

static void try_all(const struct odd_importer *importer, const struct odd_where *where,
		    const struct trial *trials, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		try_one(importer, where, &trials[i]);
}

#define TRY_ALL(trials)	\
	try_all(importer, where, trials, sizeof(trials) / sizeof((trials)[0]))

void odd_try_shapes(const struct odd_importer *importer, const struct odd_where *where)
{
	static const struct trial trials[] = {
		{ .name = "pieces of a page", .piece = { 1 }, .nr_pieces = 1, .each = NOTHING },
		{ .name = "primes of pages", .piece = { 2, 3, 5, 7, 11, 13 }, .nr_pieces = 6,
		  .each = NOTHING },
		{ .name = "an entry a page, pieces of three", .flags = ODD_EXPORT_F_PAGES,
		  .piece = { 3 }, .nr_pieces = 1, .each = NOTHING },
		{ .name = "an entry a page", .flags = ODD_EXPORT_F_PAGES, .each = NOTHING },
	};

	TRY_ALL(trials);
}

void odd_try_moves(const struct odd_importer *importer, const struct odd_where *where)
{
	static const struct trial trials[] = {
		{ .name = "moves from outside", .piece = { 1, 7 }, .nr_pieces = 2,
		  .each = ODD_DO_MOVE },
		{ .name = "told for nothing", .each = ODD_DO_INVALIDATE },
		{ .name = "moves at every map", .each = ODD_DO_MOVE,
		  .rule = { { ODD_ON_MAP, ODD_DO_MOVE, .first = 1, .every = 1 } },
		  .nr_rules = 1 },
		{ .name = "moves soon after every second map", .each = ODD_DO_INVALIDATE,
		  .rule = { { ODD_ON_MAP, ODD_DO_MOVE, .first = 2, .every = 2, .delay_ms = 1 } },
		  .nr_rules = 1 },
		{ .name = "moves after every unmap", .each = ODD_DO_INVALIDATE,
		  .rule = { { ODD_ON_UNMAP, ODD_DO_MOVE, .first = 1, .every = 1, .times = 20 } },
		  .nr_rules = 1 },
		{ .name = "moves while it is attached", .each = NOTHING,
		  .rule = { { ODD_ON_ATTACH, ODD_DO_MOVE, .first = 1, .every = 1 } },
		  .nr_rules = 1 },
	};
	static const struct trial migration = {
		.name = "goes into the BAR and back", .each = ODD_DO_MIGRATE,
	};

	TRY_ALL(trials);
	if (where->mem)
		try_one(importer, where, &migration);
}

void odd_try_late(const struct odd_importer *importer, const struct odd_where *where)
{
	static const struct trial trials[] = {
		{ .name = "contents late", .each = ODD_DO_MOVE, .late_ms = 300 },
		{ .name = "contents late at a map", .each = ODD_DO_INVALIDATE,
		  .rule = { { ODD_ON_MAP, ODD_DO_MOVE, .first = 1, .every = 1, .late_ms = 200 } },
		  .nr_rules = 1 },
	};

	TRY_ALL(trials);
}

void odd_try_slow(const struct odd_importer *importer, const struct odd_where *where)
{
	static const struct trial trials[] = {
		{ .name = "a long time after it was told", .each = ODD_DO_MOVE,
		  .rule = { { ODD_ON_INVALIDATE, ODD_DO_DELAY, .first = 1, .every = 1,
			      .delay_ms = 400 } },
		  .nr_rules = 1 },
		{ .name = "all takes long", .each = ODD_DO_MOVE,
		  .rule = { { ODD_ON_ATTACH, ODD_DO_DELAY, .first = 1, .every = 1,
			      .delay_ms = 300 },
			    { ODD_ON_MAP, ODD_DO_DELAY, .first = 1, .every = 1, .delay_ms = 300 },
			    { ODD_ON_UNMAP, ODD_DO_DELAY, .first = 1, .every = 1, .delay_ms = 300 },
			    { ODD_ON_DETACH, ODD_DO_DELAY, .first = 1, .every = 1,
			      .delay_ms = 300 } },
		  .nr_rules = 4 },
	};

	TRY_ALL(trials);
}

void odd_try_errors(const struct odd_importer *importer, const struct odd_where *where)
{
	static const struct trial trials[] = {
		{ .name = "attach fails", .each = NOTHING, .fails = true,
		  .rule = { { ODD_ON_ATTACH, ODD_DO_FAIL, .first = 1, .error = EACCES } },
		  .nr_rules = 1 },
		{ .name = "the first map fails", .each = NOTHING, .fails = true,
		  .rule = { { ODD_ON_MAP, ODD_DO_FAIL, .first = 1, .error = ENOMEM } },
		  .nr_rules = 1 },
		{ .name = "every second map fails", .each = ODD_DO_MOVE, .fails = true,
		  .rule = { { ODD_ON_MAP, ODD_DO_FAIL, .first = 2, .every = 2, .error = ENOMEM } },
		  .nr_rules = 1 },
		{ .name = "every third map fails, with other errors", .each = ODD_DO_INVALIDATE,
		  .fails = true,
		  .rule = { { ODD_ON_MAP, ODD_DO_FAIL, .first = 1, .every = 6, .error = EIO },
			    { ODD_ON_MAP, ODD_DO_FAIL, .first = 4, .every = 6, .error = EAGAIN } },
		  .nr_rules = 2 },
	};

	TRY_ALL(trials);
}

void odd_try_revokes(const struct odd_importer *importer, const struct odd_where *where)
{
	static const struct trial trials[] = {
		{ .name = "revoked during the second map", .each = ODD_DO_MOVE, .fails = true,
		  .rule = { { ODD_ON_MAP, ODD_DO_REVOKE, .first = 2 } }, .nr_rules = 1 },
		{ .name = "revoked during every third map", .each = ODD_DO_INVALIDATE,
		  .fails = true,
		  .rule = { { ODD_ON_MAP, ODD_DO_REVOKE, .first = 3, .every = 3 } },
		  .nr_rules = 1 },
		{ .name = "revoked soon after a map", .each = ODD_DO_INVALIDATE, .fails = true,
		  .rule = { { ODD_ON_MAP, ODD_DO_REVOKE, .first = 2, .every = 2, .delay_ms = 1 } },
		  .nr_rules = 1 },
		{ .name = "away for a while", .each = ODD_DO_REVOKE, .fails = true,
		  .rule = { { ODD_ON_INVALIDATE, ODD_DO_RESTORE, .first = 1, .every = 1,
			      .delay_ms = 50 } }, .nr_rules = 1 },
	};

	TRY_ALL(trials);
}
