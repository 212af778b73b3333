/* SPDX-License-Identifier: GPL-2.0 */
/* Results in the Test Anything Protocol. A test is a function of no arguments. */
#ifndef _TAP_H
#define _TAP_H

#include <stdbool.h>
#include <stdio.h>

/* One failed check fails the test it is in; the test goes on. */
#define CHECK(condition) tap_check(!!(condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(got, want) \
	tap_check_eq((unsigned long long)(got), (unsigned long long)(want), \
		     __FILE__, __LINE__, #got)
/* Say which row of a table is being worked on, should it fail. */
#define ROW(...) snprintf(tap_row, sizeof(tap_row), __VA_ARGS__)

#define RUN(test) tap_run(#test, test)

extern char tap_row[200];

bool tap_check(bool good, const char *file, int line, const char *what);
bool tap_check_eq(unsigned long long got, unsigned long long want, const char *file,
		  int line, const char *what);
void tap_run(const char *name, void (*test)(void));
int tap_done(void);

void test_vecs(void);
void test_overlaps(void);
void test_segments(void);
void test_paths(void);
void test_hosts(void);
void test_overrides(void);
void test_texts(void);
void test_steps(void);

#endif /* _TAP_H */
