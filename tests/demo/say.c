// SPDX-License-Identifier: GPL-2.0
/* What the demo prints, and how it stops when something is not as it should be. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "demo.h"

static char claims[16][80];
static unsigned int nr_claims;

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

/* Remember what has just been shown. */
void proven(const char *format, ...)
{
	va_list args;

	expect(nr_claims < sizeof(claims) / sizeof(claims[0]), "too many claims");
	va_start(args, format);
	vsnprintf(claims[nr_claims++], sizeof(claims[0]), format, args);
	va_end(args);
}

void print_proven(void)
{
	for (unsigned int i = 0; i < nr_claims; i++)
		say("* %s", claims[i]);
}

/* A command, as one would type it. */
void run_shown(const char *format, ...)
{
	char command[256];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	printf("$ %s\n", command);
	fflush(stdout);
	status = system(command);
	expect(status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	       "%s: wait status %#x", command, status);
}

/* Runs a command, shows what it prints, and wants one line of it to hold both words. */
void run_shown_with(const char *command, const char *first, const char *second)
{
	bool found = false;
	char line[256];
	FILE *pipe;

	printf("$ %s\n", command);
	fflush(stdout);
	pipe = popen(command, "r");
	expect(pipe, "%s: no pipe", command);
	while (fgets(line, sizeof(line), pipe)) {
		found |= strstr(line, first) && strstr(line, second);
		fputs(line, stdout);
	}
	expect(!pclose(pipe), "%s: failed", command);
	expect(found, "%s: no line with %s and %s", command, first, second);
	fflush(stdout);
}

/* What the first boot has proven: it is in a file by now. */
void print_file(const char *path)
{
	unsigned int lines = 0;
	char line[128];
	FILE *file = fopen(path, "r");

	expect(file, "%s: not there", path);
	for (; fgets(line, sizeof(line), file); lines++)
		fputs(line, stdout);
	fclose(file);
	expect(lines, "%s: empty", path);
	fflush(stdout);
}
