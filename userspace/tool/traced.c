// SPDX-License-Identifier: GPL-2.0-only
/*
 * A line of trace_pipe: "COMM-PID [CPU] FLAGS TIME: EVENT: FIELDS". It is parsed from its end,
 * because a process may choose any name, with blanks, brackets and colons.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define PREFIX	": peerbuf_"

/* Takes the last ": EVENT:" of the line: no field contains one. */
static char *find_event(char *line)
{
	char *found = NULL, *next = line;

	while ((next = strstr(next, PREFIX)))
		found = next++;
	return found;
}

/* Cuts off the last word. */
static char *last_word(char *line)
{
	char *end = line + strlen(line), *start;

	while (end > line && end[-1] == ' ')
		end--;
	*end = '\0';
	for (start = end; start > line && start[-1] != ' '; start--)
		;
	if (start > line)
		start[-1] = '\0';
	return start;
}

bool traced_parse(char *line, struct traced *traced)
{
	char *event = find_event(line), *fields, *process, *dash, *end;

	if (!event)
		return false;
	*event = '\0';
	traced->name = event + strlen(PREFIX);
	fields = strstr(traced->name, ": ");
	if (!fields)
		return false;
	*fields = '\0';
	traced->fields = fields + 2;
	traced->seconds = strtod(last_word(line), &end);
	if (*end)
		return false;
	last_word(line); /* flags */
	last_word(line); /* CPU */
	process = line + strspn(line, " ");
	dash = strrchr(process, '-');
	if (!dash)
		return false;
	*dash = '\0';
	traced->pid = strtoul(dash + 1, NULL, 10);
	traced->comm = process;
	return true;
}

bool traced_field(const struct traced *traced, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);
	const char *at = traced->fields;

	while (at && *at) {
		if (!strncmp(at, key, length) && at[length] == '=') {
			at += length + 1;
			snprintf(value, size, "%.*s", (int)strcspn(at, " "), at);
			return true;
		}
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return false;
}
