// SPDX-License-Identifier: GPL-2.0
/* How much is mapped at a time, by the page sizes that IOMMUs have. */

#include "step.h"
#include "tap.h"

#define K	(1ULL << 10)
#define M	(1ULL << 20)
#define G	(1ULL << 30)

static const struct {
	const char *name;
	u64 page_sizes, granule;
	bool exclusive;
	u64 step;
} rows[] = {
	{ "VT-d, four levels", 4 * K | 2 * M | G, 4 * K, false, M },
	{ "VT-d, no large pages", 4 * K, 4 * K, false, M },
	{ "AMD's first table replicates entries", ~0xfffULL & ~(2ULL << 38), 4 * K, false, 4 * K },
	{ "AMD's second table", 4 * K | 2 * M | G, 4 * K, false, M },
	{ "one size in between", 4 * K | 64 * K | 2 * M, 4 * K, false, 4 * K },
	{ "the largest that counts", 4 * K | M, 4 * K, false, 4 * K },
	{ "the smallest that counts", 4 * K | 8 * K, 4 * K, false, 4 * K },
	{ "SMMU, 16 KiB", 16 * K | 32 * M, 16 * K, false, M },
	{ "SMMU, 64 KiB", 64 * K | 512 * M, 64 * K, false, M },
	{ "smaller than the CPU's, which is what counts", 4 * K | 64 * K, 64 * K, false, M },
	{ "nobody else maps there", ~0xfffULL, 4 * K, true, G },
};

static void by_page_sizes(void)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(rows); n++) {
		ROW("%s", rows[n].name);
		CHECK_EQ(peerbuf_vfio_step_size(rows[n].page_sizes, rows[n].granule,
						rows[n].exclusive), rows[n].step);
	}
}

void test_steps(void)
{
	RUN(by_page_sizes);
}
