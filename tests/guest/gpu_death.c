// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a process, a driver or a device while a BO is mapped by another device, by
 * CPUs, or on its way from one place to another.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "actors.h"
#include "gpu.h"
#include "harness.h"

#define LENGTH	1000

static struct gpu gpu;
static struct writer writer;
static struct bo bo;
static int dmabuf;
static __u8 *by_drm, *by_dmabuf;

/* Mapped in every way there is, and a transfer under way. */
static void share(const char *mem, const char *edu)
{
	gpu_open(&gpu, mem, 1024, 512);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	by_drm = bo_map(&bo);
	by_dmabuf = buffer_map(dmabuf, bo.size, 0);
	writer_open(&writer, edu, dmabuf, EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, LENGTH, 1));
	check(pattern_matches(by_drm, LENGTH, 1));
	check(pattern_matches(by_dmabuf, LENGTH, 1));
	check_ok(edu_copy(writer.edu, writer.handle, PAGE, 0, LENGTH, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
}

static bool importer_let_go(void)
{
	struct edu_dma_state state;

	check_ok(edu_state(writer.edu, writer.handle, &state));
	return !(state.flags & (EDU_DMA_STATE_F_MAPPED | EDU_DMA_STATE_F_BUSY));
}

static void everybody_lost_it(void)
{
	struct drm_vram_stats stats;

	check(importer_let_go());
	check_fails(edu_map(writer.edu, writer.handle), ENODEV);
	check(!touches(by_drm, false));
	check(!touches(by_dmabuf, false));
	check(ioctl(gpu.fd, DRM_IOCTL_VRAM_STATS, &stats) && errno == ENODEV);
}

TEST(driver_is_unbound)
{
	share("rp-mem", "rp-edu");
	device_unbind("rp-mem");
	everybody_lost_it();
	/* The next life of the device has nothing of the last. */
	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	pattern_fill(bo_map(&bo), bo.size, 2);
	bo_host_matches(&bo, 0, bo.size, 2);
	check(!touches(by_drm, false));
}

TEST(device_is_unplugged, .timeout = 120)
{
	share("sw-mem", "sw-edu");
	check_eq(lab_host("unplug sw-mem"), 0);
	everybody_lost_it();
	lab_plug("sw-mem");
	/* The next is a GPU like the one before. */
	gpu_open(&gpu, "sw-mem", 0, 0);
	bo_new(&bo, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	check_ok(edu_detach(writer.edu, writer.handle));
	writer_open(&writer, "sw-edu", bo_share(&bo), EDU_DMA_DYNAMIC);
	check_ok(writer_put(&writer, 0, LENGTH, 2));
	bo_host_matches(&bo, 0, LENGTH, 2);
}

/* What is in system memory needs no device any more. Only the driver's own ways to it end. */
TEST(system_memory_outlives_the_driver)
{
	share("rp-mem", "rp-edu");
	gpu_set("copy_delay_ms", 300);
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	device_unbind("rp-mem");
	gpu_set("copy_delay_ms", 0);
	check(!touches(by_drm, false));
	check(pattern_matches(by_dmabuf, LENGTH, 1));
	check_ok(writer_put(&writer, 2 * PAGE, LENGTH, 2));
	check(pattern_matches(by_dmabuf + 2 * PAGE, LENGTH, 2));
}

TEST(importing_device_is_unbound)
{
	share("rp-mem", "rp-edu");
	device_unbind("rp-edu");
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	check(pattern_matches(by_drm, LENGTH, 1));
}

/* Copies that are queued when the driver goes are done first. */
TEST(driver_is_unbound_with_copies_queued)
{
	struct bo others[8];

	share("rp-mem", "rp-edu");
	for (unsigned int i = 0; i < 8; i++)
		bo_new(&others[i], &gpu, 64 * KIB, ANYWHERE, 0);
	gpu_set("copy_delay_ms", 200);
	for (unsigned int i = 1; i < 8; i++)
		check_ok(bo_copy(&others[i - 1], &others[i], others[i].size));
	check_ok(bo_move(&others[7], VRAM_IN_SYSTEM));
	device_unbind("rp-mem");
	gpu_set("copy_delay_ms", 0);
	everybody_lost_it();
}

/* As an importer of another's memory. */
TEST(importing_gpu_is_unbound)
{
	struct bo import, copy;
	struct gpu other;

	share("rp-mem", "rp-edu");
	gpu_open(&other, "far-mem", 0, 0);
	check_ok(bo_import(&import, &other, dmabuf));
	bo_new(&copy, &other, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	check_ok(bo_copy_wait(&import, &copy, copy.size));
	check(pattern_matches(bo_map(&copy), LENGTH, 1));
	device_unbind("far-mem");
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check(pattern_matches(by_drm, LENGTH, 1));
}

static void share_all(const void *unused)
{
	(void)unused;
	share("rp-mem", "rp-edu");
}

static void process_is_killed(void (*work)(const void *), const char *deed)
{
	struct part part = {
		.name = "victim", .begin = share_all, .act = work, .least = 1,
		.deeds = { deed },
	};
	struct actor *victim = actor_start(&part);

	actor_await(victim, 1);
	pause_ms(150);
	actor_kill(victim);
}

static void move_and_write(const void *unused)
{
	static unsigned int i;

	(void)unused;
	check_ok(bo_move(&bo, i++ % 2 ? VRAM_IN_WINDOW : VRAM_IN_SYSTEM));
	memset(by_drm, i, bo.size / 2);
	check_ok(edu_copy(writer.edu, writer.handle, PAGE, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	actor_did("move and write");
}

static bool nothing_is_used(void)
{
	struct drm_vram_stats stats;

	gpu_stats(&gpu, &stats);
	return stats.window_free + stats.hidden_free == stats.vram_size && !stats.leaving &&
	       !stats.system_used;
}

static void all_room_is_back(void)
{
	gpu.id = "rp-mem";
	gpu.fd = gpu_node_open("rp-mem", "render");
	check_sys(gpu.fd);
	eventually(5, nothing_is_used());
}

TEST(process_is_killed_while_bos_move)
{
	process_is_killed(move_and_write, "move and write");
	all_room_is_back();
}

static void fill_and_evict(const void *unused)
{
	struct bo other;

	(void)unused;
	bo_new(&other, &gpu, 128 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	check_ok(bo_copy(&other, &bo, PAGE));
	actor_did("evict");
}

TEST(process_is_killed_while_it_evicts)
{
	process_is_killed(fill_and_evict, "evict");
	all_room_is_back();
}

static void make_and_close(const void *unused)
{
	struct bo other;

	(void)unused;
	bo_new(&other, &gpu, 128 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	bo_close(&other);
}

/*
 * The last descriptor of a DMA-BUF is closed while its BO, which a mapping keeps, makes room for
 * those of another process.
 */
TEST(last_close_races_with_evictions)
{
	static const struct part evicter = {
		.name = "evicter", .act = make_and_close, .least = 5,
	};
	struct drm_vram_stats before = {}, after = {};
	struct actor *actor;
	double until;
	int fd;

	gpu_open(&gpu, "rp-mem", 256, 0);
	gpu_stats(&gpu, &before);
	actor = actor_start(&evicter);
	fd = gpu_node_open("rp-mem", "render");
	check_sys(fd);
	gpu.fd = fd;
	/* The other process may be slow to begin. */
	until = now() + 20 * slowness();
	for (unsigned int i = 0; i < rounds(100) || after.evictions == before.evictions; i++) {
		check(now() < until || i < rounds(100));
		bo_new(&bo, &gpu, 192 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
		by_drm = bo_map(&bo);
		by_drm[PAGE] = i;
		dmabuf = bo_share(&bo);
		bo_close(&bo);
		close(dmabuf);
		check_eq(by_drm[PAGE], (__u8)i);
		munmap(by_drm, 192 * KIB);
		gpu_stats(&gpu, &after);
	}
	actor_await(actor, evicter.least);
	actors_stop();
}

/* The descriptor outlives the process, in another. */
TEST(dmabuf_outlives_the_process_that_made_it)
{
	share("rp-mem", "rp-edu");
	check_ok(edu_wait(writer.edu, writer.handle));
	munmap(by_drm, bo.size);
	bo_close(&bo);
	close(gpu.fd);
	check_ok(writer_put(&writer, 2 * PAGE, LENGTH, 3));
	check(pattern_matches(by_dmabuf + 2 * PAGE, LENGTH, 3));
	/* It is still a BO, and still makes room for others. */
	gpu.fd = gpu_node_open("rp-mem", "render");
	for (unsigned int i = 0; i < 8; i++) {
		struct bo other;

		bo_new(&other, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	}
	check_ok(writer_check(&writer, 2 * PAGE, LENGTH, 3));
	check(pattern_matches(by_dmabuf + 2 * PAGE, LENGTH, 3));
}

TEST(module_stays_while_it_is_needed)
{
	share("rp-mem", "rp-edu");
	munmap(by_drm, bo.size);
	close(gpu.fd);
	device_unbind("rp-mem");
	check_fails(module_unload("vram"), EAGAIN);
	munmap(by_dmabuf, 64 * KIB);
	close(dmabuf);
	check_ok(edu_detach(writer.edu, writer.handle));
	eventually(5, module_unload("vram") == 0);
}
