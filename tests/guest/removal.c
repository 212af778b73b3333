// SPDX-License-Identifier: GPL-2.0
/*
 * Removal of a device whose memory somebody keeps: an importer that was accepted though it
 * cannot be revoked. Nothing waits for it without end, and nobody else gets the memory before it
 * has let go.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "kept.h"
#include "scene.h"

#define CMB_BAR		2
/* Seconds: what a removal may take, and what others may while it waits. */
#define REMOVAL		(15 * slowness())
#define ANSWER		(3 * slowness())

static struct scene scene;

static bool can_write(__u32 seed)
{
	scene_put(&scene, seed);
	return !edu_copy(scene.edu, scene.handle, 0, 0, SCENE_LENGTH, EDU_DMA_TO_BUFFER, 0);
}

/* A buffer of @mem that an importer has pinned and will not give back. */
static void hold(const char *edu, const char *mem)
{
	scene_open(&scene, edu, mem, 0);
	accept_pinned(mem);
	scene_attach(&scene, EDU_DMA_PINNED, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check(can_write(1));
}

static void let_go(void)
{
	check_ok(edu_detach(scene.edu, scene.handle));
	close(scene.edu);
}

/* New, and an importer writes to it. */
static void works_again(const char *edu, const char *mem)
{
	struct scene fresh;

	scene_open(&fresh, edu, mem, 0);
	scene_attach(&fresh, EDU_DMA_DYNAMIC, 0);
	scene_put(&fresh, 7);
	scene_write(&fresh, 0, 7);
	check_host_pattern(mem, SCENE_START, SCENE_LENGTH, 7);
}

static void check_kept_from_others(const char *mem)
{
	check(is_kept());
	check_fails(try_bind(mem, "peerbuf"), EBUSY);
	check_eq(module_load("bar_owner"), 0);
	check_fails(try_bind(mem, "bar_owner"), EBUSY);
	/* This is why: it is still there, and writes. */
	check(can_write(2));
	check_host_pattern(mem, SCENE_START, SCENE_LENGTH, 2);
}

TEST(unbind_ends_before_the_last_unmap, .timeout = 120)
{
	double start;

	hold("rp-edu", "rp-mem");
	check(!is_kept());
	start = now();
	device_unbind("rp-mem");
	check(now() - start > 4 && now() - start < REMOVAL);
	check(!touches(scene.cpu, false));
	check_kept_from_others("rp-mem");
	let_go();
	eventually(5, !is_kept());
	works_again("rp-edu", "rp-mem");
}

/* An importer that pins has mapped what a driver has exported. Returns the driver's file. */
static int pinned_export_of_a_driver(void)
{
	struct bar_owner_switch pinned = { .size = sizeof(pinned), .on = 1 };
	struct bar_owner_export export = {
		.size = sizeof(export), .offset = SCENE_START, .length = SCENE_SIZE, .share = -1,
	};
	int owner = owner_open("rp-mem");

	scene = (struct scene){ .mem = "rp-mem", .edu = edu_open("rp-edu") };
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_PINNED, &pinned));
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_EXPORT, &export));
	scene.export.fd = export.fd;
	scene_attach(&scene, EDU_DMA_PINNED, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	return owner;
}

TEST(drivers_unbind_ends_before_the_last_unmap, .timeout = 120)
{
	int owner = pinned_export_of_a_driver();
	double start;

	close(owner);
	start = now();
	device_unbind("rp-mem");
	check(now() - start < REMOVAL);
	check_kept_from_others("rp-mem");
	let_go();
	eventually(5, !is_kept());
	works_again("rp-edu", "rp-mem");
}

/* The drive keeps its driver, and a pinned importer has mapped what it lends. */
static __u32 lent_and_pinned(int control, int edu)
{
	struct peer_export export;
	__u32 handle;
	int node;

	device_bind("sw-nvme", "nvme");
	check_ok(peer_lend(control, lab_addr("sw-nvme"), 1U << CMB_BAR));
	accept_pinned("sw-nvme");
	eventually(5, (node = node_path_open("sw-nvme", O_RDWR)) >= 0);
	check_ok(peer_export_one(node, CMB_BAR, 0, SCENE_SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_PINNED, 0, &handle));
	check_ok(edu_map(edu, handle));
	return handle;
}

/* The driver stays on another's word: what it had lent is taken away before it is unbound. */
TEST(lenders_unbind_ends_before_the_last_unmap, .timeout = 120)
{
	int control = control_open(), edu = edu_open("sw-edu");
	__u64 nvme = lab_addr("sw-nvme");
	double start;
	__u32 handle;

	handle = lent_and_pinned(control, edu);
	start = now();
	device_unbind("sw-nvme");
	check(now() - start < REMOVAL);
	check(is_kept());
	check_fails(try_bind("sw-nvme", "peerbuf"), EBUSY);
	check_ok(edu_detach(edu, handle));
	eventually(5, !is_kept());
	device_bind("sw-nvme", "nvme");
	check_ok(peer_lend(control, nvme, 1U << CMB_BAR));
	check_ok(peer_unlend(control, nvme, 1U << CMB_BAR));
}

static void rescan(void)
{
	check_ok(sysfs_write("/sys/bus/pci/rescan", "1"));
}

/* Plugged in again it gets other addresses, or none. */
TEST(addresses_are_not_given_to_others, .timeout = 120)
{
	__u64 base = bar_base("rp-mem", MEM_BAR);
	double start;

	hold("rp-edu", "rp-mem");
	close(scene.node);
	start = now();
	check_ok(device_write("rp-mem", "remove", "1"));
	check(now() - start < REMOVAL);
	check(is_kept());
	rescan();
	check(bar_base("rp-mem", MEM_BAR) != base);
	check_ok(device_write("rp-mem", "remove", "1"));
	let_go();
	eventually(5, !is_kept());
	rescan();
	works_again("rp-edu", "rp-mem");
}

/* The window goes with the bridge, and the kept range goes before. */
TEST(switch_is_removed, .timeout = 120)
{
	double start;

	hold("rp-edu", "sw-mem");
	close(scene.node);
	start = now();
	check_ok(device_write("sw", "remove", "1"));
	check(now() - start < REMOVAL);
	check(!is_kept());
	check(!touches(scene.cpu, false));
	let_go();
	rescan();
	works_again("rp-edu", "sw-mem");
}

/* The device is in order afterwards, and so is what the importer had all the time. */
TEST(reset_ends_before_the_last_unmap, .timeout = 120)
{
	struct peerbuf_export_info info;
	double start;

	hold("rp-edu", "rp-mem");
	start = now();
	check_ok(device_write("rp-mem", "reset", "1"));
	check(now() - start < REMOVAL);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_PINNED);
	check(can_write(3));
	check(touches(scene.cpu, false));
	let_go();
}

static pid_t unbind_elsewhere(const char *id)
{
	pid_t pid = check_sys(fork());

	if (!pid) {
		device_unbind(id);
		_exit(0);
	}
	/* It waits by now. */
	pause_ms(500);
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	return pid;
}

/* The command finds the export and the function in its environment. */
static void answers_meanwhile(const char *command)
{
	char id[24];
	double start;
	pid_t pid;

	hold("rp-edu", "rp-mem");
	snprintf(id, sizeof(id), "%llu", (unsigned long long)scene.export.id);
	setenv("ID", id, 1);
	setenv("FUNCTION", lab_where("rp-mem"), 1);
	pid = unbind_elsewhere("rp-mem");
	printf("# $ %s\n", command);
	fflush(stdout);
	start = now();
	check(system(command) != -1);
	if (now() - start > ANSWER)
		fail("%s took %.1f s", command, now() - start);
	/* It has answered before the removal was over. */
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	let_go();
	process_ends_well(pid);
	check(!is_kept());
	check_sys(munmap(scene.cpu, SCENE_SIZE));
	close(scene.export.fd);
	close(scene.node);
}

TEST(others_answer_while_a_removal_waits, .timeout = 120)
{
	answers_meanwhile("peerbuf ps");
	answers_meanwhile("peerbuf topo > /dev/null");
	answers_meanwhile("peerbuf devices");
	answers_meanwhile("peerbuf revoke --timeout 1 $ID");
	answers_meanwhile("peerbuf deny $FUNCTION");
}

TEST(deny_answers_while_the_lender_is_unbound, .timeout = 120)
{
	int control = control_open(), edu = edu_open("sw-edu");
	__u32 handle;
	double start;
	pid_t pid;

	handle = lent_and_pinned(control, edu);
	pid = unbind_elsewhere("sw-nvme");
	start = now();
	check_fails(peer_unlend(control, lab_addr("sw-nvme"), 1U << CMB_BAR), ENOENT);
	check(now() - start < ANSWER);
	check_ok(edu_detach(edu, handle));
	process_ends_well(pid);
	device_bind("sw-nvme", "nvme");
}

/* One who waits without end for a device's importers costs another no time. */
TEST(limit_holds_whoever_else_is_waiting, .timeout = 120)
{
	struct bar_owner_switch change = { .size = sizeof(change), .on = 1 };
	int owner = pinned_export_of_a_driver();
	double start;
	pid_t pid;

	pid = check_sys(fork());
	if (!pid) {
		/* A file of its own: calls on one exclude each other. */
		check_ok(peer_ioctl(owner_open("rp-mem"), BAR_OWNER_IOC_DOWN, &change));
		_exit(0);
	}
	pause_ms(500);
	change.on = BAR_OWNER_DOWN_SOON;
	start = now();
	check_fails(peer_ioctl(owner, BAR_OWNER_IOC_DOWN, &change), EINPROGRESS);
	check(now() - start < ANSWER);
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	check_ok(edu_detach(scene.edu, scene.handle));
	process_ends_well(pid);
	change.on = 0;
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_DOWN, &change));
	close(owner);
	device_bind("rp-mem", "peerbuf");
}
