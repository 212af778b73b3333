// SPDX-License-Identifier: GPL-2.0
/* See shell.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "harness.h"
#include "shell.h"

#define BETWEEN_RUNS_MS	200

int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *command)
{
	printf("# $ %s\n", command);
	fflush(stdout);
	return status_of(system(command));
}

int shell(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return run(command);
}

bool shell_in_time(double seconds, const char *format, ...)
{
	double until = now() + seconds * slowness();
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	while (run(command)) {
		if (now() > until)
			return false;
		pause_ms(BETWEEN_RUNS_MS);
	}
	return true;
}
