// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers whose file is gone or about to go, and that are still found: by their id, by their
 * device, by their node. An O_PATH descriptor keeps a file's name and not the file: the DMA-BUF
 * is released when the name goes, and its file is freed long before. Whoever touches that
 * file is caught by an instrumented kernel.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define MEM	"rp-mem"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define FILES	64

static int node, control;
static struct peer_export export;

/* Its memory is somebody else's by now, after the grace period it has. */
static void forget_file(void)
{
	int fds[FILES];

	pause_ms(200);
	for (int i = 0; i < FILES; i++)
		fds[i] = check_sys(memfd_create("other", MFD_CLOEXEC));
	for (int i = 0; i < FILES; i++)
		close(fds[i]);
}

/* A buffer of which nothing but the name is left. */
static int begin(__u32 flags)
{
	char path[32];
	int name;

	control = control_open();
	node = node_open(MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, flags, &export));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", export.fd);
	name = check_sys(open(path, O_PATH | O_CLOEXEC));
	check_sys(close(export.fd));
	forget_file();
	return name;
}

static __u32 state(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(control, export.id, &info));
	return info.state;
}

static void end(int name)
{
	struct peerbuf_export_info info;

	check_sys(close(name));
	check_fails(peer_query(control, export.id, &info), ENOENT);
}

TEST(only_its_name_is_left_and_it_is_asked_about)
{
	struct peerbuf_attachment_info attachments[2];
	struct peerbuf_export_info entries[4];
	int name = begin(0);
	__u32 stored, total;

	check_eq(state(), 0);
	check_ok(peer_list(node, 0, entries, 4, &stored, &total));
	check_eq(stored, 1);
	check_eq(entries[0].id, export.id);
	check_ok(peer_attachments(node, export.id, attachments, 2, &total));
	check_eq(total, 0);
	end(name);
}

TEST(only_its_name_is_left_and_it_is_revoked_and_restored)
{
	int name = begin(0);

	check_ok(peer_revoke(node, export.id, 1000));
	check(state() & PEERBUF_STATE_F_REVOKED);
	check_ok(peer_restore(node, export.id));
	check_eq(state(), 0);
	check_ok(peer_revoke(control, export.id, 1000));
	check(state() & PEERBUF_STATE_F_REVOKED);
	end(name);
}

TEST(only_its_name_is_left_and_it_moves)
{
	struct peerbuf_range system = { .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM };
	int name = begin(0);

	check_ok(peer_move_one(node, export.id, MEM_BAR, 4 * START, SIZE, PEERBUF_MOVE_F_COPY));
	check_ok(peer_move(node, export.id, &system, 1, PEERBUF_MOVE_F_COPY));
	check_ok(peer_move_one(node, export.id, MEM_BAR, START, SIZE, 0));
	check_eq(state(), 0);
	end(name);
}

TEST(only_its_name_is_left_and_the_device_is_reset, .timeout = 60)
{
	int name = begin(0);

	check_ok(device_write(MEM, "reset", "1"));
	check_eq(state(), 0);
	end(name);
}

TEST(only_its_name_is_left_and_its_node_is_closed)
{
	int name = begin(0);

	check_sys(close(node));
	check(state() & PEERBUF_STATE_F_DEAD);
	end(name);
}

TEST(only_its_name_is_left_and_the_device_is_unbound)
{
	int name = begin(PEERBUF_EXPORT_F_PERSIST);

	device_unbind(MEM);
	check(state() & PEERBUF_STATE_F_DEAD);
	end(name);
}

/* By what is going to be the next id, while it comes and goes. */
static void ask_until(const volatile bool *enough, __u64 first)
{
	static const int gone[] = { ENOENT, ENODEV, EALREADY, 0 };
	struct peerbuf_export_info info;
	__u32 stored, total;
	__u64 id = first;

	while (!*enough) {
		if (peer_query(control, id + 1, &info) == 0)
			id++;
		check(among(peer_query(control, id, &info), gone));
		check(among(peer_revoke(control, id, 1000), gone));
		check(among(peer_restore(control, id), gone));
		check_ok(peer_list(control, id, &info, 1, &stored, &total));
		if (stored)
			id = info.id - 1;
	}
	_exit(0);
}

TEST(found_by_its_id_while_its_file_dies, .timeout = 120)
{
	volatile bool *enough = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int nr = rounds(400);
	int status;
	pid_t pid;

	check(enough != MAP_FAILED);
	control = control_open();
	node = node_open(MEM);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	pid = check_sys(fork());
	if (!pid)
		ask_until(enough, export.id);
	for (unsigned int i = 0; i < nr; i++) {
		close(export.fd);
		check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
		if (!(i % 8))
			pause_ms(1);
	}
	*enough = true;
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}
