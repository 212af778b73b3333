// SPDX-License-Identifier: GPL-2.0
/*
 * Owners: the stub driver, a BAR lent by the administrator, and a driver that
 * registers its own.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "sleep.h"
#include "writer.h"

#define SIZE	(16 * PAGE)
#define START	(32 * PAGE)
#define CMB_BAR	2

/* ---- the stub ---- */

TEST(stub_says_what_it_has)
{
	int node = node_open("rp-mem");
	struct peerbuf_ioc_info info;

	check_ok(peer_info(node, &info));
	check_eq(info.version, PEERBUF_UAPI_VERSION);
	check_eq(info.addr, lab_addr("rp-mem"));
	check_eq(info.owner, PEERBUF_OWNER_STUB);
	check(!strcmp(info.driver, "peerbuf"));
	check_eq(info.flags, 0);
	check_eq(info.bars[MEM_BAR].size, bar_size("rp-mem", MEM_BAR));
	check_eq(info.bars[MEM_BAR].base, bar_base("rp-mem", MEM_BAR));
	check_eq(info.bars[MEM_BAR].flags,
		 PEERBUF_BAR_F_MEMORY | PEERBUF_BAR_F_PREFETCHABLE |
		 PEERBUF_BAR_F_64BIT | PEERBUF_BAR_F_EXPORTABLE);
	check_eq(info.bars[1].flags, 0);
	check_eq(info.bars[1].size, 0);
}

/* Bound and unbound, its node comes and goes. */
TEST(stub_node_comes_and_goes)
{
	char path[64];

	close(node_open("far-mem"));
	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where("far-mem"));
	check(sysfs_exists(path));
	device_unbind("far-mem");
	check(!sysfs_exists(path));
	device_bind("far-mem", "peerbuf");
	check(sysfs_exists(path));
}

/* Reset by the PCI core: exports are away meanwhile, and back afterwards. */
TEST(reset_revokes_and_restores, .timeout = 90)
{
	struct peerbuf_ioc_stats stats;
	struct peerbuf_export_info info;
	struct peer_export export;
	struct edu_dma_state state;
	int node, edu;
	__u64 revokes, restores;
	__u32 handle;
	void *cpu;

	node = node_open("rp-mem");
	edu = edu_open("rp-edu");
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	cpu = buffer_map(export.fd, SIZE, 0);
	check(touches(cpu, true));
	check_ok(peer_stats(&stats));
	revokes = stats.revokes;
	restores = stats.restores;
	check_ok(device_write("rp-mem", "reset", "1"));
	check_ok(edu_state(edu, handle, &state));
	check_eq(state.invalidations, 1);
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check_ok(peer_stats(&stats));
	check_eq(stats.revokes, revokes + 1);
	check_eq(stats.restores, restores + 1);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, 0);
	check_ok(edu_map(edu, handle));
	check(touches(cpu, true));
}

/* What its user had revoked stays revoked across a reset. */
TEST(reset_does_not_restore_what_was_revoked, .timeout = 90)
{
	struct peerbuf_export_info info;
	struct peer_export export;
	int node = node_open("rp-mem");

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(peer_revoke(node, export.id, 0));
	check_ok(device_write("rp-mem", "reset", "1"));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_REVOKED);
	check_ok(peer_restore(node, export.id));
}

static int stub_sleep(int owner, bool on)
{
	struct bar_owner_sleep req = {
		.size = sizeof(req), .on = on, .addr = lab_addr("rp-mem")
	};

	return peer_ioctl(owner, BAR_OWNER_IOC_SLEEP, &req);
}

static void bytes_arrive(int edu, __u32 handle, __u64 place, __u32 seed)
{
	check_ok(writer_put(&(struct writer){ edu, handle }, 0, 1000, seed));
	check_host_pattern("rp-mem", place, 1000, seed);
}

/* Until it is resumed nothing maps it and nothing new is exported from it. */
TEST(suspend_revokes_and_resume_restores, .timeout = 90)
{
	int owner = owner_open("far-mem"), edu = edu_open("rp-edu"), node = node_open("rp-mem");
	struct peer_export export, late;
	struct peerbuf_export_info info;
	struct peerbuf_ioc_info device;
	__u32 handle;
	void *cpu;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	bytes_arrive(edu, handle, START, 1);
	cpu = buffer_map(export.fd, SIZE, 0);
	check(touches(cpu, false));

	check_ok(stub_sleep(owner, true));
	check_ok(peer_info(node, &device));
	check_eq(device.flags, PEERBUF_INFO_F_DOWN);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_DEVICE_DOWN);
	check_eq(info.nr_mappings, 0);
	check(!touches(cpu, false));
	check_fails(edu_map(edu, handle), ENODEV);
	check_fails(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &late), ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_DEVICE_DOWN);

	check_ok(stub_sleep(owner, false));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, 0);
	check(touches(cpu, false));
	bytes_arrive(edu, handle, START, 2);
	close(owner);
	device_bind("far-mem", "peerbuf");
}

/* It cannot be told to let go, and its process may be frozen: not to be waited for. */
TEST(pinned_importer_keeps_the_machine_awake, .timeout = 90)
{
	int owner = owner_open("far-mem"), edu = edu_open("rp-edu"), node = node_open("rp-mem");
	struct peerbuf_export_info info;
	struct peer_export export;
	double start = now();
	__u32 handle;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	accept_pinned("rp-mem");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_PINNED, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_fails(stub_sleep(owner, true), EBUSY);
	check(now() - start < 30 * slowness());
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_PINNED);
	bytes_arrive(edu, handle, START, 3);
	check_ok(edu_detach(edu, handle));
	check_ok(stub_sleep(owner, true));
	check_ok(stub_sleep(owner, false));
	close(owner);
	device_bind("far-mem", "peerbuf");
}

/* ---- lent by the administrator ---- */

static int lend(int control)
{
	int node;

	device_bind("sw-nvme", "nvme");
	check_ok(peer_lend(control, lab_addr("sw-nvme"), 1U << CMB_BAR));
	node = node_path_open("sw-nvme", O_RDWR);
	check(node >= 0);
	return node;
}

static void unlend(int control)
{
	check_ok(peer_unlend(control, lab_addr("sw-nvme"), 1U << CMB_BAR));
}

TEST(lent_bar_says_whose_it_is)
{
	int control = control_open(), node = lend(control);
	struct peerbuf_ioc_info info;

	check_ok(peer_info(node, &info));
	check_eq(info.owner, PEERBUF_OWNER_LENT);
	check(!strcmp(info.driver, "nvme"));
	check(info.bars[CMB_BAR].flags & PEERBUF_BAR_F_EXPORTABLE);
	check(!(info.bars[0].flags & PEERBUF_BAR_F_EXPORTABLE));
	/* More can be lent later. */
	check_ok(peer_lend(control, lab_addr("sw-nvme"), 1U << 0));
	check_ok(peer_info(node, &info));
	check(info.bars[0].flags & PEERBUF_BAR_F_EXPORTABLE);
	check_ok(peer_unlend(control, lab_addr("sw-nvme"), 1U << 0));
	check_ok(peer_info(node, &info));
	check(!(info.bars[0].flags & PEERBUF_BAR_F_EXPORTABLE));
	check(info.bars[CMB_BAR].flags & PEERBUF_BAR_F_EXPORTABLE);
	close(node);
	unlend(control);
}

/* A peer writes into the controller memory buffer while nvme goes on working. */
TEST(bytes_reach_a_lent_bar)
{
	int control = control_open(), node = lend(control);
	int edu = edu_open("sw-edu");
	struct peer_export export;
	__u8 inner[512], sector[512];
	__u32 handle;
	__u8 *cpu;
	FILE *disk;

	check_ok(peer_export_one(node, CMB_BAR, SIZE, SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	pattern_fill(inner, sizeof(inner), 1);
	check_ok(edu_put(edu, 0, inner, sizeof(inner)));
	check_ok(edu_copy(edu, handle, 4096, 0, sizeof(inner), EDU_DMA_TO_BUFFER,
			  0));
	cpu = buffer_map(export.fd, SIZE, 0);
	check(pattern_matches(cpu + 4096, sizeof(inner), 1));
	disk = fopen("/dev/nvme0n1", "re");
	if (disk) {
		check_eq(fread(sector, 1, sizeof(sector), disk), sizeof(sector));
		check(!strncmp((char *)sector, "peerbuf sector 00000000", 23));
		fclose(disk);
	}
	close(node);
	unlend(control);
}

/* A buffer of the lent BAR that everybody has. */
static void *lent_and_mapped(int node, int edu, struct peer_export *export, __u32 *handle)
{
	void *cpu;

	check_ok(peer_export_one(node, CMB_BAR, SIZE, SIZE, 0, export));
	check_ok(edu_attach(edu, export->fd, EDU_DMA_DYNAMIC, 0, handle));
	check_ok(edu_map(edu, *handle));
	cpu = buffer_map(export->fd, SIZE, 0);
	check(touches(cpu, false));
	return cpu;
}

static void check_taken_away(int edu, __u32 handle, void *cpu)
{
	struct edu_dma_state state;

	check_ok(edu_state(edu, handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check(!touches(cpu, false));
	check_fails(edu_map(edu, handle), ENODEV);
}

TEST(deny_revokes_for_good)
{
	int control = control_open(), node = lend(control);
	int edu = edu_open("sw-edu");
	struct peerbuf_export_info info;
	struct peer_export export;
	__u32 handle;
	void *cpu;

	cpu = lent_and_mapped(node, edu, &export, &handle);
	unlend(control);
	check_taken_away(edu, handle, cpu);
	check_fails(peer_restore(control, export.id), ENODEV);
	check_ok(peer_query(control, export.id, &info));
	check(info.state & PEERBUF_STATE_F_DEAD);
	check_fails(peer_unlend(control, lab_addr("sw-nvme"), 1U << CMB_BAR),
		    ENOENT);
}

/* In force at once; who pins is waited for, but not for ever. */
TEST(deny_waits_for_pinned_importer, .timeout = 90)
{
	int control = control_open(), node = lend(control);
	__u64 addr = lab_addr("sw-nvme");
	int edu = edu_open("sw-edu");
	struct peer_export export, late;
	double start = now();
	__u32 handle;

	check_ok(peer_export_one(node, CMB_BAR, SIZE, SIZE, 0, &export));
	accept_pinned("sw-nvme");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_PINNED, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_fails(peer_unlend(control, addr, 1U << CMB_BAR), EINPROGRESS);
	check_eq(peer_reason, PEERBUF_REASON_STILL_MAPPED);
	check(now() - start > 4);
	check_fails(peer_export_one(node, CMB_BAR, 0, SIZE, 0, &late), EACCES);
	check_eq(peer_reason, PEERBUF_REASON_BAR_NOT_EXPORTABLE);
	check_ok(edu_detach(edu, handle));
	check_ok(peer_unlend(control, addr, 1U << CMB_BAR));
	check_fails(peer_unlend(control, addr, 1U << CMB_BAR), ENOENT);
}

/* The driver's unbind takes the BAR away from everybody, before it happens. */
TEST(unbind_of_the_lender_revokes_for_good, .timeout = 90)
{
	int control = control_open(), node = lend(control);
	int edu = edu_open("sw-edu");
	struct peer_export export;
	__u32 handle;
	void *cpu;

	cpu = lent_and_mapped(node, edu, &export, &handle);
	device_unbind("sw-nvme");
	check_taken_away(edu, handle, cpu);
	check_fails(peer_unlend(control, lab_addr("sw-nvme"), 1U << CMB_BAR),
		    ENOENT);
	check(node_path_open("sw-nvme", O_RDWR) == -ENOENT);
	device_bind("sw-nvme", "nvme");
}

/* Its driver does not tell: before anything freezes the importers are told to let go. */
TEST(machine_sleep_takes_lent_bars_away, .timeout = 90)
{
	int control = control_open(), node = lend(control);
	int edu = edu_open("sw-edu");
	struct peerbuf_export_info info;
	struct peer_export export;
	struct edu_dma_state state;
	__u32 handle;
	void *cpu;

	cpu = lent_and_mapped(node, edu, &export, &handle);
	check_ok(machine_sleep());
	check_ok(edu_state(edu, handle, &state));
	check_eq(state.invalidations, 1);
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.revokes, 1);
	check_eq(info.state, 0);
	check_ok(edu_map(edu, handle));
	check(touches(cpu, false));
	close(node);
	unlend(control);
}

/* ---- a driver's own ---- */

TEST(driver_keeps_its_bar)
{
	int owner = owner_open("rp-mem"), node;
	struct peerbuf_export_info info;
	struct peerbuf_ioc_info device;
	struct peer_export export;

	node = node_path_open("rp-mem", O_RDWR);
	check(node >= 0);
	check_ok(peer_info(node, &device));
	check_eq(device.owner, PEERBUF_OWNER_DRIVER);
	check(!strcmp(device.driver, "bar_owner"));
	check_ok(owner_export(owner, START, SIZE, 0, -1, &export));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.pid, 0);
	check(!strcmp(info.comm, "bar_owner"));
	check_eq(info.buffer_size, SIZE);
	/* Its administrator sees it, and may withdraw it. */
	check_ok(peer_revoke(node, export.id, 0));
	close(export.fd);
	close(node);
	close(owner);
	device_bind("rp-mem", "peerbuf");
}

static int owner, edu;
static struct peer_export export;
static __u32 handle;
static struct bar_owner_buffer buffer;

static void own(__u32 flags)
{
	owner = owner_open("rp-mem");
	edu = edu_open("rp-edu");
	lab_host_fill("rp-mem", 0, 1 << 20, 0xee);
	check_ok(owner_export(owner, START, SIZE, flags, -1, &export));
	buffer = (struct bar_owner_buffer){ .fd = export.fd,
					    .timeout_ms = 1000 };
}

static void disown(void)
{
	close(edu);
	close(export.fd);
	close(owner);
}

TEST(driver_moves_revokes_and_restores, .timeout = 90)
{
	own(0);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	bytes_arrive(edu, handle, START, 1);
	buffer.offset = 2 * START;
	check_ok(owner_call(owner, BAR_OWNER_IOC_MOVE, &buffer));
	bytes_arrive(edu, handle, 2 * START, 2);
	check_ok(owner_call(owner, BAR_OWNER_IOC_REVOKE, &buffer));
	check_fails(edu_map(edu, handle), ENODEV);
	check_fails(owner_call(owner, BAR_OWNER_IOC_MOVE, &buffer), ENODEV);
	check_ok(owner_call(owner, BAR_OWNER_IOC_RESTORE, &buffer));
	check_fails(owner_call(owner, BAR_OWNER_IOC_RESTORE, &buffer), EALREADY);
	bytes_arrive(edu, handle, 2 * START, 3);
	disown();
}

TEST(driver_alone_restores_what_it_revoked)
{
	int control = control_open(), node;

	own(0);
	node = node_path_open("rp-mem", O_RDWR);
	check(node >= 0);
	check_ok(owner_call(owner, BAR_OWNER_IOC_REVOKE, &buffer));
	check_fails(peer_restore(node, export.id), EPERM);
	check_fails(peer_restore(control, export.id), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_REVOKED);
	check_ok(owner_call(owner, BAR_OWNER_IOC_RESTORE, &buffer));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	disown();
}

TEST(driver_vetoes_importers)
{
	struct peerbuf_export_info info;
	int control = control_open();

	own(0);
	check_ok(owner_switch(owner, BAR_OWNER_IOC_VETO, true));
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle),
		    EACCES);
	check_ok(peer_query(control, export.id, &info));
	check_eq(info.last_refusal, PEERBUF_REASON_VETO);
	check_eq(info.last_refusal_errno, EACCES);
	check_ok(owner_switch(owner, BAR_OWNER_IOC_VETO, false));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	disown();
}

/* The kernel's own CPU mapping is a pin, and a hold on the memory. */
TEST(vmap_pins)
{
	struct peerbuf_export_info info;
	int control = control_open();
	__u32 *cpu;

	own(0);
	cpu = buffer_map(export.fd, SIZE, 0);
	cpu[16] = 0xcafe;
	buffer.offset = 64;
	check_ok(owner_call(owner, BAR_OWNER_IOC_VMAP, &buffer));
	check_eq(buffer.value, 0xcafe);
	check_ok(peer_query(control, export.id, &info));
	check(info.state & PEERBUF_STATE_F_VMAPPED);
	check(info.state & PEERBUF_STATE_F_PINNED);
	buffer.offset = 2 * START;
	check_fails(owner_call(owner, BAR_OWNER_IOC_MOVE, &buffer), EBUSY);
	buffer.timeout_ms = 100;
	check_fails(owner_call(owner, BAR_OWNER_IOC_REVOKE, &buffer),
		    EINPROGRESS);
	check_ok(owner_call(owner, BAR_OWNER_IOC_VUNMAP, &buffer));
	check_ok(owner_call(owner, BAR_OWNER_IOC_REVOKE, &buffer));
	/* A vmap would fail now; the DMA-BUF core warns about any that does. */
	check_ok(owner_call(owner, BAR_OWNER_IOC_RESTORE, &buffer));
	disown();
}

/* Two buffers, one lock: a fence in the one is a fence in the other. */
TEST(buffers_share_a_reservation_object)
{
	struct peer_export second;
	struct edu_dma_state state;

	own(0);
	check_ok(owner_export(owner, 2 * START, SIZE, 0, export.fd, &second));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_copy(edu, handle, 0, 0, 1000, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	buffer.fd = second.fd;
	check_ok(owner_call(owner, BAR_OWNER_IOC_REVOKE, &buffer));
	check_ok(edu_state(edu, handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_BUSY));
	/* The other buffer was not revoked. */
	check(state.flags & EDU_DMA_STATE_F_MAPPED);
	close(second.fd);
	disown();
}

TEST(driver_takes_its_device_down_and_up)
{
	struct peerbuf_export_info info;
	struct peer_export late;
	int control = control_open();

	own(0);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(owner_switch(owner, BAR_OWNER_IOC_DOWN, true));
	check_fails(edu_map(edu, handle), ENODEV);
	check_fails(owner_export(owner, 2 * START, SIZE, 0, -1, &late), ENODEV);
	check_ok(peer_query(control, export.id, &info));
	check(info.state & PEERBUF_STATE_F_DEVICE_DOWN);
	check_ok(owner_switch(owner, BAR_OWNER_IOC_DOWN, false));
	bytes_arrive(edu, handle, START, 4);
	disown();
}

/* Unbound while mapped; the buffer lives on, dead, and is released in its time. */
TEST(driver_unbound_while_mapped, .timeout = 90)
{
	struct edu_dma_state state;
	__u32 released;

	own(0);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_copy(edu, handle, 0, 0, 1000, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	device_unbind("rp-mem");
	check_ok(edu_state(edu, handle, &state));
	check_eq(state.flags, 0);
	check_fails(edu_map(edu, handle), ENODEV);
	check_fails(owner_released(owner, &released), ENODEV);
	disown();
}

TEST(driver_hears_of_the_release)
{
	__u32 before, released;

	own(0);
	check_ok(owner_released(owner, &before));
	close(export.fd);
	eventually(2, !owner_released(owner, &released) &&
		   released == before + 1);
	check_ok(owner_export(owner, START, SIZE, 0, -1, &export));
	disown();
}
