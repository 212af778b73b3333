// SPDX-License-Identifier: GPL-2.0
/* From addresses to segments: known cases, and random ones against an oracle. */

#include "provider.h"
#include "segment.h"
#include "tap.h"

#define K	1024ULL
#define M	(1024 * K)
#define G	(1024 * M)
#define P	(4 * K)
#define TOP	(~0ULL)
#define NO_LIMIT	U32_MAX
#define ROOM	64

static struct p2p_provider red, blue;

struct row {
	const char *name;
	u64 max_len, boundary;
	unsigned long flags;
	struct { u64 addr, len; struct p2p_provider *provider; } vec[6];
	struct { u64 addr, len; struct p2p_provider *provider; } want[20];
};

static const struct row rows[] = {
	{ "one range", NO_LIMIT, TOP, 0,
	  { { 0x10000, P, &red } }, { { 0x10000, P, &red } } },
	{ "two that touch", NO_LIMIT, TOP, 0,
	  { { 0x10000, P, &red }, { 0x11000, P, &red } }, { { 0x10000, 2 * P, &red } } },
	{ "two that touch, of two providers", NO_LIMIT, TOP, 0,
	  { { 0x10000, P, &red }, { 0x11000, P, &blue } }, { { 0x10000, 2 * P, &red } } },
	{ "the same, kept apart", NO_LIMIT, TOP, P2P_SEGMENTS_PER_PROVIDER,
	  { { 0x10000, P, &red }, { 0x11000, P, &blue } },
	  { { 0x10000, P, &red }, { 0x11000, P, &blue } } },
	{ "a BAR and system memory, kept apart", NO_LIMIT, TOP, P2P_SEGMENTS_PER_PROVIDER,
	  { { 0x10000, P, &red }, { 0x11000, P, NULL }, { 0x12000, P, NULL } },
	  { { 0x10000, P, &red }, { 0x11000, 2 * P, NULL } } },
	{ "a gap", NO_LIMIT, TOP, 0,
	  { { 0x10000, P, &red }, { 0x12000, P, &red } },
	  { { 0x10000, P, &red }, { 0x12000, P, &red } } },
	{ "the wrong way round", NO_LIMIT, TOP, 0,
	  { { 0x11000, P, &red }, { 0x10000, P, &red } },
	  { { 0x11000, P, &red }, { 0x10000, P, &red } } },
	{ "the same range twice", NO_LIMIT, TOP, 0,
	  { { 0x10000, P, &red }, { 0x10000, P, &red } },
	  { { 0x10000, P, &red }, { 0x10000, P, &red } } },
	{ "maximum of 64K", 64 * K, TOP, 0,
	  { { 0x10000, 160 * K, &red } },
	  { { 0x10000, 64 * K, &red }, { 0x20000, 64 * K, &red }, { 0x30000, 32 * K, &red } } },
	{ "maximum that is not whole pages", 3 * P + 511, TOP, 0,
	  { { 0x10000, 4 * P, &red } },
	  { { 0x10000, 3 * P, &red }, { 0x13000, P, &red } } },
	{ "maximum below a page", 512, TOP, 0,
	  { { 0x10000, 2 * P, &red } },
	  { { 0x10000, P, &red }, { 0x11000, P, &red } } },
	{ "maximum of zero", 0, TOP, 0,
	  { { 0x10000, 2 * P, &red } },
	  { { 0x10000, P, &red }, { 0x11000, P, &red } } },
	{ "a segment filled up from the next vec", 2 * P, TOP, 0,
	  { { 0x10000, P, &red }, { 0x11000, 2 * P, &red }, { 0x13000, P, &red } },
	  { { 0x10000, 2 * P, &red }, { 0x12000, 2 * P, &red } } },
	{ "boundary of 64K", NO_LIMIT, 64 * K - 1, 0,
	  { { 0x1f000, 72 * K, &red } },
	  { { 0x1f000, P, &red }, { 0x20000, 64 * K, &red }, { 0x30000, P, &red } } },
	{ "boundary below a page", NO_LIMIT, 511, 0,
	  { { 0x10000, 2 * P, &red } },
	  { { 0x10000, P, &red }, { 0x11000, P, &red } } },
	{ "boundary at a merge", NO_LIMIT, 64 * K - 1, 0,
	  { { 0x1f000, P, &red }, { 0x20000, P, &red } },
	  { { 0x1f000, P, &red }, { 0x20000, P, &red } } },
	{ "maximum and boundary in turn", 3 * P, 8 * P - 1, 0,
	  { { 0x6000, 8 * P, &red } },
	  { { 0x6000, 2 * P, &red }, { 0x8000, 3 * P, &red }, { 0xb000, 3 * P, &red } } },
	{ "4G less a page", NO_LIMIT, TOP, 0,
	  { { 8 * G, 4 * G - P, &red } }, { { 8 * G, 4 * G - P, &red } } },
	{ "4G", NO_LIMIT, TOP, 0,
	  { { 8 * G, 4 * G, &red } },
	  { { 8 * G, 4 * G - P, &red }, { 12 * G - P, P, &red } } },
	{ "more than 32 bits as a maximum", 64 * G, TOP, 0,
	  { { 8 * G, 4 * G, &red } },
	  { { 8 * G, 4 * G - P, &red }, { 12 * G - P, P, &red } } },
	{ "5G over a 4G boundary", NO_LIMIT, 4 * G - 1, 0,
	  { { 3 * G, 5 * G, &red } },
	  { { 3 * G, G, &red }, { 4 * G, 4 * G - P, &red }, { 8 * G - P, P, &red } } },
	{ "up to the very top", NO_LIMIT, TOP, 0,
	  { { TOP - 2 * P + 1, 2 * P, &red }, { 0, P, &red } },
	  { { TOP - 2 * P + 1, 2 * P, &red }, { 0, P, &red } } },
};

static const struct {
	u64 align;
	struct row row;
} cut_rows[] = {
	{ G, { "5G cut at 1G", NO_LIMIT, TOP, 0,
	  { { 8 * G, 5 * G, &red } },
	  { { 8 * G, 3 * G, &red }, { 11 * G, 2 * G, &red } } } },
	{ G, { "3G in chunks of 1G", G, TOP, 0,
	  { { 8 * G - M, 3 * G, &red } },
	  { { 8 * G - M, M, &red }, { 8 * G, G, &red }, { 9 * G, G, &red },
	    { 10 * G, G - M, &red } } } },
	{ M, { "chunks across two vecs", M, TOP, 0,
	  { { M - P, M, &red }, { 2 * M - P, M, &blue } },
	  { { M - P, P, &red }, { M, M, &red }, { 2 * M, M - P, &blue } } } },
	{ G, { "nothing to cut", NO_LIMIT, TOP, 0,
	  { { G - P, P, &red } }, { { G - P, P, &red } } } },
	{ M, { "shorter than the alignment", 64 * K, TOP, 0,
	  { { M + 160 * K, 160 * K, &red } },
	  { { M + 160 * K, 64 * K, &red }, { M + 224 * K, 64 * K, &red },
	    { M + 288 * K, 32 * K, &red } } } },
	{ M, { "alignment and boundary", 4 * M, 4 * M - 1, 0,
	  { { 3 * M - P, 2 * M, &red } },
	  { { 3 * M - P, M + P, &red }, { 4 * M, M - P, &red } } } },
	{ 2 * M, { "cut before the very top", 2 * M, TOP, 0,
	  { { TOP - 3 * M + P + 1, 3 * M - P, &red } },
	  { { TOP - 3 * M + P + 1, M - P, &red }, { TOP - 2 * M + 1, 2 * M, &red } } } },
};

static struct p2p_vecs *row_vecs(const struct row *row, dma_addr_t *addrs)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(ARRAY_SIZE(row->vec));
	u32 i;

	/* Built by hand: vecs would merge, and these need no physical address. */
	for (i = 0; i < ARRAY_SIZE(row->vec) && row->vec[i].len; i++) {
		vecs->vec[i].len = row->vec[i].len;
		vecs->vec[i].provider = row->vec[i].provider;
		addrs[i] = row->vec[i].addr;
		vecs->nr++;
	}
	return vecs;
}

static void run_row(const struct row *row, u64 align)
{
	dma_addr_t addrs[ARRAY_SIZE(row->vec)] = {};
	struct p2p_vecs *vecs = row_vecs(row, addrs);
	struct p2p_segment_limits limits;
	struct p2p_segment_iter iter;
	struct p2p_segment got;
	size_t n;

	p2p_segment_limits_set(&limits, row->max_len, align, row->boundary, row->flags);
	p2p_segment_iter_init(&iter, vecs, addrs, NULL, &limits);
	for (n = 0; p2p_segment_next(&iter, &got) && n < ROOM; n++) {
		ROW("%s, segment %zu", row->name, n);
		if (!CHECK(n < ARRAY_SIZE(row->want)))
			break;
		CHECK_EQ(got.addr, row->want[n].addr);
		CHECK_EQ(got.len, row->want[n].len);
		CHECK(got.provider == row->want[n].provider);
	}
	ROW("%s, the end", row->name);
	CHECK(n == ARRAY_SIZE(row->want) || !row->want[n].len);
	CHECK(!p2p_segment_next(&iter, &got));
	p2p_vecs_put(vecs);
}

static void known_cases(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i], 0);
	for (i = 0; i < ARRAY_SIZE(cut_rows); i++)
		run_row(&cut_rows[i].row, cut_rows[i].align);
	CHECK_EQ(red.references, 0);
	CHECK_EQ(blue.references, 0);
}

static void large_buffer_has_few(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);
	dma_addr_t addr = 1ULL << 40;
	struct p2p_segment_limits limits;
	struct p2p_segment_iter iter;
	struct p2p_segment segment;
	u64 at = addr;
	int nr = 0;

	vecs->nr = 1;
	vecs->vec[0].len = 64 * G;
	p2p_segment_limits_set(&limits, NO_LIMIT, 0, TOP, 0);
	p2p_segment_iter_init(&iter, vecs, &addr, NULL, &limits);
	for (; p2p_segment_next(&iter, &segment); nr++) {
		CHECK_EQ(segment.addr, at);
		at += segment.len;
	}
	CHECK_EQ(at, addr + 64 * G);
	CHECK_EQ(nr, 17);
	p2p_vecs_put(vecs);
}

/*
 * The oracle knows no vecs and no lengths, only the address and the provider of
 * each page in buffer order. A page begins a segment if it does not continue the
 * one before, or that one is full, or a boundary lies between. A segment is full earlier if it
 * ends aligned there.
 */
struct model {
	int nr;
	u64 addr[64];
	struct p2p_provider *provider[64];
};

/* Page by page: the furthest end that is allowed, and of those that are aligned, if any is. */
static u64 most_at(u64 addr, u64 max_len, u64 align, u64 boundary)
{
	u64 len, most = 0, aligned = 0;

	for (len = P; len <= max(max_len, P) && len <= 64 * P; len += P) {
		if ((addr + len - 1) / (boundary + 1) != addr / (boundary + 1))
			break;
		most = len;
		if (align && (addr + len) % align == 0)
			aligned = len;
	}
	return aligned ?: most;
}

static int oracle(const struct model *model, u64 max_len, u64 align, u64 boundary, bool apart,
		  struct p2p_segment *want)
{
	int i, nr = 0;

	for (i = 0; i < model->nr; i++) {
		struct p2p_segment *last = &want[nr - 1];

		if (nr && model->addr[i] == last->addr + last->len &&
		    last->len < most_at(last->addr, max_len, align, boundary) &&
		    model->addr[i] / (boundary + 1) == last->addr / (boundary + 1) &&
		    (!apart || model->provider[i] == last->provider)) {
			last->len += P;
			continue;
		}
		want[nr++] = (struct p2p_segment) { model->addr[i], P, model->provider[i] };
	}
	return nr;
}

/* Up to eight vecs of up to eight pages; many touch the one before. */
static struct p2p_vecs *random_vecs(struct model *model, dma_addr_t *addrs)
{
	struct p2p_provider *providers[] = { &red, &blue, NULL };
	struct p2p_vecs *vecs = p2p_vecs_alloc(8);
	u64 addr = (rand() % 32) * P;
	int i, pages;

	model->nr = 0;
	vecs->nr = rand() % 8 + 1;
	for (i = 0; i < (int)vecs->nr; i++) {
		struct p2p_provider *provider = providers[rand() % 3];

		if (rand() % 3 == 0)
			addr = (rand() % 32) * P;
		pages = rand() % 8 + 1;
		addrs[i] = addr;
		vecs->vec[i].len = pages * P;
		vecs->vec[i].provider = provider;
		for (; pages--; addr += P) {
			model->addr[model->nr] = addr;
			model->provider[model->nr++] = provider;
		}
	}
	return vecs;
}

static void random_round(void)
{
	dma_addr_t addrs[8] = {};
	struct p2p_segment want[64], got;
	struct p2p_segment_limits limits;
	struct p2p_segment_iter iter;
	struct model model;
	struct p2p_vecs *vecs = random_vecs(&model, addrs);
	u64 max_len = rand() % 4 ? (u64)rand() % (12 * P) : NO_LIMIT;
	u64 boundary = (P << rand() % 6) - 1;
	u64 align = rand() % 2 ? P << rand() % 6 : 0;
	unsigned long flags = rand() % 2 ? P2P_SEGMENTS_PER_PROVIDER : 0;
	int i, nr = oracle(&model, max_len, align, boundary, flags, want);

	p2p_segment_limits_set(&limits, max_len, align, boundary, flags);
	p2p_segment_iter_init(&iter, vecs, addrs, NULL, &limits);
	for (i = 0; i < nr; i++) {
		if (!CHECK(p2p_segment_next(&iter, &got)))
			break;
		CHECK_EQ(got.addr, want[i].addr);
		CHECK_EQ(got.len, want[i].len);
		CHECK(got.provider == want[i].provider);
	}
	CHECK(!p2p_segment_next(&iter, &got));
	p2p_vecs_put(vecs);
}

static void random_cases_agree_with_the_oracle(void)
{
	const unsigned int seed = 20261121;
	int round;

	printf("# segments: seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 50000; round++) {
		ROW("seed %u, round %d", seed, round);
		random_round();
	}
}

/* Without a table of addresses they are the CPU's, and what each part adds: bus addresses. */
static void parts_give_addresses(void)
{
	const struct p2p_map_part parts[] = { { .shift = 0x1000000 }, { .shift = -0x3f000ULL } };
	struct p2p_vecs *vecs = p2p_vecs_alloc(4);
	struct p2p_segment_limits limits;
	struct p2p_segment_iter iter;
	struct p2p_segment got[4];

	red = (struct p2p_provider) { .base = 0x10000, .length = 16 * P };
	blue = (struct p2p_provider) { .base = 0x1050000, .length = 16 * P };
	p2p_vecs_add_bar(vecs, &red, 0, P);
	/* Behind the other one's for the client, though not for the CPU. */
	p2p_vecs_add_bar(vecs, &blue, 0, P);
	p2p_vecs_add_bar(vecs, &red, 4 * P, 2 * P);
	p2p_segment_limits_set(&limits, NO_LIMIT, 0, TOP, 0);
	p2p_segment_iter_init(&iter, vecs, NULL, parts, &limits);
	CHECK_EQ(p2p_segments_take(&iter, got, 1), 1);
	CHECK_EQ(got[0].addr, 0x1010000);
	CHECK_EQ(got[0].len, 2 * P);
	CHECK_EQ(p2p_segments_take(&iter, got, 4), 1);
	CHECK_EQ(got[0].addr, 0x1014000);
	CHECK_EQ(got[0].len, 2 * P);
	CHECK_EQ(p2p_segments_take(&iter, got, 4), 0);
	p2p_vecs_put(vecs);
	red = (struct p2p_provider) {};
	blue = (struct p2p_provider) {};
}

/* Whoever can say more than 32 bits is given more, unless somebody has set a limit. */
static void long_segments(void)
{
	static const struct { u64 max_len, boundary, want; } rows[] = {
		{ U32_MAX, U32_MAX, 64 * G }, { TOP, U32_MAX, 64 * G }, { TOP, TOP, 64 * G },
		{ U32_MAX, 8 * G - 1, 8 * G }, { 2 * G, TOP, 2 * G }, { 6 * G, TOP, 6 * G },
	};
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);
	struct p2p_segment_limits limits;
	struct p2p_segment_iter iter;
	struct p2p_segment got;
	dma_addr_t addr = 64 * G;
	size_t i;

	vecs->vec[0] = (struct p2p_vec) { .len = 64 * G };
	vecs->nr = 1;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ROW("maximum %llu, boundary %llu", rows[i].max_len, rows[i].boundary);
		p2p_segment_limits_set(&limits, rows[i].max_len, 0, rows[i].boundary,
				       P2P_SEGMENTS_LONG);
		p2p_segment_iter_init(&iter, vecs, &addr, NULL, &limits);
		CHECK(p2p_segment_next(&iter, &got));
		CHECK_EQ(got.len, rows[i].want);
	}
	p2p_vecs_put(vecs);
}

/* What the PCI core sets for every device is no limit, unless somebody says that it is. */
static void limit_nobody_chose(void)
{
	static const struct { u64 device, driver, want; } limits[] = {
		{ 64 * K, 0, TOP }, { 64 * K, 64 * K, 64 * K }, { 64 * K, 1 * M, 1 * M },
		{ 64 * K, P, P }, { 64 * K - 1, 0, 64 * K - 1 }, { 64 * K + 1, 0, 64 * K + 1 },
		{ 60 * K, 0, 60 * K }, { 68 * K, 0, 68 * K }, { P, 0, P },
		{ 1 * M, 64 * K, 64 * K }, { 16 * K, 64 * K, 16 * K },
		{ U32_MAX, 0, U32_MAX }, { U32_MAX, 2 * M, 2 * M },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		ROW("device %llu, driver %llu", (unsigned long long)limits[i].device,
		    (unsigned long long)limits[i].driver);
		CHECK_EQ(p2p_segment_max_len(limits[i].device, limits[i].driver), limits[i].want);
	}
}

void test_segments(void)
{
	RUN(parts_give_addresses);
	RUN(long_segments);
	RUN(limit_nobody_chose);
	RUN(known_cases);
	RUN(large_buffer_has_few);
	RUN(random_cases_agree_with_the_oracle);
}
