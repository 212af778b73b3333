/* SPDX-License-Identifier: GPL-2.0-only */
/* How long calls took: as many as one likes, in memory of one size. */
#ifndef PEERBUF_LATENCY_H
#define PEERBUF_LATENCY_H

#include <stdint.h>

/* Each power of two is divided in so many buckets, so that a value is known to 1 in 64. */
#define LATENCY_PART	64
#define LATENCY_BUCKETS	(59 * LATENCY_PART)

/**
 * struct latency - a number of times, all in nanoseconds
 * @nr: how many
 * @sum: of all
 * @least: the shortest, UINT64_MAX of none
 * @most: the longest
 * @buckets: how many there are of each length
 */
struct latency {
	uint64_t nr;
	uint64_t sum;
	uint64_t least;
	uint64_t most;
	uint64_t buckets[LATENCY_BUCKETS];
};

void latency_start(struct latency *latency);
void latency_add(struct latency *latency, uint64_t nanoseconds);
/** latency_merge() - add what @from has to @to */
void latency_merge(struct latency *to, const struct latency *from);
/** latency_mean() - 0 of none */
uint64_t latency_mean(const struct latency *latency);
/** latency_within() - how long the fastest @permille of 1000 took at most; 0 of none */
uint64_t latency_within(const struct latency *latency, unsigned int permille);

#endif /* PEERBUF_LATENCY_H */
