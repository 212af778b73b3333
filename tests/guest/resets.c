// SPDX-License-Identifier: GPL-2.0
/*
 * Resets and sleep that come from above a device: its bridge, error recovery, the machine. What
 * is exported is away meanwhile, and back afterwards with what it was.
 */
#include <linux/pci_regs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aer.h"
#include "harness.h"
#include "scene.h"
#include "sleep.h"

static struct scene scene;

static void map_all(void)
{
	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	scene_put(&scene, 1);
	scene_write(&scene, 0, 1);
	check(touches(scene.cpu, true));
}

static __u64 revokes(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(scene.node, scene.export.id, &info));
	return info.revokes;
}

static bool is_back(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(scene.node, scene.export.id, &info));
	return info.revokes == 1 && !info.state;
}

static void check_taken_and_back(void)
{
	struct edu_dma_state state;

	eventually(10, is_back());
	check_ok(edu_state(scene.edu, scene.handle, &state));
	check_eq(state.invalidations, 1);
	check(!scene_mapped(&scene));
	check_ok(edu_map(scene.edu, scene.handle));
	scene_put(&scene, 2);
	scene_write(&scene, 0, 2);
	check_host_pattern("rp-mem", SCENE_START, SCENE_LENGTH, 2);
	check(touches(scene.cpu, true));
}

/* The attribute is there from 6.14 on. */
TEST(bridge_above_is_reset, .timeout = 90)
{
	map_all();
	check_ok(device_write("rp2", "reset_subordinate", "1"));
	check_taken_and_back();
}

/* The port's link is down for the kernel: it resets all that is below. */
TEST(fatal_error_is_recovered_from, .timeout = 90)
{
	map_all();
	aer_inject("rp2", PCI_ERR_UNC_DLP);
	check_taken_and_back();
}

static bool is_master(void)
{
	__u16 command;

	config_read("rp-mem", PCI_COMMAND, &command, sizeof(command));
	return command & PCI_COMMAND_MASTER;
}

/* What recovery sets the device up with was saved before the policy was changed. */
TEST(policy_holds_after_an_error, .timeout = 90)
{
	__u64 addr = lab_addr("rp-mem");
	int control = control_open();

	map_all();
	check(!is_master());
	check_ok(peer_policy(control, addr, PEERBUF_POLICY_F_BUS_MASTER, 0));
	aer_inject("rp2", PCI_ERR_UNC_DLP);
	check_taken_and_back();
	check(is_master());
	check_ok(peer_policy(control, addr, 0, PEERBUF_POLICY_F_BUS_MASTER));
	check(!is_master());
}

/* What recovery sets the device up with was used up by the reset before. */
TEST(fatal_error_after_a_reset, .timeout = 90)
{
	close(node_open("rp-mem"));
	check_ok(device_write("rp-mem", "reset", "1"));
	map_all();
	aer_inject("rp2", PCI_ERR_UNC_DLP);
	check_taken_and_back();
}

TEST(fatal_error_after_a_sleep, .timeout = 90)
{
	struct bar_owner_sleep sleep = { .size = sizeof(sleep), .on = 1 };
	int owner = owner_open("far-mem");

	close(node_open("rp-mem"));
	sleep.addr = lab_addr("rp-mem");
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_SLEEP, &sleep));
	sleep.on = 0;
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_SLEEP, &sleep));
	close(owner);
	device_bind("far-mem", "peerbuf");
	map_all();
	aer_inject("rp2", PCI_ERR_UNC_DLP);
	check_taken_and_back();
}

TEST(machine_sleeps, .timeout = 90)
{
	map_all();
	check_ok(machine_sleep());
	check_taken_and_back();
}

/* A driver need not do anything for it. */
TEST(machine_sleeps_with_a_drivers_export, .timeout = 90)
{
	struct bar_owner_export export = {
		.size = sizeof(export), .offset = SCENE_START, .length = SCENE_SIZE, .share = -1,
	};
	int owner = owner_open("rp-mem"), control = control_open();

	scene = (struct scene){ .mem = "rp-mem", .edu = edu_open("rp-edu"), .node = control };
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_EXPORT, &export));
	scene.export.fd = export.fd;
	scene.export.id = export.id;
	scene.cpu = buffer_map(export.fd, SCENE_SIZE, 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(machine_sleep());
	check_taken_and_back();
	close(export.fd);
	close(owner);
}

/* Somebody binds another device while the machine waits for importers. */
TEST(device_that_comes_while_the_machine_goes_to_sleep, .timeout = 90)
{
	struct peer_export export;
	struct peerbuf_ioc_info info;
	int node, status;
	pid_t pid;

	device_unbind("far-mem");
	scene_open_pinned(&scene, "rp-edu", "rp-mem");
	pid = check_sys(fork());
	if (!pid)
		_exit(machine_sleep() ? 0 : 1);
	pause_ms(1000);
	node = node_open("far-mem");
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	check_ok(peer_info(node, &info));
	check_eq(info.flags, PEERBUF_INFO_F_DOWN);
	check_fails(peer_export_one(node, MEM_BAR, 0, SCENE_SIZE, 0, &export), ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_DEVICE_DOWN);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	check_ok(peer_info(node, &info));
	check_eq(info.flags, 0);
	check_ok(peer_export_one(node, MEM_BAR, 0, SCENE_SIZE, 0, &export));
	close(export.fd);
	check_ok(edu_detach(scene.edu, scene.handle));
}

/* Refused after five seconds, and all is as it was. */
TEST(pinned_importer_keeps_the_machine_from_sleep, .timeout = 90)
{
	double start;

	scene_open_pinned(&scene, "rp-edu", "rp-mem");
	start = now();
	check_fails(machine_sleep(), EBUSY);
	check(now() - start < 15 * slowness());
	check_eq(revokes(), 1);
	scene_put(&scene, 3);
	scene_write(&scene, 0, 3);
	check(touches(scene.cpu, false));
	check_ok(edu_detach(scene.edu, scene.handle));
}
