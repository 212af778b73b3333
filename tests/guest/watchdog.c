// SPDX-License-Identifier: GPL-2.0
/* See watchdog.h. */
#include "harness.h"
#include "watchdog.h"

#define COUNT	"/sys/module/edu_dma/parameters/late_interrupts"

/* In a test, of the dozens of transfers that one makes. */
#define MOST	3

long watchdog_count(void)
{
	FILE *file = fopen(COUNT, "re");
	long count = 0;

	/* The driver may not be loaded yet, or any more. */
	if (!file)
		return 0;
	if (fscanf(file, "%ld", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

bool watchdog_was_idle(long before)
{
	long more = watchdog_count();

	/* A driver that was loaded anew has begun to count anew. */
	if (more >= before)
		more -= before;
	if (more)
		printf("# %ld transfers of an edu ended without an interrupt\n", more);
	return more <= MOST;
}
