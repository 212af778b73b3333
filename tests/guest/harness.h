/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A test harness for tests of a kernel: TAP on stdout, each test in a process of
 * its own with a time limit, and the kernel log searched after each. A test that
 * passes with a splat in the log, or leaves an export or a mapping behind, fails.
 *
 *	PROGRAM [--list] [PATTERN...]		PATTERN as for a shell; !PATTERN excludes
 *
 * igt_runner can run it as well, see protocol.h.
 *
 * PEERBUF_TEST_SLOW=N	time limits are N times as long
 * PEERBUF_TEST_ROUNDS=N	rounds of tests that repeat something
 * PEERBUF_TEST_ROUNDS=N%	such a share of each test's own number, see rounds()
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/**
 * struct test - a test
 * @name: what behaviour it shows
 * @run: returns when all is well; check() and skip() do not return
 * @timeout: seconds, 0 for the default
 * @flags: TEST_*
 */
struct test {
	const char *name;
	void (*run)(void);
	unsigned int timeout;
	unsigned int flags;
	struct test *next;
};

/* The IOMMU is expected to report faults. */
#define TEST_IOMMU_FAULTS	(1U << 0)

void test_add(struct test *test);

#define TEST(ident, ...)						\
	static void test_##ident(void);					\
	static struct test entry_##ident = {				\
		.name = #ident, .run = test_##ident, __VA_ARGS__	\
	};								\
	__attribute__((constructor)) static void add_##ident(void)	\
	{								\
		test_add(&entry_##ident);				\
	}								\
	static void test_##ident(void)

/*
 * One of several tests that are the same but for what @scene, a function, is called with:
 *
 *	TEST_VARIANT(root_ports_write, device_writes, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
 */
#define TEST_VARIANT(ident, scene, ...)					\
	TEST(ident)							\
	{								\
		scene(__VA_ARGS__);					\
	}

void fail_at(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void skip(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

#define fail(...)	fail_at(__FILE__, __LINE__, __VA_ARGS__)

#define check(condition)						\
	do {								\
		if (!(condition))					\
			fail("not so: %s", #condition);			\
	} while (0)

#define check_eq(got, expected)						\
	do {								\
		long long got_ = (long long)(got);			\
		long long expected_ = (long long)(expected);		\
									\
		if (got_ != expected_)					\
			fail("%s is %lld (%#llx), not %s = %lld (%#llx)",	\
			     #got, got_, got_, #expected, expected_,	\
			     expected_);				\
	} while (0)

/* The call returns 0 or -errno. */
#define check_ok(call)							\
	do {								\
		int ret_ = (call);					\
									\
		if (ret_)						\
			fail("%s: %s", #call, strerror(-ret_));		\
	} while (0)

#define check_fails(call, error)					\
	do {								\
		int ret_ = (call);					\
									\
		if (ret_ != -(error))					\
			fail("%s: %s instead of %s", #call,		\
			     ret_ ? strerror(-ret_) : "succeeds",	\
			     strerror(error));				\
	} while (0)

bool among(int ret, const int *allowed);

/* The call returns 0, or fails in one of these ways: for calls that race with others. */
#define check_among(call, ...)						\
	do {								\
		int result_ = (call);					\
									\
		if (!among(result_, (const int[]){ __VA_ARGS__, 0 }))	\
			fail("%s: %s", #call, strerror(-result_));	\
	} while (0)

/* For calls that set errno. */
#define check_sys(call)							\
	({								\
		long ret_ = (long)(call);				\
									\
		if (ret_ == -1)						\
			fail("%s: %s", #call, strerror(errno));		\
		ret_;							\
	})

/*
 * How often to repeat something. A share never makes more of them than the standard number,
 * and leaves FEWEST_ROUNDS, or all if there are fewer.
 */
#define FEWEST_ROUNDS	20

unsigned int rounds(unsigned int standard);
unsigned int slowness(void);
/* Less than that, at random; the same in every run. */
unsigned int dice(unsigned int below);
double now(void);
void pause_ms(unsigned int ms);
/* Has it ended, or does it within that time? It is left to be waited for. */
bool ended_within(pid_t pid, double seconds);

/* Wait for up to that many seconds, times slowness(), for it to become true. */
#define eventually(seconds, condition)					\
	do {								\
		double until_ = now() + (seconds) * slowness();		\
									\
		while (!(condition)) {					\
			if (now() > until_)				\
				fail("never: %s", #condition);		\
			pause_ms(10);					\
		}							\
	} while (0)

/* The kernel log, from a moment on. */
int kmsg_mark(void);
bool kmsg_has(int mark, const char *text);
bool kmsg_has_iommu_fault(int mark);
bool kmsg_has_iommu_fault_at(int mark, unsigned long long iova);
void kmsg_done(int mark);

#endif /* HARNESS_H */
