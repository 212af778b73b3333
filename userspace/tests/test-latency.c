// SPDX-License-Identifier: GPL-2.0-only
/* How "peerbuf load" keeps its times: what is asked of them is near what they were. */
#include <stdlib.h>

#include "check.h"
#include "latency.h"

#define NR	5000

static struct latency latency, other;
static uint64_t times[NR];

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void nothing(void)
{
	latency_start(&latency);
	CHECK_INT(latency_mean(&latency), 0);
	CHECK_INT(latency_within(&latency, 500), 0);
	CHECK_INT(latency_within(&latency, 1000), 0);
}

/* Each of these is a bucket of its own, or the largest that was added. */
static void one(uint64_t value)
{
	latency_start(&latency);
	latency_add(&latency, value);
	CHECK(latency.least == value && latency.most == value);
	CHECK(latency_mean(&latency) == value);
	CHECK(latency_within(&latency, 0) == value);
	CHECK(latency_within(&latency, 500) == value);
	CHECK(latency_within(&latency, 1000) == value);
}

static void near(unsigned int permille, uint64_t exact)
{
	uint64_t got = latency_within(&latency, permille);

	CHECK(got >= exact);
	CHECK(got - exact <= exact / LATENCY_PART);
}

/* Of every order of magnitude, half of them in another one that is merged. */
static void many(void)
{
	uint64_t state = 88172645463325252ULL, sum = 0;
	unsigned int n;

	latency_start(&latency);
	latency_start(&other);
	for (n = 0; n < NR; n++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		times[n] = state >> (20 + n % 40);
		sum += times[n];
		latency_add(n % 2 ? &latency : &other, times[n]);
	}
	latency_merge(&latency, &other);
	qsort(times, NR, sizeof(times[0]), by_value);
	CHECK_INT(latency.nr, NR);
	CHECK(latency_mean(&latency) == sum / NR);
	CHECK(latency.least == times[0] && latency.most == times[NR - 1]);
	near(500, times[NR / 2 - 1]);
	near(900, times[NR * 9 / 10 - 1]);
	near(990, times[NR * 99 / 100 - 1]);
	near(999, times[NR * 999 / 1000 - 1]);
	CHECK(latency_within(&latency, 1000) == times[NR - 1]);
}

/* Of two the fastest half are one, of three two. */
static void few(void)
{
	latency_start(&latency);
	latency_add(&latency, 10);
	latency_add(&latency, 20);
	CHECK_INT(latency_within(&latency, 500), 10);
	CHECK_INT(latency_within(&latency, 501), 20);
	latency_add(&latency, 30);
	CHECK_INT(latency_within(&latency, 500), 20);
	CHECK_INT(latency_within(&latency, 333), 10);
}

int main(void)
{
	static const uint64_t values[] = {
		0, 1, 63, 64, 127, 128, 129, 255, 256, 1000, 1ULL << 40, (1ULL << 63) - 1,
		1ULL << 63, UINT64_MAX,
	};
	unsigned int n;

	nothing();
	for (n = 0; n < sizeof(values) / sizeof(values[0]); n++)
		one(values[n]);
	many();
	few();
	return check_result();
}
