// SPDX-License-Identifier: GPL-2.0
/* Events: what a node tells, to whom, and in which order. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)
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
	check_eq(event.size, sizeof(event));
	check_eq(event.buffer_size, SIZE);
	check_eq(event.client, PEERBUF_PCI_NONE);
	check_eq(event.reason, 0);
	check_eq(event.flags, 0);
}

static __u64 boot_time(void)
{
	struct timespec now;

	check_sys(clock_gettime(CLOCK_BOOTTIME, &now));
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
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

/* ---- what a record says ---- */

TEST(an_event_says_when_whose_and_by_whom)
{
	struct peerbuf_event event;
	__u64 before, between;
	int status;
	pid_t pid;

	listen_on("rp-mem");
	before = boot_time();
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	between = boot_time();
	pid = check_sys(fork());
	if (!pid)
		_exit(peer_revoke(node, export.id, 0) != 0);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);

	check_eq(read(listener, &event, sizeof(event)), sizeof(event));
	check(event.time >= before && event.time <= between);
	check_eq(event.pid, getpid());
	check_eq(event.function, lab_addr("rp-mem"));
	check(event.comm[0]);
	check_eq(read(listener, &event, sizeof(event)), sizeof(event));
	check_eq(event.type, PEERBUF_EVENT_REVOKE);
	check(event.time >= between && event.time <= boot_time());
	check_eq(event.pid, pid);
}

/* Shared with the process that has a PID namespace of its own. */
static struct {
	__u32 pid;
	__u32 outside;
} *inside;

static void look_from_inside(void)
{
	struct peerbuf_event event;
	struct peer_export other;

	check_eq(read(listener, &event, sizeof(event)), sizeof(event));
	inside->outside = event.pid;
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &other));
	check_eq(read(listener, &event, sizeof(event)), sizeof(event));
	inside->pid = event.pid;
}

TEST(the_pid_is_the_readers)
{
	int status;
	pid_t pid;

	inside = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(inside != MAP_FAILED);
	inside->outside = ~0U;
	listen_on("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_sys(unshare(CLONE_NEWPID));
	pid = check_sys(fork());
	if (!pid) {
		look_from_inside();
		_exit(0);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_eq(inside->pid, 1);
	check_eq(inside->outside, 0);
}

/* ---- which, and in which size ---- */

TEST(only_chosen_events_are_told)
{
	listen_on("rp-mem");
	check_ok(peer_events(listener, 1U << PEERBUF_EVENT_REVOKE, sizeof(struct peerbuf_event)));
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	expect_none();
	check_ok(peer_revoke(node, export.id, 0));
	expect(PEERBUF_EVENT_REVOKE, export.id);
	check_ok(peer_restore(node, export.id));
	expect_none();
	/* What waits was chosen when it happened. */
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_events(listener, 0, sizeof(struct peerbuf_event)));
	expect(PEERBUF_EVENT_REVOKE, export.id);
	check_ok(peer_restore(node, export.id));
	expect_none();
}

TEST(another_reader_has_its_own_choice)
{
	struct peerbuf_event event;
	int other;

	listen_on("rp-mem");
	other = node_path_open("rp-mem", O_RDONLY | O_NONBLOCK);
	check_ok(peer_events(other, 0, sizeof(event)));
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	expect(PEERBUF_EVENT_EXPORT, export.id);
	check(read(other, &event, sizeof(event)) == -1 && errno == EAGAIN);
}

/* Told to who asks for it, at once where nothing is mapped, and once for a revoke. */
TEST(drained_is_told_after_a_revoke)
{
	listen_on("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_restore(node, export.id));
	expect(PEERBUF_EVENT_EXPORT, export.id);
	expect(PEERBUF_EVENT_REVOKE, export.id);
	expect(PEERBUF_EVENT_RESTORE, export.id);
	expect_none();

	check_ok(peer_events(listener, 1U << PEERBUF_EVENT_REVOKE | 1U << PEERBUF_EVENT_DRAINED,
			     sizeof(struct peerbuf_event)));
	check_ok(peer_revoke(node, export.id, 0));
	expect(PEERBUF_EVENT_REVOKE, export.id);
	expect(PEERBUF_EVENT_DRAINED, export.id);
	check_ok(peer_revoke(node, export.id, 0));
	expect_none();
}

/* Not as long as an importer keeps its mapping, whatever else happens to the buffer. */
TEST(drained_is_told_when_the_last_importer_unmaps)
{
	__u32 handles[2];
	int edus[2];

	listen_on("rp-mem");
	edus[0] = edu_open("rp-edu");
	edus[1] = edu_open("far-edu");
	check_ok(peer_events(listener, 1U << PEERBUF_EVENT_DRAINED, sizeof(struct peerbuf_event)));
	accept_pinned("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	for (int i = 0; i < 2; i++) {
		check_ok(edu_attach(edus[i], export.fd, EDU_DMA_PINNED, 0, &handles[i]));
		check_ok(edu_map(edus[i], handles[i]));
	}
	check_fails(peer_revoke(node, export.id, 0), EINPROGRESS);
	expect_none();
	check_ok(edu_detach(edus[0], handles[0]));
	expect_none();
	check_ok(peer_restore(node, export.id));
	expect_none();
	check_ok(edu_detach(edus[1], handles[1]));
	expect(PEERBUF_EVENT_DRAINED, export.id);
	expect_none();
}

/* A program of a later kernel's: what this one does not know is zero. */
TEST(longer_records_end_in_zeros)
{
	struct {
		struct peerbuf_event event;
		__u8 later[24];
	} records[3];

	listen_on("rp-mem");
	check_ok(peer_events(listener, ~0U << 1 & 0x7e, sizeof(records[0])));
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(peer_revoke(node, export.id, 0));
	memset(records, 0x5a, sizeof(records));
	check(read(listener, records, sizeof(records[0]) - 1) == -1 && errno == EINVAL);
	check_eq(read(listener, records, sizeof(records) - 1), 2 * sizeof(records[0]));
	check_eq(records[0].event.type, PEERBUF_EVENT_EXPORT);
	check_eq(records[1].event.type, PEERBUF_EVENT_REVOKE);
	for (unsigned int i = 0; i < 2; i++) {
		check_eq(records[i].event.size, sizeof(records[i].event));
		check_eq(records[i].event.id, export.id);
		for (size_t byte = 0; byte < sizeof(records[i].later); byte++)
			check_eq(records[i].later[byte], 0);
	}
	/* Nothing behind the last. */
	check_eq(((__u8 *)&records[2])[0], 0x5a);
}

static void choice_refused(__u64 types, __u32 record_size, __u32 reason)
{
	check_fails(peer_events(listener, types, record_size), EINVAL);
	check_eq(peer_reason, reason);
}

TEST(unknown_events_and_odd_sizes_are_refused)
{
	const __u32 size = sizeof(struct peerbuf_event);
	struct peerbuf_ioc_probe probe;

	listen_on("rp-mem");
	check_ok(peer_probe(listener, &probe));
	check_eq(probe.event_size, size);
	check_ok(peer_events(listener, probe.event_types, probe.event_size));
	for (unsigned int type = 0; type < 64; type++)
		if (!(probe.event_types >> type & 1))
			choice_refused(1ULL << type, size, PEERBUF_REASON_FLAGS);
	choice_refused(2, 0, PEERBUF_REASON_STRUCT_SIZE);
	choice_refused(2, offsetof(struct peerbuf_event, comm), PEERBUF_REASON_STRUCT_SIZE);
	choice_refused(2, size + 4, PEERBUF_REASON_STRUCT_SIZE);
	choice_refused(2, PAGE + 8, PEERBUF_REASON_STRUCT_SIZE);
	/* It is as it was. */
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	expect(PEERBUF_EVENT_EXPORT, export.id);
}

/* A read that fails takes nothing away. */
TEST(an_event_that_cannot_be_stored_waits_on)
{
	struct peerbuf_event event;

	listen_on("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(peer_revoke(node, export.id, 0));
	check(read(listener, NULL, sizeof(event)) == -1 && errno == EFAULT);
	expect(PEERBUF_EVENT_EXPORT, export.id);
	expect(PEERBUF_EVENT_REVOKE, export.id);
	expect_none();
}

/* ---- what the kernel knows ---- */

static void probed(int fd)
{
	struct peerbuf_ioc_probe probe;

	check_ok(peer_probe(fd, &probe));
	check_eq(probe.version, PEERBUF_UAPI_VERSION);
	check_eq(probe.page_size, sysconf(_SC_PAGESIZE));
	check_eq(probe.max_ranges, PEERBUF_MAX_RANGES);
	check_eq(probe.max_devices, PEERBUF_MAX_DEVICES);
	check_eq(probe.max_rights, PEERBUF_MAX_RIGHTS);
	check(probe.export_flags & PEERBUF_EXPORT_F_FALLBACK);
	check(probe.move_flags & PEERBUF_MOVE_F_COPY);
	check(probe.range_flags & PEERBUF_RANGE_F_SYSTEM);
	check(probe.release[0] && !probe.release[sizeof(probe.release) - 1]);
}

/* A flag that is said to be known is taken, any other is refused. */
TEST(probe_tells_the_truth_about_flags)
{
	struct peerbuf_ioc_probe probe;
	struct peer_export other;

	listen_on("rp-mem");
	check_ok(peer_probe(node, &probe));
	for (unsigned int bit = 0; bit < 32; bit++) {
		if (probe.export_flags >> bit & 1) {
			check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 1U << bit, &other));
			close(other.fd);
		} else {
			check_fails(peer_export_one(node, MEM_BAR, START, SIZE, 1U << bit, &other),
				    EINVAL);
			check_eq(peer_reason, PEERBUF_REASON_FLAGS);
		}
	}
}

TEST(probe_by_anybody_everywhere)
{
	int control = check_sys(open("/dev/peerbuf/control", O_RDONLY));

	listen_on("rp-mem");
	check_sys(setuid(65534));
	probed(listener);
	probed(control);
}
