// SPDX-License-Identifier: GPL-2.0
/* Counters since the module was loaded. */
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "core/stats.h"

/* Each CPU has its own counters. One CPU's may show more ends than beginnings, the sum does not. */
DEFINE_PER_CPU(unsigned long, peerbuf_stats[PEERBUF_NR_STATS]);

u64 peerbuf_stat_read(enum peerbuf_stat stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(&peerbuf_stats[stat], cpu));
	return sum;
}
