// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "tool.h"

const struct function *function_find(uint64_t addr)
{
	return machine_find(machine_get(), addr);
}

bool function_is_shareable(uint64_t addr)
{
	const struct function *function = function_find(addr);

	return function && function->shareable;
}

int no_function(const struct command *self, const char *name)
{
	failed_errno(-ENODEV, "%s %s", self->name, name);
	hint("there is no such PCI function; 'peerbuf topo --tree' lists those there are");
	return EXIT_REFUSED;
}

const char *function_name(uint64_t addr)
{
	const struct function *function = function_find(addr);

	return function ? device_name(function->vendor, function->device) : "unknown";
}

const char *function_driver(uint64_t addr)
{
	char path[80], target[256];
	const char *slash;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", addr_text(addr));
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return "-";
	target[length] = '\0';
	slash = strrchr(target, '/');
	return format_text("%s", slash ? slash + 1 : target);
}
