// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identifies a card independently of its slot: vendor, device, subsystem vendor and device,
 * revision, and the serial number if it has one.
 */
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "machine.h"
#include "tool.h"

static unsigned long number(uint64_t addr, const char *file)
{
	char text[32];

	if (read_line(format_text("/sys/bus/pci/devices/%s/%s", addr_text(addr), file), text,
		      sizeof(text)))
		return 0;
	return strtoul(text, NULL, 16);
}

const char *identity_of(uint64_t addr)
{
	const struct function *function = function_find(addr);

	if (!function)
		return "-";
	return format_text("%04x:%04x:%04lx:%04lx:%02lx:%016" PRIx64, function->vendor,
			   function->device, number(addr, "subsystem_vendor"),
			   number(addr, "subsystem_device"), number(addr, "revision"),
			   function_serial(addr));
}

bool identity_is(uint64_t addr, const char *identity)
{
	return function_find(addr) && !strcmp(identity_of(addr), identity);
}
