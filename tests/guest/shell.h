/* SPDX-License-Identifier: GPL-2.0 */
/* What a person types, told in the test's output. */
#ifndef SHELL_H
#define SHELL_H

/* As somebody who has no capabilities, and is in no group. */
#define SOMEBODY	"setpriv --reuid=65534 --regid=65534 --clear-groups "

/* As a shell has it in $?, of what wait(2) said. */
int status_of(int status);
/* Run it; its status. */
int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* SHELL_H */
