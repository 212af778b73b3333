// SPDX-License-Identifier: GPL-2.0
/*
 * Who has the node of one function has power over that function's memory, and over no
 * other's: moving what is also another's, the rights that takes, and what a node tells.
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "people.h"

/* ---- moving ---- */

/* Into memory of theirs, in every way there is. */
static void move_it_to_mine(const char *other)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);
	struct peerbuf_export_info info;
	__u32 stored, total;

	check_ok(peer_list(mine, 0, &info, 1, &stored, &total));
	check_eq(total, 1);
	check_eq(info.id, export.id);
	lacks_right_to(other, peer_move(mine, info.id, &range, 1, PEERBUF_MOVE_F_COPY));
	lacks_right_to(other, peer_move(mine, info.id, &range, 1, 0));
	range = in_system(2 * PAGE);
	lacks_right_to(other, peer_move(mine, info.id, &range, 1, PEERBUF_MOVE_F_COPY));
	/* The right one has already, twice, is no right to the other's. */
	lacks_right_to(other, peer_move_with(mine, info.id, &range, 1, 0,
					     (__s32[]){ mine, mine }, 2));
}

static void steal_as_a(void)
{
	struct peer_export own;
	__u8 *bytes;

	move_it_to_mine(B);
	check_ok(peer_export_one(mine, MEM_BAR, 0, ALL, 0, &own));
	bytes = buffer_map(own.fd, ALL, 0);
	for (size_t i = 0; i < ALL; i++)
		check(bytes[i] != OF_B);
}

static void steal_as_b(void)
{
	move_it_to_mine(A);
}

TEST(owner_of_one_function_does_not_get_the_others_bytes)
{
	struct peerbuf_export_info info;

	open_shared(0);
	as_owner_of(A, steal_as_a);
	as_owner_of(B, steal_as_b);
	check_ok(peer_query(control, export.id, &info));
	check_eq(info.moves, 0);
	check_eq(cpu[0], OF_A);
	check_eq(cpu[PAGE], OF_B);
	check_host_bytes(A, ELSEWHERE, 2 * PAGE, EMPTY);
	check_host_bytes(B, AT_B, PAGE, OF_B);
}

TEST(with_both_rights_it_moves)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE), back[2];

	open_shared(0);
	check_ok(peer_move_with(node_a, export.id, &range, 1, PEERBUF_MOVE_F_COPY, &node_b, 1));
	check_eq(peer_missing, PEERBUF_PCI_NONE);
	check_host_bytes(A, ELSEWHERE, PAGE, OF_A);
	check_host_bytes(A, ELSEWHERE + PAGE, PAGE, OF_B);
	/* A range's node is a right, too: of where it goes, and of where it was. */
	back[0] = in_b(ELSEWHERE, PAGE);
	back[1] = in_a(AT_A, PAGE);
	check_ok(peer_move(node_a, export.id, back, 2, PEERBUF_MOVE_F_COPY));
	back[0].offset = AT_B;
	check_ok(peer_move(node_a, export.id, back, 2, 0));
	/* And made on the other's node. */
	range = in_system(2 * PAGE);
	check_ok(peer_move_with(node_b, export.id, &range, 1, PEERBUF_MOVE_F_COPY, &node_a, 1));
}

static void move_from_b_as_b(void)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);

	lacks_right_to(A, peer_move(mine, export.id, &range, 1, 0));
}

static void move_from_b_as_a(void)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);

	lacks_right_to(B, peer_move(mine, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
}

TEST(home_counts_wherever_the_buffer_is)
{
	struct peerbuf_range range;

	open_shared(0);
	range = in_b(ELSEWHERE, 2 * PAGE);
	check_ok(peer_move(node_a, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
	as_owner_of(B, move_from_b_as_b);
	as_owner_of(A, move_from_b_as_a);
	range = in_a(ELSEWHERE, 2 * PAGE);
	check_ok(peer_move_with(node_a, export.id, &range, 1, 0, &node_b, 1));
}

static void take_system_bytes_as_b(void)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);

	lacks_right_to(A, peer_move(mine, export.id, &range, 1, PEERBUF_MOVE_F_COPY));
}

TEST(system_memory_is_the_homes)
{
	struct peerbuf_range ranges[2] = { in_system(PAGE), };

	open_nodes();
	ranges[1] = in_b(AT_B, PAGE);
	check_ok(peer_export(node_a, ranges, 2, 0, &export));
	as_owner_of(B, take_system_bytes_as_b);
	as_owner_of(A, steal_as_a);
}

static void see_nothing_as_b(void)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);
	struct peerbuf_export_info info;
	__u32 stored, total;

	check_ok(peer_list(mine, 0, &info, 1, &stored, &total));
	check_eq(total, 0);
	check_fails(peer_query(mine, export.id, &info), ENOENT);
	check_fails(peer_move(mine, export.id, &range, 1, 0), ENOENT);
	check_fails(peer_revoke(mine, export.id, 0), ENOENT);
	check_fails(peer_restore(mine, export.id), ENOENT);
}

static void take_back_as_a(void)
{
	check_ok(peer_move_one(mine, export.id, MEM_BAR, ELSEWHERE, 2 * PAGE,
			       PEERBUF_MOVE_F_COPY));
}

/* What the exporter had fall back, with the right to both, is its home's from then on. */
TEST(what_fell_back_is_the_homes)
{
	int edu = edu_open("rp-edu");
	__u32 handle;

	open_shared(PEERBUF_EXPORT_F_FALLBACK);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_STATIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(edu_detach(edu, handle));
	as_owner_of(B, see_nothing_as_b);
	as_owner_of(A, take_back_as_a);
	check_eq(cpu[0], OF_A);
	check_eq(cpu[PAGE], OF_B);
}

/* ---- what is told ---- */

static __u64 told_system;
static __u32 told_ranges, told_devices;
static const char *told_of;

static void look(void)
{
	struct peerbuf_export_info info, listed;
	struct peerbuf_attachment_info importer;
	__u32 stored, total;

	check_ok(peer_query(mine, export.id, &info));
	check_ok(peer_list(mine, 0, &listed, 1, &stored, &total));
	check(!memcmp(&info, &listed, sizeof(info)));
	check_eq(info.id, export.id);
	check_eq(info.buffer_size, 5 * PAGE);
	check_eq(info.state, PEERBUF_STATE_F_SHARED);
	check_eq(info.nr_attachments, 1);
	check_eq(info.nr_mappings, 1);
	check_eq(info.addr, lab_addr(told_of));
	check_eq(info.nr_ranges, told_ranges);
	check_eq(info.nr_devices, told_devices);
	check_eq(info.system_size, told_system);
	check_eq(info.last_refusal_route.reason, 0);
	check_eq(info.last_refusal_route.decider, PEERBUF_PCI_NONE);
	check_ok(peer_attachments(mine, export.id, &importer, 1, &total));
	check_eq(total, 1);
	check_eq(importer.addr, lab_addr("rp-edu"));
	check_eq(importer.nr_mappings, 1);
	check_eq(importer.nr_segments, 0);
	check_eq(importer.mapped_ranges, 0);
	check_eq(importer.dma_addr, 0);
	check_eq(importer.route.type, told_devices ? PEERBUF_ROUTE_THRU_HOST_BRIDGE : 0);
}

static void told(const char *id, __u32 ranges, __u32 devices, __u64 system)
{
	told_of = id;
	told_ranges = ranges;
	told_devices = devices;
	told_system = system;
	as_owner_of(id, look);
	/* For root as well: a node is a node. */
	mine = strcmp(id, A) ? node_b : node_a;
	look();
}

TEST(node_tells_nothing_of_another_function)
{
	struct peerbuf_range ranges[4] = { in_a(AT_A, PAGE), in_system(PAGE), };
	struct peerbuf_export_info info;
	__u32 handle;
	int edu;

	open_nodes();
	edu = edu_open("rp-edu");
	lab_addr("rp-edu");
	ranges[2] = in_b(AT_B, PAGE);
	ranges[3] = in_b(ELSEWHERE, 2 * PAGE);
	check_ok(peer_export(node_a, ranges, 4, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	told(A, 2, 1, PAGE);
	told(B, 2, 1, 0);
	/* All of it for the administrator, and for who has the buffer. */
	check_ok(peer_query(control, export.id, &info));
	check_eq(info.nr_ranges, 4);
	check_eq(info.nr_devices, 2);
	check_eq(info.system_size, PAGE);
	check_eq(info.state, 0);
	check_ok(peer_query_fd(node_b, export.fd, &info));
	check_eq(info.addr, lab_addr(A));
	check_eq(info.nr_ranges, 4);
	/* Away from its home, which hears that it is, and not where. */
	ranges[0] = in_b(0, PAGE);
	ranges[1] = in_b(AT_A, PAGE);
	check_ok(peer_move(node_a, export.id, ranges, 4, 0));
	check_ok(edu_map(edu, handle));
	told(A, 0, 0, 0);
	check_ok(peer_query(node_b, export.id, &info));
	check_eq(info.addr, lab_addr(B));
	check_eq(info.nr_ranges, 4);
	check_eq(info.state, 0);
}

/* ---- the array of rights ---- */

static void refused_right(const __s32 *rights, __u32 nr, int error, __u32 reason, __u32 bad)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);

	check_fails(peer_move_with(node_a, export.id, &range, 1, 0, rights, nr), error);
	check_eq(peer_reason, reason);
	check_eq(peer_bad_right, bad);
	check_fails(peer_restore_with(node_a, export.id, rights, nr), error);
	check_eq(peer_reason, reason);
	check_eq(peer_bad_right, bad);
}

TEST(rights_that_are_none)
{
	__s32 many[PEERBUF_MAX_RIGHTS + 1];
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);
	int readonly, path, pipes[2];

	open_shared(0);
	readonly = node_path_open(B, O_RDONLY);
	path = node_path_open(B, O_PATH);
	check(readonly >= 0 && path >= 0);
	check_sys(pipe(pipes));
	check_ok(peer_revoke(node_a, export.id, 0));
	for (__u32 i = 0; i <= PEERBUF_MAX_RIGHTS; i++)
		many[i] = node_b;
	refused_right((__s32[]){ node_b, -1 }, 2, EBADF, PEERBUF_REASON_BAD_FD, 1);
	refused_right((__s32[]){ 1000, node_b }, 2, EBADF, PEERBUF_REASON_BAD_FD, 0);
	refused_right(&path, 1, EBADF, PEERBUF_REASON_BAD_FD, 0);
	refused_right((__s32[]){ node_b, node_a, readonly }, 3, EBADF,
		      PEERBUF_REASON_READ_ONLY_FILE, 2);
	refused_right(&pipes[0], 1, EXDEV, PEERBUF_REASON_NOT_NODE, 0);
	refused_right(&control, 1, EXDEV, PEERBUF_REASON_NOT_NODE, 0);
	refused_right(&export.fd, 1, EXDEV, PEERBUF_REASON_NOT_NODE, 0);
	refused_right(many, PEERBUF_MAX_RIGHTS + 1, EMSGSIZE,
		      PEERBUF_REASON_TOO_MANY_RIGHTS, 0);
	refused_right(many, ~0U, EMSGSIZE, PEERBUF_REASON_TOO_MANY_RIGHTS, 0);
	refused_right((void *)8, 1, EFAULT, PEERBUF_REASON_BAD_POINTER, 0);
	check(revoked());
	/* The same one again and again is no error, and an array of none is not looked at. */
	check_ok(peer_restore_with(node_a, export.id, (void *)8, 0));
	check_ok(peer_move_with(node_a, export.id, &range, 1, 0, many, PEERBUF_MAX_RIGHTS));
}

/* A node that was opened before its function was bound anew is no right to it. */
TEST(right_from_before_the_function_went_is_none)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);
	int stale = node_open(B);

	device_unbind(B);
	open_shared(0);
	lacks_right_to(B, peer_move_with(node_a, export.id, &range, 1, 0, &stale, 1));
	check_ok(peer_move_with(node_a, export.id, &range, 1, 0, &node_b, 1));
}

TEST(call_without_the_array_has_the_nodes_right)
{
	struct peerbuf_range range = in_a(ELSEWHERE, 2 * PAGE);
	struct peerbuf_ioc_move req = {
		.size = offsetof(struct peerbuf_ioc_move, rights),
		.nr_ranges = 1, .ranges = (unsigned long)&range,
	};

	open_shared(0);
	req.id = export.id;
	check_fails(peer_ioctl(node_a, PEERBUF_IOC_MOVE, &req), EACCES);
	check_eq(req.reason, PEERBUF_REASON_RIGHT_MISSING);
	check_eq(req.missing, 0);
}

/* ---- the command ---- */

static int shell_as_somebody(const char *command)
{
	int status;
	pid_t pid;

	printf("# $ %s\n", command);
	fflush(stdout);
	pid = check_sys(fork());
	if (!pid) {
		become_somebody();
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int somebody_runs(const char *format, const char *more)
{
	char command[256];

	snprintf(command, sizeof(command), format, (unsigned long long)export.id, more);
	return shell_as_somebody(command);
}

TEST(command_opens_the_nodes_it_needs)
{
	struct peerbuf_export_info info;

	open_shared(0);
	node_mode(A, 0666);
	check_eq(somebody_runs("peerbuf move %llu -b 2 -r 512K:8K 2>&1 | grep 'memory of %s'",
			       lab_where(B)), 0);
	check_eq(somebody_runs("peerbuf move %llu -b 2 -r 512K:8K%s", ""), 1);
	check_ok(peer_revoke(node_b, export.id, 0));
	check_eq(somebody_runs("peerbuf restore %llu 2>&1 | grep '%s'", lab_where(B)), 0);
	check_eq(somebody_runs("peerbuf restore %llu%s", ""), 1);
	node_mode(B, 0666);
	check_ok(peer_revoke(node_a, export.id, 0));
	check_eq(somebody_runs("peerbuf restore %llu%s", ""), 0);
	check(!revoked());
	check_eq(somebody_runs("peerbuf move --copy %llu -b 2 -r 512K:8K%s", ""), 0);
	check_ok(peer_query(control, export.id, &info));
	check_eq(info.moves, 1);
	node_mode(A, 0600);
	node_mode(B, 0600);
}
