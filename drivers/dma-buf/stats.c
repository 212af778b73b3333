// SPDX-License-Identifier: GPL-2.0
/* Counters since the module was loaded. */
#include "internal.h"

static atomic64_t peerbuf_stats[PEERBUF_NR_STATS];

void peerbuf_stat_inc(enum peerbuf_stat stat)
{
	atomic64_inc(&peerbuf_stats[stat]);
}

u64 peerbuf_stat_read(enum peerbuf_stat stat)
{
	return atomic64_read(&peerbuf_stats[stat]);
}
