/* SPDX-License-Identifier: GPL-2.0 */
/* Large BARs, and where in a large buffer something could go wrong. */
#ifndef LARGE_H
#define LARGE_H

#include <linux/types.h>

#define ONE_GIB		(1ULL << 30)
#define FOUR_GIB	(1ULL << 32)

#define LARGE_SPOTS	6

/**
 * struct large_spots - places of a buffer
 * @at: their offsets
 * @nr: how many
 */
struct large_spots {
	__u64 at[LARGE_SPOTS];
	unsigned int nr;
};

/* The size of a device's memory, which has to be 8 GiB at least. */
__u64 large_bar(const char *id);
/*
 * The beginning; below, across and above 4 GiB; across the middle; and the end: no two of
 * them share a byte of this length.
 */
void large_spots(__u64 size, __u64 length, struct large_spots *spots);

#endif /* LARGE_H */
