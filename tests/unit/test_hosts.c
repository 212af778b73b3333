// SPDX-License-Identifier: GPL-2.0
/* Which host bridges and CPUs forward peer traffic. */

#include "host_list.h"
#include "path.h"
#include "tap.h"

static const struct {
	u16 vendor, device;
	bool known, same_only;
} hosts[] = {
	{ 0x8086, 0x3c00, true, true },		/* Sandy Bridge servers */
	{ 0x8086, 0x2f01, true, true },		/* Haswell servers */
	{ 0x8086, 0x2033, true, false },	/* Skylake servers, port D */
	{ 0x8086, 0x2034, false, false },
	{ 0x8086, 0x09a2, true, false },	/* Ice Lake servers */
	{ 0x1ae0, 0x0001, true, false },	/* all of that vendor's */
	{ 0x1ae0, 0xffff, true, false },
	{ 0x10de, 0x2f94, false, false },
	{ 0x10de, 0x2f95, true, false },	/* Nvidia's CPUs, four of them */
	{ 0x10de, 0x2f96, true, false },
	{ 0x10de, 0x2f97, true, false },
	{ 0x10de, 0x2f98, true, false },
	{ 0x10de, 0x2f99, false, false },
	{ 0x8086, 0x2f95, false, false },	/* another vendor's number */
	{ 0x8086, 0x29c0, false, false },	/* a desktop's, and QEMU's q35 */
	{ 0x1022, 0x2020, false, false },	/* another vendor's part of that number */
	{ 0xffff, 0xffff, false, false },	/* does not answer */
};

static void listed_hosts(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hosts); i++) {
		/* Whatever was there before. */
		struct p2p_path_host host = { .known = i & 1, .same_only = i & 2, .root = 7 };

		ROW("%04x:%04x", hosts[i].vendor, hosts[i].device);
		p2p_host_known(&host, hosts[i].vendor, hosts[i].device);
		CHECK_EQ(host.known, hosts[i].known);
		CHECK_EQ(host.same_only, hosts[i].same_only);
		CHECK_EQ(host.root, 7);
	}
}

static void amd_since_zen(void)
{
	CHECK(p2p_cpu_family_forwards(true, 0x17));
	CHECK(p2p_cpu_family_forwards(true, 0x1a));
	CHECK(!p2p_cpu_family_forwards(true, 0x15));
	CHECK(!p2p_cpu_family_forwards(false, 0x17));
	CHECK(!p2p_cpu_family_forwards(false, 0));
}

void test_hosts(void)
{
	RUN(listed_hosts);
	RUN(amd_since_zen);
}
