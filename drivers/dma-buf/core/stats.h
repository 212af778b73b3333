/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of the whole module. */
#ifndef _PEERBUF_STATS_H
#define _PEERBUF_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

enum peerbuf_stat {
	PEERBUF_STAT_EXPORTS,
	PEERBUF_STAT_ATTACHES,
	PEERBUF_STAT_MAPS,
	PEERBUF_STAT_UNMAPS,
	PEERBUF_STAT_MOVES,
	PEERBUF_STAT_MIGRATIONS,
	PEERBUF_STAT_FALLBACKS,
	PEERBUF_STAT_REVOKES,
	PEERBUF_STAT_RESTORES,
	PEERBUF_STAT_REFUSALS,
	PEERBUF_STAT_FAULTS,
	PEERBUF_STAT_RELEASES,
	PEERBUF_STAT_FILE_CALLS,
	PEERBUF_STAT_FILE_COMMANDS,
	PEERBUF_STAT_FILE_DIRECT,
	PEERBUF_STAT_FILE_BOUNCED,
	PEERBUF_NR_STATS,
};

DECLARE_PER_CPU(unsigned long, peerbuf_stats[PEERBUF_NR_STATS]);

u64 peerbuf_stat_read(enum peerbuf_stat stat);

/* Process context. Not preempted while it counts, so nobody else changes this CPU's counter. */
static inline void peerbuf_stat_add(enum peerbuf_stat stat, u64 more)
{
	unsigned long *counter = get_cpu_ptr(&peerbuf_stats[stat]);

	WRITE_ONCE(*counter, *counter + more);
	put_cpu_ptr(&peerbuf_stats[stat]);
}

static inline void peerbuf_stat_inc(enum peerbuf_stat stat)
{
	peerbuf_stat_add(stat, 1);
}

#endif /* _PEERBUF_STATS_H */
