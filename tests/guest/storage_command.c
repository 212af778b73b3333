// SPDX-License-Identifier: GPL-2.0
/* 'peerbuf read', 'write' and 'load': what a person types to have a drive do it. */
#include <fcntl.h>
#include <unistd.h>

#include "drive.h"
#include "harness.h"
#include "scene.h"
#include "shell.h"

#define MEM	"rp-mem"
#define START	(1ULL << 20)
#define SIZE	(4ULL << 20)

static void set_up(void)
{
	close(drive_open(O_RDONLY));
	close(node_open(MEM));
	lab_host_fill(MEM, 0, START + SIZE, SCENE_PAINT);
}

static int below_export(const char *command)
{
	return shell("peerbuf export %s --bar %d --range 1M:4M -- sh -c '%s'", lab_where(MEM),
		     MEM_BAR, command);
}

TEST(reads_below_an_export)
{
	char command[256];

	set_up();
	snprintf(command, sizeof(command),
		 "peerbuf read /dev/%s $PEERBUF_ID:8K --offset 1M --length 1M --explain",
		 drive_name());
	check_eq(below_export(command), 0);
	check_host_medium(MEM, START + 2 * PAGE, 1 << 20, 1 << 20);
	check_host_bytes(MEM, START, 2 * PAGE, SCENE_PAINT);
	/* To the end of the buffer. */
	snprintf(command, sizeof(command), "peerbuf read /dev/%s $PEERBUF_ID", drive_name());
	check_eq(below_export(command), 0);
	check_host_medium(MEM, START, 0, SIZE);
}

TEST(reads_into_another_process_buffer)
{
	struct peer_export export;
	char command[128];
	pid_t pid;

	set_up();
	pid = exporter_start(MEM, START, SIZE, 0, &export);
	snprintf(command, sizeof(command), "peerbuf read /dev/%s %llu -l 64K -j", drive_name(),
		 (unsigned long long)export.id);
	check(command_prints(command, (const char *const[]){ "\"direct\":", "65536", NULL }));
	check_host_medium(MEM, START, 0, 64 << 10);
	check_host_bytes(MEM, START + (64 << 10), PAGE, SCENE_PAINT);
	/* Who may neither trace that process nor look at all exports gets no descriptor. */
	check_eq(shell(SOMEBODY "%s", command), 1);
	process_kill(pid);
}

TEST(writes_below_an_export)
{
	char command[256];
	__u8 data[PAGE];

	set_up();
	lab_host_fill(MEM, START, PAGE, 0x42);
	snprintf(command, sizeof(command),
		 "peerbuf write /dev/%s $PEERBUF_ID -o 1M -l 4K -d 2 && sync", drive_name());
	check_eq(below_export(command), 0);
	lab_host_disk(1 << 20, data, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++)
		check_eq(data[i], 0x42);
	drive_restore(1 << 20, PAGE);
}

/* The number of bytes that are good, the drive's status, and what to do. */
TEST(failures_say_how_far_it_came)
{
	char command[256];

	set_up();
	snprintf(command, sizeof(command),
		 "peerbuf read /dev/%s $PEERBUF_ID -o %llu -l 1M 2>&1 | grep -q "
		 "\"after 524288 bytes, NVMe status 0x.*281: the drive failed a command (ENODATA)\"",
		 drive_name(), (unsigned long long)(DRIVE_UNREADABLE * SECTOR - DRIVE_COMMAND));
	check_eq(below_export(command), 0);
	snprintf(command, sizeof(command), "peerbuf read --strict /dev/%s $PEERBUF_ID -o 1",
		 drive_name());
	check_eq(below_export(command), 1);
	check_eq(below_export("peerbuf read /etc/passwd $PEERBUF_ID"), 1);
	check_eq(below_export("peerbuf read /nowhere $PEERBUF_ID"), 1);
	check_eq(below_export("peerbuf read -d 65 /dev/null $PEERBUF_ID"), 2);
}

/* ---- load ---- */

static int load_says(const char *options, const char *checks)
{
	char command[512];

	snprintf(command, sizeof(command), "peerbuf load %s /dev/%s $PEERBUF_ID:8K 2>&1 %s",
		 options, drive_name(), checks);
	return below_export(command);
}

static bool is_painted(__u64 offset)
{
	__u8 data[64], paint[64];

	memset(paint, SCENE_PAINT, sizeof(paint));
	lab_host_read(MEM, offset, data, sizeof(data));
	return !memcmp(data, paint, sizeof(data));
}

/* One after the other, then from the beginning again, into its own part of the buffer. */
TEST(load_moves_what_it_counts)
{
	set_up();
	check_eq(load_says("-b 64K -c 1", ""), 0);
	check_host_medium(MEM, START + 2 * PAGE, 0, 64 << 10);
	check_eq(load_says("-b 64K -c 2 -l 128K -o 1M", ""), 0);
	check_host_medium(MEM, START + 2 * PAGE, (1 << 20) + (64 << 10), 64 << 10);
	check_eq(load_says("-b 64K -c 3 -l 191K -o 512", ""), 0);
	check_host_medium(MEM, START + 2 * PAGE, SECTOR, 64 << 10);
	check_host_bytes(MEM, START, 2 * PAGE, SCENE_PAINT);
	check_host_bytes(MEM, START + 2 * PAGE + (64 << 10), PAGE, SCENE_PAINT);
	check_eq(load_says("-b 64K -d 4 -c 101 -r -l 7M -j",
			   "| jq -e \".calls == 101 and .bytes == 6619136 and .direct == .bytes and "
			   ".commands == 101 and .latency_ns.least > 0 and "
			   ".latency_ns.p99_9 >= .latency_ns.p50 and .latency_ns.most >= "
			   ".latency_ns.p99_9\""), 0);
	/* Each of the four was used. */
	for (__u64 n = 0; n < 4; n++)
		check(!is_painted(START + 2 * PAGE + n * (64 << 10)));
	check_host_bytes(MEM, START + 2 * PAGE + 4 * (64 << 10), PAGE, SCENE_PAINT);
	check_eq(load_says("-t 1 -b 4K -l 4M", "| grep IOPS"), 0);
}

TEST(load_writes_when_it_is_told_to)
{
	__u8 data[PAGE];

	set_up();
	lab_host_fill(MEM, START + 2 * PAGE, PAGE, 0x42);
	check_eq(load_says("-w -b 4K -c 4 -o 1M -l 16K", "&& sync"), 0);
	for (__u64 n = 0; n < 4; n++) {
		lab_host_disk((1 << 20) + n * PAGE, data, sizeof(data));
		check(data[0] == 0x42 && !memcmp(data, data + 1, sizeof(data) - 1));
	}
	drive_restore(1 << 20, 4 * PAGE);
}

/* The first failure ends it, and what does not fit is not begun. */
TEST(load_that_fails)
{
	char options[64];

	set_up();
	snprintf(options, sizeof(options), "-b 512 -c 9 -o %llu",
		 (DRIVE_UNREADABLE - 2) * SECTOR);
	check_eq(load_says(options,
			   "| grep \"at 7680000: the drive failed a command (ENODATA)\""), 0);
	check_eq(load_says(options, ""), 1);
	check_eq(load_says("-b 2M -d 4",
			   "| grep \"4 blocks of 2M do not fit into the buffer\""), 0);
	check_eq(load_says("-o 512M", "| grep \"no block of 128K in that part\""), 0);
	check_host_bytes(MEM, START, 2 * PAGE, SCENE_PAINT);
}
