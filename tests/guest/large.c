// SPDX-License-Identifier: GPL-2.0
/* See large.h. */
#include "harness.h"
#include "lab.h"
#include "large.h"

__u64 large_bar(const char *id)
{
	__u64 size = bar_size(id, MEM_BAR);

	if (size < 2 * FOUR_GIB)
		fail("%s has %#llx bytes: this needs a machine with --bar-size 8G or more", id,
		     (unsigned long long)size);
	return size;
}

void large_spots(__u64 size, __u64 length, struct large_spots *spots)
{
	*spots = (struct large_spots) {
		.at = {
			0, FOUR_GIB - 2 * length, FOUR_GIB - length / 2, FOUR_GIB + length,
			size / 2 - length / 2 + 3 * length, size - length,
		},
		.nr = LARGE_SPOTS,
	};
	/* Above 8 GiB the middle is another power of two that is crossed. */
	if (size > 2 * FOUR_GIB)
		spots->at[4] = size / 2 - length / 2;
}
