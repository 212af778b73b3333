// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's filter of its kernel log (tests/guest/reports.c) as a program of the host:
 * a log on stdin, on stdout the numbers, from 0, of the lines at which a report begins.
 * test_lab.py compares it with the host's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../guest/reports.h"

int main(void)
{
	char *lines[4096], line[1024];
	size_t nr = 0;

	while (nr < 4096 && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		lines[nr++] = strdup(line);
	}
	for (size_t i = 0; i < nr; i++)
		if (report_begins(lines[i], true) && !report_let_pass(lines + i, nr - i))
			printf("%zu\n", i);
	return 0;
}
