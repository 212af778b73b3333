// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs the CPU to get blocks of a drive into a BAR: by the drive itself, and as it is
 * done without: an O_DIRECT read and a copy to a mapping of the BAR, or a read() into that mapping.
 * Prints lines of JSON as "bench" does.
 *
 * While a disk is waited for, the lab's clock thread runs, and nothing is idle. So what has not
 * been that thread's on the only CPU was somebody's work for the transfer: the caller's, a
 * worker's, an interrupt's.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drive.h"
#include "figures.h"
#include "harness.h"
#include "lab.h"

#define ROUNDS	15
#define MOST	(4ULL << 20)
#define START	(1ULL << 20)

static const char *const steps[] = { "transfer" };
static int control, node, disk, direct;
static struct peer_export export;
static __u8 *bar, *ram;
static char spinner[64];
static __u32 depth;

static void find_spinner(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	char path[300], name[32];

	while (!spinner[0] && (entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file_read(path, name, sizeof(name));
		if (!strncmp(name, "lab-clock", 9))
			snprintf(spinner, sizeof(spinner), "/proc/%.16s/schedstat", entry->d_name);
	}
	closedir(dir);
	check(spinner[0]);
}

/* Of everybody but the clock's thread. */
static __u64 worked(void)
{
	unsigned long long idle;
	char text[128], *end;

	file_read(spinner, text, sizeof(text));
	idle = strtoull(text, &end, 10);
	check(end != text);
	return instructions() - idle / 2;
}

static void by_the_drive(__u64 bytes)
{
	struct peerbuf_ioc_file call = {
		.file_fd = disk, .dmabuf_fd = export.fd, .length = bytes, .depth = depth,
		.flags = PEERBUF_FILE_F_STRICT,
	};

	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, bytes);
}

static void direct_and_copy(__u64 bytes)
{
	check_eq(check_sys(pread(direct, ram, bytes, 0)), bytes);
	memcpy(bar, ram, bytes);
}

static void into_the_mapping(__u64 bytes)
{
	check_sys(posix_fadvise(disk, 0, bytes, POSIX_FADV_DONTNEED));
	check_eq(check_sys(pread(disk, bar, bytes, 0)), bytes);
}

static void measure(const char *work, const char *who, __u64 bytes, void (*move)(__u64 bytes))
{
	struct figures figures = {
		.work = work, .who = who, .route = "bus", .ranges = 1, .bytes = bytes,
		.steps = steps, .nr_steps = 1,
	};
	__u64 at[2];

	for (int i = 0; i < ROUNDS; i++) {
		figures_calm();
		at[0] = worked();
		move(bytes);
		at[1] = worked();
		figures_add(&figures, at);
		/* Once is enough to see that they arrived. */
		if (!i)
			check_host_medium("rp-mem", START, 0, bytes);
	}
	figures_print(&figures);
}

static void set_up(void)
{
	char path[64];

	control = control_open();
	disk = drive_open(O_RDONLY);
	snprintf(path, sizeof(path), "/dev/%s", drive_name());
	direct = check_sys(open(path, O_RDONLY | O_DIRECT | O_CLOEXEC));
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, MOST, 0, &export));
	bar = buffer_map(export.fd, MOST, 0);
	ram = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		   -1, 0);
	check(ram != MAP_FAILED);
	memset(bar, 0, MOST);
	find_spinner();
	check_ok(sysfs_write("/sys/devices/system/cpu/cpu1/online", "0"));
}

static void compare(__u64 bytes)
{
	depth = 0;
	measure("drive to BAR", "peerbuf", bytes, by_the_drive);
	measure("drive to BAR", "O_DIRECT and copy", bytes, direct_and_copy);
	measure("drive to BAR, read()", "peerbuf", bytes, by_the_drive);
	measure("drive to BAR, read()", "read() into the mapping", bytes, into_the_mapping);
}

static void at_depth(__u32 commands)
{
	char work[64];

	depth = commands;
	snprintf(work, sizeof(work), "drive to BAR, depth %u", commands);
	measure(work, "peerbuf", MOST, by_the_drive);
}

TEST(blocks, .timeout = 600)
{
	int clock = lab_clock_hold();

	if (clock < 0)
		skip("in real time nobody counts instructions");
	set_up();
	compare(64 << 10);
	compare(1 << 20);
	compare(MOST);
	for (__u32 commands = 1; commands <= PEERBUF_FILE_MAX_DEPTH; commands *= 4)
		at_depth(commands);
	check_ok(sysfs_write("/sys/devices/system/cpu/cpu1/online", "1"));
	lab_clock_release(clock);
}
