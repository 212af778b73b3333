// SPDX-License-Identifier: GPL-2.0
/* Events: what a node tells, to whom, and in which order. */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(64 * 1024)
#define START	(128 * 1024)
#define ROOM	128

static int node, listener;
static struct peer_export export;

static void listen_on(const char *id)
{
	node = node_open(id);
	listener = node_path_open(id, O_RDONLY | O_NONBLOCK);
	check(listener >= 0);
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	check_sys(poll(&pfd, 1, 0));
	return pfd.revents & POLLIN;
}

static void expect(__u32 type, __u64 id)
{
	struct peerbuf_event event;

	check(readable(listener));
	check_eq(read(listener, &event, sizeof(event)), sizeof(event));
	check_eq(event.type, type);
	check_eq(event.id, id);
	check_eq(event.lost, 0);
}

static void expect_none(void)
{
	struct peerbuf_event event;

	check(!readable(listener));
	check(read(listener, &event, sizeof(event)) == -1 && errno == EAGAIN);
}

TEST(every_step_of_an_export_is_told)
{
	listen_on("rp-mem");
	expect_none();
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	expect(PEERBUF_EVENT_EXPORT, export.id);
	check_ok(peer_move_one(node, export.id, MEM_BAR, 0, SIZE, 0));
	expect(PEERBUF_EVENT_MOVE, export.id);
	check_ok(peer_revoke(node, export.id, 0));
	expect(PEERBUF_EVENT_REVOKE, export.id);
	/* Revoking again changes nothing. */
	check_ok(peer_revoke(node, export.id, 0));
	expect_none();
	check_ok(peer_restore(node, export.id));
	expect(PEERBUF_EVENT_RESTORE, export.id);
	close(export.fd);
	pause_ms(100);
	expect(PEERBUF_EVENT_RELEASE, export.id);
	expect_none();
}

TEST(refused_calls_are_not_told)
{
	struct peer_export late;

	listen_on("rp-mem");
	check_fails(peer_export_one(node, MEM_BAR, 1, SIZE, 0, &late), EINVAL);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	expect(PEERBUF_EVENT_EXPORT, export.id);
	check_fails(peer_move_one(node, export.id, MEM_BAR, 1, SIZE, 0), EINVAL);
	check_fails(peer_restore(node, export.id), EALREADY);
	expect_none();
}

TEST(only_the_functions_own_exports_are_told)
{
	int other = node_open("far-mem");
	struct peer_export far;

	listen_on("rp-mem");
	check_ok(peer_export_one(other, MEM_BAR, START, SIZE, 0, &far));
	check_ok(peer_revoke(other, far.id, 0));
	expect_none();
}

TEST(several_events_in_one_read)
{
	struct peerbuf_event events[8];

	listen_on("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_restore(node, export.id));
	/* Whole events only. */
	check(read(listener, events, sizeof(events[0]) - 1) == -1 &&
	      errno == EINVAL);
	check_eq(read(listener, events, 2 * sizeof(events[0]) + 5),
		 2 * sizeof(events[0]));
	check_eq(events[0].type, PEERBUF_EVENT_EXPORT);
	check_eq(events[1].type, PEERBUF_EVENT_REVOKE);
	check_eq(read(listener, events, sizeof(events)), sizeof(events[0]));
	check_eq(events[0].type, PEERBUF_EVENT_RESTORE);
}

TEST(lost_events_are_counted)
{
	struct peerbuf_event events[ROOM + 8];
	__u32 lost = 0;
	ssize_t n;

	listen_on("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	/* 2 * ROOM of them, and the export itself. */
	for (unsigned int i = 0; i < ROOM; i++) {
		check_ok(peer_revoke(node, export.id, 0));
		check_ok(peer_restore(node, export.id));
	}
	n = check_sys(read(listener, events, sizeof(events)));
	check_eq(n % sizeof(events[0]), 0);
	check_ok(peer_revoke(node, export.id, 0));
	check_eq(read(listener, events + ROOM, sizeof(events[0])),
		 sizeof(events[0]));
	lost = events[ROOM].lost;
	check_eq(n / sizeof(events[0]) + lost, 2 * ROOM + 1);
}

/* A blocking read wakes up when something happens. */
TEST(read_waits)
{
	struct peerbuf_event event;
	int waiter;
	pid_t pid;

	node = node_open("rp-mem");
	waiter = node_path_open("rp-mem", O_RDONLY);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_eq(read(waiter, &event, sizeof(event)), sizeof(event));
	check_eq(event.type, PEERBUF_EVENT_EXPORT);
	pid = check_sys(fork());
	if (!pid) {
		pause_ms(300);
		check_ok(peer_revoke(node, export.id, 0));
		_exit(0);
	}
	check_eq(read(waiter, &event, sizeof(event)), sizeof(event));
	check_eq(event.type, PEERBUF_EVENT_REVOKE);
}

TEST(unbind_is_told_and_hangs_up)
{
	struct pollfd pfd = { .events = POLLIN };
	struct peerbuf_event event;

	listen_on("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	expect(PEERBUF_EVENT_EXPORT, export.id);
	device_unbind("rp-mem");
	expect(PEERBUF_EVENT_REVOKE, export.id);
	pfd.fd = listener;
	check_eq(poll(&pfd, 1, 0), 1);
	check(pfd.revents & POLLHUP);
	check_eq(read(listener, &event, sizeof(event)), 0);
	device_bind("rp-mem", "peerbuf");
}
