// SPDX-License-Identifier: GPL-2.0
/* 'peerbuf read' and 'peerbuf write': what a person types to have a drive do it. */
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
