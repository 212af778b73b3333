// SPDX-License-Identifier: GPL-2.0
/* From ranges to segments (drivers/pci/p2p/segment.c), page by page. */

#include "../unit/provider.h"
#include "segment.h"
#include "vecs.h"

#include "fuzz.h"

#define VECS	16
#define PAGES	(VECS * 64)

int shim_allocations = -1;

static struct p2p_provider bars[2];

void p2p_system_free(phys_addr_t paddr, u64 len)
{
}

/* Where each page of the buffer is for the client. */
struct pages {
	u32 nr;
	u64 addr[PAGES];
	struct p2p_provider *provider[PAGES];
};

/* Vecs that touch more often than not, low in the address space or at its end. */
static void fill(struct fuzz *fuzz, struct p2p_vecs *vecs, dma_addr_t *addrs,
		 struct pages *pages)
{
	u64 addr = 0;
	u32 n, k;

	vecs->nr = fuzz_byte(fuzz) % VECS + 1;
	pages->nr = 0;
	for (n = 0; n < vecs->nr; n++) {
		u8 how = fuzz_byte(fuzz), nr = fuzz_byte(fuzz) % 64 + 1;
		struct p2p_provider *provider = how & 1 ? &bars[how >> 1 & 1] : NULL;

		if (how & 4)
			addr = fuzz_byte(fuzz) * PAGE_SIZE;
		if (how & 8)
			addr = 0 - (u64)nr * PAGE_SIZE;
		addrs[n] = addr;
		vecs->vec[n].len = nr * PAGE_SIZE;
		vecs->vec[n].provider = provider;
		for (k = 0; k < nr; k++) {
			pages->addr[pages->nr] = addr + k * PAGE_SIZE;
			pages->provider[pages->nr++] = provider;
		}
		addr += nr * PAGE_SIZE;
	}
}

/* May a segment that begins at @addr have @len bytes, whatever follows? */
static bool allowed(const struct p2p_segment_limits *limits, u64 addr, u64 len)
{
	return len <= limits->max_len &&
	       (addr & ~limits->boundary) == ((addr + (len - 1)) & ~limits->boundary);
}

static bool goes_on(const struct pages *pages, u32 first, u32 next, unsigned long flags)
{
	return next < pages->nr && pages->addr[next] &&
	       pages->addr[next] == pages->addr[next - 1] + PAGE_SIZE &&
	       (!(flags & P2P_SEGMENTS_PER_PROVIDER) ||
		pages->provider[next] == pages->provider[first]);
}

/* What is cut is cut where the alignment says, if that is possible, and as late as it is. */
static void check_cut(const struct p2p_segment_limits *limits, u64 addr, u64 len)
{
	bool on_multiple = !((addr + len) & (limits->align - 1));
	u64 more;

	for (more = len + PAGE_SIZE; allowed(limits, addr, more); more += PAGE_SIZE)
		PROMISE(on_multiple && (addr + more) & (limits->align - 1));
	if (on_multiple)
		return;
	for (more = PAGE_SIZE; more < len; more += PAGE_SIZE)
		PROMISE((addr + more) & (limits->align - 1));
}

static void check(const struct p2p_vecs *vecs, const dma_addr_t *addrs,
		  const struct p2p_segment_limits *limits, const struct pages *pages)
{
	struct p2p_segment segment;
	struct p2p_segment_iter iter;
	u32 n, at = 0;

	p2p_segment_iter_init(&iter, vecs, addrs, NULL, limits);
	while (p2p_segment_next(&iter, &segment)) {
		PROMISE(segment.len && segment.len % PAGE_SIZE == 0);
		PROMISE(at + segment.len / PAGE_SIZE <= pages->nr);
		PROMISE(segment.provider == pages->provider[at]);
		PROMISE(allowed(limits, segment.addr, segment.len));
		for (n = 0; n < segment.len / PAGE_SIZE; n++) {
			PROMISE(segment.addr + n * PAGE_SIZE == pages->addr[at + n]);
			PROMISE(!n || goes_on(pages, at, at + n, limits->flags));
		}
		if (goes_on(pages, at, at + n, limits->flags))
			check_cut(limits, segment.addr, segment.len);
		at += n;
	}
	PROMISE(at == pages->nr);
	PROMISE(!p2p_segment_next(&iter, &segment));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pages pages;
	struct fuzz fuzz = { data, size };
	dma_addr_t addrs[VECS] = {};
	struct p2p_segment_limits limits;
	u64 device = fuzz_number(&fuzz, 3), driver = fuzz_number(&fuzz, 3);
	u8 align = fuzz_byte(&fuzz) % 24, boundary = fuzz_byte(&fuzz) % 65;
	unsigned long flags = fuzz_byte(&fuzz) & 1 ? P2P_SEGMENTS_PER_PROVIDER : 0;
	u64 longest = p2p_segment_max_len(device, driver);
	struct p2p_vecs *vecs;

	PROMISE(!driver || longest <= driver);
	PROMISE(longest <= device || device == 65536);
	p2p_segment_limits_set(&limits, longest & ((64ULL << 20) - 1), align ? 1ULL << align : 0,
			       boundary == 64 ? ~0ULL : (1ULL << boundary) - 1, flags);
	PROMISE(limits.max_len >= PAGE_SIZE && limits.max_len % PAGE_SIZE == 0);
	vecs = p2p_vecs_alloc(VECS);
	fill(&fuzz, vecs, addrs, &pages);
	check(vecs, addrs, &limits, &pages);
	p2p_vecs_put(vecs);
	return 0;
}
