// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a function is in use for: the disks, network interfaces and displays that are
 * below it in sysfs, and programs that drive it through VFIO. All of them would lose it together
 * with its driver.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tool.h"

/**
 * struct search - a search for uses
 * @prefix: sysfs directory of the function, with a slash at its end
 * @report: called for each use found
 * @nr: number of uses
 */
struct search {
	char prefix[PATH_MAX];
	void (*report)(const char *use);
	unsigned int nr;
};

static void found(struct search *search, const char *use)
{
	search->report(use);
	search->nr++;
}

/* The last part of the link's target, NULL if there is none. */
static const char *link_name(const char *path)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (length < 0)
		return NULL;
	target[length] = '\0';
	slash = strrchr(target, '/');
	return format_text("%s", slash ? slash + 1 : target);
}

/* Is /sys/class/@class/@name a device below the function? */
static bool is_below(const struct search *search, const char *class, const char *name)
{
	char *path = realpath(format_text("/sys/class/%s/%s", class, name), NULL);
	bool below = path && !strncmp(path, search->prefix, strlen(search->prefix));

	free(path);
	return below;
}

static bool has_number(const char *text, unsigned int major, unsigned int minor)
{
	unsigned int a, b;

	return sscanf(text, "%u:%u", &a, &b) == 2 && a == major && b == minor;
}

/*
 * Each line: ID PARENT MAJOR:MINOR ROOT TARGET …OPTIONAL… - TYPE SOURCE OPTIONS. A file
 * system on several disks has a device number of its own, and names one of the disks as its source.
 */
static void look_at_mounts(struct search *search, const char *disk, dev_t number)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	const char *node = format_text("/dev/%s", disk);
	char numbers[32], target[1024], source[1024], *line = NULL, *rest;
	size_t size = 0;

	while (mounts && getline(&line, &size, mounts) > 0) {
		if (sscanf(line, "%*d %*d %31s %*s %1023s", numbers, target) != 2)
			continue;
		rest = strstr(line, " - ");
		if (!rest || sscanf(rest, " - %*s %1023s", source) != 1)
			source[0] = '\0';
		if (has_number(numbers, major(number), minor(number)) || !strcmp(source, node))
			found(search, format_text("%s is mounted on %s", disk, target));
	}
	free(line);
	if (mounts)
		fclose(mounts);
}

static void look_at_swap(struct search *search, const char *disk, dev_t number)
{
	FILE *swaps = fopen("/proc/swaps", "re");
	char path[1024], *line = NULL;
	struct stat status;
	size_t size = 0;

	while (swaps && getline(&line, &size, swaps) > 0)
		if (sscanf(line, "%1023s", path) == 1 && !stat(path, &status) &&
		    S_ISBLK(status.st_mode) && status.st_rdev == number)
			found(search, format_text("%s is swap space", disk));
	free(line);
	if (swaps)
		fclose(swaps);
}

static const char *holder_kind(const char *holder)
{
	char text[64];

	if (!strncmp(holder, "md", 2))
		return "RAID";
	if (read_line(format_text("/sys/class/block/%s/dm/uuid", holder), text, sizeof(text)))
		return "another device";
	if (!strncmp(text, "LVM-", 4))
		return "LVM volume";
	if (!strncmp(text, "CRYPT-", 6))
		return "encrypted volume";
	return "device mapper volume";
}

static void look_at_holders(struct search *search, const char *disk)
{
	DIR *holders = opendir(format_text("/sys/class/block/%s/holders", disk));
	const struct dirent *entry;
	char name[128];

	while (holders && (entry = readdir(holders))) {
		if (entry->d_name[0] == '.')
			continue;
		if (read_line(format_text("/sys/class/block/%s/dm/name", entry->d_name), name,
			      sizeof(name)))
			snprintf(name, sizeof(name), "%.100s", entry->d_name);
		found(search, format_text("%s is part of the %s %s", disk,
					  holder_kind(entry->d_name), name));
	}
	if (holders)
		closedir(holders);
}

/* For uses not found above: a kernel user of a disk has opened it exclusively. */
static void look_at_opener(struct search *search, const char *disk)
{
	int fd = open(format_text("/dev/%s", disk), O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0 && errno == EBUSY)
		found(search, format_text("%s is opened exclusively", disk));
	if (fd >= 0)
		close(fd);
}

static void look_at_disk(struct search *search, const char *disk)
{
	unsigned int before = search->nr, major, minor;
	char text[32];

	if (read_line(format_text("/sys/class/block/%s/dev", disk), text, sizeof(text)) ||
	    sscanf(text, "%u:%u", &major, &minor) != 2)
		return;
	look_at_mounts(search, disk, makedev(major, minor));
	look_at_swap(search, disk, makedev(major, minor));
	look_at_holders(search, disk);
	if (search->nr == before)
		look_at_opener(search, disk);
}

/*
 * An NVMe drive with several paths shows them as hidden disks: nvme0c1n2 is a path to
 * nvme0n2, whose partitions may be in use.
 */
static void look_at_paths(struct search *search, const char *path)
{
	unsigned int subsystem, controller, name_space;
	char end, disk[64];
	const struct dirent *entry;
	DIR *partitions;

	if (sscanf(path, "nvme%uc%un%u%c", &subsystem, &controller, &name_space, &end) != 3)
		return;
	snprintf(disk, sizeof(disk), "nvme%un%u", subsystem, name_space);
	look_at_disk(search, disk);
	partitions = opendir(format_text("/sys/class/block/%s", disk));
	while (partitions && (entry = readdir(partitions)))
		if (!strncmp(entry->d_name, disk, strlen(disk)))
			look_at_disk(search, entry->d_name);
	if (partitions)
		closedir(partitions);
}

static void look_at_interface(struct search *search, const char *name)
{
	const char *master = link_name(format_text("/sys/class/net/%s/master", name));
	char text[32];

	if (master)
		found(search, format_text("%s is part of the interface %s", name, master));
	if (read_line(format_text("/sys/class/net/%s/flags", name), text, sizeof(text)))
		return;
	if (strtoul(text, NULL, 16) & IFF_UP)
		found(search, format_text("the network interface %s is up", name));
}

static void each_below(struct search *search, const char *class,
		       void (*look)(struct search *search, const char *name))
{
	DIR *directory = opendir(format_text("/sys/class/%s", class));
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.' && is_below(search, class, entry->d_name))
			look(search, entry->d_name);
	if (directory)
		closedir(directory);
}

static void look_at_block(struct search *search, const char *name)
{
	look_at_disk(search, name);
	look_at_paths(search, name);
}

static void look_at_function(struct search *search, const char *directory)
{
	char text[32];

	if (!read_line(format_text("%s/boot_vga", directory), text, sizeof(text)) &&
	    text[0] == '1')
		found(search, "it is the display that the machine boots with");
	if (!read_line(format_text("%s/sriov_numvfs", directory), text, sizeof(text)) &&
	    strcmp(text, "0"))
		found(search, format_text("%s virtual functions are made from it", text));
}

/**
 * struct nodes - by which a program gets at a VFIO device
 * @group: of its IOMMU group
 * @device: its own, or ""
 */
struct nodes {
	char group[64];
	char device[64];
};

/* False if no driver of VFIO's has it. */
static bool vfio_nodes(const char *directory, struct nodes *nodes)
{
	const char *driver = link_name(format_text("%s/driver", directory));
	const char *group = link_name(format_text("%s/iommu_group", directory));
	DIR *own = opendir(format_text("%s/vfio-dev", directory));
	const struct dirent *entry;

	*nodes = (struct nodes) { .group = "" };
	while (own && (entry = readdir(own)))
		if (entry->d_name[0] != '.')
			snprintf(nodes->device, sizeof(nodes->device), "/dev/vfio/devices/%.40s",
				 entry->d_name);
	if (own)
		closedir(own);
	if (group)
		snprintf(nodes->group, sizeof(nodes->group), "/dev/vfio/%.40s", group);
	return driver && strstr(driver, "vfio") && (*nodes->group || *nodes->device);
}

static bool has_open(const char *pid, const struct nodes *nodes)
{
	DIR *files = opendir(format_text("/proc/%s/fd", pid));
	const struct dirent *entry;
	char target[64];
	bool has = false;
	ssize_t length;

	while (files && !has && (entry = readdir(files))) {
		length = readlinkat(dirfd(files), entry->d_name, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		has = *target && (!strcmp(target, nodes->group) ||
				  !strcmp(target, nodes->device));
	}
	if (files)
		closedir(files);
	return has;
}

/* VFIO's driver lets a device go when the program that drives it closes it: that may be never. */
static void look_at_programs(struct search *search, const char *directory)
{
	const struct dirent *entry;
	struct nodes nodes;
	DIR *processes;
	char name[32];

	if (!vfio_nodes(directory, &nodes))
		return;
	processes = opendir("/proc");
	while (processes && (entry = readdir(processes))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    !has_open(entry->d_name, &nodes))
			continue;
		read_line(format_text("/proc/%s/comm", entry->d_name), name, sizeof(name));
		found(search, format_text("process %s (%s) has its VFIO device or group open",
					  entry->d_name, name));
	}
	if (processes)
		closedir(processes);
}

bool function_in_use(uint64_t addr, void (*report)(const char *use))
{
	const char *directory = format_text("/sys/bus/pci/devices/%s", addr_text(addr));
	struct search search = { .report = report };
	char *path = realpath(directory, NULL);

	if (!path)
		return false;
	snprintf(search.prefix, sizeof(search.prefix), "%s/", path);
	free(path);
	look_at_function(&search, directory);
	look_at_programs(&search, directory);
	each_below(&search, "block", look_at_block);
	each_below(&search, "net", look_at_interface);
	return search.nr;
}
