// SPDX-License-Identifier: GPL-2.0
/* The list of host bridges that forward. */

#include <linux/kernel.h>

#include "known_hosts.h"
#include "tap.h"

enum { UNKNOWN, SAME_ONLY, BOTH };

static const struct {
	u32 vendor, device;
	int want;
} rows[] = {
	{ 0x8086, 0x3c00, SAME_ONLY },	/* Sandy Bridge */
	{ 0x8086, 0x2f01, SAME_ONLY },	/* Haswell */
	{ 0x8086, 0x2033, BOTH },	/* Skylake, the last root port */
	{ 0x8086, 0x2034, UNKNOWN },
	{ 0x8086, 0x09a2, BOTH },
	{ 0x1ae0, 0x0000, BOTH },	/* any of Google's */
	{ 0x1ae0, 0xffff, BOTH },
	{ 0x10de, 0x2f94, UNKNOWN },
	{ 0x10de, 0x2f95, BOTH },	/* Nvidia's CPUs, four of them */
	{ 0x10de, 0x2f96, BOTH },
	{ 0x10de, 0x2f97, BOTH },
	{ 0x10de, 0x2f98, BOTH },
	{ 0x10de, 0x2f99, UNKNOWN },
	{ 0x8086, 0x2f95, UNKNOWN },	/* another vendor's number */
	{ 0x8086, 0x29c0, UNKNOWN },	/* what QEMU's q35 has */
};

static void known_ones(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct p2p_known_host *known =
			p2p_known_host(rows[i].vendor, rows[i].device);

		ROW("%04x:%04x", rows[i].vendor, rows[i].device);
		CHECK_EQ(!known ? UNKNOWN : known->same_only ? SAME_ONLY : BOTH,
			 rows[i].want);
	}
}

void test_hosts(void)
{
	RUN(known_ones);
}
