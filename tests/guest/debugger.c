// SPDX-License-Identifier: GPL-2.0
/* A mapping seen through ptrace and /proc/PID/mem: the bytes that a load gives. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(8 * PAGE)
#define START	(32 * PAGE)
/* Odd, and across a page; in the mixture across two ranges. */
#define AT	(3 * PAGE - 5)
#define LENGTH	(2 * PAGE + 9)

static struct peer_export export;
static int node, mem;
static __u8 *cpu;

static const struct peerbuf_range bar[] = {
	{ .offset = START, .length = SIZE, .bar = MEM_BAR },
};

static const struct peerbuf_range host[] = {
	{ .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM },
};

static const struct peerbuf_range mixture[] = {
	{ .offset = START, .length = PAGE, .bar = MEM_BAR },
	{ .length = 2 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM },
	{ .offset = START + 9 * PAGE, .length = PAGE, .bar = MEM_BAR },
	{ .offset = START + 2 * PAGE, .length = PAGE, .bar = MEM_BAR },
	{ .length = 3 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM },
};

static void scene(const struct peerbuf_range *ranges, __u32 nr)
{
	node = node_open("rp-mem");
	check_ok(peer_export(node, ranges, nr, 0, &export));
	check_eq(export.size, SIZE);
	cpu = buffer_map(export.fd, SIZE, 0);
	mem = check_sys(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
}

static ssize_t mem_read(void *data, size_t length, const volatile void *from)
{
	return pread(mem, data, length, (off_t)(unsigned long)from);
}

static ssize_t mem_write(const void *data, size_t length, volatile void *to)
{
	return pwrite(mem, data, length, (off_t)(unsigned long)to);
}

/* Nobody has touched the mapping before the debugger does. */
static void both_agree(const struct peerbuf_range *ranges, __u32 nr)
{
	static __u8 data[SIZE], seen[SIZE];

	scene(ranges, nr);
	pattern_fill(data, LENGTH, 1);
	check_eq(mem_write(data, LENGTH, cpu + AT), LENGTH);
	check(pattern_matches(cpu + AT, LENGTH, 1));
	pattern_fill(cpu, SIZE, 2);
	check_eq(mem_read(seen, SIZE, cpu), SIZE);
	check(pattern_matches(seen, SIZE, 2));
	check_eq(mem_write(data, LENGTH, cpu + AT), LENGTH);
	check(pattern_matches(cpu + AT, LENGTH, 1));
	/* What is around it is what it was. */
	check_eq(mem_read(seen, SIZE, cpu), SIZE);
	check_eq(memcmp(seen, (void *)cpu, SIZE), 0);
	check(pattern_matches(seen, AT, 2));
	/* Up to its end, and no further. */
	check_sys(munmap(cpu + 6 * PAGE, 2 * PAGE));
	check_eq(mem_read(seen, 2 * PAGE, cpu + 5 * PAGE), PAGE);
}

TEST(memory_file_agrees_for_a_bar)
{
	__u8 behind[LENGTH];

	both_agree(bar, 1);
	lab_host_read("rp-mem", START + AT, behind, LENGTH);
	check(pattern_matches(behind, LENGTH, 1));
}

TEST(memory_file_agrees_for_system_memory)
{
	both_agree(host, 1);
}

TEST(memory_file_agrees_for_a_mixture)
{
	both_agree(mixture, 5);
}

TEST(part_of_a_buffer)
{
	__u8 data[16];

	scene(mixture, 5);
	pattern_fill(cpu, SIZE, 3);
	check_sys(munmap(cpu, SIZE));
	cpu = buffer_map(export.fd, 2 * PAGE, 2 * PAGE);
	check_eq(mem_read(data, sizeof(data), cpu + PAGE - 8), sizeof(data));
	check_eq(memcmp(data, cpu + PAGE - 8, sizeof(data)), 0);
}

TEST(revoked_is_an_error_and_no_signal)
{
	__u8 byte = 7;

	scene(mixture, 5);
	check_eq(mem_read(&byte, 1, cpu), 1);
	check_ok(peer_revoke(node, export.id, 0));
	check(mem_read(&byte, 1, cpu) == -1 && errno == EIO);
	check(mem_write(&byte, 1, cpu + PAGE) == -1 && errno == EIO);
	check(!touches(cpu, false));
	check_ok(peer_restore(node, export.id));
	check_eq(mem_write(&byte, 1, cpu + PAGE), 1);
	check_eq(cpu[PAGE], byte);
}

/* Not even a debugger writes to what was mapped for reading. */
TEST(protection_is_respected)
{
	__u8 byte = 7;

	scene(mixture, 5);
	pattern_fill(cpu, SIZE, 4);
	check_sys(mprotect(cpu, SIZE, PROT_READ));
	check_eq(mem_read(&byte, 1, cpu + PAGE), 1);
	check_eq(byte, cpu[PAGE]);
	byte++;
	check(mem_write(&byte, 1, cpu) == -1 && errno == EIO);
	check(mem_write(&byte, 1, cpu + PAGE) == -1 && errno == EIO);
	check(pattern_matches(cpu, SIZE, 4));
	check_sys(mprotect(cpu, SIZE, PROT_NONE));
	check(mem_read(&byte, 1, cpu) == -1 && errno == EIO);
}

static pid_t traced_child(void)
{
	pid_t pid = check_sys(fork());
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check(WIFSTOPPED(status));
	return pid;
}

TEST(ptrace_peeks_and_pokes)
{
	const long word = 0x1122334455667788;
	long *across;
	pid_t pid;

	scene(mixture, 5);
	pid = traced_child();
	across = (long *)(cpu + PAGE - 3);
	check_sys(ptrace(PTRACE_POKEDATA, pid, across, word));
	check_eq(memcmp(across, &word, sizeof(word)), 0);
	errno = 0;
	check_eq(ptrace(PTRACE_PEEKDATA, pid, across, NULL), word);
	check_eq(errno, 0);
	check_ok(peer_revoke(node, export.id, 0));
	check(ptrace(PTRACE_PEEKDATA, pid, across, NULL) == -1 && errno == EIO);
	check(ptrace(PTRACE_POKEDATA, pid, across, word) == -1 && errno == EIO);
	process_kill(pid);
}
