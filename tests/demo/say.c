// SPDX-License-Identifier: GPL-2.0
/* What the demo prints, and how it stops when something is not as it should be. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("   ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}

void heading(const char *text)
{
	printf("\n== %s\n", text);
	fflush(stdout);
}

/* 70 columns: offset, sixteen bytes, and those that are letters. */
void dump(const char *title, const uint8_t *bytes, size_t length)
{
	say("%s", title);
	for (size_t row = 0; row < length; row += 16) {
		printf("     %02zx ", row);
		for (size_t i = row; i < row + 16; i++)
			printf(" %02x", bytes[i]);
		printf("  ");
		for (size_t i = row; i < row + 16; i++)
			putchar(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.');
		printf("\n");
	}
	fflush(stdout);
}

/* A line of somebody else's, folded to fit. */
void quote(const char *line)
{
	size_t width;

	for (; *line; line += width + strspn(line + width, " ")) {
		width = strlen(line);
		for (size_t i = 72; width > 72 && i; i--)
			if (line[i] == ' ')
				width = i;
		say("  %.*s", (int)width, line);
	}
}

/* The demo goes no further than what holds. */
void expect(bool held, const char *format, ...)
{
	va_list args;

	if (held)
		return;
	fflush(stdout);
	va_start(args, format);
	fprintf(stderr, "\ndemo FAILED: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

/* What has just been shown goes into the list that ends the demo. */
void proven(const char *format, ...)
{
	const char *path = getenv("PROVEN");
	va_list args;
	FILE *list;

	list = path ? fopen(path, "a") : NULL;
	expect(list, "no list of what is proven");
	fputs("   * ", list);
	va_start(args, format);
	vfprintf(list, format, args);
	va_end(args);
	fputc('\n', list);
	expect(!fclose(list), "%s: not written", path);
}

/* Everything a command prints; it must succeed. To be freed. */
static char *run(const char *command)
{
	char *said = NULL;
	size_t size = 0;
	FILE *pipe;

	pipe = popen(command, "r");
	expect(pipe, "%s: no pipe", command);
	/* To the end, not to a delimiter: nothing prints a NUL. */
	if (getdelim(&said, &size, '\0', pipe) < 0)
		said = strdup("");
	expect(said && !pclose(pipe), "%s: failed", command);
	return said;
}

/* A command, as one would type it. */
void run_shown(const char *format, ...)
{
	char command[256], *said;
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	said = run(command);
	printf("$ %s\n%s", command, said);
	fflush(stdout);
	free(said);
}

/* The table is too wide for a page; the same as JSON has what matters here. */
void ps_shown_with(const char *bdf, const char *word)
{
	static const char command[] =
		"peerbuf ps -j | grep -E '\"(id|process|pid|device|driver|type)\"'";
	char *said = run(command);

	expect(strstr(said, bdf) && strstr(said, word), "peerbuf ps has no %s and %s:\n%s",
	       bdf, word, said);
	printf("$ %s\n%s", command, said);
	fflush(stdout);
	free(said);
}
