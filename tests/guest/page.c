// SPDX-License-Identifier: GPL-2.0
/* See page.h. */
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "harness.h"
#include "page.h"
#include "shell.h"

#define SCRIPT	"/tmp/page.sh"
#define OUTPUT	"/tmp/page.out"
#define MARK	"::page "
#define MOST	128
#define INDENT	4

/* What the page says of a command, a line each. */
static struct step {
	char *command;
	char *lines[MOST];
	unsigned int nr;
} steps[MOST];

static unsigned int nr_steps;

static FILE *page_open(const char *name)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t length = check_sys(readlink("/proc/self/exe", self, sizeof(self) - 1));

	self[length] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
	return fopen(path, "re");
}

static void add_line(char *text)
{
	struct step *step = &steps[nr_steps - 1];

	check(nr_steps && step->nr < MOST);
	step->lines[step->nr++] = strdup(text);
}

/* Literal blocks are indented by INDENT; what begins with "# " is for the host. */
static void page_read(const char *name)
{
	FILE *page = page_open(name);
	char *line = NULL, *text;
	size_t size = 0;
	ssize_t length;

	check(page);
	while ((length = getline(&line, &size, page)) > 0) {
		line[length - 1] = '\0';
		text = line + INDENT;
		if (length < INDENT + 1 || strspn(line, " ") < INDENT || text[0] == '#')
			continue;
		if (strncmp(text, "$ ", 2)) {
			add_line(text);
			continue;
		}
		check(nr_steps < MOST);
		steps[nr_steps++].command = strdup(text + 2);
	}
	free(line);
	fclose(page);
	check(nr_steps);
}

static void script_write(void)
{
	FILE *script = fopen(SCRIPT, "we");

	check(script);
	fputs("cd $(mktemp -d)\n", script);
	for (unsigned int n = 0; n < nr_steps; n++)
		fprintf(script, "echo '" MARK "%u'\n%s\ncode=$?; [ $code -eq 0 ] || "
			"echo \"exit $code\"\n", n, steps[n].command);
	check_eq(fclose(script), 0);
}

/* "..." in the pattern is any text. */
static bool matches(const char *pattern, const char *text)
{
	const char *gap = strstr(pattern, "...");

	if (!gap)
		return !strcmp(pattern, text);
	if (strncmp(pattern, text, gap - pattern))
		return false;
	for (text += gap - pattern; ; text++) {
		if (matches(gap + 3, text))
			return true;
		if (!*text)
			return false;
	}
}

static bool lines_match(char *const *patterns, unsigned int nr_patterns, char *const *lines,
			unsigned int nr)
{
	if (!nr_patterns)
		return !nr;
	if (!strcmp(*patterns, "..."))
		return lines_match(patterns + 1, nr_patterns - 1, lines, nr) ||
		       (nr && lines_match(patterns, nr_patterns, lines + 1, nr - 1));
	return nr && matches(*patterns, *lines) &&
	       lines_match(patterns + 1, nr_patterns - 1, lines + 1, nr - 1);
}

static bool step_is_right(const struct step *step, const struct step *said)
{
	if (lines_match(step->lines, step->nr, said->lines, said->nr))
		return true;
	printf("    $ %s\n", step->command);
	for (unsigned int n = 0; n < said->nr; n++)
		printf("    %s\n", said->lines[n]);
	return false;
}

static void output_check(void)
{
	static struct step said[MOST];
	FILE *output = fopen(OUTPUT, "re");
	unsigned int n = MOST, wrong = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	check(output);
	while ((length = getline(&line, &size, output)) > 0) {
		line[length - 1] = '\0';
		if (!strncmp(line, MARK, strlen(MARK))) {
			n = atoi(line + strlen(MARK));
			check(n < nr_steps);
			continue;
		}
		check(n < nr_steps && said[n].nr < MOST);
		/* Tables are as wide as their longest cell. */
		while (length > 1 && line[length - 2] == ' ')
			line[--length - 1] = '\0';
		/* A page cannot show them. */
		if (length == 1)
			continue;
		said[n].lines[said[n].nr++] = strdup(line);
	}
	fclose(output);
	check_eq(n, nr_steps - 1);
	for (n = 0; n < nr_steps; n++)
		wrong += !step_is_right(&steps[n], &said[n]);
	if (wrong)
		fail("the page says something else of %u commands", wrong);
}

void page_check(const char *name)
{
	page_read(name);
	script_write();
	shell("sh " SCRIPT " > " OUTPUT " 2>&1 < /dev/null");
	output_check();
}
