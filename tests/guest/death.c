// SPDX-License-Identifier: GPL-2.0
/*
 * Death: of the exporting process, the importing one, either driver, either
 * device. Each while the buffer is mapped, most while a transfer is running. The
 * harness checks after each that nothing is left and the kernel did not complain.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actors.h"
#include "harness.h"
#include "lab.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)
#define LENGTH	1000

static int edu;
static struct peer_export export;
static __u32 handle;
static void *cpu;

/* Mapped, and a transfer under way. */
static void attach_and_start(const char *edu_id, __u32 mode)
{
	edu = edu_open(edu_id);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	cpu = buffer_map(export.fd, SIZE, 0);
	check(touches(cpu, true));
}

static bool let_go(void)
{
	struct edu_dma_state state;

	check_ok(edu_state(edu, handle, &state));
	return !(state.flags & (EDU_DMA_STATE_F_MAPPED | EDU_DMA_STATE_F_BUSY));
}

/* The buffer is dead: for the device, for the CPU, and for good. */
static void check_dead(void)
{
	int control = control_open();
	struct peerbuf_export_info info;
	__u32 late;

	check(let_go());
	check_fails(edu_map(edu, handle), ENODEV);
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &late),
		    ENODEV);
	check(!touches(cpu, false));
	check_ok(peer_query(control, export.id, &info));
	check(info.state & PEERBUF_STATE_F_DEAD);
	check_eq(info.nr_mappings, 0);
	check_fails(peer_restore(control, export.id), ENODEV);
	close(control);
}

/* ---- processes ---- */

static void exporter_killed(const char *edu_id, const char *mem, __u32 mode)
{
	pid_t exporter = exporter_start(mem, START, SIZE, 0, &export);

	attach_and_start(edu_id, mode);
	process_kill(exporter);
	eventually(5, let_go());
	check_dead();
}

TEST_VARIANT(exporter_is_killed, exporter_killed, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(exporter_is_killed_same_switch, exporter_killed, "sw-edu", "sw-mem", EDU_DMA_DYNAMIC)

TEST_VARIANT(exporter_is_killed_foreign_importer, exporter_killed, "far-edu", "rp-mem",
	     EDU_DMA_FOREIGN)

TEST(persistent_export_survives_its_process)
{
	pid_t exporter = exporter_start("rp-mem", START, SIZE,
					PEERBUF_EXPORT_F_PERSIST, &export);
	struct edu_dma_state state;

	attach_and_start("rp-edu", EDU_DMA_DYNAMIC);
	process_kill(exporter);
	check_ok(edu_wait(edu, handle));
	check_ok(edu_state(edu, handle, &state));
	check(state.flags & EDU_DMA_STATE_F_MAPPED);
	check(touches(cpu, true));
}

static __u32 importer_mode;

static void importer_begin(const void *edu_id)
{
	attach_and_start(edu_id, importer_mode);
}

/* Its exporter may die first. */
static void importer_act(const void *edu_id)
{
	int ret = edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0);

	(void)edu_id;
	check_among(ret, ENODEV);
	if (!ret)
		actor_did("transfer");
}

/* A process that maps and transfers until it is killed. */
static struct actor *importer_start(const char *edu_id, __u32 mode)
{
	struct part part = {
		.name = "importer", .with = edu_id, .begin = importer_begin,
		.act = importer_act, .least = 1, .deeds = { "transfer" },
	};
	struct actor *importer;

	importer_mode = mode;
	importer = actor_start(&part);
	actor_await(importer, 1);
	return importer;
}

static void importer_killed(const char *edu_id, const char *mem, __u32 mode)
{
	struct peerbuf_export_info info;
	int node = node_open(mem);
	struct actor *importer;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE,
				 mode == EDU_DMA_STATIC ? PEERBUF_EXPORT_F_FALLBACK : 0, &export));
	if (mode == EDU_DMA_PINNED)
		accept_pinned(mem);
	importer = importer_start(edu_id, mode);
	pause_ms(50);
	actor_kill(importer);
	/* Gone with its last file, which the transfer may still hold up. */
	eventually(5, !peer_query(node, export.id, &info) &&
		   !info.nr_attachments);
	check_eq(info.nr_mappings, 0);
	check_eq(info.pins, 0);
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_restore(node, export.id));
}

TEST_VARIANT(importer_is_killed, importer_killed, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(importer_is_killed_same_switch, importer_killed, "sw-edu", "sw-mem", EDU_DMA_DYNAMIC)

TEST_VARIANT(pinned_importer_is_killed, importer_killed, "rp-edu", "rp-mem", EDU_DMA_PINNED)
TEST_VARIANT(static_importer_is_killed, importer_killed, "rp-edu", "rp-mem", EDU_DMA_STATIC)

TEST(both_processes_are_killed)
{
	pid_t exporter = exporter_start("rp-mem", START, SIZE, 0, &export);
	struct actor *importer = importer_start("rp-edu", EDU_DMA_DYNAMIC);

	check_sys(kill(exporter, SIGKILL));
	actor_kill(importer);
	process_was_killed(exporter);
	close(export.fd);
}

/* ---- drivers ---- */

static void exporter_unbound(const char *edu_id, const char *mem, __u32 mode)
{
	struct pollfd pfd = { .events = POLLIN };
	struct peerbuf_ioc_info info;
	struct peer_export late;
	int node = node_open(mem);

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start(edu_id, mode);
	device_unbind(mem);
	check_dead();
	/* The open node knows it, too. */
	check_fails(peer_info(node, &info), ENODEV);
	check_fails(peer_export_one(node, MEM_BAR, 0, PAGE, 0, &late), ENODEV);
	pfd.fd = node;
	check_eq(poll(&pfd, 1, 0), 1);
	check(pfd.revents & POLLHUP);
	/* Bound again, it is as new, and the old buffer stays dead. */
	node = node_open(mem);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &late));
	check_fails(edu_map(edu, handle), ENODEV);
	check_ok(edu_detach(edu, handle));
	check_ok(edu_attach(edu, late.fd, mode, 0, &handle));
	check_ok(edu_map(edu, handle));
}

TEST(exporter_is_unbound)
{
	exporter_unbound("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(exporter_is_unbound_same_switch)
{
	exporter_unbound("sw-edu", "sw-mem", EDU_DMA_FOREIGN);
}

static void check_importer_gone(int node)
{
	struct peerbuf_export_info info;
	struct edu_dma_state state;

	check_fails(edu_state(edu, handle, &state), ENODEV);
	check_fails(edu_map(edu, handle), ENODEV);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.nr_attachments, 0);
	check_eq(info.nr_mappings, 0);
	check_eq(info.state, 0);
	check(touches(cpu, true));
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(peer_restore(node, export.id));
}

static void importer_unbound(const char *edu_id, const char *mem, __u32 mode)
{
	int node = node_open(mem);

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	if (mode == EDU_DMA_PINNED)
		accept_pinned(mem);
	attach_and_start(edu_id, mode);
	device_unbind(edu_id);
	check_importer_gone(node);
	close(edu);
	attach_and_start(edu_id, mode);
	check_ok(edu_wait(edu, handle));
}

TEST_VARIANT(importer_is_unbound, importer_unbound, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(importer_is_unbound_same_switch, importer_unbound, "sw-edu", "sw-mem", EDU_DMA_FOREIGN)

TEST_VARIANT(pinned_importer_is_unbound, importer_unbound, "rp-edu", "rp-mem", EDU_DMA_PINNED)

/* ---- devices ---- */

TEST(exporter_is_unplugged, .timeout = 120)
{
	struct peerbuf_ioc_info info;
	int node = node_open("sw-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("sw-edu", EDU_DMA_DYNAMIC);
	check_eq(lab_host("unplug sw-mem"), 0);
	check_dead();
	check_fails(peer_info(node, &info), ENODEV);
	lab_plug("sw-mem");
	node = node_open("sw-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(edu_detach(edu, handle));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_copy(edu, handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
}

TEST(importer_is_unplugged, .timeout = 120)
{
	int node = node_open("sw-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("sw-edu", EDU_DMA_DYNAMIC);
	check_eq(lab_host("unplug sw-edu"), 0);
	check_importer_gone(node);
	close(edu);
	lab_plug("sw-edu");
	attach_and_start("sw-edu", EDU_DMA_DYNAMIC);
	check_ok(edu_wait(edu, handle));
}

TEST(exporter_below_a_root_port_is_unplugged, .timeout = 120)
{
	int node = node_open("rp-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("far-edu", EDU_DMA_FOREIGN);
	check_eq(lab_host("unplug rp-mem"), 0);
	check_dead();
	lab_plug("rp-mem");
	close(node_open("rp-mem"));
}

TEST(importer_below_a_root_port_is_unplugged, .timeout = 120)
{
	int node = node_open("rp-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("rp-edu", EDU_DMA_DYNAMIC);
	check_eq(lab_host("unplug rp-edu"), 0);
	check_importer_gone(node);
	close(edu);
	lab_plug("rp-edu");
	close(edu_open("rp-edu"));
}

static void rescan(void)
{
	check_ok(sysfs_write("/sys/bus/pci/rescan", "1"));
}

TEST(exporter_is_removed, .timeout = 90)
{
	int node = node_open("rp-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("rp-edu", EDU_DMA_DYNAMIC);
	check_ok(device_write("rp-mem", "remove", "1"));
	check_dead();
	rescan();
	node = node_open("rp-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
}

TEST(importer_is_removed, .timeout = 90)
{
	int node = node_open("rp-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("rp-edu", EDU_DMA_DYNAMIC);
	check_ok(device_write("rp-edu", "remove", "1"));
	check_importer_gone(node);
	close(edu);
	rescan();
	attach_and_start("rp-edu", EDU_DMA_DYNAMIC);
	check_ok(edu_wait(edu, handle));
}

/* Both below one port of the switch's upstream: the whole branch goes. */
TEST(switch_is_removed, .timeout = 120)
{
	int node = node_open("sw-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("sw-edu", EDU_DMA_DYNAMIC);
	check_ok(device_write("sw", "remove", "1"));
	check(!touches(cpu, false));
	check_fails(edu_map(edu, handle), ENODEV);
	close(edu);
	close(node);
	rescan();
	node = node_open("sw-mem");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	attach_and_start("sw-edu", EDU_DMA_DYNAMIC);
	check_ok(edu_wait(edu, handle));
}
