// SPDX-License-Identifier: LGPL-2.1-or-later
/* BARs that a process has mapped through sysfs: /sys/devices/.../0000:01:00.0/resource2. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/*
 * The kernel adds a BAR's address to the offset of such a mapping, and /proc/self/maps shows the
 * sum: subtract the address. @device: the function's directory.
 */
static bool from_start_of_bar(const char *device, struct sysfs_bar *found)
{
	char path[PATH_MAX];
	uint64_t start = 0;
	bool is = true;
	FILE *file;
	uint32_t n;

	if (snprintf(path, sizeof(path), "%s/resource", device) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	for (n = 0; is && n <= found->bar; n++)
		is = fscanf(file, "%" SCNx64 " %*x %*x", &start) == 1;
	fclose(file);
	if (!is || found->offset < start)
		return false;
	found->offset -= start;
	return true;
}

/* Parses "0000:01:00.0/resource2" or "...resource2_wc", at the end of @path. */
static bool parse_path(char *path, struct sysfs_bar *found)
{
	char *file = strrchr(path, '/'), *device;
	int used = 0;

	if (strncmp(path, "/sys/", 5) || !file ||
	    sscanf(file, "/resource%" SCNu32 "%n", &found->bar, &used) != 1)
		return false;
	if (found->bar > 5 || (strcmp(file + used, "") && strcmp(file + used, "_wc")))
		return false;
	*file = '\0';
	device = strrchr(path, '/');
	return device && !peerbuf_addr_parse(device + 1, &found->addr) &&
	       from_start_of_bar(path, found);
}

static bool parse_line(char *line, uint64_t address, struct sysfs_bar *found)
{
	char flags[5];
	int used = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*u %n", &found->start,
		   &found->end, flags, &found->offset, &used) != 4 || !used)
		return false;
	if (address < found->start || address >= found->end || flags[3] != 's')
		return false;
	line[strcspn(line, "\n")] = '\0';
	found->writable = flags[1] == 'w';
	return parse_path(line + used, found);
}

bool sysfs_bar_at(uint64_t address, struct sysfs_bar *found)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	bool is = false;
	size_t room;

	if (!maps)
		return false;
	while (!is && getline(&line, &room, maps) > 0)
		is = parse_line(line, address, found);
	free(line);
	fclose(maps);
	return is;
}

static int open_nodes(const struct sysfs_bar *bars, size_t nr, struct peerbuf_range *ranges,
		      struct peerbuf_error *error)
{
	size_t n;
	int node;

	for (n = 0; n < nr; n++) {
		node = peerbuf_open_addr(bars[n].addr, O_RDWR);
		if (node < 0)
			return peerbuf_fail(error, node, PEERBUF_REASON_DEVICE_MEMORY);
		ranges[n] = (struct peerbuf_range) {
			.offset = bars[n].offset,
			.length = bars[n].end - bars[n].start,
			.bar = bars[n].bar,
			.flags = PEERBUF_RANGE_F_DEVICE_FD,
			.device_fd = node,
		};
	}
	return 0;
}

static void close_nodes(const struct peerbuf_range *ranges, size_t nr)
{
	size_t n;

	for (n = 0; n < nr && ranges[n].length; n++)
		close(ranges[n].device_fd);
}

int sysfs_bar_export(const struct sysfs_bar *bars, size_t nr, uint64_t *id,
		     struct peerbuf_error *error)
{
	struct peerbuf_range *ranges = calloc(nr, sizeof(*ranges));
	int access = O_RDWR;
	size_t n;
	int ret;

	if (!ranges)
		return peerbuf_fail(error, -ENOMEM, PEERBUF_REASON_NONE);
	for (n = 0; n < nr; n++)
		if (!bars[n].writable)
			access = O_RDONLY;
	ret = open_nodes(bars, nr, ranges, error);
	if (!ret)
		ret = peerbuf_export(ranges[0].device_fd, ranges, nr, PEERBUF_EXPORT_F_PERSIST,
				     access | O_CLOEXEC, id, error);
	close_nodes(ranges, nr);
	free(ranges);
	return ret;
}
