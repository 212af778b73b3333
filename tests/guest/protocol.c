// SPDX-License-Identifier: GPL-2.0
/* See protocol.h. */
#include <sys/utsname.h>

#include "protocol.h"

/* ---- TAP ---- */

static void tap_plan(const struct tally *tally)
{
	printf("TAP version 13\n1..%u\n", tally->planned);
}

static void tap_start(const struct test *test)
{
	(void)test;
}

static void tap_end(const struct test *test, unsigned int index,
		    enum verdict verdict, const char *reason, double seconds)
{
	printf("%sok %u - %s%s%s\n# %.1f s\n", verdict == FAILED ? "not " : "",
	       index, test->name, verdict == SKIPPED ? " # SKIP " : "",
	       verdict == SKIPPED ? reason : "", seconds);
}

static int tap_status(const struct tally *tally)
{
	return tally->results[FAILED] ? 1 : 0;
}

const struct protocol protocol_tap = {
	.prefix = "# ",
	.plan = tap_plan,
	.start = tap_start,
	.end = tap_end,
	.status = tap_status,
};

/* ---- IGT ---- */

/* The exit statuses that igt_runner knows. */
#define IGT_SKIP	77
#define IGT_INVALID	79
#define IGT_FAIL	98

static void igt_plan(const struct tally *tally)
{
	struct utsname host;

	(void)tally;
	uname(&host);
	/* The runner takes a program that does not begin like this for no test. */
	printf("IGT-Version: peerbuf (%s) (%s: %s %s)\n", host.machine,
	       host.sysname, host.release, host.machine);
}

static void igt_start(const struct test *test)
{
	printf("Starting subtest: %s\n", test->name);
	fflush(stdout);
}

static void igt_end(const struct test *test, unsigned int index,
		    enum verdict verdict, const char *reason, double seconds)
{
	static const char * const words[] = { "SUCCESS", "SKIP", "FAIL" };

	(void)index;
	if (verdict == SKIPPED)
		printf("%s\n", reason);
	printf("Subtest %s: %s (%.3fs)\n", test->name, words[verdict], seconds);
}

static int igt_status(const struct tally *tally)
{
	if (!tally->planned)
		return IGT_INVALID;
	if (tally->results[FAILED])
		return IGT_FAIL;
	return tally->results[PASSED] ? 0 : IGT_SKIP;
}

static const struct protocol protocol_igt = {
	.prefix = "",
	.plan = igt_plan,
	.start = igt_start,
	.end = igt_end,
	.status = igt_status,
};

/* ---- both ---- */

static void add_pattern(struct request *request, const char *pattern)
{
	if (request->nr == MOST_PATTERNS) {
		fprintf(stderr, "more than %d patterns\n", MOST_PATTERNS);
		exit(IGT_INVALID);
	}
	request->patterns[request->nr++] = pattern;
}

const struct protocol *request_read(struct request *request, int argc, char **argv)
{
	const struct protocol *protocol = &protocol_tap;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--list")) {
			request->list = true;
		} else if (!strcmp(argv[i], "--list-subtests")) {
			request->list = true;
			protocol = &protocol_igt;
		} else if (!strcmp(argv[i], "--run-subtest") && argv[i + 1]) {
			protocol = &protocol_igt;
			for (char *word = strtok(argv[++i], ","); word;
			     word = strtok(NULL, ","))
				add_pattern(request, word);
		} else {
			add_pattern(request, argv[i]);
		}
	}
	return protocol;
}
