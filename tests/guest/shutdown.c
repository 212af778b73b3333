// SPDX-License-Identifier: GPL-2.0
/*
 * The machine goes down, or another kernel is to be started: reboot(2) tells of both in the same
 * way, before any driver is shut down. What is exported is taken away then, whoever owns it,
 * and nobody is waited for without end. There is no way back, so this comes last in a boot.
 */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"

/* It is lent, and has a driver that goes on working. */
#define LENT	"sw-nvme"
#define LENT_BAR	2

/**
 * struct shared - what somebody exports and a device has mapped
 * @edu: the device
 * @fd: the DMA-BUF
 * @id: of the export
 * @handle: the attachment
 * @cpu: a process' mapping
 */
struct shared {
	int edu;
	int fd;
	__u64 id;
	__u32 handle;
	void *cpu;
};

static int control;

static void give(struct shared *shared, int edu, __u32 mode)
{
	shared->edu = edu;
	check_ok(edu_attach(edu, shared->fd, mode, 0, &shared->handle));
	check_ok(edu_map(edu, shared->handle));
	shared->cpu = buffer_map(shared->fd, SCENE_SIZE, 0);
	check(touches(shared->cpu, false));
}

static void export_from(struct shared *shared, int node, __u32 bar)
{
	struct peer_export export;

	check_ok(peer_export_one(node, bar, SCENE_START, SCENE_SIZE, 0, &export));
	shared->fd = export.fd;
	shared->id = export.id;
}

static void export_lent(struct shared *shared)
{
	int node;

	device_bind(LENT, "nvme");
	check_ok(peer_lend(control, lab_addr(LENT), 1U << LENT_BAR));
	node = node_path_open(LENT, O_RDWR);
	check(node >= 0);
	export_from(shared, node, LENT_BAR);
}

static void export_drivers(struct shared *shared)
{
	struct bar_owner_export export = {
		.size = sizeof(export), .offset = SCENE_START, .length = SCENE_SIZE, .share = -1,
	};

	check_ok(peer_ioctl(owner_open("sw-mem"), BAR_OWNER_IOC_EXPORT, &export));
	shared->fd = export.fd;
	shared->id = export.id;
}

static void go_down(void)
{
	int fd;

	check_eq(module_load("machine_down"), 0);
	eventually(5, (fd = open("/dev/machine_down", O_WRONLY | O_CLOEXEC)) >= 0);
	check_eq(write(fd, "1", 1), 1);
}

static void check_away(struct shared *shared)
{
	struct peerbuf_export_info info;
	struct edu_dma_state state;

	check_ok(peer_query(control, shared->id, &info));
	check(info.state & PEERBUF_STATE_F_DEVICE_DOWN);
	check_ok(edu_state(shared->edu, shared->handle, &state));
	check(!(state.flags & EDU_DMA_STATE_F_MAPPED));
	check_eq(state.invalidations, 1);
	check_fails(edu_map(shared->edu, shared->handle), ENODEV);
	check(!touches(shared->cpu, false));
}

/* One that is bound now, and one whose reset is over, has nothing to give either. */
static void check_nothing_comes_back(const struct shared *stubs)
{
	struct peerbuf_export_info info;
	struct peerbuf_ioc_info device;
	struct peer_export export;
	int node = node_open("io-dev");

	check_ok(peer_info(node, &device));
	check_eq(device.flags, PEERBUF_INFO_F_DOWN);
	check_fails(peer_export_one(node, 0, 0, PAGE, 0, &export), ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_DEVICE_DOWN);
	check_ok(device_write("rp-mem", "reset", "1"));
	check_ok(peer_query(control, stubs->id, &info));
	check(info.state & PEERBUF_STATE_F_DEVICE_DOWN);
	check_fails(edu_map(stubs->edu, stubs->handle), ENODEV);
}

TEST(everything_is_taken_away_before_drivers_shut_down, .timeout = 120)
{
	struct shared stubs, lent, drivers, pinned;
	struct edu_dma_state state;
	int mark, node, edu;
	double start;

	control = control_open();
	edu = edu_open("rp-edu");
	export_from(&stubs, node_open("rp-mem"), MEM_BAR);
	give(&stubs, edu, EDU_DMA_DYNAMIC);
	export_lent(&lent);
	give(&lent, edu, EDU_DMA_DYNAMIC);
	export_drivers(&drivers);
	give(&drivers, edu, EDU_DMA_FOREIGN);
	node = node_open("far-mem");
	accept_pinned("far-mem");
	export_from(&pinned, node, MEM_BAR);
	give(&pinned, edu_open("far-edu"), EDU_DMA_PINNED);

	mark = kmsg_mark();
	start = now();
	go_down();
	check(now() - start > 4 && now() - start < 15 * slowness());
	check(kmsg_has(mark, "still mapped by"));
	check_away(&stubs);
	check_away(&lent);
	check_away(&drivers);
	/* This one cannot be told. A process gets no more of it, and nobody maps it anew. */
	check(!touches(pinned.cpu, false));
	check_ok(edu_state(pinned.edu, pinned.handle, &state));
	check(state.flags & EDU_DMA_STATE_F_MAPPED);
	check_nothing_comes_back(&stubs);
}
