// SPDX-License-Identifier: GPL-2.0
/* Vec lists. */

#include <inttypes.h>

#include "provider.h"
#include "tap.h"
#include "vecs.h"

#define K	1024ULL
#define M	(1024 * K)
#define G	(1024 * M)
#define TOP	(~0ULL)

static struct p2p_provider bar = { .base = 0xe0000000, .length = 16 * M };
static struct p2p_provider other = { .base = 0xe1000000, .length = 16 * M };
static struct p2p_provider high = { .base = TOP - 16 * M + 1, .length = 16 * M };
static struct p2p_provider huge = { .base = 0, .length = TOP - 4095 };
static struct p2p_provider tiny = { .base = 0xfebf1000, .length = 256 };
static struct p2p_provider askew = { .base = 0xfebf2100, .length = 256 };

static u64 freed_bytes;

/* The kernel's is in system.c. */
void p2p_system_free(phys_addr_t paddr, u64 len)
{
	freed_bytes += len;
}

static void alloc_refuses(void)
{
	CHECK(!p2p_vecs_alloc(0));
	CHECK(!p2p_vecs_alloc(U32_MAX));
	shim_allocations = 0;
	CHECK(!p2p_vecs_alloc(1));
	shim_allocations = -1;
}

static const struct {
	const char *name;
	struct p2p_provider *provider;
	u64 offset, len;
	int error;
} bar_rows[] = {
	{ "whole BAR", &bar, 0, 16 * M, 0 },
	{ "first page", &bar, 0, 4 * K, 0 },
	{ "last page", &bar, 16 * M - 4 * K, 4 * K, 0 },
	{ "a BAR at the top", &high, 0, 16 * M - 4 * K, 0 },
	{ "zero length", &bar, 0, 0, -EINVAL },
	{ "zero length at the end", &bar, 16 * M, 0, -EINVAL },
	{ "unaligned offset", &bar, 1, 4 * K, -EINVAL },
	{ "half a page in", &bar, 2 * K, 4 * K, -EINVAL },
	{ "unaligned length", &bar, 0, 4 * K + 1, -EINVAL },
	{ "less than a page", &bar, 0, 4 * K - 1, -EINVAL },
	{ "a page past the end", &bar, 16 * M, 4 * K, -ERANGE },
	{ "ends a page past the end", &bar, 16 * M - 4 * K, 8 * K, -ERANGE },
	{ "more than the BAR", &bar, 0, 16 * M + 4 * K, -ERANGE },
	{ "far away", &bar, 1ULL << 62, 4 * K, -ERANGE },
	{ "wraps", &bar, 4 * K, TOP - 4095, -EOVERFLOW },
	{ "wraps to zero", &bar, TOP - 4095, 4 * K, -EOVERFLOW },
	{ "smaller than a page", &tiny, 0, 4 * K, -ERANGE },
	{ "in the middle of a page", &askew, 0, 4 * K, -EINVAL },
};

static void add_bar_validates(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bar_rows); i++) {
		struct p2p_vecs *vecs = p2p_vecs_alloc(2);

		ROW("%s", bar_rows[i].name);
		CHECK_EQ(p2p_vecs_add_bar(vecs, bar_rows[i].provider, bar_rows[i].offset,
					  bar_rows[i].len), bar_rows[i].error);
		CHECK_EQ(vecs->nr, !bar_rows[i].error);
		CHECK_EQ(vecs->size, bar_rows[i].error ? 0 : bar_rows[i].len);
		if (!bar_rows[i].error)
			CHECK_EQ(vecs->vec[0].paddr,
				 bar_rows[i].provider->base + bar_rows[i].offset);
		p2p_vecs_put(vecs);
		CHECK_EQ(bar_rows[i].provider->references, 0);
	}
}

static const struct {
	const char *name;
	u64 paddr, len;
	int error;
} system_rows[] = {
	{ "a page", 0x1000, 4 * K, 0 },
	{ "at zero", 0, 64 * G, 0 },
	{ "zero length", 0x1000, 0, -EINVAL },
	{ "unaligned address", 0x1001, 4 * K, -EINVAL },
	{ "unaligned length", 0x1000, 100, -EINVAL },
	{ "wraps", TOP - 4095, 8 * K, -EOVERFLOW },
};

static void add_system_validates(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(system_rows); i++) {
		struct p2p_vecs *vecs = p2p_vecs_alloc(1);

		ROW("%s", system_rows[i].name);
		CHECK_EQ(p2p_vecs_add_system(vecs, system_rows[i].paddr,
					     system_rows[i].len), system_rows[i].error);
		CHECK_EQ(vecs->nr, !system_rows[i].error);
		p2p_vecs_put(vecs);
	}
}

static void neighbours_merge(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(6);

	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 4 * K, 8 * K), 0);
	CHECK_EQ(vecs->nr, 1);
	CHECK_EQ(vecs->vec[0].len, 12 * K);
	/* Backwards, the same range again, and a gap: none of them touch. */
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 16 * M - 4 * K, 4 * K), 0);
	CHECK_EQ(vecs->nr, 4);
	/* Touches in physical space, but is another provider's. */
	CHECK_EQ(p2p_vecs_add_bar(vecs, &other, 0, 4 * K), 0);
	CHECK_EQ(vecs->nr, 5);
	CHECK_EQ(p2p_vecs_add_system(vecs, 0xe1001000, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_system(vecs, 0xe1002000, 4 * K), 0);
	CHECK_EQ(vecs->nr, 6);
	CHECK_EQ(vecs->vec[5].len, 8 * K);
	CHECK_EQ(vecs->size, 36 * K);
	CHECK_EQ(bar.references, 1);
	CHECK_EQ(other.references, 1);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 0);
	CHECK_EQ(other.references, 0);
}

/* What a list has of each BAR, whatever the order of its ranges. */
static void parts_add_up(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(9);
	int i;

	for (i = 0; i < 3; i++) {
		CHECK_EQ(p2p_vecs_add_bar(vecs, &other, 8 * K * i, 4 * K), 0);
		CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 8 * K * (3 - i), 4 * K), 0);
	}
	CHECK_EQ(p2p_vecs_add_system(vecs, 0x1000, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_hidden(vecs, 0, 12 * K), 0);
	CHECK_EQ(vecs->nr_parts, 2);
	CHECK(vecs->part[0].provider == &other);
	CHECK_EQ(vecs->part[0].last, 20 * K - 1);
	CHECK_EQ(vecs->part[0].nr, 3);
	CHECK(vecs->part[1].provider == &bar);
	CHECK_EQ(vecs->part[1].last, 28 * K - 1);
	CHECK_EQ(vecs->part[1].nr, 3);
	for (i = 0; i < 6; i++)
		CHECK_EQ(vecs->vec[i].part, i % 2);
	CHECK_EQ(vecs->system_size, 4 * K);
	CHECK_EQ(vecs->hidden_size, 12 * K);
	/* The last range grows, and the part with it. */
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 64 * K, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 68 * K, 4 * K), 0);
	CHECK_EQ(vecs->part[1].last, 72 * K - 1);
	CHECK_EQ(vecs->part[1].nr, 4);
	CHECK_EQ(other.references, 1);
	CHECK_EQ(bar.references, 1);
	p2p_vecs_put(vecs);
	CHECK_EQ(other.references, 0);
	CHECK_EQ(bar.references, 0);
}

/* Each piece of a mixed list has the bytes that the list has there, and keeps it. */
static void slices_have_the_same_bytes(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(5), *slice;
	u64 offset, len, at, in_list, in_slice;

	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 12 * K), 0);
	CHECK_EQ(p2p_vecs_add_system(vecs, 0x10000, 8 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &other, 4 * K, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 64 * K, 8 * K), 0);
	for (offset = 0; offset < vecs->size; offset += 4 * K) {
		for (len = 4 * K; offset + len <= vecs->size; len += 4 * K) {
			ROW("%llu bytes from %llu on", len, offset);
			slice = p2p_vecs_slice(vecs, offset, len);
			CHECK_EQ(slice->size, len);
			for (at = 0; at < len; at += 4 * K) {
				const struct p2p_vec *a = p2p_vecs_find(vecs, offset + at,
									&in_list);
				const struct p2p_vec *b = p2p_vecs_find(slice, at, &in_slice);

				CHECK_EQ(a->paddr + in_list, b->paddr + in_slice);
				CHECK_EQ(a->kind, b->kind);
				CHECK(a->provider == b->provider);
			}
			CHECK_EQ(vecs->ref.count, 2);
			p2p_vecs_put(slice);
		}
	}
	CHECK_EQ(vecs->ref.count, 1);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 0);
	CHECK_EQ(other.references, 0);
}

static void slice_refuses(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);

	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 12 * K), 0);
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, 0, 0)), -EINVAL);
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, 1, 4 * K)), -EINVAL);
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, 0, 4 * K + 1)), -EINVAL);
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, 0, 16 * K)), -ERANGE);
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, 12 * K, 4 * K)), -ERANGE);
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, TOP - 4 * K + 1, 8 * K)), -ERANGE);
	shim_allocations = 0;
	CHECK_EQ(PTR_ERR(p2p_vecs_slice(vecs, 0, 4 * K)), -ENOMEM);
	CHECK(p2p_vecs_slice(vecs, 0, 12 * K) == vecs);
	shim_allocations = -1;
	p2p_vecs_put(vecs);
	CHECK_EQ(vecs->ref.count, 1);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 0);
}

static void second_part_needs_memory(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(4);

	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 4 * K), 0);
	shim_allocations = 0;
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 8 * K, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &other, 0, 4 * K), -ENOMEM);
	shim_allocations = -1;
	CHECK_EQ(vecs->nr, 2);
	CHECK_EQ(vecs->nr_parts, 1);
	CHECK_EQ(vecs->size, 8 * K);
	CHECK_EQ(other.references, 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &other, 0, 4 * K), 0);
	CHECK_EQ(vecs->nr_parts, 2);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 0);
	CHECK_EQ(other.references, 0);
}

static void full_list_refuses_but_merges(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);

	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 8 * K, 4 * K), -EMSGSIZE);
	CHECK_EQ(p2p_vecs_add_system(vecs, 0x1000, 4 * K), -EMSGSIZE);
	CHECK_EQ(vecs->size, 4 * K);
	CHECK_EQ(bar.references, 1);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 4 * K, 4 * K), 0);
	CHECK_EQ(vecs->size, 8 * K);
	p2p_vecs_put(vecs);
}

static void sum_overflows(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(4);

	CHECK_EQ(p2p_vecs_add_bar(vecs, &huge, 0, 1ULL << 63), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &huge, 0, 1ULL << 63), -EOVERFLOW);
	CHECK_EQ(p2p_vecs_add_system(vecs, 0, 1ULL << 63), -EOVERFLOW);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &huge, 0, (1ULL << 63) - 4096), 0);
	CHECK_EQ(vecs->size, TOP - 4095);
	CHECK_EQ(vecs->nr, 2);
	p2p_vecs_put(vecs);
}

static void references_count(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);

	p2p_vecs_add_bar(vecs, &bar, 0, 4 * K);
	CHECK(p2p_vecs_get(vecs) == vecs);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 1);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 0);
	p2p_vecs_put(NULL);
}

/* 4,096 ranges of one to three pages with gaps: each byte's owner is known. */
static struct p2p_vecs *comb(u32 nr)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(nr);
	u64 offset = 0;
	u32 i;

	for (i = 0; i < nr; i++) {
		u64 len = (i % 3 + 1) * 4 * K;

		if (p2p_vecs_add_bar(vecs, &huge, offset, len))
			break;
		offset += len + 4 * K;
	}
	return vecs;
}

static void find_finds(void)
{
	struct p2p_vecs *vecs = comb(4096);
	u64 at = 0, in_vec = 0;
	u32 i;

	CHECK_EQ(vecs->nr, 4096);
	for (i = 0; i < vecs->nr; i++) {
		const struct p2p_vec *vec = &vecs->vec[i];

		ROW("vec %u", i);
		CHECK_EQ(vec->start, at);
		CHECK(p2p_vecs_find(vecs, at, &in_vec) == vec);
		CHECK_EQ(in_vec, 0);
		CHECK(p2p_vecs_find(vecs, at + vec->len - 1, &in_vec) == vec);
		CHECK_EQ(in_vec, vec->len - 1);
		CHECK(p2p_vecs_find(vecs, at + vec->len / 2, NULL) == vec);
		at += vec->len;
	}
	CHECK_EQ(at, vecs->size);
	CHECK(!p2p_vecs_find(vecs, at, &in_vec));
	CHECK(!p2p_vecs_find(vecs, TOP, &in_vec));
	p2p_vecs_put(vecs);
}

static void find_in_an_empty_list(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);

	CHECK(!p2p_vecs_find(vecs, 0, NULL));
	p2p_vecs_put(vecs);
}

static void add_hidden_validates(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(2);

	CHECK_EQ(p2p_vecs_add_hidden(vecs, 0, 0), -EINVAL);
	CHECK_EQ(p2p_vecs_add_hidden(vecs, 0, 4 * K + 1), -EINVAL);
	CHECK_EQ(p2p_vecs_add_hidden(vecs, 3, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_hidden(vecs, TOP, TOP - 8191), 0);
	CHECK_EQ(vecs->vec[0].paddr, 3);
	CHECK_EQ(vecs->vec[1].paddr, TOP);
	CHECK_EQ(vecs->vec[1].start, 4 * K);
	CHECK_EQ(p2p_vecs_add_hidden(vecs, 9, 4 * K), -EOVERFLOW);
	p2p_vecs_put(vecs);
}

/* What touches by its number only, and what is the list's own beside what is not. */
static void kinds_do_not_merge(void)
{
	struct p2p_vec own = { .paddr = 8 * K, .len = 4 * K, .kind = P2P_VEC_SYSTEM,
			       .owned = true };
	struct p2p_vecs *vecs = p2p_vecs_alloc(6);

	p2p_vecs_add_hidden(vecs, 0, 4 * K);
	p2p_vecs_add_hidden(vecs, 4 * K, 4 * K);
	p2p_vecs_add_system(vecs, 4 * K, 4 * K);
	CHECK_EQ(vecs->nr, 3);
	CHECK_EQ(p2p_vecs_append(vecs, &own), 0);
	CHECK_EQ(vecs->nr, 4);
	own.paddr += 4 * K;
	CHECK_EQ(p2p_vecs_append(vecs, &own), 0);
	CHECK_EQ(vecs->nr, 4);
	p2p_vecs_add_hidden(vecs, 16 * K, 4 * K);
	CHECK_EQ(vecs->nr, 5);
	freed_bytes = 0;
	p2p_vecs_put(vecs);
	CHECK_EQ(freed_bytes, 8 * K);
}

/* What the list adds for itself leaves the caller's room alone, and can fail. */
static void room_grows(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);
	int i;

	for (i = 0; i < 100; i++) {
		CHECK_EQ(p2p_vecs_allow_one_more(vecs), 0);
		CHECK_EQ(p2p_vecs_add_system(vecs, i * 8 * K, 4 * K), 0);
	}
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 0, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(vecs, &bar, 8 * K, 4 * K), -EMSGSIZE);
	CHECK_EQ(vecs->vec[42].paddr, 42 * 8 * K);
	CHECK_EQ(vecs->vec[42].start, 42 * 4 * K);
	CHECK_EQ(vecs->vec[100].provider == &bar, 1);
	vecs->max = vecs->room;
	shim_allocations = 0;
	CHECK_EQ(p2p_vecs_allow_one_more(vecs), -ENOMEM);
	shim_allocations = -1;
	CHECK_EQ(vecs->nr, 101);
	p2p_vecs_put(vecs);
	CHECK_EQ(bar.references, 0);
}

static void count_release(void *priv)
{
	++*(int *)priv;
}

static void release_is_told_once(void)
{
	struct p2p_vecs *vecs = p2p_vecs_alloc(1);
	int released = 0;

	p2p_vecs_on_release(vecs, count_release, &released);
	p2p_vecs_get(vecs);
	p2p_vecs_put(vecs);
	CHECK_EQ(released, 0);
	p2p_vecs_put(vecs);
	CHECK_EQ(released, 1);
}

/* Each page of a list of all kinds, by itself and with those that follow. */
static void parts_are_what_is_there(void)
{
	struct p2p_vecs *whole = p2p_vecs_alloc(4), *part;
	u64 at, len;

	CHECK_EQ(p2p_vecs_add_bar(whole, &bar, 8 * K, 12 * K), 0);
	CHECK_EQ(p2p_vecs_add_system(whole, 64 * K, 8 * K), 0);
	CHECK_EQ(p2p_vecs_add_bar(whole, &other, 0, 8 * K), 0);
	CHECK_EQ(p2p_vecs_add_hidden(whole, 7, 8 * K), 0);
	for (at = 0; at < whole->size; at += 4 * K) {
		for (len = 4 * K; at + len <= whole->size; len += 4 * K) {
			const struct p2p_vec *here, *there;
			u64 a, b, off;

			part = p2p_vecs_alloc(1);
			CHECK_EQ(p2p_vecs_add_part(part, whole, at, len), 0);
			CHECK_EQ(part->size, len);
			for (off = 0; off < len; off += 4 * K) {
				here = p2p_vecs_find(part, off, &a);
				there = p2p_vecs_find(whole, at + off, &b);
				CHECK_EQ(here->kind, there->kind);
				CHECK(here->provider == there->provider);
				if (here->kind != P2P_VEC_HIDDEN)
					CHECK_EQ(here->paddr + a, there->paddr + b);
			}
			p2p_vecs_put(part);
		}
	}
	p2p_vecs_put(whole);
}

static void parts_are_checked(void)
{
	struct p2p_vecs *whole = p2p_vecs_alloc(1), *part = p2p_vecs_alloc(1);

	CHECK_EQ(p2p_vecs_add_bar(whole, &bar, 0, 16 * K), 0);
	CHECK_EQ(p2p_vecs_add_part(part, whole, 0, 0), -EINVAL);
	CHECK_EQ(p2p_vecs_add_part(part, whole, 1, 4 * K), -EINVAL);
	CHECK_EQ(p2p_vecs_add_part(part, whole, 0, 100), -EINVAL);
	CHECK_EQ(p2p_vecs_add_part(part, whole, 12 * K, 8 * K), -ERANGE);
	CHECK_EQ(p2p_vecs_add_part(part, whole, TOP - 4095, 8 * K), -ERANGE);
	CHECK_EQ(part->nr, 0);
	/* Out of order, and more pieces than room was asked for. */
	CHECK_EQ(p2p_vecs_add_part(part, whole, 8 * K, 4 * K), 0);
	CHECK_EQ(p2p_vecs_add_part(part, whole, 0, 4 * K), 0);
	CHECK_EQ(part->nr, 2);
	p2p_vecs_put(part);
	p2p_vecs_put(whole);
}

/* What a list owns is not freed with a part of it. */
static void parts_own_nothing(void)
{
	struct p2p_vecs *whole = p2p_vecs_alloc(1), *part = p2p_vecs_alloc(1);
	const struct p2p_vec owned = { .paddr = 4 * K, .len = 8 * K, .kind = P2P_VEC_SYSTEM,
				       .owned = true };

	CHECK_EQ(p2p_vecs_append(whole, &owned), 0);
	CHECK_EQ(p2p_vecs_add_part(part, whole, 4 * K, 4 * K), 0);
	freed_bytes = 0;
	p2p_vecs_put(part);
	CHECK_EQ(freed_bytes, 0);
	p2p_vecs_put(whole);
	CHECK_EQ(freed_bytes, 8 * K);
}

void test_vecs(void)
{
	RUN(parts_are_what_is_there);
	RUN(parts_are_checked);
	RUN(parts_own_nothing);
	RUN(alloc_refuses);
	RUN(add_bar_validates);
	RUN(add_system_validates);
	RUN(add_hidden_validates);
	RUN(neighbours_merge);
	RUN(kinds_do_not_merge);
	RUN(parts_add_up);
	RUN(second_part_needs_memory);
	RUN(slices_have_the_same_bytes);
	RUN(slice_refuses);
	RUN(room_grows);
	RUN(release_is_told_once);
	RUN(full_list_refuses_but_merges);
	RUN(sum_overflows);
	RUN(references_count);
	RUN(find_finds);
	RUN(find_in_an_empty_list);
}
