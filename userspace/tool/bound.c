// SPDX-License-Identifier: GPL-2.0-only
/*
 * Saves what 'bind' found, so that 'unbind' can restore it: a file per function in /run, which
 * lasts as long as a binding does. It names the device, in case another one is in its place by
 * then.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"
#include "tool.h"

#define DIRECTORY "/run/peerbuf"

static const char *path_of(uint64_t addr)
{
	return format_text(DIRECTORY "/bound-%s", addr_text(addr));
}

int bound_save(uint64_t addr, const struct bound *bound)
{
	const struct function *function = function_find(addr);
	FILE *file;
	int ret;

	if (mkdir(DIRECTORY, 0755) && errno != EEXIST)
		return -errno;
	file = fopen(path_of(addr), "we");
	if (!file)
		return -errno;
	ret = fprintf(file, "device %04x:%04x\ndriver %s\noverride %s\n", function->vendor,
		      function->device, bound->driver, bound->override);
	if (fclose(file) || ret < 0) {
		ret = -errno;
		bound_forget(addr);
		return ret;
	}
	return 0;
}

bool bound_load(uint64_t addr, struct bound *bound)
{
	const struct function *function = function_find(addr);
	FILE *file = fopen(path_of(addr), "re");
	unsigned int vendor, device;
	char line[128];
	bool good;

	memset(bound, 0, sizeof(*bound));
	if (!file)
		return false;
	good = fgets(line, sizeof(line), file) &&
	       sscanf(line, "device %x:%x", &vendor, &device) == 2 &&
	       function && vendor == function->vendor && device == function->device &&
	       fgets(line, sizeof(line), file) &&
	       sscanf(line, "driver %63s", bound->driver) == 1 &&
	       fgets(line, sizeof(line), file);
	if (good)
		sscanf(line, "override %63s", bound->override);
	fclose(file);
	return good;
}

void bound_forget(uint64_t addr)
{
	unlink(path_of(addr));
}
