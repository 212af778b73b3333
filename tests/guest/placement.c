// SPDX-License-Identifier: GPL-2.0
/* What a buffer is made of: BARs of several devices and system memory, in any order. */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"

#define MEM_SIZE	(1 << 20)
#define CHUNK		4000 /* bytes of a transfer, so that most cross a page */

static struct peer_export export;
static int node, edu;
static __u32 handle;
static __u8 *cpu;

/**
 * struct piece - a range, in words of the machine
 * @mem: the device, NULL for system memory
 * @page: its first page in the BAR
 * @pages: how many
 */
struct piece {
	const char *mem;
	__u32 page;
	__u32 pages;
};

static __u64 pieces_size(const struct piece *pieces, __u32 nr)
{
	__u64 size = 0;

	for (__u32 i = 0; i < nr; i++)
		size += pieces[i].pages * PAGE;
	return size;
}

static struct peerbuf_range piece_range(const struct piece *piece)
{
	struct peerbuf_range range = { .length = piece->pages * PAGE };

	if (!piece->mem) {
		range.flags = PEERBUF_RANGE_F_SYSTEM;
		return range;
	}
	range.bar = MEM_BAR;
	range.offset = piece->page * PAGE;
	range.flags = PEERBUF_RANGE_F_DEVICE_FD;
	range.device_fd = node_open(piece->mem);
	return range;
}

static void pieces_export(const struct piece *pieces, __u32 nr)
{
	struct peerbuf_range ranges[16];

	check(nr <= 16);
	for (__u32 i = 0; i < nr; i++) {
		ranges[i] = piece_range(&pieces[i]);
		if (pieces[i].mem)
			lab_host_fill(pieces[i].mem, 0, MEM_SIZE, 0xee);
	}
	check_ok(peer_export(node, ranges, nr, 0, &export));
	check_eq(export.size, pieces_size(pieces, nr));
}

/* What lies in a BAR is looked at from behind it. */
static void host_agrees(const struct piece *pieces, __u32 nr, const __u8 *want)
{
	static __u8 host[MEM_SIZE];

	for (__u32 i = 0; i < nr; i++) {
		size_t length = pieces[i].pages * PAGE;

		if (pieces[i].mem) {
			lab_host_read(pieces[i].mem, pieces[i].page * PAGE, host, length);
			for (size_t n = 0; n < length; n++)
				if (host[n] != want[n])
					fail("piece %u, byte %zu of %s: %#x, not %#x", i, n,
					     pieces[i].mem, host[n], want[n]);
		}
		want += length;
	}
}

static void edu_writes(const __u8 *want, size_t size)
{
	for (size_t at = 0; at < size; at += CHUNK) {
		size_t length = size - at < CHUNK ? size - at : CHUNK;

		check_ok(edu_put(edu, 0, want + at, length));
		check_ok(edu_copy(edu, handle, at, 0, length, EDU_DMA_TO_BUFFER, 0));
	}
}

static void edu_reads(const __u8 *want, size_t size)
{
	__u8 inner[CHUNK];

	for (size_t at = 0; at < size; at += CHUNK) {
		size_t length = size - at < CHUNK ? size - at : CHUNK;

		check_ok(edu_copy(edu, handle, at, 0, length, EDU_DMA_FROM_BUFFER, 0));
		check_ok(edu_get(edu, 0, inner, length));
		if (memcmp(inner, want + at, length))
			fail("the device reads something else after byte %zu", at);
	}
}

static void cpu_agrees(const __u8 *want, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((volatile __u8 *)cpu)[i] != want[i])
			fail("byte %zu is %#x for the CPU, not %#x", i, cpu[i], want[i]);
}

/* The device writes all of it and the CPU reads; then the other way round. */
static void both_ways(const char *edu_id, __u32 mode, const struct piece *pieces, __u32 nr)
{
	size_t size = pieces_size(pieces, nr);
	__u8 *want = malloc(size);

	check(want);
	node = node_open("rp-mem");
	edu = edu_open(edu_id);
	pieces_export(pieces, nr);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	cpu = buffer_map(export.fd, size, 0);

	pattern_fill(want, size, 1);
	edu_writes(want, size);
	cpu_agrees(want, size);
	host_agrees(pieces, nr, want);

	pattern_fill(want, size, 2);
	memcpy(cpu, want, size);
	host_agrees(pieces, nr, want);
	edu_reads(want, size);
	free(want);
}

static const struct piece system_only[] = { { .pages = 13 } };

static const struct piece mixed[] = {
	{ .pages = 3 },
	{ "rp-mem", 5, 4 },
	{ .pages = 1 },
	{ "far-mem", 9, 2 },
	{ "rp-mem", 20, 1 },
	{ "far-mem", 0, 1 },
	{ .pages = 2 },
	{ .pages = 2 },
	{ "rp-mem", 0, 3 },
};

#define PIECES(pieces)	pieces, sizeof(pieces) / sizeof(*(pieces))

TEST_VARIANT(system_memory, both_ways, "rp-edu", EDU_DMA_DYNAMIC, PIECES(system_only))
TEST_VARIANT(system_memory_foreign_importer, both_ways, "far-edu", EDU_DMA_FOREIGN,
	     PIECES(system_only))

TEST_VARIANT(mixed_in_any_order, both_ways, "rp-edu", EDU_DMA_DYNAMIC, PIECES(mixed))
TEST_VARIANT(mixed_foreign_importer, both_ways, "far-edu", EDU_DMA_FOREIGN, PIECES(mixed))

#define LARGE	(2ULL << 20)

/* From @at on, which is across a seam or at the end, by the device and seen by the CPU. */
static void edu_writes_at(size_t at, __u32 seed)
{
	__u8 want[CHUNK];

	pattern_fill(want, CHUNK, seed);
	check_ok(edu_put(edu, 0, want, CHUNK));
	check_ok(edu_copy(edu, handle, at, 0, CHUNK, EDU_DMA_TO_BUFFER, 0));
	check(pattern_matches(cpu + at, CHUNK, seed));
}

/*
 * Ranges of 2 MiB between pages: an IOMMU maps them by large pages where address and memory are
 * aligned, whatever is in front of them in the buffer. The first has a page more, and so cannot be
 * in front of the other.
 */
TEST(mixed_large_ones_keep_their_large_pages)
{
	static const struct piece pieces[] = {
		{ .pages = 1 }, { "rp-mem", 512, 513 }, { .pages = 1 }, { "far-mem", 1024, 512 },
	};
	size_t size = pieces_size(PIECES(pieces));
	struct edu_dma_segment segments[5];
	__u32 total;

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	pieces_export(PIECES(pieces));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, segments, 5, &total));
	check_eq(total, 4);
	check_eq(segments[1].addr % LARGE, 0);
	check_eq(segments[3].addr % LARGE, 0);

	cpu = buffer_map(export.fd, size, 0);
	edu_writes_at(PAGE - CHUNK / 2, 1);
	edu_writes_at(PAGE + LARGE - CHUNK / 2, 2);
	edu_writes_at(2 * PAGE + LARGE - CHUNK / 2, 3);
	edu_writes_at(3 * PAGE + LARGE - CHUNK / 2, 4);
	edu_writes_at(size - CHUNK, 5);
	check_ok(edu_unmap(edu, handle));
}

/* Bus addresses, addresses through the host bridge and system memory in one mapping. */
TEST(mixed_routes)
{
	static const struct piece pieces[] = {
		{ "sw-mem", 3, 2 }, { .pages = 2 }, { "rp-mem", 7, 2 }, { "sw-mem", 0, 1 },
	};

	both_ways("sw-edu", EDU_DMA_DYNAMIC, PIECES(pieces));
}

TEST(tells_what_it_is_made_of)
{
	struct peerbuf_export_info info;
	struct peerbuf_ioc_info bars;

	node = node_open("rp-mem");
	pieces_export(PIECES(mixed));
	check_ok(peer_query_fd(node, export.fd, &info));
	check_eq(info.addr, lab_addr("rp-mem"));
	check_eq(info.nr_devices, 2);
	check_eq(info.system_size, 8 * PAGE);
	check_eq(info.hidden_size, 0);
	check_eq(info.fallbacks, 0);
	close(export.fd);

	/* No device has it, but the node that made it knows it. */
	pieces_export(PIECES(system_only));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.addr, lab_addr("rp-mem"));
	check_eq(info.nr_devices, 0);
	check_eq(info.system_size, info.buffer_size);
	check_ok(peer_query_fd(node, export.fd, &info));
	check_ok(peer_info(node, &bars));
	check_eq(bars.nr_exports, 0);
}

/* Somebody's former secrets are not in it. */
TEST(system_memory_is_zeroed)
{
	static const struct piece pieces[] = { { .pages = 1024 } };

	node = node_open("rp-mem");
	for (unsigned int round = 0; round < 4; round++) {
		pieces_export(PIECES(pieces));
		cpu = buffer_map(export.fd, export.size, 0);
		for (size_t i = 0; i < export.size / sizeof(__u64); i++)
			check_eq(((volatile __u64 *)cpu)[i], 0);
		memset(cpu, 0x77, export.size);
		check_sys(munmap(cpu, export.size));
		close(export.fd);
	}
}

/* Large pages where both sides are aligned: nobody else sees a difference. */
TEST(aligned_mapping_of_system_memory)
{
	struct peerbuf_range range = { .length = 8 << 20, .flags = PEERBUF_RANGE_F_SYSTEM };
	const size_t huge = 2 << 20;
	__u8 *room;
	pid_t pid;
	int status;

	node = node_open("rp-mem");
	check_ok(peer_export(node, &range, 1, 0, &export));
	room = mmap(NULL, range.length + huge, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
	room = (void *)(((unsigned long)room + huge - 1) & ~(huge - 1));
	cpu = mmap(room, range.length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, export.fd,
		   0);
	check(cpu == room);
	for (size_t at = 0; at < range.length; at += PAGE)
		memcpy(cpu + at, &at, sizeof(at));
	pid = check_sys(fork());
	if (!pid) {
		cpu[1] = 0x42;
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_eq(cpu[1], 0x42);
	cpu[1] = 0;
	check_ok(peer_move(node, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
	for (size_t at = 0; at < range.length; at += PAGE)
		check(!memcmp(cpu + at, &at, sizeof(at)));
	check_sys(munmap(cpu + PAGE, PAGE));
	check_sys(mprotect(cpu, PAGE, PROT_READ));
	check_eq(cpu[huge], 0);
	check_sys(munmap(cpu, range.length));
}

/* Whatever a cgroup may have, all buffers together have a limit. */
TEST(system_memory_has_a_limit)
{
	const char *limit = "/sys/module/p2p/parameters/system_max_mib";
	struct peerbuf_range range = { .length = 3 << 20, .flags = PEERBUF_RANGE_F_SYSTEM };
	struct peer_export second;
	int ret;

	node = node_open("rp-mem");
	check_ok(sysfs_write(limit, "5"));
	ret = peer_export(node, &range, 1, 0, &export) ?:
	      peer_export(node, &range, 1, 0, &second);
	check_ok(sysfs_write(limit, "0"));
	check_eq(ret, -ENOMEM);
	check_eq(peer_reason, PEERBUF_REASON_NO_MEMORY);
	check_ok(peer_export(node, &range, 1, 0, &second));
}

static void range_refused(struct peerbuf_range range, int error, __u32 reason)
{
	struct peerbuf_range ranges[2] = {
		{ .length = PAGE, .flags = PEERBUF_RANGE_F_SYSTEM }, range,
	};
	static struct snapshot before;

	snapshot_take(&before);
	check_fails(peer_export(node, ranges, 2, 0, &export), error);
	check_eq(peer_reason, reason);
	check_eq(export.bad_range, 1);
	snapshot_unchanged(&before);
}

TEST(bad_system_ranges_are_refused)
{
	const __u32 system = PEERBUF_RANGE_F_SYSTEM;

	node = node_open("rp-mem");
	range_refused((struct peerbuf_range){ .length = PAGE, .flags = system, .bar = 2 },
		      EINVAL, PEERBUF_REASON_RESERVED);
	range_refused((struct peerbuf_range){ .length = PAGE, .flags = system, .offset = PAGE },
		      EINVAL, PEERBUF_REASON_RESERVED);
	range_refused((struct peerbuf_range){ .length = PAGE, .flags = system, .device_fd = node },
		      EINVAL, PEERBUF_REASON_RESERVED);
	range_refused((struct peerbuf_range){
		.length = PAGE, .device_fd = node, .flags = system | PEERBUF_RANGE_F_DEVICE_FD,
	}, EINVAL, PEERBUF_REASON_FLAGS);
	range_refused((struct peerbuf_range){ .length = PAGE, .flags = system << 1 },
		      EINVAL, PEERBUF_REASON_FLAGS);
	range_refused((struct peerbuf_range){ .flags = system },
		      EINVAL, PEERBUF_REASON_ZERO_LENGTH);
	range_refused((struct peerbuf_range){ .length = PAGE + 8, .flags = system },
		      EINVAL, PEERBUF_REASON_UNALIGNED);
	range_refused((struct peerbuf_range){ .length = 1ULL << 60, .flags = system },
		      ENOMEM, PEERBUF_REASON_NO_MEMORY);
	range_refused((struct peerbuf_range){ .length = -PAGE, .flags = system },
		      EOVERFLOW, PEERBUF_REASON_OVERFLOW);
}

/* An importer without a way to give memory back may have this: it is nobody else's. */
static void pins_system_memory(__u32 mode)
{
	struct peerbuf_export_info info;
	__u8 inner[CHUNK];

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	pieces_export(PIECES(system_only));
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	pattern_fill(inner, CHUNK, 3);
	check_ok(edu_put(edu, 0, inner, CHUNK));
	check_ok(edu_copy(edu, handle, PAGE - 100, 0, CHUNK, EDU_DMA_TO_BUFFER, 0));
	cpu = buffer_map(export.fd, export.size, 0);
	check(pattern_matches(cpu + PAGE - 100, CHUNK, 3));

	check_ok(peer_query(node, export.id, &info));
	check(info.pins >= 1);
	check(info.state & PEERBUF_STATE_F_PINNED);
	check_eq(info.fallbacks, 0);
	check_eq(info.refusals, 0);
	check_fails(peer_move_one(node, export.id, MEM_BAR, 0, export.size,
				  PEERBUF_MOVE_F_COPY), EBUSY);
	check_eq(peer_reason, PEERBUF_REASON_PINNED);
	check_ok(edu_detach(edu, handle));
	check_ok(peer_move_one(node, export.id, MEM_BAR, 0, export.size,
			       PEERBUF_MOVE_F_COPY));
	check(pattern_matches(cpu + PAGE - 100, CHUNK, 3));
	/* In a BAR it is as unwelcome as ever. */
	check_fails(edu_attach(edu, export.fd, mode, 0, &handle) ?:
		    edu_map(edu, handle), EOPNOTSUPP);
}

TEST_VARIANT(static_importer_pins_system_memory, pins_system_memory, EDU_DMA_STATIC)
TEST_VARIANT(pinned_importer_pins_system_memory, pins_system_memory, EDU_DMA_PINNED)

TEST_VARIANT(helper_pinned_importer_pins_system_memory, pins_system_memory, EDU_DMA_HELPER_PINNED)

/* No page of a BAR beside it makes it acceptable. */
TEST(static_importer_of_a_mixture_is_refused)
{
	struct peerbuf_export_info info;

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	pieces_export(PIECES(mixed));
	check_fails(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle), EOPNOTSUPP);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.last_refusal, PEERBUF_REASON_STATIC_IMPORTER);
}

/* It is not the device's memory: the device may go. Its node's fd is what it ends with. */
TEST(system_memory_outlives_the_device)
{
	struct peerbuf_range range = { .length = 8 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM };
	__u8 inner[CHUNK];

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, 0, 8 * PAGE, 0, &export));
	cpu = buffer_map(export.fd, export.size, 0);
	pattern_fill(cpu, export.size, 4);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(peer_move(node, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
	device_unbind("rp-mem");
	check(pattern_matches(cpu, export.size, 4));
	check_ok(edu_copy(edu, handle, 0, 0, CHUNK, EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 0, inner, CHUNK));
	check(pattern_matches(inner, CHUNK, 4));
	close(node);
	check(!touches(cpu, false));
	check_fails(edu_map(edu, handle), ENODEV);
}

/* As opposed to a mixture, which is gone as a whole. */
TEST(mixture_dies_with_its_device)
{
	node = node_open("rp-mem");
	pieces_export(PIECES(mixed));
	cpu = buffer_map(export.fd, export.size, 0);
	check(touches(cpu, true));
	device_unbind("far-mem");
	check(!touches(cpu, false));
	check(!touches(cpu + 3 * PAGE, false));
}

TEST(revoke_and_restore)
{
	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	pieces_export(PIECES(system_only));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	cpu = buffer_map(export.fd, export.size, 0);
	pattern_fill(cpu, export.size, 5);
	check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	check(!touches(cpu, false));
	check_fails(edu_map(edu, handle), ENODEV);
	check_ok(peer_restore(node, export.id));
	check(pattern_matches(cpu, export.size, 5));
	check_ok(edu_map(edu, handle));
}

TEST(cpu_access_ioctl)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	pieces_export(PIECES(mixed));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_sys(ioctl(export.fd, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	check_sys(ioctl(export.fd, DMA_BUF_IOCTL_SYNC, &sync));
}

/* ---- the memory cgroup ---- */

#define CGROUP	"/sys/fs/cgroup"

static unsigned long long group_number(const char *file)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), CGROUP "/limited/%s", file);
	file_read(path, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static void group_enter(const char *limit)
{
	char pid[16];

	check_ok(sysfs_write(CGROUP "/cgroup.subtree_control", "+memory"));
	mkdir(CGROUP "/limited", 0700);
	check_ok(sysfs_write(CGROUP "/limited/memory.max", limit));
	snprintf(pid, sizeof(pid), "%d", getpid());
	check_ok(sysfs_write(CGROUP "/limited/cgroup.procs", pid));
}

static void group_leave(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	check_ok(sysfs_write(CGROUP "/cgroup.procs", pid));
	eventually(10, !rmdir(CGROUP "/limited") || errno == ENOENT);
}

/* Who asks for it pays for it, and is told when the purse is empty. */
TEST(system_memory_is_charged)
{
	struct peerbuf_range range = { .flags = PEERBUF_RANGE_F_SYSTEM };
	unsigned long long before, after;

	node = node_open("rp-mem");
	group_enter("16M");
	before = group_number("memory.current");
	range.length = 4 << 20;
	check_ok(peer_export(node, &range, 1, 0, &export));
	after = group_number("memory.current");
	check(after >= before + range.length / 2 && after < before + 2 * range.length);
	range.length = 64 << 20;
	check_fails(peer_export(node, &range, 1, 0, &export), ENOMEM);
	check_eq(peer_reason, PEERBUF_REASON_NO_MEMORY);
	check(group_number("memory.current") < before + (8 << 20));
	group_leave();
}
