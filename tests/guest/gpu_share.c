// SPDX-License-Identifier: GPL-2.0
/*
 * BOs of a GPU, shared: another device writes into them wherever they are, and goes on when
 * they move. libdrm on one side, a device with a DMA engine on the other.
 */
#include <fcntl.h>
#include <libgen.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "card.h"
#include "gpu.h"
#include "harness.h"

#define LENGTH		2000
/* As the PCI core calls it. */
#define DISPLAY_DRIVER	"bochs-drm"

static struct gpu gpu;
static struct writer writer;
static struct bo bo;
static int dmabuf;

static void open_all(const char *mem, const char *edu, unsigned int vram_kib,
		     unsigned int window_kib, __u32 flags)
{
	gpu_open(&gpu, mem, vram_kib, window_kib);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, flags);
	dmabuf = bo_share(&bo);
	writer_open(&writer, edu, dmabuf, EDU_DMA_DYNAMIC);
}

static void device_writes_into_bo(const char *mem, const char *edu)
{
	__u8 *by_drm, *by_dmabuf;

	open_all(mem, edu, 0, 0, VRAM_BO_VISIBLE);
	check_ok(writer_put(&writer, 0, LENGTH, 1));
	check_ok(writer_put(&writer, 8 * PAGE + 12, LENGTH, 2));
	bo_host_matches(&bo, 0, LENGTH, 1);
	bo_host_matches(&bo, 8 * PAGE + 12, LENGTH, 2);
	by_drm = bo_map(&bo);
	by_dmabuf = buffer_map(dmabuf, bo.size, 0);
	check(pattern_matches(by_drm, LENGTH, 1));
	check(pattern_matches(by_dmabuf + 8 * PAGE + 12, LENGTH, 2));
	pattern_fill(by_drm + PAGE, LENGTH, 3);
	check_ok(writer_check(&writer, PAGE, LENGTH, 3));
}

TEST_VARIANT(device_writes_into_a_bo, device_writes_into_bo, "rp-mem", "rp-edu")
TEST_VARIANT(device_writes_into_a_bo_same_switch, device_writes_into_bo, "sw-mem", "sw-edu")

/* The framebuffer of a display that the kernel has a driver for: VRAM like any other. */
TEST_VARIANT(device_writes_into_vram_of_a_display, device_writes_into_bo, "bochs", "rp-edu")

/* What was in VRAM before belonged to somebody else. */
TEST(new_bo_is_zero)
{
	__u8 *cpu;

	gpu_open(&gpu, "rp-mem", 1024, 0);
	lab_host_fill("rp-mem", 0, MIB, 0xee);
	bo_new(&bo, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	for (size_t i = 0; i < bo.size; i++)
		check_eq(cpu[i], 0);
}

/* The promise as a whole: one buffer, written by a device before, between and after. */
static void device_goes_on(const char *mem, const char *edu)
{
	struct drm_vram_bo_info info = {};
	struct bo others[32];
	unsigned int nr;
	__u8 *cpu;

	open_all(mem, edu, 512, 0, VRAM_BO_VISIBLE);
	cpu = bo_map(&bo);
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	check_ok(writer_put(&writer, 0, LENGTH, 1));
	bo_host_matches(&bo, 0, LENGTH, 1);

	nr = bo_crowd_out(&gpu, &bo, others, 32);
	check_ok(writer_put(&writer, 4 * PAGE, LENGTH, 2));
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check(pattern_matches(cpu, LENGTH, 1));
	check(pattern_matches(cpu + 4 * PAGE, LENGTH, 2));

	while (nr)
		bo_close(&others[--nr]);
	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	check_ok(writer_put(&writer, 8 * PAGE, LENGTH, 3));
	bo_host_matches(&bo, 0, LENGTH, 1);
	bo_host_matches(&bo, 4 * PAGE, LENGTH, 2);
	bo_host_matches(&bo, 8 * PAGE, LENGTH, 3);
	check_ok(writer_check(&writer, 4 * PAGE, LENGTH, 2));
	check(pattern_matches(cpu + 8 * PAGE, LENGTH, 3));
	bo_info(&bo, &info);
	check_eq(info.evictions, 1);
	check_eq(info.moves, 2);
}

TEST_VARIANT(device_goes_on_while_the_bo_is_evicted, device_goes_on, "rp-mem", "rp-edu")
TEST_VARIANT(device_goes_on_while_the_bo_is_evicted_same_switch, device_goes_on, "sw-mem", "sw-edu")

TEST_VARIANT(device_goes_on_while_vram_of_a_display_is_evicted, device_goes_on, "bochs", "far-edu")

/* What a transfer under way writes is part of what is copied. */
TEST(eviction_waits_for_a_running_transfer)
{
	__u8 inner[LENGTH], *cpu;

	open_all("rp-mem", "rp-edu", 0, 0, VRAM_BO_VISIBLE);
	pattern_fill(inner, LENGTH, 4);
	check_ok(edu_put(writer.edu, 0, inner, LENGTH));
	check_ok(edu_copy(writer.edu, writer.handle, 0, 0, LENGTH, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	cpu = bo_map(&bo);
	check(pattern_matches(cpu, LENGTH, 4));
}

/* A range is given to the next only when no mapping made from it is left. */
TEST(room_is_reused_only_when_the_importer_has_let_go)
{
	struct drm_vram_stats stats;
	struct bo others[8];
	__u32 handle;

	gpu_open(&gpu, "rp-mem", 256, 0);
	bo_new(&bo, &gpu, 256 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	writer.edu = edu_open("rp-edu");
	check_ok(edu_attach(writer.edu, dmabuf, EDU_DMA_DYNAMIC, EDU_DMA_ATTACH_F_LAZY, &handle));
	writer.handle = handle;
	for (unsigned int i = 0; i < 4; i++) {
		check_ok(writer_put(&writer, 0, LENGTH, i));
		bo_new(&others[i], &gpu, 256 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
		check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
		check_ok(writer_check(&writer, 0, LENGTH, i));
		bo_close(&others[i]);
		check_ok(bo_move(&bo, VRAM_IN_WINDOW));
		check_ok(writer_check(&writer, 0, LENGTH, i));
	}
	gpu_stats(&gpu, &stats);
	check(stats.evictions >= 4);
}

TEST(least_recently_used_goes_first)
{
	struct bo bos[4], extra;

	gpu_open(&gpu, "rp-mem", 256, 0);
	for (unsigned int i = 0; i < 4; i++)
		bo_new(&bos[i], &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	/* The first and the third are used. */
	check_ok(bo_copy(&bos[0], &bos[2], PAGE));
	for (unsigned int i = 0; i < 2; i++)
		bo_new(&extra, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	check_eq(bo_where(&bos[0]), VRAM_IN_WINDOW);
	check_eq(bo_where(&bos[1]), VRAM_IN_SYSTEM);
	check_eq(bo_where(&bos[2]), VRAM_IN_WINDOW);
	check_eq(bo_where(&bos[3]), VRAM_IN_SYSTEM);
}

/* Pieces all over VRAM are one buffer to the importer. */
TEST(bo_in_many_pieces)
{
	struct drm_vram_bo_info info = {};
	struct bo bos[16];
	__u8 *cpu;

	gpu_open(&gpu, "rp-mem", 256, 0);
	for (unsigned int i = 0; i < 16; i++)
		bo_new(&bos[i], &gpu, 16 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE | VRAM_BO_PINNED);
	for (unsigned int i = 0; i < 16; i += 2)
		bo_close(&bos[i]);
	bo_new(&bo, &gpu, 128 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	bo_info(&bo, &info);
	check_eq(info.nr_ranges, 8);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	for (unsigned int i = 0; i < 8; i++)
		check_ok(writer_put(&writer, i * 16 * KIB - (i ? 1000 : 0), LENGTH, i));
	cpu = buffer_map(dmabuf, bo.size, 0);
	for (unsigned int i = 0; i < 8; i++)
		check(pattern_matches(cpu + i * 16 * KIB - (i ? 1000 : 0), LENGTH, i));
}

TEST(dumb_buffer_is_shared)
{
	struct drm_mode_create_dumb dumb = { .width = 100, .height = 50, .bpp = 32 };
	struct drm_mode_map_dumb map = {};
	uint64_t has = 0;
	__u8 *cpu;

	gpu_open(&gpu, "rp-mem", 0, 0);
	/* Render nodes make no dumb buffers. */
	check(drmIoctl(gpu.fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) && errno == EACCES);
	close(gpu.fd);
	gpu.fd = gpu_node_open("rp-mem", "card");
	check_sys(gpu.fd);
	check_eq(drmGetCap(gpu.fd, DRM_CAP_DUMB_BUFFER, &has), 0);
	check_eq(has, 1);
	check_eq(drmIoctl(gpu.fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0);
	check(dumb.pitch >= 400 && dumb.size >= 50ULL * dumb.pitch);
	map.handle = dumb.handle;
	check_eq(drmIoctl(gpu.fd, DRM_IOCTL_MODE_MAP_DUMB, &map), 0);
	cpu = buffer_map(gpu.fd, dumb.size, map.offset);
	bo = (struct bo){ .gpu = &gpu, .handle = dumb.handle, .size = dumb.size };
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, LENGTH, 5));
	check(pattern_matches(cpu, LENGTH, 5));
	bo_host_matches(&bo, 0, LENGTH, 5);
}

/* It has no way to give memory back, so it gets memory that need not be given back. */
TEST(static_importer_gets_system_memory)
{
	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_STATIC);
	check_ok(writer_put(&writer, 0, LENGTH, 6));
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check(pattern_matches(bo_map(&bo), LENGTH, 6));
	check_fails(bo_move(&bo, VRAM_IN_WINDOW), EBUSY);
	check_ok(edu_detach(writer.edu, writer.handle));
	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	/* The copy is only queued so far. Who looks waits for it. */
	check(pattern_matches(bo_map(&bo), LENGTH, 6));
	bo_host_matches(&bo, 0, LENGTH, 6);
}

/* As it is, from userspace/examples. */
TEST(the_example_works)
{
	char command[256], self[200] = "";

	gpu_open(&gpu, "rp-mem", 1024, 0);
	close(gpu.fd);
	close(edu_open("rp-edu"));
	check(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(command, sizeof(command), "%s/gpu_bo %s ", dirname(self), lab_where("rp-mem"));
	strncat(command, lab_where("rp-edu"), sizeof(command) - strlen(command) - 1);
	check_eq(system(command), 0);
}

/* On a machine whose host bridge is not trusted with peer traffic. */
TEST(no_route_means_system_memory)
{
	struct bo only_vram;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, LENGTH, 7));
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check(pattern_matches(bo_map(&bo), LENGTH, 7));

	bo_new(&only_vram, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	check_fails(writer_try(&writer, "rp-edu", bo_share(&only_vram), EDU_DMA_DYNAMIC),
		    EHOSTUNREACH);
	check_eq(bo_where(&only_vram), VRAM_IN_WINDOW);
}

static void check_other_reads(const char *edu, __u64 offset, __u32 seed)
{
	struct writer reader;

	writer_open(&reader, edu, dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_check(&reader, offset, LENGTH, seed));
	close(reader.edu);
}

/* Two kinds of GPU, one buffer: what one device writes another reads, wherever it is. */
TEST(vram_of_a_display_is_imported_by_a_gpu)
{
	struct gpu other;
	struct bo import, own;
	__u8 *cpu;

	open_all("bochs", "rp-edu", 1024, 512, 0);
	check_eq(bo_where(&bo), VRAM_IN_HIDDEN);
	check_ok(writer_put(&writer, 0, LENGTH, 1));
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
	check_other_reads("far-edu", 0, 1);

	gpu_open(&other, "rp-mem", 0, 0);
	check_ok(bo_import(&import, &other, dmabuf));
	bo_new(&own, &other, PAGE, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	check_ok(bo_copy_wait(&import, &own, PAGE));
	bo_host_matches(&own, 0, LENGTH, 1);

	/* The job's kernel mapping goes when the job is done. */
	eventually(5, !bo_move(&bo, VRAM_IN_SYSTEM));
	check_ok(writer_put(&writer, 0, LENGTH, 2));
	check_ok(bo_copy_wait(&import, &own, PAGE));
	bo_host_matches(&own, 0, LENGTH, 2);

	eventually(5, !bo_move(&bo, VRAM_IN_HIDDEN));
	check_other_reads("far-edu", 0, 2);
	cpu = bo_map(&own);
	pattern_fill(cpu, LENGTH, 3);
	check_ok(bo_copy_wait(&own, &import, PAGE));
	check_other_reads("far-edu", 0, 3);
	bo_host_matches(&bo, 0, LENGTH, 3);
}

/* Its own driver finds it as if nobody had been there, and the other way round. */
TEST(display_goes_back_to_its_driver)
{
	char name[64];

	card_load("bochs");
	for (unsigned int i = 0; i < 2; i++) {
		device_bind("bochs", DISPLAY_DRIVER);
		open_all("bochs", "rp-edu", 0, 0, VRAM_BO_VISIBLE);
		check_ok(writer_put(&writer, 0, LENGTH, i));
		bo_host_matches(&bo, 0, LENGTH, i);
		close(writer.edu);
		close(dmabuf);
		close(gpu.fd);
	}
	device_bind("bochs", DISPLAY_DRIVER);
	device_driver("bochs", name, sizeof(name));
	check(!strcmp(name, DISPLAY_DRIVER));
}
