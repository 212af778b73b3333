// SPDX-License-Identifier: GPL-2.0
/*
 * A time limit holds whatever is under way. Somebody has the buffer's lock for long: the
 * driver's engine, or the CPU that copies gigabytes (long_copy_*, for which the BAR has to be
 * 8 GiB). Everybody else gets his answer in time, and whoever may end the copy does.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE		(16 * PAGE)
#define START		(32 * PAGE)
#define ELSEWHERE	(128 * PAGE)
#define ENGINE_SECONDS	(BAR_OWNER_LONG / 1000.0)

#define GIB		(1ULL << 30)
#define LONG_SIZE	(2 * GIB)
#define LONG_ELSEWHERE	(4 * GIB)
#define SEED		7
#define LENGTH		2000

/* What the mover came to, for the others to see. */
struct moved {
	volatile bool over;
	int ret;
	__u32 reason;
};

static struct peer_export export;
static struct moved *moved;
static int node, owner, edu;
static __u32 handle;
static pid_t mover;

static double seconds_since(double start)
{
	return now() - start;
}

static void mover_start(int (*move)(void))
{
	moved = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(moved != MAP_FAILED);
	mover = check_sys(fork());
	if (mover)
		return;
	moved->ret = move();
	moved->reason = peer_reason;
	moved->over = true;
	_exit(0);
}

static __u32 state(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(node, export.id, &info));
	return info.state;
}

/* Somebody has the lock for longer than one who looks waits for it. */
static void until_busy(void)
{
	eventually(10, state() & PEERBUF_STATE_F_BUSY);
	check(!moved->over);
}

static void mover_comes_to(int ret, __u32 reason)
{
	process_ends_well(mover);
	check(moved->over);
	check_eq(moved->ret, ret);
	check_eq(moved->reason, reason);
}

/* ---- a driver's engine ---- */

static int engine_move(void)
{
	struct bar_owner_buffer req = {
		.fd = export.fd, .offset = ELSEWHERE, .flags = PEERBUF_MOVE_F_COPY,
	};

	return owner_call(owner, BAR_OWNER_IOC_MOVE, &req);
}

static void engine_export(__u32 engine)
{
	struct bar_owner_export req = {
		.size = sizeof(req), .offset = START, .length = SIZE, .share = -1,
		.engine = engine,
	};

	owner = owner_open("rp-mem");
	node = node_path_open("rp-mem", O_RDWR);
	check(node >= 0);
	edu = edu_open("rp-edu");
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_EXPORT, &req));
	export.fd = req.fd;
	export.id = req.id;
}

static void engine_starts(__u32 engine)
{
	engine_export(engine);
	mover_start(engine_move);
	until_busy();
}

TEST(limit_of_a_revoke_holds)
{
	struct peerbuf_ioc_revoke revoke;
	double start;

	engine_starts(BAR_OWNER_ENGINE_DEAF);
	start = now();
	check_fails(peer_revoke_info(node, export.id, 300, &revoke), EINPROGRESS);
	check(seconds_since(start) < ENGINE_SECONDS / 2);
	check_eq(peer_reason, PEERBUF_REASON_BUSY);
	check(state() & PEERBUF_STATE_F_REVOKED);
	check(!moved->over);
	/* One who waits on sees it through. */
	check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	mover_comes_to(-ENODEV, 0);
	check_ok(peer_restore(node, export.id));
}

static bool mapped(void)
{
	struct edu_dma_state edu_now;

	check_ok(edu_state(edu, handle, &edu_now));
	return edu_now.flags & EDU_DMA_STATE_F_MAPPED;
}

/* Who did not wait need not ask again, and it is still his doing. */
TEST(importers_are_told_without_another_call)
{
	struct peerbuf_export_info info;
	struct peerbuf_event event;
	__u64 revokes;
	int listener;

	engine_starts(BAR_OWNER_ENGINE_DEAF);
	listener = check_sys(node_path_open("rp-mem", O_RDONLY | O_NONBLOCK));
	check_ok(peer_events(listener, 1U << PEERBUF_EVENT_REVOKE, sizeof(event)));
	check_ok(peer_query(node, export.id, &info));
	revokes = info.revokes;
	check_fails(peer_revoke(node, export.id, 0), EINPROGRESS);
	mover_comes_to(-ENODEV, 0);
	eventually(5, !peer_query(node, export.id, &info) && info.revokes > revokes);
	check_eq(info.revokes, revokes + 1);
	eventually(5, read(listener, &event, sizeof(event)) == sizeof(event));
	check_eq(event.id, export.id);
	check_eq(event.pid, getpid());
	check(event.comm[0]);
	check_eq(info.state, PEERBUF_STATE_F_REVOKED);
	check_eq(info.moves, 0);
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle), ENODEV);
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_restore(node, export.id));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check(mapped());
}

/* A restore does not make an unfinished revoke forget those who had it mapped. */
TEST(restore_ends_an_unfinished_revoke_first)
{
	struct peerbuf_export_info info;

	engine_starts(BAR_OWNER_ENGINE_DEAF);
	check_fails(peer_revoke(node, export.id, 0), EINPROGRESS);
	check_ok(peer_restore(node, export.id));
	mover_comes_to(-ENODEV, 0);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, 0);
	check_eq(info.revokes, 1);
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_restore(node, export.id));
}

TEST(engine_gives_up_for_a_revoke)
{
	struct peerbuf_export_info info;
	double start;

	engine_starts(BAR_OWNER_ENGINE_POLITE);
	start = now();
	check_ok(peer_revoke(node, export.id, 1000));
	check(seconds_since(start) < 1);
	process_ends_well(mover);
	check_eq(moved->ret, -ENODEV);
	check_ok(peer_restore(node, export.id));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.moves, 0);
	check_eq(info.state, 0);
}

TEST(engine_gives_up_for_a_kill)
{
	double start;

	engine_starts(BAR_OWNER_ENGINE_POLITE);
	start = now();
	process_kill(mover);
	check(seconds_since(start) < 1);
	check_eq(state(), 0);
}

/* What it may still write to is not free. */
TEST(destination_stays_claimed_until_the_engine_stops)
{
	struct peerbuf_ioc_info info;

	engine_export(BAR_OWNER_ENGINE_LEAVES);
	check_fails(engine_move(), EIO);
	check_ok(peer_info(node, &info));
	check_eq(info.nr_exports, 2);
	pause_ms(300);
	check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
	check_ok(peer_info(node, &info));
	check_eq(info.nr_exports, 1);
	check_ok(peer_restore(node, export.id));
}

TEST(listing_waits_for_nobody)
{
	struct peerbuf_export_info entries[8];
	struct peerbuf_attachment_info importer;
	int control = control_open(), other;
	__u32 stored, total;
	double start;

	engine_export(BAR_OWNER_ENGINE_DEAF);
	other = node_open("far-mem");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	mover_start(engine_move);
	until_busy();
	start = now();
	check_ok(peer_list(other, 0, entries, 8, &stored, &total));
	check_eq(total, 0);
	check(seconds_since(start) < 0.1 * slowness());
	check_ok(peer_list(control, 0, entries, 8, &stored, &total));
	check_eq(total, 1);
	check_eq(entries[0].id, export.id);
	check_eq(entries[0].addr, lab_addr("rp-mem"));
	check_eq(entries[0].nr_attachments, 1);
	check(entries[0].state & PEERBUF_STATE_F_BUSY);
	check_ok(peer_attachments(node, export.id, &importer, 1, &total));
	check_eq(total, 1);
	check_eq(importer.addr, lab_addr("rp-edu"));
	check_eq(importer.route.type, PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	check(seconds_since(start) < ENGINE_SECONDS / 2);
	check(!moved->over);
	mover_comes_to(0, 0);
	check_eq(state(), 0);
}

/* ---- the CPU's faults ---- */

static void *cpu;

static void *touch_it(void *unused)
{
	touches(cpu, true);
	return unused;
}

/* A fault that waits has not the address space's lock. */
TEST(fault_does_not_keep_others_from_mapping)
{
	pthread_t toucher;
	double start;
	void *page;

	engine_export(BAR_OWNER_ENGINE_DEAF);
	cpu = buffer_map(export.fd, SIZE, 0);
	mover_start(engine_move);
	until_busy();
	check_eq(pthread_create(&toucher, NULL, touch_it, NULL), 0);
	pause_ms(200);
	start = now();
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(page != MAP_FAILED);
	check_sys(munmap(page, PAGE));
	page = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, export.fd, 0);
	check(page != MAP_FAILED);
	check_sys(munmap(page, SIZE));
	check(seconds_since(start) < ENGINE_SECONDS / 4);
	check(!moved->over);
	check_eq(pthread_join(toucher, NULL), 0);
	mover_comes_to(0, 0);
	check(touches(cpu, true));
}

static void killed_while_it(void (*touch)(void))
{
	double start;
	pid_t pid;

	engine_export(BAR_OWNER_ENGINE_DEAF);
	cpu = buffer_map(export.fd, SIZE, 0);
	mover_start(engine_move);
	until_busy();
	pid = check_sys(fork());
	if (!pid) {
		touch();
		_exit(0);
	}
	pause_ms(200);
	start = now();
	process_kill(pid);
	check(seconds_since(start) < ENGINE_SECONDS / 4);
	check(!moved->over);
	mover_comes_to(0, 0);
}

static void load_byte(void)
{
	*(volatile __u8 *)cpu;
}

/* The kernel faults for it. */
static void write_it(void)
{
	int pipe_fds[2];

	check_sys(pipe(pipe_fds));
	if (write(pipe_fds[1], cpu, PAGE) < 0)
		_exit(1);
}

TEST(process_dies_in_a_fault)
{
	killed_while_it(load_byte);
}

TEST(process_dies_in_the_kernels_fault)
{
	killed_while_it(write_it);
}

/* ---- a copy by the CPU ---- */

static int long_move(void)
{
	int mine = node_path_open("rp-mem", O_RDWR);

	return peer_move_one(mine, export.id, MEM_BAR, LONG_ELSEWHERE, LONG_SIZE,
			     PEERBUF_MOVE_F_COPY);
}

/* It has a pattern at its end, which comes last. */
static void long_prepare(void)
{
	__u8 *last;

	if (bar_size("rp-mem", MEM_BAR) < 2 * LONG_ELSEWHERE)
		skip("the BAR is too small for a long copy");
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, 0, LONG_SIZE, 0, &export));
	last = buffer_map(export.fd, PAGE, LONG_SIZE - PAGE);
	pattern_fill(last, LENGTH, SEED);
	check_sys(munmap(last, PAGE));
}

static void long_starts(void)
{
	long_prepare();
	mover_start(long_move);
	until_busy();
}

/* At its old place, with its contents, and not too broken to move. */
static void long_is_where_it_was(void)
{
	struct peerbuf_export_info info;
	__u8 host[LENGTH], *first;

	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, 0);
	check_eq(info.moves, 0);
	lab_host_read("rp-mem", LONG_SIZE - PAGE, host, LENGTH);
	check(pattern_matches(host, LENGTH, SEED));
	first = buffer_map(export.fd, PAGE, 0);
	*first = 0x5a;
	lab_host_read("rp-mem", 0, host, 1);
	check_eq(host[0], 0x5a);
	check_sys(munmap(first, PAGE));
}

TEST(long_copy_gives_up_for_a_revoke, .timeout = 120)
{
	double start;

	long_starts();
	start = now();
	check_ok(peer_revoke(node, export.id, 1000));
	check(seconds_since(start) < 1);
	mover_comes_to(-ENODEV, PEERBUF_REASON_REVOKED);
	check_ok(peer_restore(node, export.id));
	long_is_where_it_was();
}

TEST(long_copy_gives_up_for_a_kill, .timeout = 120)
{
	double start;

	long_starts();
	start = now();
	process_kill(mover);
	check(seconds_since(start) < 1);
	long_is_where_it_was();
}

static void heard(int signal)
{
}

static int long_move_that_hears(void)
{
	const struct sigaction action = { .sa_handler = heard };

	check_sys(sigaction(SIGUSR1, &action, NULL));
	return long_move();
}

/* One that ends no process: the mover is told, and importers come back. */
TEST(long_copy_gives_up_for_a_signal, .timeout = 120)
{
	struct edu_dma_state edu_now;
	double start;

	long_prepare();
	edu = edu_open("rp-edu");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	mover_start(long_move_that_hears);
	until_busy();
	start = now();
	check_sys(kill(mover, SIGUSR1));
	mover_comes_to(-EINTR, PEERBUF_REASON_INTERRUPTED);
	check(seconds_since(start) < 1);
	check_ok(edu_state(edu, handle, &edu_now));
	check_eq(edu_now.invalidations, 1);
	check(!(edu_now.flags & EDU_DMA_STATE_F_MAPPED));
	check_ok(edu_map(edu, handle));
	long_is_where_it_was();
}

TEST(long_copy_gives_up_when_the_node_is_closed, .timeout = 120)
{
	double start;
	pid_t exporter;

	if (bar_size("rp-mem", MEM_BAR) < 2 * LONG_ELSEWHERE)
		skip("the BAR is too small for a long copy");
	exporter = exporter_start("rp-mem", 0, LONG_SIZE, 0, &export);
	node = node_path_open("rp-mem", O_RDWR);
	mover_start(long_move);
	until_busy();
	start = now();
	process_kill(exporter);
	mover_comes_to(-ENODEV, PEERBUF_REASON_DEVICE_GONE);
	check(seconds_since(start) < 2);
	check(state() & PEERBUF_STATE_F_DEAD);
}

TEST(long_copy_gives_up_when_the_device_is_unbound, .timeout = 120)
{
	double start;

	long_starts();
	start = now();
	device_unbind("rp-mem");
	check(seconds_since(start) < 2);
	mover_comes_to(-ENODEV, PEERBUF_REASON_DEVICE_GONE);
}

/* What reads as ones from then on is not taken for the contents. */
TEST(long_copy_gives_up_when_memory_decode_goes_off, .timeout = 120)
{
	long_starts();
	memory_decode("rp-mem", false);
	mover_comes_to(-EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);
	memory_decode("rp-mem", true);
	long_is_where_it_was();
}

TEST(long_copy_arrives, .timeout = 300)
{
	__u8 host[LENGTH];

	long_prepare();
	check_ok(long_move());
	lab_host_read("rp-mem", LONG_ELSEWHERE + LONG_SIZE - PAGE, host, LENGTH);
	check(pattern_matches(host, LENGTH, SEED));
}
