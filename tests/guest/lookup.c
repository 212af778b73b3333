// SPDX-License-Identifier: GPL-2.0
/* What a process is told of its addresses: the dma-buf behind each, or why there is none. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"
#include "system_buffer.h"

#define SIZE	(64 * 1024)
#define START	(128 * 1024)
#define ROOM	16

static int node, control;
static struct peer_export export;
static __u8 *cpu;
static struct peerbuf_piece pieces[ROOM];
static __u32 nr;

static void open_all(void)
{
	node = node_open("rp-mem");
	control = control_open();
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
}

static int look(const void *addr, __u64 length, __u32 flags)
{
	nr = ROOM;
	memset(pieces, 0xff, sizeof(pieces));
	return peer_lookup(control, addr, length, flags, pieces, &nr);
}

static void check_piece(const struct peerbuf_piece *piece, const void *addr, __u64 length,
			__u32 kind, __u32 reason)
{
	check_eq(piece->addr, (unsigned long)addr);
	check_eq(piece->length, length);
	check_eq(piece->kind, kind);
	check_eq(piece->reason, reason);
	if (reason)
		check_eq(piece->fd, -1);
	else
		check(piece->fd >= 0);
}

static void check_one(const void *addr, __u64 length, __u32 kind, __u32 reason)
{
	check_ok(look(addr, length, 0));
	check_eq(nr, 1);
	check_piece(&pieces[0], addr, length, kind, reason);
}

TEST(piece_is_the_pages_that_are_mapped)
{
	struct peerbuf_export_info info;
	const __u8 *seen;

	open_all();
	lab_host_fill("rp-mem", START, SIZE, 1);
	lab_host_fill("rp-mem", START + 3 * PAGE, 2 * PAGE, 2);
	check_one(cpu + 3 * PAGE + 100, PAGE, PEERBUF_PIECE_PEERBUF, 0);
	check_eq(pieces[0].offset, 100);
	check_eq(pieces[0].parent, export.id);
	check_eq(pieces[0].flags, PEERBUF_PIECE_F_WRITABLE);
	check_ok(peer_query_fd(control, pieces[0].fd, &info));
	check_eq(info.id, pieces[0].id);
	check_eq(info.parent, export.id);
	check_eq(info.buffer_size, 2 * PAGE);
	seen = buffer_map(pieces[0].fd, 2 * PAGE, 0);
	check_eq(seen[0], 2);
	check_eq(seen[2 * PAGE - 1], 2);
	check(mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, pieces[0].fd, 0) == MAP_FAILED);
}

/* Only part of the buffer is mapped, and not from its beginning. */
TEST(mapping_of_a_part)
{
	__u8 *part;

	open_all();
	part = buffer_map(export.fd, 2 * PAGE, 5 * PAGE);
	check_one(part, 2 * PAGE, PEERBUF_PIECE_PEERBUF, 0);
	check_eq(pieces[0].offset, 0);
	lab_host_fill("rp-mem", START + 5 * PAGE, 2 * PAGE, 0x55);
	check_eq(*(const __u8 *)buffer_map(pieces[0].fd, PAGE, PAGE), 0x55);
}

/* Two buffers, a gap, and memory of the process', side by side. */
TEST(range_spans_what_is_mapped_there)
{
	struct peer_export other;
	__u8 *room;

	open_all();
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &other));
	room = mmap(NULL, 4 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(room != MAP_FAILED);
	check(mmap(room, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, export.fd, 0) ==
	      room);
	check(mmap(room + SIZE, SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, other.fd, 0) ==
	      room + SIZE);
	check_sys(munmap(room + 2 * SIZE, SIZE));
	check_ok(look(room + PAGE, 3 * SIZE, 0));
	check_eq(nr, 4);
	check_piece(&pieces[0], room + PAGE, SIZE - PAGE, PEERBUF_PIECE_PEERBUF, 0);
	check_eq(pieces[0].parent, export.id);
	check_piece(&pieces[1], room + SIZE, SIZE, PEERBUF_PIECE_PEERBUF, 0);
	check_eq(pieces[1].parent, other.id);
	check_piece(&pieces[2], room + 2 * SIZE, SIZE, PEERBUF_PIECE_HOLE,
		    PEERBUF_REASON_NOTHING_MAPPED);
	check_piece(&pieces[3], room + 3 * SIZE, PAGE, PEERBUF_PIECE_ORDINARY,
		    PEERBUF_REASON_ORDINARY_MEMORY);
}

/* The protection differs, but the pages follow each other. */
TEST(mapping_that_mprotect_has_cut_is_one_piece)
{
	open_all();
	check_sys(mprotect(cpu + 4 * PAGE, 4 * PAGE, PROT_READ));
	check_one(cpu, SIZE, PEERBUF_PIECE_PEERBUF, 0);
}

TEST(mapping_that_has_been_cut_and_moved)
{
	__u8 *moved;

	open_all();
	check_sys(munmap(cpu + 2 * PAGE, PAGE));
	moved = mremap(cpu + 3 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	check(moved != MAP_FAILED);
	check_one(moved, PAGE, PEERBUF_PIECE_PEERBUF, 0);
	lab_host_fill("rp-mem", START + 3 * PAGE, PAGE, 0x77);
	check_eq(*(const __u8 *)buffer_map(pieces[0].fd, PAGE, 0), 0x77);
	check_ok(look(cpu, 4 * PAGE, PEERBUF_LOOKUP_F_LOOK));
	check_eq(nr, 2);
	check_eq(pieces[1].kind, PEERBUF_PIECE_HOLE);
	check_eq(pieces[1].length, 2 * PAGE);
}

TEST(ordinary_memory)
{
	static __u8 here[3 * PAGE];
	int file = check_sys(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	__u8 *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	__u8 stack[100];

	open_all();
	check(mapped != MAP_FAILED);
	check_one(here + 5, PAGE, PEERBUF_PIECE_ORDINARY, PEERBUF_REASON_ORDINARY_MEMORY);
	check_one(stack, sizeof(stack), PEERBUF_PIECE_ORDINARY, PEERBUF_REASON_ORDINARY_MEMORY);
	check_one(mapped, PAGE, PEERBUF_PIECE_ORDINARY, PEERBUF_REASON_ORDINARY_MEMORY);
}

TEST(holes)
{
	open_all();
	check_one((void *)1, 100, PEERBUF_PIECE_HOLE, PEERBUF_REASON_NOTHING_MAPPED);
	check_one((void *)(1UL << 63), PAGE, PEERBUF_PIECE_HOLE, PEERBUF_REASON_NOTHING_MAPPED);
}

/* A BAR by sysfs is device memory, but of no dma-buf. What a driver has claimed is not mapped. */
TEST(device_memory_without_a_dma_buf)
{
	char path[128];
	__u8 *mapped;
	int file;

	open_all();
	device_unbind("far-mem");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2", lab_where("far-mem"));
	file = check_sys(open(path, O_RDWR | O_CLOEXEC));
	mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	check(mapped != MAP_FAILED);
	check_one(mapped + PAGE, PAGE, PEERBUF_PIECE_DEVICE, PEERBUF_REASON_DEVICE_MEMORY);
}

static void foreign(int fd)
{
	__u8 *mapped;

	mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(mapped != MAP_FAILED);
	check_one(mapped + PAGE, 2 * PAGE, PEERBUF_PIECE_FOREIGN, 0);
	check_eq(pieces[0].offset, PAGE);
	mapped[PAGE] = 0x99;
	check_eq(((__u8 *)mmap(NULL, SIZE, PROT_READ, MAP_SHARED, pieces[0].fd, 0))[PAGE], 0x99);
	check_sys(close(pieces[0].fd));
	check_sys(munmap(mapped, SIZE));
	/* What maps less than all of it has no right to all of it. */
	mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(mapped != MAP_FAILED);
	check_one(mapped, PAGE, PEERBUF_PIECE_FOREIGN, PEERBUF_REASON_FOREIGN_PART);
	mapped = mmap(NULL, SIZE - PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
	check(mapped != MAP_FAILED);
	check_one(mapped, SIZE - PAGE, PEERBUF_PIECE_FOREIGN, PEERBUF_REASON_FOREIGN_PART);
}

TEST(whole_buffer_of_udmabuf)
{
	int fd = memfd_buffer(SIZE);

	if (fd < 0)
		skip("this kernel has no udmabuf");
	open_all();
	foreign(fd);
}

TEST(whole_buffer_of_the_system_heap)
{
	int fd = heap_buffer(SIZE);

	if (fd < 0)
		skip("this kernel has no such heap");
	open_all();
	foreign(fd);
}

/* The administrator's is not needed: who has the mapping has what it maps. */
TEST(anybody_may_ask)
{
	open_all();
	check_sys(setresuid(65534, 65534, 65534));
	control = check_sys(open("/dev/peerbuf/control", O_RDONLY | O_CLOEXEC));
	check_one(cpu, SIZE, PEERBUF_PIECE_PEERBUF, 0);
}

TEST(looking_makes_nothing)
{
	struct snapshot before;

	open_all();
	snapshot_take(&before);
	check_ok(look(cpu, SIZE, PEERBUF_LOOKUP_F_LOOK));
	check_eq(nr, 1);
	check_eq(pieces[0].kind, PEERBUF_PIECE_PEERBUF);
	check_eq(pieces[0].parent, export.id);
	check_eq(pieces[0].fd, -1);
	snapshot_unchanged(&before);
}

TEST(revoked_buffer_says_so)
{
	open_all();
	check_ok(peer_revoke(node, export.id, 0));
	check_one(cpu, PAGE, PEERBUF_PIECE_PEERBUF, PEERBUF_REASON_REVOKED);
	check_eq(pieces[0].parent, export.id);
	check_ok(peer_restore(node, export.id));
	check_one(cpu, PAGE, PEERBUF_PIECE_PEERBUF, 0);
}

/* ---- refusals ---- */

static void refused(const void *addr, __u64 length, __u32 room, int error, __u32 reason)
{
	struct snapshot before;

	snapshot_take(&before);
	nr = room;
	check_fails(peer_lookup(control, addr, length, 0, pieces, &nr), error);
	check_eq(peer_reason, reason);
	snapshot_unchanged(&before);
}

TEST(ranges_that_are_none)
{
	open_all();
	refused(cpu, 0, ROOM, EINVAL, PEERBUF_REASON_ZERO_LENGTH);
	refused(cpu, ~0ULL, ROOM, EOVERFLOW, PEERBUF_REASON_OVERFLOW);
	refused((void *)~0UL, 1, ROOM, EOVERFLOW, PEERBUF_REASON_OVERFLOW);
	refused(cpu, SIZE, PEERBUF_MAX_PIECES + 1, EMSGSIZE, PEERBUF_REASON_TOO_MANY_PIECES);
}

TEST(too_little_room)
{
	open_all();
	check_sys(munmap(cpu + PAGE, PAGE));
	refused(cpu, 3 * PAGE, 2, EMSGSIZE, PEERBUF_REASON_TOO_MANY_PIECES);
	check_eq(nr, 3);
	refused(cpu, 3 * PAGE, 0, EMSGSIZE, PEERBUF_REASON_TOO_MANY_PIECES);
	check_eq(nr, 3);
}

TEST(array_that_cannot_be_written)
{
	struct snapshot before;

	open_all();
	snapshot_take(&before);
	nr = 1;
	check_fails(peer_lookup(control, cpu, SIZE, 0, (void *)PAGE, &nr), EFAULT);
	check_eq(peer_reason, PEERBUF_REASON_BAD_POINTER);
	snapshot_unchanged(&before);
}

TEST(no_descriptor_left)
{
	struct rlimit limit;
	int next;

	open_all();
	check_sys(getrlimit(RLIMIT_NOFILE, &limit));
	next = check_sys(dup(control));
	close(next);
	limit.rlim_cur = next;
	check_sys(setrlimit(RLIMIT_NOFILE, &limit));
	nr = 1;
	check_fails(peer_lookup(control, cpu, SIZE, 0, pieces, &nr), EMFILE);
	limit.rlim_cur = next + 1;
	check_sys(setrlimit(RLIMIT_NOFILE, &limit));
	check_one(cpu, SIZE, PEERBUF_PIECE_PEERBUF, 0);
	check_eq(pieces[0].fd, next);
}
