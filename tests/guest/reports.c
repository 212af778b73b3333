// SPDX-License-Identifier: GPL-2.0
/* See reports.h; kernel_reports says what its lines mean. */
#include <ctype.h>
#include <fnmatch.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports.h"

#define MOST_CYCLES	16
#define MOST_LOCKS	16
#define LOCK_SIZE	256

/* What leads to a lock in a report of lockdep's, and where its chain ends. */
#define ACQUIRED	"is trying to acquire lock:"
#define HELD		"already holding lock:"
#define LINK		"-> #"
#define END		"stack backtrace"

enum kind { REPORT, STALL, IOMMU_FAULT, HARMLESS, KINDS };

static const char *const kinds[KINDS] = { "report", "stall", "iommu_fault", "harmless" };

/* The file: one expression of all patterns of a kind, and the names of the cycles' locks. */
static struct {
	bool read;
	regex_t expression[KINDS];
	char *cycles[MOST_CYCLES][MOST_LOCKS];
	unsigned int nr_cycles;
} file;

/* Without the file nothing can be said about any test. */
static __attribute__((noreturn)) void broken(const char *what, const char *where)
{
	fprintf(stderr, "kernel_reports: %s: %s\n", what, where);
	abort();
}

static FILE *file_open(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	FILE *from;
	char *slash;

	if (n < 0)
		broken("cannot tell where this program is", "/proc/self/exe");
	path[n] = '\0';
	slash = strrchr(path, '/');
	snprintf(slash + 1, sizeof(path) - (slash + 1 - path), "kernel_reports");
	from = fopen(path, "re");
	if (!from)
		broken("cannot open", path);
	return from;
}

/* One more alternative. */
static void add_pattern(char **all, const char *pattern)
{
	char *longer;

	if (asprintf(&longer, "%s%s(%s)", *all ?: "", *all ? "|" : "", pattern) < 0)
		abort();
	free(*all);
	*all = longer;
}

static void add_cycle(char *names)
{
	char **cycle = file.cycles[file.nr_cycles];
	unsigned int nr = 0;

	if (file.nr_cycles++ == MOST_CYCLES)
		broken("too many cycles", names);
	for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
		if (nr == MOST_LOCKS - 1)
			broken("too many locks", name);
		cycle[nr++] = strdup(name);
	}
	if (nr < 2)
		broken("a cycle has two locks at least", "cycle");
}

static void add_line(char *line, char *patterns[KINDS])
{
	char *rest = strchr(line, '\t');

	if (!rest)
		broken("no tab", line);
	*rest++ = '\0';
	if (!strcmp(line, "cycle")) {
		add_cycle(rest);
		return;
	}
	for (enum kind kind = 0; kind < KINDS; kind++) {
		if (!strcmp(line, kinds[kind])) {
			add_pattern(&patterns[kind], rest);
			return;
		}
	}
	broken("no such kind", line);
}

static void file_read_once(void)
{
	char *patterns[KINDS] = {}, line[512];
	FILE *from;

	if (file.read)
		return;
	from = file_open();
	while (fgets(line, sizeof(line), from)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			add_line(line, patterns);
	}
	fclose(from);
	for (enum kind kind = 0; kind < KINDS; kind++) {
		if (!patterns[kind] || regcomp(&file.expression[kind], patterns[kind],
					       REG_EXTENDED | REG_NOSUB))
			broken("not an expression", patterns[kind] ?: kinds[kind]);
		free(patterns[kind]);
	}
	file.read = true;
}

static bool is(const char *line, enum kind kind)
{
	return !regexec(&file.expression[kind], line, 0, NULL, 0);
}

bool report_of_iommu_fault(const char *line)
{
	file_read_once();
	return is(line, IOMMU_FAULT);
}

bool report_begins(const char *line, bool faults_allowed)
{
	file_read_once();
	if (is(line, HARMLESS))
		return false;
	if (!faults_allowed && is(line, IOMMU_FAULT))
		return true;
	return is(line, REPORT) || is(line, STALL);
}

/* "... (&ctrl->reset_lock#2/1){+.+.}": the name, without lockdep's numbers. */
static void lock_name(const char *line, char name[LOCK_SIZE])
{
	const char *start = strchr(line, '('), *end = start ? strstr(start, "){") : NULL;

	*name = '\0';
	if (!end)
		return;
	snprintf(name, LOCK_SIZE, "%.*s", (int)(end - start - 1), start + 1);
	/* First the subclass, which comes last. */
	for (const char *mark = "/#"; *mark; mark++) {
		char *number = strrchr(name, *mark);

		if (number && number[1] && number[1 + strspn(number + 1, "0123456789")] == '\0')
			*number = '\0';
	}
}

/* The ends of a cycle, and all locks in its chain. */
struct chain {
	char acquired[LOCK_SIZE], held[LOCK_SIZE];
	char (*locks)[LOCK_SIZE];
	size_t nr;
};

/* False if the report has no end. The locks are the caller's to free. */
static bool chain_read(struct chain *chain, char *const *lines, size_t nr)
{
	char *next = NULL;

	chain->locks = calloc(nr, sizeof(*chain->locks));
	if (!chain->locks)
		abort();
	for (size_t i = 0; i < nr; i++) {
		if (next && !*next)
			lock_name(lines[i], next);
		next = strstr(lines[i], ACQUIRED) ? chain->acquired :
		       strstr(lines[i], HELD) ? chain->held : NULL;
		if (strstr(lines[i], LINK))
			lock_name(lines[i], chain->locks[chain->nr++]);
		if (strstr(lines[i], END))
			return true;
	}
	return false;
}

static bool is_lock(const char *lock, const char *name)
{
	return *lock && !fnmatch(name, lock, 0);
}

static bool among_locks(const char *lock, char *const *cycle)
{
	for (; *cycle; cycle++)
		if (is_lock(lock, *cycle))
			return true;
	return false;
}

static bool chain_is(const struct chain *chain, char *const *cycle)
{
	if (!is_lock(chain->acquired, cycle[0]) || !is_lock(chain->held, cycle[1]))
		return false;
	for (size_t i = 0; i < chain->nr; i++)
		if (!among_locks(chain->locks[i], cycle))
			return false;
	return chain->nr;
}

bool report_let_pass(char *const *lines, size_t nr)
{
	struct chain chain = {};
	bool known = false;

	file_read_once();
	if (!strstr(lines[0], "possible circular locking dependency"))
		return false;
	if (chain_read(&chain, lines, nr))
		for (unsigned int i = 0; i < file.nr_cycles; i++)
			known |= chain_is(&chain, file.cycles[i]);
	free(chain.locks);
	return known;
}
