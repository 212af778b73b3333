// SPDX-License-Identifier: GPL-2.0
/* Blocks straight into a buffer whose exporter does all it may do, and back to the medium. */
#include <fcntl.h>
#include <unistd.h>

#include "drive.h"
#include "harness.h"
#include "odd.h"

#define MEM	"rp-mem"
/* What is moved at once, and where on the medium it goes. */
#define LENGTH	(2 * PAGE)
#define SCRATCH	(2 * DRIVE_MARKED)

static int control, disk, buffer;

static int open_disk(int fd, __u64 size)
{
	(void)size;
	control = control_open();
	disk = drive_open(O_RDWR);
	buffer = fd;
	return 0;
}

static int transfer(bool write, __u64 from, __u64 offset, __u32 length)
{
	struct peerbuf_ioc_file call = {
		.file_fd = disk, .dmabuf_fd = buffer, .file_offset = from, .offset = offset,
		.length = length, .flags = PEERBUF_FILE_F_STRICT,
	};
	int ret = peer_file(control, write, &call);

	if (ret)
		return ret;
	check_eq(call.bytes, length);
	check_eq(call.direct, length);
	return 0;
}

/* What the drive has there, each time other sectors. */
static int write_buffer(__u64 offset, __u32 length, __u32 seed)
{
	return transfer(false, seed * SECTOR, offset, length);
}

static bool wrote(const __u8 *data, __u32 length, __u32 seed)
{
	__u8 *copy = malloc(length);

	memcpy(copy, data, length);
	check_medium(copy, seed * SECTOR, length);
	free(copy);
	return true;
}

static int read_buffer(__u64 offset, __u32 length, __u32 seed)
{
	__u8 medium[LENGTH];
	int ret = transfer(true, SCRATCH, offset, length);

	if (ret)
		return ret;
	lab_host_disk(SCRATCH, medium, length);
	check(pattern_matches(medium, length, seed));
	return 0;
}

static void done(void)
{
	close(disk);
	close(control);
	drive_restore(SCRATCH, LENGTH);
}

static const struct odd_importer storage = {
	.open = open_disk, .write = write_buffer, .read = read_buffer, .wrote = wrote,
	.close = done, .unit = SECTOR, .length = LENGTH,
};

ODD_TRIALS(blocks_in_system_memory, &storage, NULL, ODD_IN_SYSTEM)
ODD_TRIALS(blocks_in_a_bar, &storage, MEM, ODD_IN_BAR)
