// SPDX-License-Identifier: GPL-2.0-only
/* A progress line on standard error that is overwritten, and removed at the end. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

void progress(const char *what, size_t done, size_t all)
{
	static double began;
	static bool shown;
	const char *term = getenv("TERM");

	if (!began)
		began = now();
	if (!isatty(STDERR_FILENO) || !term || !strcmp(term, "dumb"))
		return;
	if (done >= all) {
		if (shown)
			fputs("\r\033[K", stderr);
		shown = false;
		began = 0;
		return;
	}
	if (now() - began < 1)
		return;
	shown = true;
	fprintf(stderr, "\r\033[K%s: %zu of %zu", what, done, all);
	fflush(stderr);
}
