// SPDX-License-Identifier: GPL-2.0
/* Vec lists that name memory twice, or memory of one another. */

#include "provider.h"
#include "tap.h"
#include "vecs.h"

#define K	1024ULL
#define M	(1024 * K)
#define TOP	(~0ULL)

static struct p2p_provider high = { .base = TOP - 16 * M + 1, .length = 16 * M };

static struct p2p_vecs *pages(const int *page, int nr)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(nr ? nr : 1);
	int i;

	for (i = 0; i < nr; i++)
		p2p_vecs_add_system(vecs, page[i] * 4 * K, 4 * K);
	return vecs;
}

static void overlap_known_cases(void)
{
	static const int odd[] = { 9, 1, 5, 3, 7 }, even[] = { 2, 8, 4, 6 };
	static const int five[] = { 20, 5 }, twice[] = { 30, 31, 30 };
	struct p2p_vecs *a = pages(odd, 5), *b = pages(even, 4), *c = pages(five, 2);
	struct p2p_vecs *d = pages(twice, 3), *none = pages(NULL, 0);
	struct p2p_vecs *top = p2p_vecs_alloc(1);

	p2p_vecs_add_bar(top, &high, 16 * M - 8 * K, 4 * K);
	CHECK(!p2p_vecs_overlap(a, b));
	CHECK(!p2p_vecs_overlap(b, a));
	CHECK(p2p_vecs_overlap(a, c));
	CHECK(p2p_vecs_overlap(c, a));
	CHECK(!p2p_vecs_overlap(b, c));
	CHECK(!p2p_vecs_overlap(a, d));
	CHECK(p2p_vecs_overlap(d, d));
	CHECK(!p2p_vecs_overlap(a, none));
	CHECK(!p2p_vecs_overlap(none, none));
	CHECK(p2p_vecs_overlap(top, top));
	CHECK(!p2p_vecs_overlap(top, a));
	shim_allocations = 0;
	CHECK(p2p_vecs_overlap(a, c));
	CHECK(!p2p_vecs_overlap(a, b));
	p2p_vecs_put(a);
	p2p_vecs_put(b);
	p2p_vecs_put(c);
	p2p_vecs_put(d);
	p2p_vecs_put(none);
	p2p_vecs_put(top);
}

static void aliased_known_cases(void)
{
	static const int odd[] = { 9, 1, 5, 3, 7 }, twice[] = { 30, 33, 30 }, one[] = { 4 };
	struct p2p_vecs *a = pages(odd, 5), *d = pages(twice, 3), *none = pages(NULL, 0);
	struct p2p_vecs *single = pages(one, 1), *inside = p2p_vecs_alloc(3);
	struct p2p_vecs *hidden = p2p_vecs_alloc(2), *bar = p2p_vecs_alloc(2);

	p2p_vecs_add_system(inside, 16 * 4 * K, 16 * 4 * K);
	p2p_vecs_add_system(inside, 8 * 4 * K, 4 * K);
	p2p_vecs_add_system(inside, 30 * 4 * K, 4 * K);
	p2p_vecs_add_hidden(hidden, 7, 4 * K);
	p2p_vecs_add_hidden(hidden, 7, 4 * K);
	/* Up to the very top. */
	p2p_vecs_add_bar(bar, &high, 16 * M - 8 * K, 8 * K);
	p2p_vecs_add_bar(bar, &high, 16 * M - 4 * K, 4 * K);
	for (shim_allocations = 0; shim_allocations >= -1; shim_allocations--) {
		CHECK(!p2p_vecs_aliased(a));
		CHECK(p2p_vecs_aliased(d));
		CHECK(!p2p_vecs_aliased(none));
		CHECK(!p2p_vecs_aliased(single));
		CHECK(p2p_vecs_aliased(inside));
		CHECK(!p2p_vecs_aliased(hidden));
		CHECK(p2p_vecs_aliased(bar));
	}
	shim_allocations = -1;
	p2p_vecs_put(a);
	p2p_vecs_put(d);
	p2p_vecs_put(none);
	p2p_vecs_put(single);
	p2p_vecs_put(inside);
	p2p_vecs_put(hidden);
	p2p_vecs_put(bar);
}

/* Few pages, so that about half of the pairs overlap. The oracle is a page map. */
static struct p2p_vecs *scatter(int *map, int nr_pages)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(8);
	int i, page, nr = rand() % 8;

	memset(map, 0, nr_pages * sizeof(*map));
	for (i = 0; i < nr; i++) {
		int first = rand() % (nr_pages - 4), len = rand() % 3 + 1;

		if (p2p_vecs_add_system(vecs, first * 4 * K, len * 4 * K))
			continue;
		for (page = first; page < first + len; page++)
			map[page]++;
	}
	return vecs;
}

static void overlap_agrees_with_a_page_map(void)
{
	enum { PAGES = 100, ROUNDS = 20000 };
	int map_a[PAGES], map_b[PAGES];
	int round, hits = 0, i;

	srand(4711);
	for (round = 0; round < ROUNDS; round++) {
		struct p2p_vecs *a = scatter(map_a, PAGES), *b = scatter(map_b, PAGES);
		bool want = false, twice = false;

		for (i = 0; i < PAGES; i++) {
			want |= map_a[i] && map_b[i];
			twice |= map_a[i] > 1;
		}
		hits += want;
		ROW("seed 4711, round %d", round);
		shim_allocations = round % 2 ? 0 : -1;
		CHECK_EQ(p2p_vecs_overlap(a, b), want);
		shim_allocations = round % 2 ? 0 : -1;
		CHECK_EQ(p2p_vecs_aliased(a), twice);
		shim_allocations = -1;
		p2p_vecs_put(a);
		p2p_vecs_put(b);
	}
	ROW("%d of %d overlap", hits, ROUNDS);
	CHECK(hits > ROUNDS / 10 && hits < ROUNDS * 9 / 10);
}

static void hidden_overlaps_nothing(void)
{
	struct p2p_vecs *a = p2p_vecs_alloc(2), *b = p2p_vecs_alloc(2);
	int round;

	p2p_vecs_add_hidden(a, 0, 8 * K);
	p2p_vecs_add_system(b, 0, 8 * K);
	for (round = 0; round < 2; round++) {
		ROW("%s memory to sort in", round ? "no" : "with");
		shim_allocations = round ? 0 : -1;
		CHECK(!p2p_vecs_overlap(a, b));
		CHECK(!p2p_vecs_overlap(b, a));
		CHECK(p2p_vecs_overlap(a, a));
		CHECK(p2p_vecs_overlap(b, b));
	}
	shim_allocations = -1;
	p2p_vecs_add_system(a, 4 * K, 4 * K);
	CHECK(p2p_vecs_overlap(a, b));
	p2p_vecs_put(a);
	p2p_vecs_put(b);
}

void test_overlaps(void)
{
	RUN(overlap_known_cases);
	RUN(aliased_known_cases);
	RUN(hidden_overlaps_nothing);
	RUN(overlap_agrees_with_a_page_map);
}
