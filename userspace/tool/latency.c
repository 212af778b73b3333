// SPDX-License-Identifier: GPL-2.0-only
/* See latency.h. A histogram whose buckets grow with the values. */
#include <string.h>

#include "latency.h"

void latency_start(struct latency *latency)
{
	memset(latency, 0, sizeof(*latency));
	latency->least = UINT64_MAX;
}

/* By how many bits a value is shifted to be less than 2 * LATENCY_PART. */
static unsigned int shift_of(uint64_t value)
{
	return value < 2 * LATENCY_PART ? 0 : 57 - __builtin_clzll(value);
}

static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift = shift_of(value);

	return shift * LATENCY_PART + (value >> shift);
}

/* The largest value in a bucket. */
static uint64_t bucket_end(unsigned int bucket)
{
	unsigned int shift = bucket < 2 * LATENCY_PART ? 0 : bucket / LATENCY_PART - 1;
	uint64_t next = bucket - shift * LATENCY_PART + 1;

	/* The last bucket ends with the largest value there is, as 2^64 wraps around to 0. */
	return (next << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t nanoseconds)
{
	latency->nr++;
	latency->sum += nanoseconds;
	if (nanoseconds < latency->least)
		latency->least = nanoseconds;
	if (nanoseconds > latency->most)
		latency->most = nanoseconds;
	latency->buckets[bucket_of(nanoseconds)]++;
}

void latency_merge(struct latency *to, const struct latency *from)
{
	unsigned int n;

	to->nr += from->nr;
	to->sum += from->sum;
	if (from->least < to->least)
		to->least = from->least;
	if (from->most > to->most)
		to->most = from->most;
	for (n = 0; n < LATENCY_BUCKETS; n++)
		to->buckets[n] += from->buckets[n];
}

uint64_t latency_mean(const struct latency *latency)
{
	return latency->nr ? latency->sum / latency->nr : 0;
}

uint64_t latency_within(const struct latency *latency, unsigned int permille)
{
	/* Rounded up: of three the fastest half are two. */
	uint64_t wanted = latency->nr / 1000 * permille +
			  (latency->nr % 1000 * permille + 999) / 1000;
	uint64_t seen = 0, end;
	unsigned int n;

	if (!latency->nr)
		return 0;
	for (n = 0; n < LATENCY_BUCKETS; n++) {
		seen += latency->buckets[n];
		if (seen && seen >= wanted)
			break;
	}
	end = bucket_end(n);
	return end < latency->most ? end : latency->most;
}
