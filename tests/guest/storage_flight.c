// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks on their way between a drive and a buffer, and what happens to either meanwhile: the
 * call says how far it came, nothing arrives later, and nothing is left behind.
 */
#include <fcntl.h>
#include <unistd.h>

#include "actors.h"
#include "drive.h"
#include "harness.h"
#include "scene.h"

#define MEM		"rp-mem"
#define START		(1ULL << 20)
#define SIZE		(4ULL << 20)
#define ELSEWHERE	(8ULL << 20)

static int control, node, disk;
static struct peer_export export;

static struct peerbuf_ioc_file whole(void)
{
	return (struct peerbuf_ioc_file) {
		.file_fd = disk, .dmabuf_fd = export.fd, .length = SIZE, .depth = 4,
	};
}

static void open_both(void)
{
	control = control_open();
	disk = drive_open(O_RDWR);
	node = node_open(MEM);
	lab_host_fill(MEM, 0, 16ULL << 20, SCENE_PAINT);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
}

/* Again and again, and it may be refused for a while. What it says to have moved has arrived. */
static void read_on(const void *with)
{
	struct peerbuf_ioc_file call = whole();
	int ret;

	(void)with;
	ret = peer_file(control, false, &call);
	if (!ret) {
		check_eq(call.bytes, SIZE);
		actor_did("whole");
		return;
	}
	if (ret != -ENODEV)
		fail("%s, reason %u", strerror(-ret), peer_reason);
	check(call.bytes < SIZE);
	actor_did("ended");
	pause_ms(1);
}

static const struct part reader = {
	.name = "reader", .act = read_on, .least = 3, .deeds = { "whole", "ended" },
};

/* Nobody takes anything away from this one. */
static void read_whole(const void *with)
{
	struct peerbuf_ioc_file call = whole();

	(void)with;
	check_ok(peer_file(control, false, &call));
	check_eq(call.bytes, SIZE);
}

static const struct part steady_reader = {
	.name = "reader", .act = read_whole, .least = 3,
};

static void gone_from(__u64 offset)
{
	lab_host_fill(MEM, offset, SIZE, SCENE_PAINT);
	pause_ms(20);
	check_host_bytes(MEM, offset, SIZE, SCENE_PAINT);
}

TEST(revoke_in_flight, .timeout = 120)
{
	struct actor *actor;

	open_both();
	actor = actor_start_thread(&reader);
	for (unsigned int i = 0; i < rounds(14); i++) {
		actor_await(actor, 1 + i % 3);
		pause_ms(i % 7);
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
		if (i % 10 == 0)
			gone_from(START);
		check_ok(peer_restore(node, export.id));
	}
	actors_stop();
	check_ok(peer_revoke(node, export.id, 0));
}

/* The bytes are where the buffer is in the end, wherever it was when they were read. */
TEST(move_in_flight, .timeout = 120)
{
	struct peerbuf_ioc_file call;
	struct actor *actor;
	__u64 at = START;

	open_both();
	actor = actor_start_thread(&steady_reader);
	for (unsigned int i = 0; i < rounds(14); i++) {
		actor_await(actor, 1);
		pause_ms(i % 7);
		at = at == START ? ELSEWHERE : START;
		check_ok(peer_move_one(node, export.id, MEM_BAR, at, SIZE, PEERBUF_MOVE_F_COPY));
		if (i % 10 == 0)
			gone_from(at == START ? ELSEWHERE : START);
	}
	actors_stop();
	call = whole();
	check_ok(peer_file(control, false, &call));
	check_host_medium(MEM, at, 0, SIZE);
}

/* A call that was under way during a move with a copy has lost nothing. */
TEST(moved_call_is_complete, .timeout = 120)
{
	struct peerbuf_ioc_file call;
	__u64 at = START;
	pid_t pid;

	open_both();
	for (unsigned int i = 0; i < rounds(10); i++) {
		lab_host_fill(MEM, at, SIZE, SCENE_PAINT);
		pid = check_sys(fork());
		if (!pid) {
			call = whole();
			_exit(peer_file(control, false, &call) || call.bytes != SIZE);
		}
		pause_ms(1 + i % 5);
		at = at == START ? ELSEWHERE : START;
		check_ok(peer_move_one(node, export.id, MEM_BAR, at, SIZE, PEERBUF_MOVE_F_COPY));
		process_ends_well(pid);
		check_host_medium(MEM, at, 0, SIZE);
	}
}

TEST(controller_reset_in_flight, .timeout = 300)
{
	struct actor *actor;
	char path[192];

	open_both();
	snprintf(path, sizeof(path), "%s/reset_controller", drive_controller());
	actor = actor_start_thread(&steady_reader);
	for (unsigned int i = 0; i < rounds(4); i++) {
		actor_await(actor, 1);
		check_ok(sysfs_write(path, "1"));
	}
	actor_await(actor, 2);
	actors_stop();
	check_host_medium(MEM, START, 0, SIZE);
}

static pid_t reader_process(void)
{
	pid_t pid = check_sys(fork());

	if (!pid) {
		for (;;)
			read_on(NULL);
	}
	return pid;
}

TEST(killed_in_flight, .timeout = 120)
{
	struct peerbuf_export_info info;
	pid_t pid;

	open_both();
	for (unsigned int i = 0; i < rounds(10); i++) {
		pid = reader_process();
		pause_ms(2 + i % 9);
		process_kill(pid);
		check_ok(peer_query(node, export.id, &info));
		check_eq(info.nr_mappings, 0);
		check_eq(info.nr_attachments, 0);
	}
	gone_from(START);
}

/* A thread that is told what became of the drive. */
static void read_until_gone(const void *with)
{
	struct peerbuf_ioc_file call = whole();
	int ret = peer_file(control, false, &call);

	(void)with;
	if (!ret)
		return;
	check_eq(ret, -ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_CONTROLLER_GONE);
	actor_did("gone");
	pause_ms(5);
}

static const struct part last_reader = {
	.name = "reader", .act = read_until_gone, .least = 1, .deeds = { "gone" },
};

TEST(driver_is_unbound_in_flight, .timeout = 120)
{
	struct peerbuf_ioc_file call;
	struct actor *actor;

	open_both();
	actor = actor_start_thread(&last_reader);
	actor_await(actor, 2);
	device_unbind(DRIVE);
	actor_await(actor, 2);
	actors_stop();
	call = whole();
	check_fails(peer_file(control, false, &call), ENODEV);
	gone_from(START);
	close(disk);
	disk = drive_open(O_RDONLY);
	call = whole();
	check_ok(peer_file(control, false, &call));
	check_host_medium(MEM, START, 0, SIZE);
}

TEST(drive_is_unplugged_in_flight, .timeout = 120)
{
	struct peerbuf_ioc_file call;
	struct actor *actor;

	open_both();
	actor = actor_start_thread(&last_reader);
	actor_await(actor, 2);
	check_eq(lab_host("unplug " DRIVE), 0);
	actor_await(actor, 2);
	actors_stop();
	gone_from(START);
	close(disk);
	lab_plug(DRIVE);
	disk = drive_open(O_RDONLY);
	call = whole();
	check_ok(peer_file(control, false, &call));
	check_host_medium(MEM, START, 0, SIZE);
}

TEST(memory_is_unplugged_in_flight, .timeout = 120)
{
	struct actor *actor;

	open_both();
	actor = actor_start_thread(&(struct part) {
		.name = "reader", .act = read_on, .least = 1, .deeds = { "whole", "ended" },
	});
	actor_await(actor, 2);
	check_eq(lab_host("unplug " MEM), 0);
	actor_await(actor, 2);
	actors_stop();
	close(export.fd);
	close(node);
	lab_plug(MEM);
}

static void read_to_card(const void *with)
{
	struct peerbuf_ioc_file call = whole();

	call.dmabuf_fd = *(const int *)with;
	check_ok(peer_file(control, false, &call));
	check_eq(call.direct, SIZE);
}

TEST(two_cards_at_a_time)
{
	struct peer_export other;
	int far = node_open("far-mem");

	open_both();
	lab_host_fill("far-mem", START, SIZE, SCENE_PAINT);
	check_ok(peer_export_one(far, MEM_BAR, START, SIZE, 0, &other));
	actor_start(&(struct part) {
		.name = "near", .with = &export.fd, .act = read_to_card, .most = 10, .least = 10,
	});
	actor_start(&(struct part) {
		.name = "far", .with = &other.fd, .act = read_to_card, .most = 10, .least = 10,
	});
	actors_finish();
	check_host_medium(MEM, START, 0, SIZE);
	check_host_medium("far-mem", START, 0, SIZE);
}

TEST(module_stays_while_in_flight)
{
	struct actor *actor;
	int busy = 0;

	open_both();
	actor = actor_start_thread(&steady_reader);
	for (unsigned int i = 0; i < 20; i++) {
		actor_await(actor, 1);
		busy += module_unload("peerbuf_nvme") == -EWOULDBLOCK;
	}
	actors_stop();
	check(busy);
	eventually(10, !module_unload("peerbuf_nvme"));
}
