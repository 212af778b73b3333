// SPDX-License-Identifier: GPL-2.0
/*
 * Which root complexes forward a request from one of their ports to another.
 * The specification leaves that open and no register tells, so this is a list of
 * the known ones: all of a CPU vendor's families from some family on, or single parts.
 * Pure logic: the peerbuf command and tests/unit build this file in userspace.
 */

#include <linux/kernel.h>
#include <linux/types.h>

#include "host_list.h"
#include "path.h"

#define ANY_DEVICE	0x10000

struct known_host {
	u32 vendor;
	u32 device;
	bool same_only;
};

static const struct known_host known_hosts[] = {
	/* Sandy Bridge and Ivy Bridge servers: the two device IDs of the DMI port */
	{ 0x8086, 0x3c00, true },
	{ 0x8086, 0x3c01, true },
	/* Haswell servers */
	{ 0x8086, 0x2f00, true },
	{ 0x8086, 0x2f01, true },
	/* Skylake servers: the DMI port and the root ports A to D */
	{ 0x8086, 0x2020, false },
	{ 0x8086, 0x2030, false },
	{ 0x8086, 0x2031, false },
	{ 0x8086, 0x2032, false },
	{ 0x8086, 0x2033, false },
	/* Ice Lake servers and later: each I/O stack's memory map function */
	{ 0x8086, 0x09a2, false },
	/* Later servers' accelerator stacks, where the accelerator is 00.0 */
	{ 0x8086, 0x0b25, false },	/* data streaming */
	{ 0x8086, 0x0cfe, false },	/* analytics */
	{ 0x8086, 0x11fb, false },	/* data streaming */
	{ 0x8086, 0x1212, false },	/* data streaming */
	{ 0x8086, 0x1216, false },	/* analytics */
	{ 0x8086, 0x4940, false },	/* crypto and compression, five generations */
	{ 0x8086, 0x4942, false },
	{ 0x8086, 0x4944, false },
	{ 0x8086, 0x4946, false },
	{ 0x8086, 0x4948, false },
	/* Google's own systems on chip */
	{ 0x1ae0, ANY_DEVICE, false },
	/* Nvidia's CPUs */
	{ 0x10de, 0x2f95, false },
	{ 0x10de, 0x2f96, false },
	{ 0x10de, 0x2f97, false },
	{ 0x10de, 0x2f98, false },
};

static const struct known_host *known_host_find(u16 vendor, u16 device)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known_hosts); i++) {
		const struct known_host *entry = &known_hosts[i];

		if (entry->vendor == vendor &&
		    (entry->device == ANY_DEVICE || entry->device == device))
			return entry;
	}
	return NULL;
}

/* @vendor, @device: of the function that stands for the host bridge */
void p2p_host_known(struct p2p_path_host *host, u16 vendor, u16 device)
{
	const struct known_host *known = known_host_find(vendor, device);

	host->known = known;
	host->same_only = known && known->same_only;
}

/* All AMD CPUs since Zen forward peer traffic, between host bridges as well. */
bool p2p_cpu_family_forwards(bool amd, unsigned int family)
{
	return amd && family >= 0x17;
}
