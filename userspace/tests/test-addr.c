// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <peerbuf.h>

#include "check.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static void accepts(void)
{
	static const struct {
		const char *text;
		uint64_t addr;
		const char *back;
	} good[] = {
		{ "0000:01:00.0", PEERBUF_PCI_ADDR(0, 1, 0, 0), "0000:01:00.0" },
		{ "01:00.0", PEERBUF_PCI_ADDR(0, 1, 0, 0), "0000:01:00.0" },
		{ "1:0.0", PEERBUF_PCI_ADDR(0, 1, 0, 0), "0000:01:00.0" },
		{ "0:0.0", 0, "0000:00:00.0" },
		{ "FF:1f.7", PEERBUF_PCI_ADDR(0, 0xff, 0x1f, 7), "0000:ff:1f.7" },
		{ "beef:Ab:1E.3", PEERBUF_PCI_ADDR(0xbeef, 0xab, 0x1e, 3), "beef:ab:1e.3" },
		{ "10000:01:02.0", PEERBUF_PCI_ADDR(0x10000, 1, 2, 0), "10000:01:02.0" },
		{ "ffffffff:ff:1f.7", PEERBUF_PCI_ADDR(0xffffffff, 0xff, 0x1f, 7),
		  "ffffffff:ff:1f.7" },
	};
	char text[PEERBUF_ADDR_LEN];
	uint64_t addr;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(good); n++) {
		addr = 1;
		CHECK_INT(peerbuf_addr_parse(good[n].text, &addr), 0);
		CHECK_INT(addr, good[n].addr);
		CHECK_INT(peerbuf_addr_format(addr, text, sizeof(text)), strlen(good[n].back));
		CHECK_TEXT(text, good[n].back);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{ "", -EINVAL }, { ":", -EINVAL }, { "control", -EINVAL }, { "01:00", -EINVAL },
		{ "01:00.", -EINVAL }, { "01:.0", -EINVAL }, { ":00.0", -EINVAL },
		{ "01:00.0 ", -EINVAL }, { " 01:00.0", -EINVAL }, { "01:00.0/../x", -EINVAL },
		{ "0x1:00.0", -EINVAL }, { "-1:00.0", -EINVAL }, { "01:000.0", -EINVAL },
		{ "01:00.00", -EINVAL }, { "0000:001:00.0", -EINVAL },
		{ "123456789:01:00.0", -EINVAL }, { "0:0:0:0.0", -EINVAL },
		{ "100:00.0", -ERANGE }, { "01:20.0", -ERANGE }, { "01:00.8", -ERANGE },
		{ "0000:100:00.0", -EINVAL }, { "01:0g.0", -EINVAL },
	};
	uint64_t addr;
	size_t n;

	for (n = 0; n < ARRAY_SIZE(bad); n++) {
		addr = 42;
		if (peerbuf_addr_parse(bad[n].text, &addr) != bad[n].ret)
			fprintf(stderr, "\"%s\":\n", bad[n].text);
		CHECK_INT(peerbuf_addr_parse(bad[n].text, &addr), bad[n].ret);
		CHECK_INT(addr, 42);
	}
}

static void formats(void)
{
	char text[PEERBUF_ADDR_LEN];

	CHECK_INT(peerbuf_addr_format(PEERBUF_PCI_NONE, text, sizeof(text)), 1);
	CHECK_TEXT(text, "-");
	CHECK_INT(peerbuf_addr_format(0, text, 12), -ENOSPC);
	CHECK_INT(peerbuf_addr_format(0, text, 13), 12);
}

int main(void)
{
	accepts();
	refuses();
	formats();
	return check_result();
}
