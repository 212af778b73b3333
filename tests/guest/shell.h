/* SPDX-License-Identifier: GPL-2.0 */
/* What a person types, told in the test's output. */
#ifndef SHELL_H
#define SHELL_H

#include <stdbool.h>

/* As somebody who has no capabilities, and is in no group. */
#define SOMEBODY	"setpriv --reuid=65534 --regid=65534 --clear-groups "

/* As a shell has it in $?, of what wait(2) said. */
int status_of(int status);
/* Run it; its status. */
int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * Run it until it succeeds, for up to that many seconds, times slowness(). Between two runs the
 * guest sleeps, which costs nothing, for longer than a run takes, which does.
 */
bool shell_in_time(double seconds, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* SHELL_H */
