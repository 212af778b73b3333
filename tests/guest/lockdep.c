// SPDX-License-Identifier: GPL-2.0
/*
 * Lockdep looks until the first report, its own or another, and at nothing afterwards.
 * To ask it takes a good part of a second on an instrumented kernel, so the answer is kept.
 */
#include <stdio.h>

#include "lockdep.h"

static enum { UNKNOWN, ON, OFF } state;

static void ask(void)
{
	FILE *stats = fopen("/proc/lockdep_stats", "re");
	unsigned int on = 1;
	char line[256];

	while (stats && fgets(line, sizeof(line), stats))
		if (sscanf(line, " debug_locks: %u", &on) == 1)
			break;
	if (stats)
		fclose(stats);
	state = on ? ON : OFF;
}

bool lockdep_is_off(void)
{
	if (state == UNKNOWN)
		ask();
	return state == OFF;
}

void lockdep_look_again(void)
{
	/* It does not start again. */
	if (state == ON)
		state = UNKNOWN;
}
