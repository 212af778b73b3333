// SPDX-License-Identifier: GPL-2.0
/* See drive.h. */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/blkpg.h>

#include "drive.h"
#include "harness.h"
#include "lab.h"
#include "shell.h"

static void find_below(const char *folder, const char *pattern, char *name, size_t size)
{
	struct dirent *entry;
	unsigned int a, b;
	DIR *dir = opendir(folder);

	name[0] = '\0';
	while (dir && (entry = readdir(dir))) {
		if (sscanf(entry->d_name, pattern, &a, &b) >= 1)
			snprintf(name, size, "%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

/* It has been read, nothing is under way, and for 50 ms nothing was done. */
static bool disk_is_quiet(const char *statistics)
{
	unsigned long reads = 0, in_flight = 0;
	char before[256], after[256];

	sysfs_read(statistics, before, sizeof(before));
	pause_ms(50);
	sysfs_read(statistics, after, sizeof(after));
	return sscanf(after, "%lu %*u %*u %*u %*u %*u %*u %*u %lu", &reads, &in_flight) == 2 &&
	       reads && !in_flight && !strcmp(before, after);
}

void drive_settle(const char *id)
{
	char pattern[PATH_MAX];
	glob_t disks;

	snprintf(pattern, sizeof(pattern), "/sys/bus/pci/devices/%s/nvme/nvme*/nvme*n*/stat",
		 lab_where(id));
	eventually(30, !glob(pattern, 0, NULL, &disks));
	for (size_t i = 0; i < disks.gl_pathc; i++)
		eventually(30, disk_is_quiet(disks.gl_pathv[i]));
	globfree(&disks);
}

const char *drive_controller(void)
{
	static char path[192];
	char folder[128], name[32];

	snprintf(folder, sizeof(folder), "/sys/bus/pci/devices/%s/nvme", lab_where(DRIVE));
	find_below(folder, "nvme%u", name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

const char *drive_name(void)
{
	static char disk[32];

	find_below(drive_controller(), "nvme%un%u", disk, sizeof(disk));
	return disk;
}

int drive_open(int flags)
{
	char path[64];
	int fd;

	check_eq(module_load("peerbuf-nvme"), 0);
	device_bind(DRIVE, "nvme");
	eventually(30, drive_name()[0]);
	snprintf(path, sizeof(path), "/dev/%s", drive_name());
	eventually(5, (fd = open(path, flags | O_CLOEXEC)) >= 0);
	return fd;
}

static void medium(__u64 sector, __u8 *data)
{
	char line[33];

	snprintf(line, sizeof(line), "peerbuf sector %08llu\n........",
		 (unsigned long long)sector);
	for (int i = 0; i < 16; i++)
		memcpy(data + 32 * i, line, 32);
}

void check_medium(const __u8 *data, __u64 from, size_t length)
{
	__u64 at = from, end = from + length;
	__u8 expected[SECTOR];
	size_t part;

	for (; at < end; at += part, data += part) {
		part = SECTOR - at % SECTOR;
		if (part > end - at)
			part = end - at;
		medium(at / SECTOR, expected);
		if (memcmp(data, expected + at % SECTOR, part))
			fail("sector %llu has \"%.32s\"", (unsigned long long)(at / SECTOR),
			     (const char *)data);
	}
}

void check_sectors(const __u8 *data, __u64 first, __u64 nr)
{
	check_medium(data, first * SECTOR, nr * SECTOR);
}

void check_host_medium(const char *mem, __u64 offset, __u64 from, size_t length)
{
	__u8 *data = malloc(length);

	lab_host_read(mem, offset, data, length);
	check_medium(data, from, length);
	free(data);
}

/*
 * In pieces: a synchronous write of each sector takes its time. Not through the page cache, which
 * writes whole pages, and fails with the page of which one sector cannot be written.
 */
void drive_restore(__u64 from, size_t length)
{
	__u64 sector = from / SECTOR, end = (from + length + SECTOR - 1) / SECTOR, nr;
	int fd = drive_open(O_WRONLY | O_DSYNC | O_DIRECT);
	__u8 data[128 * SECTOR] __attribute__((aligned(PAGE)));

	for (; sector < end; sector += nr) {
		for (nr = 0; nr < 128 && sector + nr < end; nr++)
			medium(sector + nr, data + nr * SECTOR);
		check_eq(check_sys(pwrite(fd, data, nr * SECTOR, sector * SECTOR)), nr * SECTOR);
	}
	close(fd);
}

static bool partition(int disk, int what)
{
	struct blkpg_partition part = {
		.start = 2 * DRIVE_MARKED, .length = DRIVE_SIZE - 2 * DRIVE_MARKED, .pno = 1,
	};
	struct blkpg_ioctl_arg arg = { .op = what, .datalen = sizeof(part), .data = &part };

	return !ioctl(disk, BLKPG, &arg);
}

/* A partition of the kernel's own knowledge: on the medium there is no table. */
void drive_mount(const char *type, const char *options, const char *folder)
{
	int disk = drive_open(O_RDWR);
	char path[64];

	check(partition(disk, BLKPG_ADD_PARTITION));
	snprintf(path, sizeof(path), "/dev/%sp1", drive_name());
	eventually(5, !access(path, F_OK));
	check_eq(shell("mkfs.%s -q %s %s", type, options, path), 0);
	mkdir(folder, 0755);
	check_sys(mount(path, folder, type, MS_NOATIME, NULL));
	close(disk);
}

void drive_unmount(const char *folder)
{
	int disk = drive_open(O_RDWR);

	check_sys(umount(folder));
	/* Whoever closed a file of it a moment ago may still have it. */
	eventually(5, partition(disk, BLKPG_DEL_PARTITION));
	close(disk);
}
