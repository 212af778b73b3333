// SPDX-License-Identifier: GPL-2.0
/* Results in the Test Anything Protocol, and the sum at the end. */

#include "tap.h"

char tap_row[200];
int shim_allocations = -1;

static int passed, failed;
static bool test_good;

bool tap_check(bool good, const char *file, int line, const char *what)
{
	if (!good) {
		printf("# %s:%d: not so: %s%s%s\n", file, line, what,
		       *tap_row ? ", with " : "", tap_row);
		test_good = false;
	}
	return good;
}

bool tap_check_eq(unsigned long long got, unsigned long long want, const char *file,
		  int line, const char *what)
{
	if (got == want)
		return true;
	printf("# %s:%d: %s is %lld (%#llx), not %lld (%#llx)%s%s\n", file, line, what,
	       (long long)got, got, (long long)want, want, *tap_row ? ", with " : "",
	       tap_row);
	test_good = false;
	return false;
}

void tap_run(const char *name, void (*test)(void))
{
	test_good = true;
	tap_row[0] = '\0';
	shim_allocations = -1;
	test();
	if (test_good)
		passed++;
	else
		failed++;
	printf("%sok %d - %s\n", test_good ? "" : "not ", passed + failed, name);
	fflush(stdout);
}

/* Nothing is ever skipped: all of this runs anywhere. */
int tap_done(void)
{
	printf("1..%d\n", passed + failed);
	printf("%d passed, %d failed, %d skipped\n", passed, failed, 0);
	return failed || !passed;
}
