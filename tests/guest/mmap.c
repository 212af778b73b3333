// SPDX-License-Identifier: GPL-2.0
/* The CPU's view of a buffer: mmap, faults, and who may map what. */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)
#define ELSEWHERE (128 * PAGE)

static struct peer_export export;
static int node;

static void open_all(__u64 offset, __u64 length)
{
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, offset, length, 0, &export));
}

TEST(what_is_written_is_in_the_bar)
{
	__u8 host[SIZE];
	void *cpu;

	open_all(START, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 1);
	lab_host_read("rp-mem", START, host, SIZE);
	check(pattern_matches(host, SIZE, 1));
	lab_host_fill("rp-mem", START, SIZE, 0x42);
	for (size_t i = 0; i < SIZE; i++)
		check_eq(((volatile __u8 *)cpu)[i], 0x42);
}

TEST(part_of_a_buffer)
{
	__u8 host[PAGE], *cpu;

	open_all(START, SIZE);
	lab_host_fill("rp-mem", START, SIZE, 0);
	cpu = buffer_map(export.fd, PAGE, 3 * PAGE);
	pattern_fill(cpu, PAGE, 2);
	lab_host_read("rp-mem", START + 3 * PAGE, host, PAGE);
	check(pattern_matches(host, PAGE, 2));
	lab_host_read("rp-mem", START + 4 * PAGE, host, PAGE);
	check_eq(host[0], 0);
}

TEST(past_the_end_is_refused)
{
	open_all(START, SIZE);
	check(mmap(NULL, SIZE + PAGE, PROT_READ, MAP_SHARED, export.fd, 0) ==
	      MAP_FAILED && errno == EINVAL);
	check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, export.fd, SIZE) ==
	      MAP_FAILED && errno == EINVAL);
	check(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, export.fd,
		   SIZE - PAGE) == MAP_FAILED && errno == EINVAL);
}

TEST(private_mapping_is_refused)
{
	open_all(START, SIZE);
	check(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, export.fd,
		   0) == MAP_FAILED && errno == EINVAL);
}

TEST(mapping_does_not_grow)
{
	void *cpu;

	open_all(START, SIZE);
	cpu = buffer_map(export.fd, PAGE, 0);
	check(mremap(cpu, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
}

TEST(read_only_export_is_not_written)
{
	struct peerbuf_range range = {
		.offset = START, .length = SIZE, .bar = MEM_BAR,
	};
	struct peerbuf_ioc_export req = {
		.size = sizeof(req), .open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1, .ranges = (unsigned long)&range,
	};
	void *cpu;

	node = node_open("rp-mem");
	check_ok(peer_ioctl(node, PEERBUF_IOC_EXPORT, &req));
	check(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, req.fd, 0) ==
	      MAP_FAILED && errno == EACCES);
	cpu = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, req.fd, 0);
	check(cpu != MAP_FAILED);
	check(touches(cpu, false));
	check_sys(fcntl(req.fd, F_GETFD) & FD_CLOEXEC ? 0 : -1);
	check(mprotect(cpu, SIZE, PROT_READ | PROT_WRITE) && errno == EACCES);
}

/* Each page of a buffer of many ranges shows its own range. */
TEST(ranges_in_order)
{
	struct peerbuf_range ranges[16];
	__u8 *cpu;

	node = node_open("rp-mem");
	for (__u32 i = 0; i < 16; i++) {
		ranges[i] = (struct peerbuf_range){
			.offset = (15 - i) * 2 * PAGE, .length = PAGE,
			.bar = MEM_BAR,
		};
		lab_host_fill("rp-mem", (15 - i) * 2 * PAGE, PAGE, i + 1);
	}
	check_ok(peer_export(node, ranges, 16, 0, &export));
	cpu = buffer_map(export.fd, 16 * PAGE, 0);
	for (__u32 i = 0; i < 16; i++) {
		check_eq(cpu[i * PAGE], i + 1);
		check_eq(cpu[i * PAGE + PAGE - 1], i + 1);
	}
}

TEST(revoke_and_restore_reach_every_mapping)
{
	volatile __u8 *first, *second;

	open_all(START, SIZE);
	first = buffer_map(export.fd, SIZE, 0);
	second = buffer_map(export.fd, PAGE, PAGE);
	check(touches((void *)first, true) && touches((void *)second, true));
	check_ok(peer_revoke(node, export.id, 0));
	check(!touches((void *)first, false) && !touches((void *)second, true));
	check_ok(peer_restore(node, export.id));
	check(touches((void *)first, true) && touches((void *)second, true));
}

/* A process that inherited the mapping loses it as well. */
TEST(revoke_reaches_other_processes)
{
	int ready[2], go[2], status;
	char byte = 0;
	void *cpu;
	pid_t pid;

	open_all(START, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	check_sys(pipe(ready));
	check_sys(pipe(go));
	pid = check_sys(fork());
	if (!pid) {
		check(touches(cpu, true));
		check_eq(write(ready[1], &byte, 1), 1);
		check_eq(read(go[0], &byte, 1), 1);
		check(!touches(cpu, false));
		_exit(0);
	}
	check_eq(read(ready[0], &byte, 1), 1);
	check_ok(peer_revoke(node, export.id, 0));
	check_eq(write(go[1], &byte, 1), 1);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

TEST(move_takes_the_mapping_along)
{
	volatile __u8 *cpu;

	open_all(START, SIZE);
	lab_host_fill("rp-mem", START, SIZE, 1);
	lab_host_fill("rp-mem", ELSEWHERE, SIZE, 2);
	cpu = buffer_map(export.fd, SIZE, 0);
	check_eq(*cpu, 1);
	check_ok(peer_move_one(node, export.id, MEM_BAR, ELSEWHERE, SIZE, 0));
	check_eq(*cpu, 2);
}

static int cpu_access(__u64 flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	return peer_ioctl(export.fd, DMA_BUF_IOCTL_SYNC, &sync);
}

TEST(cpu_access_waits_for_the_device)
{
	__u8 inner[512], *cpu;
	__u32 handle;
	int edu;

	open_all(START, SIZE);
	edu = edu_open("rp-edu");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(inner, sizeof(inner), 3);
	check_ok(edu_put(edu, 0, inner, sizeof(inner)));
	check_ok(edu_copy(edu, handle, 0, 0, sizeof(inner), EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	check_ok(cpu_access(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ));
	check(pattern_matches(cpu, sizeof(inner), 3));
	check_ok(cpu_access(DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ));
	check_ok(peer_revoke(node, export.id, 0));
	check_fails(cpu_access(DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ), ENODEV);
}

/* Large and aligned: 2 MiB at a time where the kernel can, correct everywhere. */
TEST(large_mapping)
{
	const __u64 large = 8 << 20;
	__u64 seen;
	__u8 *hint, *cpu;

	check(bar_size("rp-mem", MEM_BAR) >= large);
	open_all(0, large);
	hint = mmap(NULL, large * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	hint = (__u8 *)(((unsigned long)hint + (2 << 20) - 1) & ~((2UL << 20) - 1));
	cpu = mmap(hint, large, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   export.fd, 0);
	check(cpu == hint);
	for (__u64 at = 0; at < large; at += 128 * 1024)
		*(volatile __u64 *)(cpu + at + 8) = at | 5;
	for (__u64 at = 0; at < large; at += 128 * 1024) {
		lab_host_read("rp-mem", at + 8, &seen, sizeof(seen));
		check_eq(seen, at | 5);
	}
	check_ok(peer_revoke(node, export.id, 0));
	check(!touches(cpu, false) && !touches(cpu + large - 1, true));
	check_ok(peer_restore(node, export.id));
	check(touches(cpu + (2 << 20), true));
	/* In small pieces again, when a part of it goes. */
	check_sys(munmap(cpu + (3 << 20), PAGE));
	check(touches(cpu + (3 << 20) + PAGE, true));
}

TEST(mapping_outlives_the_descriptor)
{
	void *cpu;

	open_all(START, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	close(export.fd);
	check(touches(cpu, true));
	check_ok(peer_revoke(node, export.id, 0));
	check(!touches(cpu, true));
}

static long faults(void)
{
	struct rusage usage;

	check_sys(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_minflt;
}

/* Two MiB of a large buffer are one fault, whatever they are made of. */
static void large_pieces(const struct peerbuf_range *range)
{
	const __u64 piece = 2 << 20, nr = range->length / piece;
	volatile __u8 *cpu;
	__u8 *room;
	long before;

	node = node_open("rp-mem");
	check_ok(peer_export(node, range, 1, 0, &export));
	room = mmap(NULL, range->length + piece, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
	room = (__u8 *)(((unsigned long)room + piece - 1) & ~(piece - 1));
	cpu = mmap(room, range->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, export.fd,
		   0);
	check(cpu == room);
	(void)faults();
	before = faults();
	/* From the middle of each, so that what is before it counts as well. */
	for (__u64 i = 0; i < nr; i++)
		cpu[i * piece + piece / 2] = i;
	for (__u64 at = 0; at < range->length; at += PAGE)
		(void)cpu[at];
	check_eq(faults() - before, nr);
	for (__u64 i = 0; i < nr; i++)
		check_eq(cpu[i * piece + piece / 2], i);
}

TEST(large_pieces_of_a_bar)
{
	large_pieces(&(struct peerbuf_range){ .length = 8 << 20, .bar = MEM_BAR });
}

TEST(large_pieces_of_system_memory)
{
	const struct peerbuf_range system = {
		.length = 8 << 20, .flags = PEERBUF_RANGE_F_SYSTEM,
	};

	large_pieces(&system);
}

/* A child has the pages its parent had, without a fault; both lose them. */
TEST(fork_copies_the_mapping)
{
	volatile __u8 *cpu;
	int status;
	pid_t pid;

	open_all(START, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill((void *)cpu, SIZE, 6);
	pid = check_sys(fork());
	if (!pid) {
		check(pattern_matches(cpu, SIZE, 6));
		pattern_fill((void *)cpu, SIZE, 7);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check(pattern_matches(cpu, SIZE, 7));
}

TEST(mapping_is_moved)
{
	__u8 *cpu, *there;

	open_all(START, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, SIZE, 8);
	there = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(there != MAP_FAILED);
	check(mremap(cpu, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, there) == there);
	check(pattern_matches(there, SIZE, 8));
	check_ok(peer_revoke(node, export.id, 0));
	check(!touches(there, true));
	check_ok(peer_restore(node, export.id));
	check(pattern_matches(there, SIZE, 8));
}
