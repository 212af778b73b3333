// SPDX-License-Identifier: GPL-2.0
/*
 * A device that does not decode memory, because somebody switched that off by hand: nobody is
 * told, so it is noticed when the memory is asked for, and nobody is given what reads as ones.
 * When it is on again everything is as before.
 */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "quirk.h"
#include "scene.h"

#define MEM	"rp-mem"
/* It can be put to sleep, and its BAR 2 is memory as well. */
#define SLEEPER	"sw-nvme"
#define CMB_BAR	2

static struct scene scene;

static void begin(void)
{
	scene_open(&scene, "rp-edu", MEM, 0);
}

static void check_said(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.last_refusal, PEERBUF_REASON_MEMORY_DECODE_OFF);
	check_eq(info.last_refusal_errno, EIO);
}

static void check_works(__u32 seed)
{
	scene_write(&scene, 0, seed);
	check_host_pattern(MEM, SCENE_START, SCENE_LENGTH, seed);
	check(pattern_matches(scene.cpu, SCENE_LENGTH, seed));
	scene_read(&scene, 0, seed);
}

static void attaches(__u32 mode)
{
	int ret;

	begin();
	memory_decode(MEM, false);
	ret = edu_attach(scene.edu, scene.export.fd, mode, 0, &scene.handle);
	memory_decode(MEM, true);
	check_eq(ret, -EIO);
	check_said();
	scene_attach(&scene, mode, 0);
	check_works(1);
}

TEST(off_when_an_importer_attaches)
{
	attaches(EDU_DMA_DYNAMIC);
}

TEST(off_when_an_importer_without_the_helper_attaches)
{
	attaches(EDU_DMA_FOREIGN);
}

static void maps(__u32 mode)
{
	int ret;

	begin();
	scene_attach(&scene, mode, 0);
	memory_decode(MEM, false);
	ret = edu_map(scene.edu, scene.handle);
	memory_decode(MEM, true);
	check_eq(ret, -EIO);
	check(!scene_mapped(&scene));
	check_said();
	check_ok(edu_map(scene.edu, scene.handle));
	check_works(2);
}

TEST(off_when_an_importer_maps)
{
	maps(EDU_DMA_DYNAMIC);
}

TEST(off_when_an_importer_without_the_helper_maps)
{
	maps(EDU_DMA_FOREIGN);
}

TEST(off_when_it_is_restored)
{
	struct peerbuf_export_info info;

	begin();
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	check_works(3);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	memory_decode(MEM, false);
	check_fails(peer_restore(scene.node, scene.export.id), EIO);
	check_eq(peer_reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check(info.state & PEERBUF_STATE_F_REVOKED);
	check_fails(edu_map(scene.edu, scene.handle), ENODEV);
	memory_decode(MEM, true);
	check_ok(peer_restore(scene.node, scene.export.id));
	check_works(4);
}

TEST(off_when_the_cpu_faults)
{
	begin();
	memory_decode(MEM, false);
	check(!touches(scene.cpu, false));
	check(!touches(scene.cpu + SCENE_SIZE - 1, true));
	check_said();
	memory_decode(MEM, true);
	check(touches(scene.cpu, false));
	check_eq(scene.cpu[0], SCENE_PAINT);
}

TEST(off_when_a_debugger_looks)
{
	int fd = check_sys(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	off_t at;
	__u8 byte;

	begin();
	at = (off_t)(unsigned long)scene.cpu;
	memory_decode(MEM, false);
	check_eq(pread(fd, &byte, 1, at), -1);
	check_eq(errno, EIO);
	memory_decode(MEM, true);
	check_eq(pread(fd, &byte, 1, at), 1);
	check_eq(byte, SCENE_PAINT);
}

static int kernel_maps(int owner)
{
	struct bar_owner_buffer buffer = {
		.size = sizeof(buffer), .fd = scene.export.fd, .flags = BAR_OWNER_VMAP_F_TRY,
	};

	return peer_ioctl(owner, BAR_OWNER_IOC_VMAP, &buffer);
}

TEST(off_when_the_kernel_maps)
{
	int owner = owner_open("far-mem"), ret;

	begin();
	memory_decode(MEM, false);
	ret = kernel_maps(owner);
	memory_decode(MEM, true);
	check_eq(ret, -EIO);
	check_ok(kernel_maps(owner));
	close(owner);
	device_bind("far-mem", "peerbuf");
}

/* In D3hot, to which the bit says nothing. */
TEST(asleep_whoever_asks)
{
	int node = node_open(SLEEPER), edu = edu_open("rp-edu"), quirk;
	struct peer_export export, late;
	__u32 handle, other;
	void *cpu;

	check_ok(peer_export_one(node, CMB_BAR, 0, SCENE_SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	cpu = buffer_map(export.fd, SCENE_SIZE, 0);
	quirk = quirk_begin("asleep", SLEEPER);
	check(quirk >= 0);
	check_fails(peer_export_one(node, CMB_BAR, 0, SCENE_SIZE, 0, &late), EIO);
	check_eq(peer_reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &other), EIO);
	check_fails(edu_map(edu, handle), EIO);
	check(!touches(cpu, false));
	check_ok(peer_revoke(node, export.id, 0));
	check_fails(peer_restore(node, export.id), EIO);
	check_eq(peer_reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	check_sys(close(quirk));
	check_ok(peer_restore(node, export.id));
	check_ok(edu_map(edu, handle));
	check(touches(cpu, false));
}

/* The device itself decodes memory, but nothing comes down to it. */
TEST(bridge_above_is_off_whoever_asks)
{
	int fd = check_sys(open("/proc/self/mem", O_RDWR | O_CLOEXEC)), off;
	struct peer_export late;
	__u32 other;
	__u8 byte;

	begin();
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	off = quirk_begin("no_memory", "rp2");
	check(off >= 0);
	check_fails(peer_export_one(scene.node, MEM_BAR, 0, SCENE_SIZE, 0, &late), EIO);
	check_eq(peer_reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	check_fails(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &other), EIO);
	check_said();
	check(!touches(scene.cpu, false));
	check_eq(pread(fd, &byte, 1, (off_t)(unsigned long)scene.cpu), -1);
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR, SCENE_ELSEWHERE, SCENE_SIZE,
				  PEERBUF_MOVE_F_COPY), EIO);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	check_fails(peer_restore(scene.node, scene.export.id), EIO);
	check_eq(peer_reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	check_sys(close(off));
	check_ok(peer_restore(scene.node, scene.export.id));
	check_eq(scene.cpu[0], SCENE_PAINT);
	check_works(5);
}

/* Of a device that keeps its driver nobody tells us of a reset either. */
TEST(off_of_a_lent_bar)
{
	int control = control_open(), edu = edu_open("sw-edu"), node, ret;
	struct peer_export export;
	__u32 handle, other;
	void *cpu;

	device_bind(SLEEPER, "nvme");
	check_ok(peer_lend(control, lab_addr(SLEEPER), 1U << CMB_BAR));
	node = node_path_open(SLEEPER, O_RDWR);
	check(node >= 0);
	check_ok(peer_export_one(node, CMB_BAR, 0, SCENE_SIZE, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	cpu = buffer_map(export.fd, SCENE_SIZE, 0);
	check_ok(peer_revoke(node, export.id, 0));
	memory_decode(SLEEPER, false);
	ret = peer_restore(node, export.id);
	memory_decode(SLEEPER, true);
	check_eq(ret, -EIO);
	check_ok(peer_restore(node, export.id));
	memory_decode(SLEEPER, false);
	ret = edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &other);
	if (ret == -EIO && !touches(cpu, false))
		ret = edu_map(edu, handle);
	memory_decode(SLEEPER, true);
	check_eq(ret, -EIO);
	check_ok(edu_map(edu, handle));
	check(touches(cpu, false));
	close(export.fd);
	close(node);
	check_ok(peer_unlend(control, lab_addr(SLEEPER), 1U << CMB_BAR));
}

/* Of a buffer of two devices it is one that matters. */
TEST(off_of_the_second_device)
{
	struct peerbuf_range ranges[2] = {
		{ .bar = MEM_BAR, .offset = SCENE_START, .length = PAGE },
		{ .bar = MEM_BAR, .offset = SCENE_START, .length = PAGE,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
	};
	struct peer_export export;
	int edu = edu_open("rp-edu"), far = node_open("far-mem"), ret;
	__u32 handle;

	ranges[1].device_fd = far;
	check_ok(peer_export(node_open(MEM), ranges, 2, 0, &export));
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	memory_decode("far-mem", false);
	ret = edu_map(edu, handle);
	memory_decode("far-mem", true);
	check_eq(ret, -EIO);
	check_ok(edu_map(edu, handle));
}
