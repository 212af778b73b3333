// SPDX-License-Identifier: GPL-2.0
/* See figures.h. */
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"
#include "harness.h"

#define CALM_MS			20

void figures_settle(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &cpus);
	check_sys(sched_setaffinity(0, sizeof(cpus), &cpus));
}

void figures_calm(void)
{
	pause_ms(CALM_MS);
}

__u64 instructions(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (ts.tv_sec * 1000000000ULL + ts.tv_nsec) / NS_PER_INSTRUCTION;
}

/* What it costs to look at the clock: every step looks once. */
static __u64 of_looking(void)
{
	static __u64 least;
	__u64 start, took;

	for (int i = 0; !least || i < 100; i++) {
		start = instructions();
		took = instructions() - start;
		if (took && (!least || took < least))
			least = took;
	}
	return least;
}

void figures_add(struct figures *figures, const __u64 *at)
{
	__u64 took, looking = of_looking();

	for (unsigned int i = 0; i < figures->nr_steps; i++) {
		took = at[i + 1] - at[i];
		took = took > looking ? took - looking : 0;
		if (!figures->rounds || took < figures->least[i])
			figures->least[i] = took;
	}
	figures->rounds++;
}

void figure_print(const struct figures *figures, const char *step, __u64 value)
{
	printf("{\"work\": \"%s\", \"route\": \"%s\", ", figures->work, figures->route);
	printf("\"ranges\": %u, \"bytes\": %llu, ", figures->ranges,
	       (unsigned long long)figures->bytes);
	printf("\"step\": \"%s\", \"who\": \"%s\", \"value\": %llu}\n", step, figures->who,
	       (unsigned long long)value);
}

void figures_print(const struct figures *figures)
{
	__u64 total = 0;

	for (unsigned int i = 0; i < figures->nr_steps; i++) {
		figure_print(figures, figures->steps[i], figures->least[i]);
		total += figures->least[i];
	}
	figure_print(figures, "total", total);
}
