// SPDX-License-Identifier: GPL-2.0
/*
 * A process's memory mirrored for a device, page by page, as RDMA's on-demand paging does: pages
 * are linked when the device needs them, and unlinked when the kernel takes them away.
 */
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "stepper.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define PAGES	16
#define SIZE	(PAGES * PAGE)
#define HUGE	(2ULL << 20)
#define LENGTH	3000

static struct stepper stepper;
static __u8 *memory;

static __u8 *memory_of(size_t size)
{
	void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);

	check(address != MAP_FAILED);
	return address;
}

static void set_up(void)
{
	stepper_open(&stepper, "rp-edu");
	memory = memory_of(SIZE);
	check_ok(stepper_mirror(&stepper, memory, SIZE));
}

static int try_write(__u64 offset, __u32 seed)
{
	__u8 inner[LENGTH];

	pattern_fill(inner, LENGTH, seed);
	check_ok(edu_put(stepper.edu, 0, inner, LENGTH));
	return stepper_mirror_copy(&stepper, offset, LENGTH, EDU_DMA_TO_BUFFER);
}

static void device_writes(__u64 offset, __u32 seed)
{
	check_ok(try_write(offset, seed));
}

static void device_reads(__u64 offset, __u32 seed)
{
	__u8 inner[LENGTH] = {};

	check_ok(edu_put(stepper.edu, 0, inner, LENGTH));
	check_ok(stepper_mirror_copy(&stepper, offset, LENGTH, EDU_DMA_FROM_BUFFER));
	check_ok(edu_get(stepper.edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, seed));
}

static struct steps_mirror_page page_at(__u64 offset)
{
	struct steps_mirror_page page;

	stepper_mirror_page(&stepper, offset, &page);
	if (page.flags & STEPS_PAGE_F_LINKED)
		check(page.flags & STEPS_PAGE_F_RIGHT);
	return page;
}

static bool linked(__u64 offset)
{
	return page_at(offset).flags & STEPS_PAGE_F_LINKED;
}

static bool contiguous(void)
{
	return stepper.flags & STEPS_PROBE_F_CONTIGUOUS;
}

TEST(pages_are_linked_as_they_are_needed)
{
	struct steps_mirror_page first;

	set_up();
	for (__u64 at = 0; at < SIZE; at += PAGE)
		check(!linked(at));
	device_writes(5 * PAGE + 1000, 1);
	check(pattern_matches(memory + 5 * PAGE + 1000, LENGTH, 1));
	check_eq(page_at(0).links, 1);
	/* Of two pages one is linked already. */
	pattern_fill(memory + 5 * PAGE - 100, LENGTH, 2);
	device_reads(5 * PAGE - 100, 2);
	check_eq(page_at(0).links, 2);
	device_writes(9 * PAGE, 3);
	check(!linked(0) && linked(4 * PAGE) && linked(5 * PAGE) && linked(9 * PAGE));
	if (!contiguous())
		return;
	/* One reserved range: a page's place says its address. */
	first = page_at(4 * PAGE);
	check_eq(page_at(5 * PAGE).addr, first.addr + PAGE);
	check_eq(page_at(9 * PAGE).addr, first.addr + 5 * PAGE);
}

TEST(munmap_takes_pages_away)
{
	struct steps_mirror_page before;

	set_up();
	device_writes(3 * PAGE, 1);
	device_writes(4 * PAGE, 2);
	before = page_at(3 * PAGE);
	check_sys(munmap(memory + 3 * PAGE, PAGE));
	check(!linked(3 * PAGE));
	check(linked(4 * PAGE));
	check_fails(try_write(3 * PAGE, 3), EFAULT);
	check_fails(try_write(4 * PAGE - 10, 3), EFAULT);
	device_reads(4 * PAGE, 2);

	/* Something else is mapped there. */
	check(mmap(memory + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == memory + 3 * PAGE);
	pattern_fill(memory + 3 * PAGE, LENGTH, 4);
	device_reads(3 * PAGE, 4);
	if (contiguous())
		check_eq(page_at(3 * PAGE).addr, before.addr);
}

TEST(old_address_faults_after_munmap, .flags = TEST_IOMMU_FAULTS)
{
	struct steps_mirror_page page;
	int mark;

	set_up();
	device_writes(3 * PAGE, 1);
	page = page_at(3 * PAGE);
	/* While it is linked the address works, whoever uses it. */
	memset(memory + 3 * PAGE, 0, LENGTH);
	check_ok(edu_raw(stepper.edu, page.addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
	check(pattern_matches(memory + 3 * PAGE, LENGTH, 1));
	check_sys(munmap(memory + 3 * PAGE, PAGE));
	mark = kmsg_mark();
	check_ok(edu_raw(stepper.edu, page.addr, 0, LENGTH, EDU_DMA_TO_BUFFER));
	check(kmsg_has_iommu_fault_at(mark, page.addr));
}

TEST(discarded_memory_is_zero)
{
	__u8 inner[LENGTH];

	set_up();
	device_writes(0, 1);
	check_sys(madvise(memory, PAGE, MADV_DONTNEED));
	check(!linked(0));
	check_ok(stepper_mirror_copy(&stepper, 0, LENGTH, EDU_DMA_FROM_BUFFER));
	check_ok(edu_get(stepper.edu, 0, inner, LENGTH));
	for (int i = 0; i < LENGTH; i++)
		check_eq(inner[i], 0);
}

TEST(read_only_memory_is_left_alone)
{
	set_up();
	device_writes(0, 1);
	check_sys(mprotect(memory, PAGE, PROT_READ));
	check(!linked(0));
	check_fails(try_write(0, 2), EPERM);
	check(pattern_matches(memory, LENGTH, 1));
	check_sys(mprotect(memory, PAGE, PROT_READ | PROT_WRITE));
	device_writes(0, 2);
	check(pattern_matches(memory, LENGTH, 2));
}

/* The child keeps what was there at the fork, whatever the device writes for its parent. */
TEST(fork_gives_the_child_a_copy)
{
	struct steps_mirror_page before;
	int pipes[2], status;
	char byte = 0;
	pid_t child;

	set_up();
	device_writes(2 * PAGE, 1);
	before = page_at(2 * PAGE);
	check_sys(pipe(pipes));
	child = check_sys(fork());
	if (!child) {
		close(pipes[1]);
		check_eq(read(pipes[0], &byte, 1), 1);
		_exit(pattern_matches(memory + 2 * PAGE, LENGTH, 1) ? 0 : 1);
	}
	check(page_at(0).unlinks > before.unlinks);
	device_writes(2 * PAGE, 2);
	check(pattern_matches(memory + 2 * PAGE, LENGTH, 2));
	check_sys(write(pipes[1], &byte, 1));
	check_eq(waitpid(child, &status, 0), child);
	check(WIFEXITED(status));
	check_eq(WEXITSTATUS(status), 0);
	device_reads(2 * PAGE, 2);
}

/* The page's contents are somewhere else afterwards, and the device goes there. */
TEST(migration_is_followed)
{
	struct steps_mirror_page before, after;

	set_up();
	device_writes(6 * PAGE, 1);
	before = page_at(6 * PAGE);
	check_sys(madvise(memory + 6 * PAGE, PAGE, MADV_SOFT_OFFLINE));
	check(!linked(6 * PAGE));
	check(pattern_matches(memory + 6 * PAGE, LENGTH, 1));
	device_reads(6 * PAGE, 1);
	after = page_at(6 * PAGE);
	check(after.paddr != before.paddr);
	if (contiguous())
		check_eq(after.addr, before.addr);
	device_writes(6 * PAGE, 2);
	check(pattern_matches(memory + 6 * PAGE, LENGTH, 2));
}

TEST(small_pages_become_a_large_one)
{
	struct steps_mirror_page before, after;
	__u8 *large = memory_of(2 * HUGE);

	large += HUGE - (unsigned long)large % HUGE;
	check_sys(madvise(large, HUGE, MADV_NOHUGEPAGE));
	stepper_open(&stepper, "rp-edu");
	check_ok(stepper_mirror(&stepper, large, HUGE));
	for (__u64 at = 0; at < HUGE; at += PAGE)
		large[at] = 1;
	device_writes(0, 1);
	device_writes(HUGE - PAGE, 2);
	before = page_at(HUGE - PAGE);
	check_sys(madvise(large, HUGE, MADV_HUGEPAGE));
	check_sys(madvise(large, HUGE, MADV_COLLAPSE));
	check(!linked(0) && !linked(HUGE - PAGE));
	device_reads(0, 1);
	device_reads(HUGE - PAGE, 2);
	after = page_at(HUGE - PAGE);
	check(after.paddr != before.paddr);
	check_eq(after.paddr, page_at(0).paddr + HUGE - PAGE);
	device_writes(HUGE - PAGE, 3);
	check(pattern_matches(large + HUGE - PAGE, LENGTH, 3));
}

static int receive_descriptor(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	check_eq(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC), 1);
	check(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Its memory is given back when it ends, not when the last descriptor is closed. */
TEST(mirror_of_a_process_that_has_ended)
{
	int sockets[2], status;
	pid_t child;

	check_sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets));
	child = check_sys(fork());
	if (!child) {
		set_up();
		device_writes(0, 1);
		descriptor_send(sockets[1], stepper.steps, "", 1);
		_exit(0);
	}
	check_eq(waitpid(child, &status, 0), child);
	check(WIFEXITED(status));
	check_eq(WEXITSTATUS(status), 0);
	stepper.edu = edu_open("rp-edu");
	stepper.steps = receive_descriptor(sockets[0]);
	check(!linked(0));
	check_fails(try_write(0, 2), ESRCH);
}

/* A CPU mapping of a buffer is for the CPU: nobody would tell the mirror of a revoke. */
TEST(buffer_that_is_mapped_is_refused)
{
	int node = node_open("rp-mem");
	struct peer_export export;

	stepper_open(&stepper, "rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	memory = buffer_map(export.fd, SIZE, 0);
	memory[0] = 1;
	check_ok(stepper_mirror(&stepper, memory, SIZE));
	check_fails(try_write(0, 1), EFAULT);
	check(!linked(0));
}

TEST(mirrors_that_are_none)
{
	set_up();
	check_fails(stepper_mirror(&stepper, memory, SIZE), EBUSY);
	check_fails(try_write(SIZE - LENGTH + 1, 1), ERANGE);
	check_fails(stepper_mirror_copy(&stepper, 0, 0, EDU_DMA_TO_BUFFER), EINVAL);
	check_fails(stepper_mirror_copy(&stepper, 0, 4089, EDU_DMA_TO_BUFFER), EINVAL);
	close(stepper.steps);
	stepper_open(&stepper, "rp-edu");
	check_fails(stepper_mirror_copy(&stepper, 0, 1, EDU_DMA_TO_BUFFER), ENOENT);
	check_fails(stepper_mirror(&stepper, memory + 1, PAGE), EINVAL);
	check_fails(stepper_mirror(&stepper, memory, 0), EINVAL);
	check_fails(stepper_mirror(&stepper, memory, 100), EINVAL);
}

TEST(driver_is_unbound_with_pages_linked)
{
	set_up();
	device_writes(0, 1);
	device_unbind("rp-edu");
	check_fails(stepper_mirror_copy(&stepper, 0, 1, EDU_DMA_TO_BUFFER), ENODEV);
	/* Nobody is told any more. */
	check_sys(munmap(memory, SIZE));
	close(stepper.steps);
	close(stepper.edu);
	set_up();
	device_writes(0, 2);
	check(pattern_matches(memory, LENGTH, 2));
}

/* Each fork takes every page's right to be written away, while the device is at it. */
static void forks(const void *unused)
{
	int status;
	pid_t pid;

	(void)unused;
	pid = fork();
	if (!pid)
		_exit(0);
	check_eq(waitpid(pid, &status, 0), pid);
	pause_ms(20);
}

TEST(copies_race_with_forks, .timeout = 120)
{
	struct part forker = { .name = "forker", .act = forks, .least = 1 };
	struct steps_mirror_page page;

	set_up();
	actor_start_thread(&forker);
	for (unsigned int i = 0; i < rounds(30); i++) {
		__u64 at = i % 3 * 5 * PAGE + 2000;

		device_writes(at, i);
		check(pattern_matches(memory + at, LENGTH, i));
		pattern_fill(memory + at, LENGTH, i + 100);
		device_reads(at, i + 100);
	}
	actors_stop();
	page = page_at(0);
	printf("%llu links, %llu invalidations\n", page.links, page.unlinks);
	check(page.unlinks > 10);
}
