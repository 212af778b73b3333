// SPDX-License-Identifier: GPL-2.0
/*
 * A drive that is formatted in other ways: blocks of 4 KiB, and blocks that have metadata with
 * them. Each test leaves it as it was.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/fs.h>

#include "drive.h"
#include "harness.h"
#include "scene.h"
#include "shell.h"

#define MEM	"rp-mem"
#define START	(1ULL << 20)
#define SIZE	(4ULL << 20)
#define BLOCK	4096ULL
#define AREA	(32 * BLOCK)

static int control, node, disk;
static struct peer_export export;

/* Its formats are, by number: 512 bytes, and 8 of metadata; from 4 on the same of 4 KiB. */
static void reformat(const char *options, unsigned int block)
{
	unsigned int size;

	disk = drive_open(O_RDWR);
	check_eq(shell("nvme format /dev/%s --force %s", drive_name(), options), 0);
	close(disk);
	disk = drive_open(O_RDWR);
	eventually(10, !ioctl(disk, BLKSSZGET, &size) && size == block);
}

static void open_all(const char *options, unsigned int block)
{
	control = control_open();
	node = node_open(MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	reformat(options, block);
}

static void close_all(void)
{
	close(disk);
	reformat("--lbaf=0", SECTOR);
	close(disk);
	/* One sector cannot be written, and stays empty. */
	drive_restore(0, DRIVE_UNWRITABLE * SECTOR);
	drive_restore((DRIVE_UNWRITABLE + 1) * SECTOR,
		      DRIVE_MARKED - (DRIVE_UNWRITABLE + 1) * SECTOR);
}

static struct peerbuf_ioc_file between(__u64 file_offset, __u64 offset, __u64 length)
{
	return (struct peerbuf_ioc_file) {
		.file_fd = disk, .dmabuf_fd = export.fd, .file_offset = file_offset,
		.offset = offset, .length = length, .depth = 1,
	};
}

/* What an ordinary write has left arrives, and what was written arrives by an ordinary read. */
static void both_ways(__u64 from, __u64 offset, __u64 length, __u64 direct)
{
	struct peerbuf_ioc_file call = between(from, offset, length);
	__u8 *data = malloc(length), *cpu = buffer_map(export.fd, SIZE, 0);

	pattern_fill(data, length, 3);
	check_eq(check_sys(pwrite(disk, data, length, from)), length);
	lab_host_fill(MEM, START, SIZE, SCENE_PAINT);
	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, direct);
	check_host_pattern(MEM, START + offset, length, 3);
	check_host_bytes(MEM, START + offset + length, BLOCK, SCENE_PAINT);
	pattern_fill(cpu + offset, length, 4);
	call = between(from, offset, length);
	check_ok(peer_file(control, true, &call));
	check_eq(call.direct, direct);
	check_eq(check_sys(pread(disk, data, length, from)), length);
	check(pattern_matches(data, length, 4));
	munmap(cpu, SIZE);
	free(data);
}

TEST(blocks_of_4_kib, .timeout = 120)
{
	open_all("--lbaf=4", BLOCK);
	both_ways(0, 0, AREA, AREA);
	both_ways(8 * BLOCK, SECTOR, 2 * BLOCK, 2 * BLOCK);
	both_ways(8 * BLOCK, 3 * BLOCK + SECTOR, AREA, AREA);
	both_ways(SECTOR, SECTOR, 2 * BLOCK, BLOCK);
	both_ways(SECTOR, 0, 2 * BLOCK, BLOCK);
	both_ways(100, 100, 300, 0);
	close_all();
}

/* To the block layer it is one without. The controller makes and takes what is behind a block. */
TEST(protection_information_at_the_end_of_a_block, .timeout = 120)
{
	open_all("--lbaf=1 --ms=1 --pi=1", SECTOR);
	both_ways(0, 0, SECTOR, SECTOR);
	both_ways(0, 0, AREA, AREA);
	both_ways(100 * SECTOR, SECTOR, AREA + SECTOR, AREA + SECTOR);
	close_all();
}
