// SPDX-License-Identifier: GPL-2.0
/* See people.h. */
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "people.h"

#define SOMEBODY	1000

int node_a, node_b, control;
struct peer_export export;
__u8 *cpu;
int mine;

struct peerbuf_range in_a(__u64 offset, __u64 length)
{
	return (struct peerbuf_range){ .offset = offset, .length = length, .bar = MEM_BAR };
}

struct peerbuf_range in_b(__u64 offset, __u64 length)
{
	return (struct peerbuf_range){ .offset = offset, .length = length, .bar = MEM_BAR,
				       .flags = PEERBUF_RANGE_F_DEVICE_FD, .device_fd = node_b };
}

struct peerbuf_range in_system(__u64 length)
{
	return (struct peerbuf_range){ .length = length, .flags = PEERBUF_RANGE_F_SYSTEM };
}

void open_nodes(void)
{
	node_a = node_open(A);
	node_b = node_open(B);
	control = control_open();
	lab_host_fill(A, 0, ALL, EMPTY);
	lab_host_fill(B, 0, ALL, OF_B);
}

/* A page of A, and a page of B with something in it that is not for A's owner. */
void open_shared(__u32 flags)
{
	struct peerbuf_range ranges[2] = { in_a(AT_A, PAGE), };

	open_nodes();
	ranges[1] = in_b(AT_B, PAGE);
	lab_host_fill(A, AT_A, PAGE, OF_A);
	check_ok(peer_export(node_a, ranges, 2, flags, &export));
	cpu = buffer_map(export.fd, 2 * PAGE, 0);
	check_eq(cpu[PAGE], OF_B);
}

void node_mode(const char *id, mode_t mode)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where(id));
	check_sys(chmod(path, mode));
}

void become_somebody(void)
{
	check_sys(setgroups(0, NULL));
	check_sys(setresgid(SOMEBODY, SOMEBODY, SOMEBODY));
	check_sys(setresuid(SOMEBODY, SOMEBODY, SOMEBODY));
}

/* A process that has been given this node, as udev would, and nothing else. */
pid_t start_owner_of(const char *id, void (*run)(void))
{
	const char *other = strcmp(id, A) ? A : B;
	pid_t pid;

	node_mode(id, 0666);
	node_mode(other, 0600);
	pid = check_sys(fork());
	if (pid)
		return pid;
	/* A mapping would keep the buffer. */
	if (cpu)
		munmap(cpu, 2 * PAGE);
	close(node_a);
	close(node_b);
	close(control);
	if (export.fd > 0)
		close(export.fd);
	become_somebody();
	check_eq(node_path_open(other, O_RDWR), -EACCES);
	mine = node_path_open(id, O_RDWR);
	check(mine >= 0);
	run();
	exit(0);
}

void end_owner_of(const char *id, pid_t pid)
{
	int status;

	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	node_mode(id, 0600);
}

void as_owner_of(const char *id, void (*run)(void))
{
	end_owner_of(id, start_owner_of(id, run));
}

void check_missing(const char *id)
{
	check_eq(peer_reason, PEERBUF_REASON_RIGHT_MISSING);
	check_eq(peer_missing, lab_addr(id));
}

__u32 state_by(int node)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(node, export.id, &info));
	return info.state;
}

bool revoked(void)
{
	return state_by(control) & PEERBUF_STATE_F_REVOKED;
}
