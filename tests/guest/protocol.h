/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a test program is asked and how it answers. TAP is what tests/run reads; the
 * other is the protocol of IGT's test programs, so that igt_runner can run ours:
 *
 *	PROGRAM --list-subtests
 *	PROGRAM --run-subtest PATTERN[,PATTERN...]
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "harness.h"

#define MOST_PATTERNS	64

enum verdict { PASSED, SKIPPED, FAILED };

/**
 * struct request - what was asked for
 * @list: only the names
 * @nr: of patterns
 * @patterns: which tests; all if none says otherwise
 */
struct request {
	bool list;
	unsigned int nr;
	const char *patterns[MOST_PATTERNS];
};

/**
 * struct tally - what came of it
 * @planned: tests that were asked for
 * @results: how many of each verdict
 */
struct tally {
	unsigned int planned;
	unsigned int results[FAILED + 1];
};

/**
 * struct protocol - the answers
 * @prefix: of a line that a test printed
 * @plan: before the first test
 * @start: before a test
 * @end: after a test, with why it was skipped (or "") and the seconds it took
 * @status: the exit status
 */
struct protocol {
	const char *prefix;
	void (*plan)(const struct tally *tally);
	void (*start)(const struct test *test);
	void (*end)(const struct test *test, unsigned int index,
		    enum verdict verdict, const char *reason, double seconds);
	int (*status)(const struct tally *tally);
};

extern const struct protocol protocol_tap;

const struct protocol *request_read(struct request *request, int argc, char **argv);

#endif /* PROTOCOL_H */
