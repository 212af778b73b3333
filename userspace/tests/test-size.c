// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <peerbuf.h>

#include "check.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static void accepts(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "4K", 4096 }, { "4k", 4096 },
		{ "4KiB", 4096 }, { "2M", 2 << 20 }, { "2MiB", 2 << 20 }, { "3g", 3ULL << 30 },
		{ "1T", 1ULL << 40 }, { "0x1000", 4096 }, { "0X1000", 4096 },
		{ "0x10K", 16 << 10 }, { "0x1b", 27 }, { "010", 10 },
		{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX },
		{ "18014398509481983K", UINT64_MAX - 1023 },
		{ "16777215T", 16777215ULL << 40 }, { "0T", 0 },
	};
	uint64_t bytes;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(good); n++) {
		bytes = 42;
		CHECK_INT(peerbuf_size_parse(good[n].text, &bytes), 0);
		CHECK_INT(bytes, good[n].bytes);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{ "", -EINVAL }, { "K", -EINVAL }, { "-1", -EINVAL }, { "+1", -EINVAL },
		{ " 1", -EINVAL }, { "1 ", -EINVAL }, { "1.5M", -EINVAL }, { "1KB", -EINVAL },
		{ "1Ki", -EINVAL }, { "1P", -EINVAL }, { "1KK", -EINVAL }, { "0x", -EINVAL },
		{ "x10", -EINVAL }, { "1kib", -EINVAL }, { "12abc", -EINVAL },
		{ "18446744073709551616", -ERANGE }, { "0x10000000000000000", -ERANGE },
		{ "18014398509481984K", -ERANGE }, { "16777216T", -ERANGE },
		{ "99999999999999999999999999", -ERANGE },
		/* "Not a number" takes precedence over "too large". */
		{ "99999999999999999999999999q", -EINVAL },
	};
	uint64_t bytes;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(bad); n++) {
		bytes = 42;
		if (peerbuf_size_parse(bad[n].text, &bytes) != bad[n].ret)
			fprintf(stderr, "\"%s\":\n", bad[n].text);
		CHECK_INT(peerbuf_size_parse(bad[n].text, &bytes), bad[n].ret);
		CHECK_INT(bytes, 42);
	}
}

static void formats(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} pairs[] = {
		{ 0, "0" }, { 1, "1" }, { 1023, "1023" }, { 1024, "1K" }, { 4097, "4097" },
		{ 65536, "64K" }, { 64ULL << 30, "64G" }, { 1ULL << 50, "1024T" },
		{ UINT64_MAX, "18446744073709551615" },
	};
	char text[PEERBUF_SIZE_LEN];
	uint64_t bytes;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(pairs); n++) {
		CHECK_INT(peerbuf_size_format(pairs[n].bytes, text, sizeof(text)),
			  strlen(pairs[n].text));
		CHECK_TEXT(text, pairs[n].text);
		CHECK_INT(peerbuf_size_parse(text, &bytes), 0);
		CHECK_INT(bytes, pairs[n].bytes);
	}
	CHECK_INT(peerbuf_size_format(1024, text, 2), -ENOSPC);
}

static void ranges(void)
{
	struct peerbuf_range range = { .flags = 7 };

	CHECK_INT(peerbuf_range_parse("1M:0x2000", 2, &range), 0);
	CHECK_INT(range.offset, 1 << 20);
	CHECK_INT(range.length, 0x2000);
	CHECK_INT(range.bar, 2);
	CHECK_INT(range.flags, 0);
	CHECK_INT(peerbuf_range_parse("0:0", 0, &range), 0);
	CHECK_INT(range.length, 0);
	CHECK_INT(peerbuf_range_parse("0:18446744073709551615", 0, &range), 0);

	CHECK_INT(peerbuf_range_parse("1:18446744073709551615", 0, &range), -ERANGE);
	CHECK_INT(peerbuf_range_parse("4K", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("4K:", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse(":4K", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("0:4K:", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("0x:4K", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("0:99999T", 0, &range), 0);
	CHECK_INT(peerbuf_range_parse("99999999T:0", 0, &range), -ERANGE);
	CHECK_INT(peerbuf_range_parse("99999999T:4Q", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("99999999T:", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("4Q:99999999T", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("system:64K", 3, &range), 0);
	CHECK_INT(range.length, 64 << 10);
	CHECK_INT(range.flags, PEERBUF_RANGE_F_SYSTEM);
	CHECK_INT(range.bar, 0);
	CHECK_INT(range.offset, 0);
	CHECK_INT(peerbuf_range_parse("system:", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("system", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("system:0:4K", 0, &range), -EINVAL);
	CHECK_INT(peerbuf_range_parse("system:99999999T", 0, &range), -ERANGE);
	CHECK_INT(peerbuf_range_parse("System:4K", 0, &range), -EINVAL);
}

int main(void)
{
	accepts();
	refuses();
	formats();
	ranges();
	return check_result();
}
