// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals of arguments and rights: each has its own errno and reason, and changes
 * nothing.
 */
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)

static struct snapshot before;

/* The call fails like this, for that reason, and nothing is different afterwards. */
#define refused(call, error, why)					\
	do {								\
		snapshot_take(&before);					\
		check_fails(call, error);				\
		check_eq(peer_reason, why);				\
		snapshot_unchanged(&before);				\
	} while (0)

static int export_one(int node, __u32 bar, __u64 offset, __u64 length)
{
	struct peer_export export;

	return peer_export_one(node, bar, offset, length, 0, &export);
}

static int export_ranges(int node, const struct peerbuf_range *ranges, __u32 nr)
{
	struct peer_export export;

	return peer_export(node, ranges, nr, 0, &export);
}

TEST(length_zero)
{
	int node = node_open("rp-mem");

	refused(export_one(node, MEM_BAR, START, 0), EINVAL,
		PEERBUF_REASON_ZERO_LENGTH);
}

TEST(offset_or_length_unaligned)
{
	int node = node_open("rp-mem");

	refused(export_one(node, MEM_BAR, START + 1, SIZE), EINVAL,
		PEERBUF_REASON_UNALIGNED);
	refused(export_one(node, MEM_BAR, START + PAGE / 2, SIZE), EINVAL,
		PEERBUF_REASON_UNALIGNED);
	refused(export_one(node, MEM_BAR, START, SIZE - 1), EINVAL,
		PEERBUF_REASON_UNALIGNED);
	refused(export_one(node, MEM_BAR, START, PAGE / 2), EINVAL,
		PEERBUF_REASON_UNALIGNED);
}

TEST(past_the_end)
{
	__u64 size = bar_size("rp-mem", MEM_BAR);
	int node = node_open("rp-mem");
	struct peer_export export;

	refused(export_one(node, MEM_BAR, size, PAGE), ERANGE,
		PEERBUF_REASON_PAST_END);
	refused(export_one(node, MEM_BAR, size - PAGE, 2 * PAGE), ERANGE,
		PEERBUF_REASON_PAST_END);
	refused(export_one(node, MEM_BAR, 0, size + PAGE), ERANGE,
		PEERBUF_REASON_PAST_END);
	refused(export_one(node, MEM_BAR, 1ULL << 62, PAGE), ERANGE,
		PEERBUF_REASON_PAST_END);
	/* Up to the end it works. */
	check_ok(peer_export_one(node, MEM_BAR, size - PAGE, PAGE, 0, &export));
}

TEST(offset_and_length_overflow)
{
	int node = node_open("rp-mem");

	refused(export_one(node, MEM_BAR, -PAGE, PAGE), EOVERFLOW,
		PEERBUF_REASON_OVERFLOW);
	refused(export_one(node, MEM_BAR, -PAGE, 2 * PAGE), EOVERFLOW,
		PEERBUF_REASON_OVERFLOW);
	refused(export_one(node, MEM_BAR, PAGE, -PAGE), EOVERFLOW,
		PEERBUF_REASON_OVERFLOW);
}

TEST(number_of_ranges)
{
	struct peerbuf_range *ranges;
	int node = node_open("rp-mem");
	struct peer_export export;
	__u32 nr = PEERBUF_MAX_RANGES;

	ranges = calloc(nr + 1, sizeof(*ranges));
	check(ranges);
	/* The same page again and again: never touching, so never merged. */
	for (__u32 i = 0; i <= nr; i++)
		ranges[i] = (struct peerbuf_range){ .length = PAGE,
						    .bar = MEM_BAR };
	refused(export_ranges(node, ranges, 0), EINVAL,
		PEERBUF_REASON_NO_RANGES);
	refused(export_ranges(node, ranges, nr + 1), EMSGSIZE,
		PEERBUF_REASON_TOO_MANY_RANGES);
	refused(export_ranges(node, ranges, ~0U), EMSGSIZE,
		PEERBUF_REASON_TOO_MANY_RANGES);
	check_ok(peer_export(node, ranges, nr, 0, &export));
	check_eq(export.size, nr * PAGE);
}

TEST(the_bad_range_is_named)
{
	struct peerbuf_range ranges[5];
	int node = node_open("rp-mem");
	struct peer_export export;

	for (__u32 i = 0; i < 5; i++)
		ranges[i] = (struct peerbuf_range){ .offset = 2 * i * PAGE,
						    .length = PAGE,
						    .bar = MEM_BAR };
	ranges[3].offset = 17;
	snapshot_take(&before);
	check_fails(peer_export(node, ranges, 5, 0, &export), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_UNALIGNED);
	check_eq(export.bad_range, 3);
	snapshot_unchanged(&before);
}

TEST(array_not_accessible)
{
	int node = node_open("rp-mem");

	refused(export_ranges(node, (void *)8, 1), EFAULT,
		PEERBUF_REASON_BAD_POINTER);
}

TEST(no_such_bar)
{
	int node = node_open("rp-mem");

	refused(export_one(node, 1, 0, PAGE), ENXIO, PEERBUF_REASON_NO_BAR);
	refused(export_one(node, 6, 0, PAGE), ENXIO, PEERBUF_REASON_NO_BAR);
	refused(export_one(node, ~0U, 0, PAGE), ENXIO, PEERBUF_REASON_NO_BAR);
}

TEST(io_port_bar)
{
	int node = node_open("io-dev"), control = control_open();
	struct peerbuf_ioc_info info;

	check_ok(peer_info(node, &info));
	check(info.bars[1].flags & PEERBUF_BAR_F_IO);
	refused(export_one(node, 1, 0, PAGE), EADDRNOTAVAIL,
		PEERBUF_REASON_IO_BAR);
	close(node);
	/* Nor can it be lent. */
	check_eq(module_load("bar_owner"), 0);
	refused(peer_lend(control, lab_addr("sw-nvme"), 1U << 6), ENXIO,
		PEERBUF_REASON_NO_BAR);
	refused(peer_lend(control, lab_addr("io-dev"), 1U << 1), EADDRNOTAVAIL,
		PEERBUF_REASON_IO_BAR);
}

/* ivshmem's registers: 256 bytes of a page. */
TEST(bar_smaller_than_a_page)
{
	int node = node_open("rp-mem"), control = control_open();
	struct peerbuf_ioc_info info;

	check(bar_size("rp-mem", 0) < PAGE);
	check_ok(peer_info(node, &info));
	check_eq(info.bars[0].flags & PEERBUF_BAR_F_EXPORTABLE, 0);
	refused(export_one(node, 0, 0, PAGE), EADDRNOTAVAIL, PEERBUF_REASON_BAR_SMALL);
	close(node);
	/* Nor can it be lent. */
	refused(peer_lend(control, lab_addr("rp-mem"), 1U << 0), EADDRNOTAVAIL,
		PEERBUF_REASON_BAR_SMALL);
}

TEST(bar_not_allowed)
{
	int node, control = control_open();
	__u64 addr = lab_addr("sw-nvme");

	/* Only one BAR of two is lent. */
	device_bind("sw-nvme", "nvme");
	check(bar_size("sw-nvme", 0) >= PAGE);
	check_ok(peer_lend(control, addr, 1U << 2));
	node = node_path_open("sw-nvme", O_RDWR);
	check(node >= 0);
	refused(export_one(node, 0, 0, PAGE), EACCES,
		PEERBUF_REASON_BAR_NOT_EXPORTABLE);
	close(node);
	check_ok(peer_unlend(control, addr, 1U << 2));
	/* A driver may keep its BAR to itself. */
	close(owner_open("rp-mem"));
	node = node_path_open("rp-mem", O_RDWR);
	check(node >= 0);
	refused(export_one(node, MEM_BAR, 0, PAGE), EACCES,
		PEERBUF_REASON_BAR_NOT_EXPORTABLE);
	close(node);
	device_bind("rp-mem", "peerbuf");
}

TEST(memory_decode_off)
{
	int node = node_open("rp-mem");
	int ret;

	memory_decode("rp-mem", false);
	snapshot_take(&before);
	ret = export_one(node, MEM_BAR, START, SIZE);
	memory_decode("rp-mem", true);
	check_eq(ret, -EIO);
	check_eq(peer_reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	snapshot_unchanged(&before);
}

static int export_from_fd(int node, int fd)
{
	struct peerbuf_range range = {
		.length = PAGE, .bar = MEM_BAR,
		.flags = PEERBUF_RANGE_F_DEVICE_FD, .device_fd = fd,
	};

	return export_ranges(node, &range, 1);
}

TEST(range_of_something_that_is_no_node)
{
	int node = node_open("rp-mem"), control = control_open();
	int readonly, pipes[2];

	close(node_open("far-mem"));
	readonly = node_path_open("far-mem", O_RDONLY);
	check(readonly >= 0);
	check_sys(pipe(pipes));
	refused(export_from_fd(node, -1), EBADF, PEERBUF_REASON_BAD_FD);
	refused(export_from_fd(node, 1000), EBADF, PEERBUF_REASON_BAD_FD);
	refused(export_from_fd(node, pipes[0]), EXDEV, PEERBUF_REASON_NOT_NODE);
	refused(export_from_fd(node, control), EXDEV, PEERBUF_REASON_NOT_NODE);
	refused(export_from_fd(node, readonly), EBADF,
		PEERBUF_REASON_READ_ONLY_FILE);
}

/* A dma-buf of somebody else, or -1 where this kernel has nobody else. */
static int foreign_dmabuf(void)
{
	struct {
		__u64 len;
		__u32 fd;
		__u32 fd_flags;
		__u64 heap_flags;
	} alloc = { .len = PAGE, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (heap < 0 || ioctl(heap, _IOWR('H', 0, alloc), &alloc))
		return -1;
	close(heap);
	return alloc.fd;
}

TEST(query_of_something_that_is_no_export)
{
	struct peerbuf_export_info info;
	int control = control_open();
	int pipes[2], foreign;

	check_sys(pipe(pipes));
	refused(peer_query_fd(control, -1, &info), EBADF,
		PEERBUF_REASON_BAD_FD);
	refused(peer_query_fd(control, pipes[0], &info), EINVAL,
		PEERBUF_REASON_NOT_DMABUF);
	refused(peer_query(control, 1ULL << 60, &info), ENOENT,
		PEERBUF_REASON_NO_EXPORT);
	foreign = foreign_dmabuf();
	if (foreign >= 0)
		refused(peer_query_fd(control, foreign, &info), EXDEV,
			PEERBUF_REASON_NOT_PEERBUF);
}

TEST(importing_something_that_is_no_dmabuf)
{
	int edu = edu_open("rp-edu"), pipes[2];
	__u32 handle;

	check_sys(pipe(pipes));
	check_fails(edu_attach(edu, -1, EDU_DMA_DYNAMIC, 0, &handle), EBADF);
	check_fails(edu_attach(edu, pipes[0], EDU_DMA_DYNAMIC, 0, &handle),
		    EINVAL);
}

TEST(export_of_another_device)
{
	int node = node_open("rp-mem"), other = node_open("far-mem");
	struct peer_export export;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	refused(peer_revoke(other, export.id, 0), ENOENT,
		PEERBUF_REASON_NO_EXPORT);
	refused(peer_restore(other, export.id), ENOENT,
		PEERBUF_REASON_NO_EXPORT);
	refused(peer_move_one(other, export.id, MEM_BAR, 0, SIZE, 0), ENOENT,
		PEERBUF_REASON_NO_EXPORT);
}

TEST(move_to_a_bad_place)
{
	int node = node_open("rp-mem");
	struct peer_export export;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	refused(peer_move_one(node, export.id, MEM_BAR, 0, SIZE - PAGE, 0),
		EINVAL, PEERBUF_REASON_SIZE_MISMATCH);
	refused(peer_move_one(node, export.id, MEM_BAR, 0, SIZE + PAGE, 0),
		EINVAL, PEERBUF_REASON_SIZE_MISMATCH);
	refused(peer_move_one(node, export.id, MEM_BAR, START + PAGE, SIZE,
			      PEERBUF_MOVE_F_COPY), EINVAL,
		PEERBUF_REASON_OVERLAP);
	refused(peer_move_one(node, export.id, MEM_BAR, 1, SIZE, 0), EINVAL,
		PEERBUF_REASON_UNALIGNED);
	refused(peer_move_one(node, export.id, 1, 0, SIZE, 0), ENXIO,
		PEERBUF_REASON_NO_BAR);
	refused(peer_move(node, export.id, NULL, 0, 0), EINVAL,
		PEERBUF_REASON_NO_RANGES);
	refused(peer_move_one(node, 1ULL << 60, MEM_BAR, 0, SIZE, 0), ENOENT,
		PEERBUF_REASON_NO_EXPORT);
	check_ok(peer_revoke(node, export.id, 0));
	refused(peer_move_one(node, export.id, MEM_BAR, 0, SIZE, 0), ENODEV,
		PEERBUF_REASON_REVOKED);
}

static const struct peerbuf_range twice[] = {
	{ .offset = START, .length = 2 * PAGE, .bar = MEM_BAR },
	{ .offset = START + 8 * PAGE, .length = PAGE, .bar = MEM_BAR },
	{ .offset = START + PAGE, .length = PAGE, .bar = MEM_BAR },
};

/* Two addresses and one byte: the compiler must not think that they are two. */
static void check_alias(volatile __u8 *cpu, __u8 byte)
{
	cpu[PAGE] = byte;
	check_eq(cpu[3 * PAGE], byte);
}

/* A copy would lose bytes. */
TEST(copy_to_where_memory_is_named_twice)
{
	const struct peerbuf_range system = {
		.length = 4 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM,
	};
	int node = node_open("rp-mem");
	struct peer_export export;
	__u8 *cpu;

	check_ok(peer_export(node, &system, 1, 0, &export));
	cpu = buffer_map(export.fd, 4 * PAGE, 0);
	pattern_fill(cpu, 4 * PAGE, 1);
	refused(peer_move(node, export.id, twice, 3, PEERBUF_MOVE_F_COPY), EINVAL,
		PEERBUF_REASON_OVERLAP);
	check(pattern_matches(cpu, 4 * PAGE, 1));
	/* Without a copy there is nothing to lose. */
	check_ok(peer_move(node, export.id, twice, 3, 0));
	check_alias(cpu, 77);
}

/* What was one place would be two. */
TEST(copy_of_memory_named_twice)
{
	struct peerbuf_range system = { .length = 4 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM };
	int node = node_open("rp-mem");
	struct peer_export export;
	__u8 *cpu;

	check_ok(peer_export(node, twice, 3, 0, &export));
	cpu = buffer_map(export.fd, 4 * PAGE, 0);
	refused(peer_move(node, export.id, &system, 1, PEERBUF_MOVE_F_COPY), EINVAL,
		PEERBUF_REASON_ALIASED);
	refused(peer_move_one(node, export.id, MEM_BAR, 0, 4 * PAGE, PEERBUF_MOVE_F_COPY), EINVAL,
		PEERBUF_REASON_ALIASED);
	check_alias(cpu, 78);
	check_ok(peer_move(node, export.id, &system, 1, 0));
	check_eq(cpu[PAGE], 0);
}

TEST(fallback_of_memory_named_twice)
{
	int node = node_open("rp-mem");
	struct peer_export export;

	refused(peer_export(node, twice, 3, PEERBUF_EXPORT_F_FALLBACK, &export), EINVAL,
		PEERBUF_REASON_ALIASED);
	check_ok(peer_export_one(node, MEM_BAR, 0, 4 * PAGE, PEERBUF_EXPORT_F_FALLBACK, &export));
	refused(peer_move(node, export.id, twice, 3, 0), EINVAL, PEERBUF_REASON_ALIASED);
	check_ok(peer_move_one(node, export.id, MEM_BAR, START, 4 * PAGE, 0));
}

/* Devices get at it, and CPUs do not. */
TEST(mapping_of_what_is_exported_without_cpu_access)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
	int node = node_open("rp-mem"), edu = edu_open("rp-edu");
	struct peerbuf_export_info info;
	struct peer_export export;
	__u8 inner[64];
	__u32 handle;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, PEERBUF_EXPORT_F_NO_CPU, &export));
	check(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, export.fd, 0) == MAP_FAILED &&
	      errno == EPERM);
	check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, export.fd, 0) == MAP_FAILED &&
	      errno == EPERM);
	check_fails(peer_ioctl(export.fd, DMA_BUF_IOCTL_SYNC, &sync), EPERM);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.refusals, 3);
	check_eq(info.last_refusal, PEERBUF_REASON_NO_CPU);
	check_eq(info.last_refusal_errno, EPERM);
	check_eq(info.flags, PEERBUF_EXPORT_F_NO_CPU);

	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	pattern_fill(inner, sizeof(inner), 5);
	check_ok(edu_put(edu, 0, inner, sizeof(inner)));
	check_ok(edu_copy(edu, handle, 0, 0, sizeof(inner), EDU_DMA_TO_BUFFER, 0));
	lab_host_read("rp-mem", START, inner, sizeof(inner));
	check(pattern_matches(inner, sizeof(inner), 5));
	/* A move still copies: that is the kernel's. */
	check_ok(peer_move_one(node, export.id, MEM_BAR, 0, SIZE, PEERBUF_MOVE_F_COPY));
	lab_host_read("rp-mem", 0, inner, sizeof(inner));
	check(pattern_matches(inner, sizeof(inner), 5));
}

TEST(lending_what_cannot_be_lent)
{
	int control = control_open();

	close(node_open("rp-mem"));
	refused(peer_lend(control, lab_addr("rp-mem"), 1U << MEM_BAR), EEXIST,
		PEERBUF_REASON_DRIVER_BOUND);
	refused(peer_unlend(control, lab_addr("rp-mem"), 1U << MEM_BAR), ENOENT,
		PEERBUF_REASON_NO_DEVICE);
	refused(peer_lend(control, lab_addr("sw-nvme"), 0), ENXIO,
		PEERBUF_REASON_NO_BAR);
	refused(peer_lend(control, PEERBUF_PCI_ADDR(0, 0x77, 0, 0), 1), ENODEV,
		PEERBUF_REASON_NO_DEVICE);
	device_unbind("rp-mem");
	refused(peer_lend(control, lab_addr("rp-mem"), 1U << MEM_BAR), EUNATCH,
		PEERBUF_REASON_NO_DRIVER);
	device_bind("rp-mem", "peerbuf");
}

TEST(node_opened_for_reading)
{
	int node = node_open("rp-mem"), readonly;
	struct peerbuf_ioc_info info;
	struct peer_export export;

	readonly = node_path_open("rp-mem", O_RDONLY);
	check(readonly >= 0);
	check_ok(peer_info(readonly, &info));
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	refused(export_one(readonly, MEM_BAR, 0, PAGE), EACCES,
		PEERBUF_REASON_READ_ONLY_FILE);
	refused(peer_move_one(readonly, export.id, MEM_BAR, 0, SIZE, 0), EACCES,
		PEERBUF_REASON_READ_ONLY_FILE);
	refused(peer_revoke(readonly, export.id, 0), EACCES,
		PEERBUF_REASON_READ_ONLY_FILE);
	check_ok(peer_revoke(node, export.id, 0));
	refused(peer_restore(readonly, export.id), EACCES,
		PEERBUF_REASON_READ_ONLY_FILE);
}

/* Everything but the reason: taking a snapshot needs the rights just given up. */
static void unprivileged(int node, int control, __u64 id, const char *path)
{
	__u64 nvme = lab_addr("sw-nvme");
	struct peerbuf_export_info info;
	struct peerbuf_ioc_info device;
	struct peer_export export;
	__u32 stored, total;

	check_sys(setresuid(65534, 65534, 65534));
	check(open(path, O_RDWR) == -1 && errno == EACCES);
	check_fails(peer_lend(control, nvme, 4), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_CAPABILITY);
	check_fails(peer_unlend(control, nvme, 4), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_CAPABILITY);
	check_fails(peer_list(control, 0, &info, 1, &stored, &total), EPERM);
	check_fails(peer_revoke(control, id, 0), EPERM);
	check_fails(peer_restore(control, id), EPERM);
	/* Who was given an open node may use it, but learns no addresses. */
	check_ok(peer_export_one(node, MEM_BAR, 0, PAGE, 0, &export));
	check_ok(peer_info(node, &device));
	check_eq(device.bars[MEM_BAR].base, 0);
}

TEST(no_permission)
{
	int node = node_open("rp-mem"), control = control_open();
	struct peer_export export;
	struct peerbuf_ioc_info info;
	int status;
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where("rp-mem"));
	check_ok(peer_info(node, &info));
	check_eq(info.bars[MEM_BAR].base, bar_base("rp-mem", MEM_BAR));
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	snapshot_take(&before);
	pid = check_sys(fork());
	if (!pid) {
		unprivileged(node, control, export.id, path);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}
