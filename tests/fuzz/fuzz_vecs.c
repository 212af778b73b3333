// SPDX-License-Identifier: GPL-2.0
/* Lists of ranges (drivers/pci/p2p/vecs.c) against lists of pages. */

#include "../unit/provider.h"
#include "vecs.h"

#include "fuzz.h"

#define PAGES	512
#define LISTS	2

int shim_allocations = -1;

/* A page of a buffer, as a slow and simple list has it. */
struct page {
	enum p2p_vec_kind kind;
	struct p2p_provider *provider;
	u64 paddr;
};

struct pages {
	u32 nr;
	struct page page[PAGES];
};

/* A BAR in the middle, and one up to the last byte there is. */
static struct p2p_provider bars[] = {
	{ .base = 0x40000, .length = 0x40000 },
	{ .base = ~0ULL - 0x3ffff, .length = 0x40000 },
};

static int freed;

void p2p_system_free(phys_addr_t paddr, u64 len)
{
	freed++;
}

/* Page aligned, or not; small, or close to the end of 64 bits. */
static u64 any_bytes(struct fuzz *fuzz)
{
	u8 how = fuzz_byte(fuzz);
	u64 pages = fuzz_byte(fuzz) & 0x7f;

	switch (how & 7) {
	case 0:
		return pages;
	case 1:
		return 0 - pages * PAGE_SIZE;
	case 2:
		return fuzz_number(fuzz, 8);
	default:
		return pages * PAGE_SIZE;
	}
}

static bool aligned(u64 number)
{
	return number % PAGE_SIZE == 0;
}

static void remember(struct pages *pages, enum p2p_vec_kind kind, struct p2p_provider *provider,
		     u64 paddr, u64 len)
{
	u64 n;

	for (n = 0; n < len / PAGE_SIZE; n++) {
		struct page *page = &pages->page[pages->nr++];

		/* Hidden memory has one number, for all of it. */
		*page = (struct page) { kind, provider,
			paddr + (kind == P2P_VEC_HIDDEN ? 0 : n * PAGE_SIZE) };
	}
}

static void add(struct fuzz *fuzz, struct p2p_vecs *vecs, struct pages *pages)
{
	u8 what = fuzz_byte(fuzz);
	struct p2p_provider *bar = &bars[what >> 2 & 1];
	u64 at = any_bytes(fuzz), len = any_bytes(fuzz), size = vecs->size, end;
	u32 nr = vecs->nr;
	bool fits = !__builtin_add_overflow(at, len, &end) && len && aligned(len);
	int ret;

	/* What is left of 64 bits for a list is a matter of the unit tests. */
	if (fits && len / PAGE_SIZE > PAGES - pages->nr)
		return;
	switch (what & 3) {
	case 0:
	case 1:
		ret = p2p_vecs_add_bar(vecs, bar, at, len);
		PROMISE(ret || (fits && aligned(at) && end <= bar->length));
		if (!ret)
			remember(pages, P2P_VEC_BAR, bar, bar->base + at, len);
		break;
	case 2:
		ret = p2p_vecs_add_system(vecs, at, len);
		PROMISE(ret || (fits && aligned(at)));
		if (!ret)
			remember(pages, P2P_VEC_SYSTEM, NULL, at, len);
		break;
	default:
		if (!aligned(len) || len / PAGE_SIZE > PAGES - pages->nr)
			return;
		ret = p2p_vecs_add_hidden(vecs, at, len);
		PROMISE(ret || len);
		if (!ret)
			remember(pages, P2P_VEC_HIDDEN, NULL, at, len);
		break;
	}
	PROMISE(ret || vecs->size == size + len);
	PROMISE(!ret || (vecs->size == size && vecs->nr == nr));
	PROMISE(vecs->nr <= vecs->max);
}

/* Each byte is found where it was put, and none past the end. */
static void check_find(const struct p2p_vecs *vecs, const struct pages *pages)
{
	const struct p2p_vec *vec;
	u64 offset;
	u32 n;

	PROMISE(vecs->size == pages->nr * PAGE_SIZE);
	PROMISE(!p2p_vecs_find(vecs, vecs->size, NULL));
	PROMISE(!p2p_vecs_find(vecs, ~0ULL, NULL));
	for (n = 0; n < pages->nr; n++) {
		const struct page *page = &pages->page[n];

		vec = p2p_vecs_find(vecs, n * PAGE_SIZE + n % PAGE_SIZE, &offset);
		PROMISE(vec && vec >= vecs->vec && vec < vecs->vec + vecs->nr);
		PROMISE(offset < vec->len && vec->start + offset == n * PAGE_SIZE + n);
		PROMISE(vec->kind == page->kind && vec->provider == page->provider);
		if (page->kind == P2P_VEC_HIDDEN)
			PROMISE(vec->paddr == page->paddr);
		else
			PROMISE(vec->paddr + offset - n == page->paddr);
	}
}

/* No two neighbours that would be one. */
static void check_merged(const struct p2p_vecs *vecs)
{
	u32 n;

	for (n = 1; n < vecs->nr; n++)
		PROMISE(!p2p_vec_touches(&vecs->vec[n - 1], &vecs->vec[n]));
}

static bool same_page(const struct page *a, const struct page *b)
{
	return a->kind != P2P_VEC_HIDDEN && b->kind != P2P_VEC_HIDDEN && a->paddr == b->paddr;
}

static bool pages_overlap(const struct pages *a, const struct pages *b)
{
	u32 i, j;

	for (i = 0; i < a->nr; i++)
		for (j = 0; j < b->nr; j++)
			if (same_page(&a->page[i], &b->page[j]))
				return true;
	return false;
}

static bool pages_aliased(const struct pages *pages)
{
	u32 i, j;

	for (i = 1; i < pages->nr; i++)
		for (j = 0; j < i; j++)
			if (same_page(&pages->page[i], &pages->page[j]))
				return true;
	return false;
}

/* With memory for it, and without. */
static void check_overlaps(struct p2p_vecs *const *vecs, const struct pages *pages)
{
	int memory;

	for (memory = -1; memory < 1; memory++) {
		shim_allocations = memory;
		PROMISE(p2p_vecs_overlap(vecs[0], vecs[1]) ==
			pages_overlap(&pages[0], &pages[1]));
		PROMISE(p2p_vecs_overlap(vecs[1], vecs[0]) ==
			pages_overlap(&pages[1], &pages[0]));
		PROMISE(p2p_vecs_aliased(vecs[0]) == pages_aliased(&pages[0]));
		PROMISE(p2p_vecs_aliased(vecs[1]) == pages_aliased(&pages[1]));
		PROMISE(p2p_vecs_overlap(vecs[0], vecs[0]) == !!vecs[0]->nr);
	}
	shim_allocations = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pages pages[LISTS];
	struct fuzz fuzz = { data, size };
	struct p2p_vecs *vecs[LISTS];
	u8 which;
	int n;

	for (n = 0; n < LISTS; n++) {
		vecs[n] = p2p_vecs_alloc(fuzz_byte(&fuzz) % 32 + 1);
		PROMISE(vecs[n]);
		pages[n].nr = 0;
	}
	while (fuzz.left) {
		which = fuzz_byte(&fuzz);
		if (which & 0x80 && which & 0x40)
			shim_allocations = which & 1;
		if (which & 0x80)
			p2p_vecs_allow_one_more(vecs[which & 1]);
		shim_allocations = -1;
		add(&fuzz, vecs[which & 1], &pages[which & 1]);
	}
	for (n = 0; n < LISTS; n++) {
		check_find(vecs[n], &pages[n]);
		check_merged(vecs[n]);
	}
	check_overlaps(vecs, pages);
	for (n = 0; n < LISTS; n++)
		p2p_vecs_put(vecs[n]);
	PROMISE(!bars[0].references && !bars[1].references && !freed);
	return 0;
}
