// SPDX-License-Identifier: GPL-2.0
/*
 * A drive that keeps its driver, and blocks of it straight into a buffer and back: what is moved,
 * by which way, and what is refused.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/loop.h>

#include "drive.h"
#include "harness.h"
#include "scene.h"

#define MEM		"sw-mem"
#define START		(1ULL << 20)
#define SIZE		(8ULL << 20)
#define CMB_BAR		2
/* Before it there are queues, on kernels whose nvme driver keeps them there. */
#define CMB_FREE	(8ULL << 20)

static int control, node, disk;
static struct peer_export export;

static struct peerbuf_ioc_file between(__u64 file_offset, __u64 offset, __u64 length)
{
	return (struct peerbuf_ioc_file) {
		.file_fd = disk, .dmabuf_fd = export.fd, .file_offset = file_offset,
		.offset = offset, .length = length,
	};
}

static void open_buffer(const char *mem, int flags)
{
	control = control_open();
	disk = drive_open(flags);
	node = node_open(mem);
	lab_host_fill(mem, 0, START + SIZE + START, SCENE_PAINT);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
}

static void reads(const char *mem, __u64 from, __u64 offset, __u64 length)
{
	struct peerbuf_ioc_file call = between(from, offset, length);

	check_ok(peer_file(control, false, &call));
	check_eq(call.bytes, length);
	check_eq(call.direct, length);
	check_eq(call.unaligned + call.unmapped + call.fallback, 0);
	check_eq(call.controller, lab_addr(DRIVE));
	check_eq(call.nvme_status, 0);
	check_host_medium(mem, START + offset, from, length);
}

/* By one command without a list, one with a short one, a full one, and many. */
TEST(sectors_arrive)
{
	struct peerbuf_ioc_file call;

	open_buffer(MEM, O_RDONLY);
	reads(MEM, 0, 0, SECTOR);
	reads(MEM, 100 * SECTOR, PAGE - SECTOR, 2 * SECTOR);
	reads(MEM, 200 * SECTOR, 3 * PAGE, 2 * PAGE);
	reads(MEM, 300 * SECTOR, 8 * PAGE + SECTOR, 3 * PAGE);
	reads(MEM, SECTOR, 1ULL << 20, DRIVE_COMMAND);
	reads(MEM, 0, 1ULL << 20, 5 * DRIVE_COMMAND + SECTOR);
	check_host_bytes(MEM, START - PAGE, PAGE, SCENE_PAINT);
	call = between(0, 0, 4 * DRIVE_COMMAND);
	check_ok(peer_file(control, false, &call));
	check_eq(call.max_command, DRIVE_COMMAND);
	check_eq(call.commands, 4);
}

TEST(sectors_arrive_across_root_ports)
{
	open_buffer("rp-mem", O_RDONLY);
	reads("rp-mem", 1000 * SECTOR, PAGE, 3 * DRIVE_COMMAND);
	check_host_bytes("rp-mem", START, PAGE, SCENE_PAINT);
	check_host_bytes("rp-mem", START + PAGE + 3 * DRIVE_COMMAND, PAGE, SCENE_PAINT);
}

/* Each depth, and more than the controller's limit times the depth. */
TEST(sectors_arrive_at_every_depth)
{
	static const __u32 depths[] = { 1, 2, 3, 8, 16, PEERBUF_FILE_MAX_DEPTH };
	struct peerbuf_ioc_file call;

	open_buffer("rp-mem", O_RDONLY);
	for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		lab_host_fill("rp-mem", START, 4ULL << 20, SCENE_PAINT);
		call = between(i * SECTOR, i * SECTOR, (4ULL << 20) - i * SECTOR);
		call.depth = depths[i];
		check_ok(peer_file(control, false, &call));
		check_eq(call.direct, (4ULL << 20) - i * SECTOR);
		check_host_medium("rp-mem", START + i * SECTOR, i * SECTOR, call.length);
	}
}

static void ranges_of(struct peerbuf_range *ranges, __u32 nr)
{
	for (__u32 i = 0; i < nr; i++)
		ranges[i] = (struct peerbuf_range) {
			.bar = MEM_BAR, .offset = START + (nr - 1 - i) * 3 * PAGE,
			.length = 2 * PAGE,
		};
}

/* No two pages of the buffer but in pairs follow each other. */
TEST(sectors_arrive_in_pieces_of_a_bar)
{
	struct peerbuf_range ranges[40];
	struct peerbuf_ioc_file call;

	control = control_open();
	disk = drive_open(O_RDONLY);
	node = node_open("rp-mem");
	lab_host_fill("rp-mem", START, 120 * PAGE, SCENE_PAINT);
	ranges_of(ranges, 40);
	check_ok(peer_export(node, ranges, 40, 0, &export));
	call = between(SECTOR, SECTOR, 80 * PAGE - SECTOR);
	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, 80 * PAGE - SECTOR);
	for (__u32 i = 1; i < 40; i++) {
		check_host_medium("rp-mem", ranges[i].offset, i * 2 * PAGE, 2 * PAGE);
		check_host_bytes("rp-mem", ranges[i].offset + 2 * PAGE, PAGE, SCENE_PAINT);
	}
	check_host_medium("rp-mem", ranges[0].offset + SECTOR, SECTOR, 2 * PAGE - SECTOR);
}

static void check_disk(__u64 from, const __u8 *expected, size_t length)
{
	__u8 *data = malloc(length);

	check_eq(check_sys(pread(disk, data, length, from)), length);
	check(!memcmp(data, expected, length));
	for (size_t at = 0; at < length; at += 4096) {
		size_t part = length - at < 4096 ? length - at : 4096;

		lab_host_disk(from + at, data, part);
		check(!memcmp(data, expected + at, part));
	}
	free(data);
}

static void refused(bool write, const struct peerbuf_ioc_file *call, int error, __u32 reason)
{
	struct peerbuf_ioc_file copy = *call;

	check_fails(peer_file(control, write, &copy), error);
	check_eq(peer_reason, reason);
	check_eq(copy.bytes, 0);
	check_eq(copy.commands, 0);
}

/* The CPU copies, as whether the drive finds its own memory by address is for its driver to say. */
TEST(drives_own_memory_is_none_of_its_peers)
{
	__u64 from = 4ULL << 20, length = 16 * PAGE;
	struct peerbuf_ioc_file call;
	__u8 *cpu, *data = malloc(length);

	control = control_open();
	disk = drive_open(O_RDWR);
	check_ok(peer_lend(control, lab_addr(DRIVE), 1U << CMB_BAR));
	eventually(5, (node = node_path_open(DRIVE, O_RDWR)) >= 0);
	check_ok(peer_export_one(node, CMB_BAR, CMB_FREE, DRIVE_COMMAND, 0, &export));
	call = between(from, PAGE, length);
	refused(false, &call, EHOSTUNREACH, PEERBUF_REASON_NO_ROUTE);
	refused(true, &call, EHOSTUNREACH, PEERBUF_REASON_NO_ROUTE);
	call.flags = PEERBUF_FILE_F_FALLBACK;
	cpu = buffer_map(export.fd, DRIVE_COMMAND, 0);
	check_ok(peer_file(control, false, &call));
	check_eq(call.fallback, length);
	check_medium(cpu + PAGE, from, length);
	pattern_fill(cpu + PAGE, length, 6);
	check_ok(peer_file(control, true, &call));
	check_eq(call.fallback, length);
	check_eq(check_sys(pread(disk, data, length, from)), length);
	check(pattern_matches(data, length, 6));
	drive_restore(from, length);
	munmap(cpu, DRIVE_COMMAND);
	close(export.fd);
	close(node);
	check_ok(peer_unlend(control, lab_addr(DRIVE), 1U << CMB_BAR));
	free(data);
}

/* <linux/dma-heap.h>, which some userlands have not got. */
struct heap_allocation {
	__u64 len;
	__u32 fd;
	__u32 fd_flags;
	__u64 heap_flags;
};

#define HEAP_ALLOC	_IOWR('H', 0, struct heap_allocation)

/* System memory of a heap, in as many pieces as it comes. */
TEST(buffers_of_other_exporters)
{
	struct heap_allocation heap = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	int fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	struct peerbuf_ioc_file call;
	__u8 *cpu;

	if (fd < 0)
		skip("this kernel has no heaps");
	check_sys(ioctl(fd, HEAP_ALLOC, &heap));
	control = control_open();
	disk = drive_open(O_RDONLY);
	export.fd = heap.fd;
	cpu = buffer_map(heap.fd, SIZE, 0);
	call = between(SECTOR, SECTOR, 4 * DRIVE_COMMAND);
	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, 4 * DRIVE_COMMAND);
	check_medium(cpu + SECTOR, SECTOR, 4 * DRIVE_COMMAND);
	call = between(3, 7, 1000);
	check_ok(peer_file(control, false, &call));
	check_eq(call.unaligned, 1000);
	check_medium(cpu + 7, 3, 1000);
}

/* Past its end there is nothing, as for read(2). */
TEST(reads_end_with_the_device)
{
	struct peerbuf_ioc_file call;

	open_buffer(MEM, O_RDWR);
	call = between(DRIVE_SIZE - 2 * PAGE, 0, 4 * PAGE);
	check_ok(peer_file(control, false, &call));
	check_eq(call.bytes, 2 * PAGE);
	check_host_bytes(MEM, START, 2 * PAGE, 0);
	check_host_bytes(MEM, START + 2 * PAGE, PAGE, SCENE_PAINT);
	call = between(DRIVE_SIZE, 0, PAGE);
	check_ok(peer_file(control, false, &call));
	check_eq(call.bytes, 0);
	check_fails(peer_file(control, true, &call), ENOSPC);
}

/* What was read before, and is in the page cache, is not read again. */
TEST(written_blocks_are_on_the_medium_and_in_no_cache)
{
	__u64 length = DRIVE_COMMAND + 2 * PAGE, from = 4ULL << 20;
	struct peerbuf_ioc_file call;
	__u8 *cpu, *pattern = malloc(length);

	open_buffer("rp-mem", O_RDWR);
	check_eq(check_sys(pread(disk, pattern, length, from)), length);
	check_medium(pattern, from, length);
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu + PAGE, length, 77);
	pattern_fill(pattern, length, 77);
	call = between(from, PAGE, length);
	check_ok(peer_file(control, true, &call));
	check_eq(call.bytes, length);
	check_eq(call.direct, length);
	check_eq(check_sys(fsync(disk)), 0);
	check_disk(from, pattern, length);
	/* And back, elsewhere. */
	call = between(from, 4ULL << 20, length);
	check_ok(peer_file(control, false, &call));
	check_host_pattern("rp-mem", START + (4ULL << 20), length, 77);
	drive_restore(from, length);
	free(pattern);
}

/* What an ordinary write left in the page cache is what is read. */
TEST(dirty_pages_are_read_as_they_are)
{
	__u8 data[3 * PAGE];

	open_buffer(MEM, O_RDWR);
	memset(data, 0x5a, sizeof(data));
	check_eq(check_sys(pwrite(disk, data, sizeof(data), 3ULL << 20)), sizeof(data));
	struct peerbuf_ioc_file call = between(3ULL << 20, 0, sizeof(data));

	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, sizeof(data));
	check_host_bytes(MEM, START, sizeof(data), 0x5a);
	drive_restore(3ULL << 20, sizeof(data));
}

/* ---- what is not aligned ---- */

static void reads_unaligned(__u64 from, __u64 offset, __u64 length, __u64 through)
{
	struct peerbuf_ioc_file call = between(from, offset, length);

	call.flags = PEERBUF_FILE_F_STRICT;
	check_fails(peer_file(control, false, &call), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_UNALIGNED);
	check_eq(call.bytes, 0);
	call.flags = 0;
	check_ok(peer_file(control, false, &call));
	check_eq(call.bytes, length);
	check_eq(call.unaligned, through);
	check_eq(call.direct, length - through);
	check_host_medium("rp-mem", START + offset, from, length);
	check_host_bytes("rp-mem", START + offset + length, 64, SCENE_PAINT);
	lab_host_fill("rp-mem", START, 4ULL << 20, SCENE_PAINT);
}

TEST(heads_and_tails_go_through_system_memory)
{
	struct peerbuf_export_info info;
	struct peerbuf_ioc_stats before, after;

	open_buffer("rp-mem", O_RDONLY);
	check_ok(peer_stats(&before));
	reads_unaligned(1, 1, 1, 1);
	reads_unaligned(SECTOR, 0, SECTOR + 100, 100);
	reads_unaligned(100, 100, 2 * PAGE - 100, SECTOR - 100);
	reads_unaligned(PAGE - 4, 8 * PAGE - 4, DRIVE_COMMAND * 2 + 8, 8);
	/* Never in step: no part of it can be the drive's. */
	reads_unaligned(0, 2, 3 * PAGE, 3 * PAGE);
	reads_unaligned(7, 8, 3 * PAGE, 3 * PAGE);
	check_ok(peer_stats(&after));
	check_eq(after.file_calls - before.file_calls, 6);
	check_eq(after.file_bounced - before.file_bounced, 1 + 100 + SECTOR - 100 + 8 + 6 * PAGE);
	check_eq(after.file_direct - before.file_direct, 2 * PAGE + 2 * DRIVE_COMMAND);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.file_bounced, after.file_bounced - before.file_bounced);
	check_eq(info.file_direct, after.file_direct - before.file_direct);
}

/* In steps of a byte, of four, of a sector, of a page. */
static __u64 throw(__u64 below)
{
	static const unsigned int steps[] = { 1, 4, SECTOR, PAGE };
	unsigned int step = steps[dice(4)];

	return dice((below + step - 1) / step) * (__u64)step;
}

/* Both ways at any offset, of any length: against what a plain copy would have done. */
TEST(any_offset_and_length, .timeout = 300)
{
	__u64 area = 128 * 1024, from = 2ULL << 20;
	__u8 *oracle = malloc(area), *image = malloc(area), *cpu;
	unsigned int n = rounds(150);

	open_buffer("rp-mem", O_RDWR);
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, area, 5);
	pattern_fill(oracle, area, 5);
	check_eq(check_sys(pread(disk, image, area, from)), area);
	for (unsigned int i = 0; i < n; i++) {
		__u64 length = throw(area - 1) + 1, at = throw(area - length + 1),
		      to = throw(area - length + 1);
		struct peerbuf_ioc_file call = between(from + at, to, length);
		bool write = dice(2);

		call.depth = 1 + dice(4);
		if (peer_file(control, write, &call) || call.bytes != length)
			fail("round %u: %s of %llu at %llu, %llu: reason %u", i,
			     write ? "write" : "read", (unsigned long long)length,
			     (unsigned long long)at, (unsigned long long)to, peer_reason);
		if (write)
			memcpy(image + at, oracle + to, length);
		else
			memcpy(oracle + to, image + at, length);
		if (memcmp(cpu, oracle, area))
			fail("round %u: another buffer", i);
	}
	check_eq(check_sys(fsync(disk)), 0);
	check_disk(from, image, area);
	drive_restore(from, area);
}

/* ---- what is refused ---- */

TEST(arguments_that_are_none)
{
	struct peerbuf_ioc_file good, call;

	open_buffer(MEM, O_RDWR);
	good = between(0, 0, PAGE);
#define REFUSED(field, value, error, reason) \
	(call = good, call.field = (value), \
	 refused(false, &call, error, PEERBUF_REASON_##reason))
	REFUSED(flags, 1U << 7, EINVAL, FLAGS);
	REFUSED(reserved, 1, EINVAL, RESERVED);
	REFUSED(depth, PEERBUF_FILE_MAX_DEPTH + 1, EINVAL, QUEUE_DEPTH);
	REFUSED(length, 0, EINVAL, ZERO_LENGTH);
	REFUSED(length, ~0ULL, EOVERFLOW, OVERFLOW);
	REFUSED(file_offset, ~0ULL - 1, EOVERFLOW, OVERFLOW);
	REFUSED(file_offset, 1ULL << 63, EOVERFLOW, OVERFLOW);
	REFUSED(offset, ~0ULL - 1, EOVERFLOW, OVERFLOW);
	REFUSED(offset, SIZE, ERANGE, PAST_END);
	REFUSED(length, SIZE + 1, ERANGE, PAST_END);
	REFUSED(file_fd, 999, EBADF, BAD_FD);
	REFUSED(dmabuf_fd, 999, EBADF, BAD_FD);
	REFUSED(dmabuf_fd, disk, EINVAL, NOT_DMABUF);
	REFUSED(file_fd, control, EOPNOTSUPP, NOT_A_FILE);
#undef REFUSED
	check_host_bytes(MEM, START, PAGE, SCENE_PAINT);
}

/* Rights are the descriptors'. */
TEST(descriptors_that_are_not_open_for_it)
{
	struct peerbuf_ioc_export read_only = {
		.size = sizeof(read_only), .open_flags = O_RDONLY | O_CLOEXEC, .nr_ranges = 1,
	};
	struct peerbuf_range range = { .bar = MEM_BAR, .offset = START, .length = PAGE };
	struct peerbuf_ioc_file call;

	open_buffer(MEM, O_RDONLY);
	call = between(0, 0, PAGE);
	refused(true, &call, EBADF, PEERBUF_REASON_FILE_ACCESS);
	close(disk);
	disk = drive_open(O_WRONLY);
	refused(false, &call, EBADF, PEERBUF_REASON_FILE_ACCESS);
	close(disk);
	disk = drive_open(O_RDWR);
	read_only.ranges = (unsigned long)&range;
	check_ok(peer_ioctl(node, PEERBUF_IOC_EXPORT, &read_only));
	call = between(0, 0, PAGE);
	call.dmabuf_fd = read_only.fd;
	refused(false, &call, EACCES, PEERBUF_REASON_READ_ONLY_BUFFER);
}

TEST(what_is_no_nvme_drive)
{
	struct peerbuf_ioc_file call;
	int loop, backing, number, ctl;
	char path[64];

	open_buffer(MEM, O_RDONLY);
	check_eq(module_load("loop"), 0);
	ctl = check_sys(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
	number = check_sys(ioctl(ctl, LOOP_CTL_GET_FREE));
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	eventually(5, (loop = open(path, O_RDWR | O_CLOEXEC)) >= 0);
	backing = check_sys(open("/tmp", O_TMPFILE | O_RDWR, 0600));
	check_sys(ftruncate(backing, 16 * PAGE));
	check_sys(ioctl(loop, LOOP_SET_FD, backing));
	call = between(0, 0, PAGE);
	call.file_fd = loop;
	refused(false, &call, EOPNOTSUPP, PEERBUF_REASON_NOT_NVME);
	check_sys(ioctl(loop, LOOP_CLR_FD, 0));
}

TEST(read_only_devices_are_not_written)
{
	struct peerbuf_ioc_file call;
	int on = 1, off = 0, reader;

	open_buffer(MEM, O_RDWR);
	reader = drive_open(O_RDONLY);
	check_sys(ioctl(reader, BLKROSET, &on));
	call = between(0, 0, PAGE);
	refused(true, &call, EROFS, PEERBUF_REASON_READ_ONLY_DEVICE);
	check_sys(ioctl(reader, BLKROSET, &off));
}

/* The module is loaded when it is asked for. */
TEST(module_is_loaded_on_demand)
{
	open_buffer(MEM, O_RDONLY);
	eventually(10, !module_unload("peerbuf_nvme"));
	check(!sysfs_exists("/sys/module/peerbuf_nvme"));
	reads(MEM, 0, 0, PAGE);
	check(sysfs_exists("/sys/module/peerbuf_nvme"));
}

/* ---- the drive's errors ---- */

TEST(drives_errors_have_an_errno)
{
	__u64 bad = DRIVE_UNREADABLE * SECTOR;
	struct peerbuf_ioc_file call;

	open_buffer("rp-mem", O_RDWR);
	/* What is before it is good, and said to be. */
	call = between(bad - 2 * DRIVE_COMMAND, 0, 3 * DRIVE_COMMAND);
	call.depth = 4;
	check_fails(peer_file(control, false, &call), ENODATA);
	check_eq(peer_reason, PEERBUF_REASON_DRIVE_ERROR);
	check_eq(call.nvme_status & 0x7ff, 0x281);
	check_eq(call.bytes, 2 * DRIVE_COMMAND);
	check_host_medium("rp-mem", START, bad - 2 * DRIVE_COMMAND, 2 * DRIVE_COMMAND);
	call = between(DRIVE_UNWRITABLE * SECTOR, 0, PAGE);
	check_fails(peer_file(control, true, &call), EIO);
	check_eq(peer_reason, PEERBUF_REASON_DRIVE_ERROR);
	check_eq(call.nvme_status & 0x7ff, 0x280);
	check_eq(call.bytes, 0);
	reads("rp-mem", 0, 0, PAGE);
}

/* ---- without a route ---- */

TEST(no_route_is_told_and_fallback_is_counted)
{
	struct peerbuf_ioc_stats before, after;
	struct peerbuf_export_info info;
	struct peerbuf_ioc_file call;
	__u8 *cpu;

	open_buffer("rp-mem", O_RDWR);
	call = between(SECTOR, 0, DRIVE_COMMAND + 5);
	refused(false, &call, EHOSTUNREACH, PEERBUF_REASON_NO_ROUTE);
	check_host_bytes("rp-mem", START, PAGE, SCENE_PAINT);
	check_ok(peer_stats(&before));
	call.flags = PEERBUF_FILE_F_FALLBACK;
	check_ok(peer_file(control, false, &call));
	check_eq(call.fallback, DRIVE_COMMAND + 5);
	check_eq(call.direct, 0);
	check_eq(call.commands, 0);
	check_host_medium("rp-mem", START, SECTOR, DRIVE_COMMAND + 5);
	check_ok(peer_stats(&after));
	check_eq(after.file_bounced - before.file_bounced, DRIVE_COMMAND + 5);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.file_bounced, DRIVE_COMMAND + 5);
	cpu = buffer_map(export.fd, SIZE, 0);
	memset(cpu, 0x77, PAGE);
	call = between(1ULL << 20, 0, PAGE);
	call.flags = PEERBUF_FILE_F_FALLBACK;
	check_ok(peer_file(control, true, &call));
	check_eq(check_sys(fsync(disk)), 0);
	check_disk(1ULL << 20, cpu, PAGE);
	drive_restore(1ULL << 20, PAGE);
}

/* And a buffer that falls back by itself is reached where it is then. */
TEST(no_route_and_a_buffer_that_falls_back)
{
	struct peerbuf_ioc_file call;
	__u8 *cpu;

	control = control_open();
	disk = drive_open(O_RDONLY);
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, PEERBUF_EXPORT_F_FALLBACK, &export));
	call = between(0, 0, PAGE);
	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, PAGE);
	cpu = buffer_map(export.fd, SIZE, 0);
	check_medium(cpu, 0, PAGE);
}

/* Moved by an engine that takes its time: what is copied before would be overwritten by it. */
TEST(no_route_and_a_copy_under_way)
{
	struct bar_owner_export req = {
		.size = sizeof(req), .offset = START, .length = 16 * PAGE, .share = -1,
		.engine = BAR_OWNER_ENGINE_QUEUED,
	};
	struct bar_owner_buffer to = { .offset = 2 * START, .flags = PEERBUF_MOVE_F_COPY };
	int owner = owner_open("rp-mem");
	struct peerbuf_ioc_file call;

	control = control_open();
	disk = drive_open(O_RDONLY);
	lab_host_fill("rp-mem", START, 16 * PAGE, SCENE_PAINT);
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_EXPORT, &req));
	export.fd = req.fd;
	to.fd = req.fd;
	check_ok(owner_call(owner, BAR_OWNER_IOC_MOVE, &to));
	call = between(3, 7, 100);
	call.flags = PEERBUF_FILE_F_FALLBACK;
	check_ok(peer_file(control, false, &call));
	check_eq(call.fallback, 100);
	pause_ms(300);
	check_host_medium("rp-mem", 2 * START + 7, 3, 100);
	check_host_bytes("rp-mem", 2 * START + 107, 16 * PAGE - 107, SCENE_PAINT);
}
