// SPDX-License-Identifier: GPL-2.0
/*
 * Fences: a copy that is under way is waited for by whoever must, and by nobody else. The
 * engine is slowed down, so that there is something to wait for.
 */
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"

#define LENGTH	2000
#define DELAY	800 /* ms: much longer than anything else here takes */
/* s: who takes this long has waited; an emulated machine's clocks need not agree on more. */
#define WAITED	(DELAY / 2000.0)

static struct gpu gpu;
static struct writer writer;
static struct bo bo;

static __u32 syncobj(void)
{
	__u32 handle;

	check_eq(drmSyncobjCreate(gpu.fd, 0, &handle), 0);
	return handle;
}

/* 0 when it has signalled, -ETIME if not within @ms. */
static int syncobj_wait(__u32 handle, unsigned int ms)
{
	int64_t until = (now() + ms / 1000.0) * 1e9;

	return drmSyncobjWait(gpu.fd, &handle, 1, until, 0, NULL);
}

static void bo_full_of(struct bo *target, __u32 domains, __u32 flags, __u32 seed)
{
	bo_new(target, &gpu, 64 * KIB, domains, flags);
	pattern_fill(bo_map(target), target->size, seed);
}

TEST(move_returns_while_the_copy_is_queued)
{
	double start;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 1);
	gpu_set("copy_delay_ms", DELAY);
	start = now();
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check(now() - start < DELAY / 1000.0);
	/* A CPU fault waits for the bytes. */
	check(pattern_matches(bo_map(&bo), bo.size, 1));
	check(now() - start >= WAITED);
	gpu_set("copy_delay_ms", 0);
}

static void importer_waits(__u32 mode)
{
	double start;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 2);
	writer_open(&writer, "rp-edu", bo_share(&bo), mode);
	check_ok(writer_check(&writer, 0, LENGTH, 2));
	gpu_set("copy_delay_ms", DELAY);
	start = now();
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check(now() - start < DELAY / 1000.0);
	check_ok(writer_check(&writer, 0, LENGTH, 2));
	check(now() - start >= WAITED);
	check_ok(bo_move(&bo, VRAM_IN_WINDOW));
	check_ok(writer_check(&writer, 0, LENGTH, 2));
	gpu_set("copy_delay_ms", 0);
}

TEST(importer_waits_for_a_queued_copy)
{
	importer_waits(EDU_DMA_DYNAMIC);
}

TEST(foreign_importer_waits_for_a_queued_copy)
{
	importer_waits(EDU_DMA_FOREIGN);
}

TEST(whoever_maps_the_dmabuf_waits_for_a_queued_copy)
{
	double start;
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 3);
	dmabuf = bo_share(&bo);
	gpu_set("copy_delay_ms", DELAY);
	start = now();
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	check(pattern_matches(buffer_map(dmabuf, bo.size, 0), bo.size, 3));
	check(now() - start >= WAITED);
	gpu_set("copy_delay_ms", 0);
}

/* An eviction's copy must end before its room is somebody else's. */
TEST(room_is_reused_only_when_the_copy_has_ended)
{
	struct bo other;

	gpu_open(&gpu, "rp-mem", 64, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 4);
	gpu_set("copy_delay_ms", DELAY);
	bo_new(&other, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	gpu_set("copy_delay_ms", 0);
	pattern_fill(bo_map(&other), other.size, 5);
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check(pattern_matches(bo_map(&bo), bo.size, 4));
	bo_host_matches(&other, 0, other.size, 5);
}

TEST(syncobj_says_when_a_copy_has_ended)
{
	__u32 done = 0;
	struct bo to;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 6);
	bo_new(&to, &gpu, bo.size, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	done = syncobj();
	/* Nothing has been submitted yet. */
	check_eq(syncobj_wait(done, 0), -EINVAL);
	gpu_set("copy_delay_ms", DELAY);
	check_ok(bo_copy_synced(&bo, &to, bo.size, 0, done));
	check_eq(syncobj_wait(done, 0), -ETIME);
	check_eq(syncobj_wait(done, 20000), 0);
	gpu_set("copy_delay_ms", 0);
	bo_host_matches(&to, 0, to.size, 6);
}

TEST(copy_waits_for_the_syncobj_it_is_given)
{
	struct bo first, second, third, unrelated;
	__u32 one, two;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&first, ANYWHERE, VRAM_BO_VISIBLE, 7);
	bo_new(&unrelated, &gpu, first.size, ANYWHERE, VRAM_BO_VISIBLE);
	bo_full_of(&second, ANYWHERE, VRAM_BO_VISIBLE, 8);
	bo_new(&third, &gpu, first.size, ANYWHERE, VRAM_BO_VISIBLE);
	one = syncobj();
	two = syncobj();
	gpu_set("copy_delay_ms", DELAY);
	check_ok(bo_copy_synced(&first, &unrelated, first.size, 0, one));
	gpu_set("copy_delay_ms", 0);
	/* No BO in common with the one before: only the syncobj keeps the order. */
	check_ok(bo_copy_synced(&second, &third, second.size, one, two));
	check_eq(syncobj_wait(two, 0), -ETIME);
	check_eq(syncobj_wait(one, 20000), 0);
	check_eq(syncobj_wait(two, 20000), 0);
	check(pattern_matches(bo_map(&third), third.size, 8));
}

static int copy_at(const struct bo *src, const struct bo *dst, __u32 timeline, __u64 after,
		   __u64 point)
{
	struct drm_vram_copy req = {
		.src = src->handle, .dst = dst->handle, .length = src->size,
		.in_syncobj = after ? timeline : 0, .in_point = after,
		.out_syncobj = timeline, .out_point = point,
	};

	return drmIoctl(gpu.fd, DRM_IOCTL_VRAM_COPY, &req) ? -errno : 0;
}

static int timeline_wait(__u32 timeline, uint64_t point, unsigned int ms)
{
	int64_t until = (now() + ms / 1000.0) * 1e9;

	return drmSyncobjTimelineWait(gpu.fd, &timeline, &point, 1, until, 0, NULL);
}

/* One syncobj for all copies, each with a number to wait for. */
TEST(copies_are_points_of_a_timeline)
{
	struct bo second, third, fourth;
	uint64_t reached = 0;
	__u32 timeline;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 13);
	bo_new(&second, &gpu, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	bo_full_of(&third, ANYWHERE, VRAM_BO_VISIBLE, 14);
	bo_new(&fourth, &gpu, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	timeline = syncobj();
	gpu_set("copy_delay_ms", DELAY);
	check_ok(copy_at(&bo, &second, timeline, 0, 5));
	gpu_set("copy_delay_ms", 0);
	/* Nobody has submitted that yet. */
	check_fails(copy_at(&third, &fourth, timeline, 9, 10), EINVAL);
	/* No BO in common with the first: the point alone keeps it waiting. */
	check_ok(copy_at(&third, &fourth, timeline, 5, 9));
	check_eq(timeline_wait(timeline, 5, 0), -ETIME);
	check_eq(timeline_wait(timeline, 9, 0), -ETIME);
	check_eq(timeline_wait(timeline, 5, 20000), 0);
	check_eq(timeline_wait(timeline, 9, 20000), 0);
	check_eq(drmSyncobjQuery(gpu.fd, &timeline, &reached, 1), 0);
	check_eq(reached, 9);
	check(pattern_matches(bo_map(&second), second.size, 13));
	check(pattern_matches(bo_map(&fourth), fourth.size, 14));
}

/* The same, by what the reservation object knows. */
TEST(copy_waits_for_the_copy_it_reads_from)
{
	struct bo second, third;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 9);
	bo_new(&second, &gpu, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	bo_new(&third, &gpu, bo.size, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	gpu_set("copy_delay_ms", DELAY);
	check_ok(bo_copy(&bo, &second, bo.size));
	gpu_set("copy_delay_ms", 0);
	check_ok(bo_copy(&second, &third, bo.size));
	check_ok(bo_move(&third, VRAM_IN_SYSTEM));
	check(pattern_matches(bo_map(&third), third.size, 9));
}

/* Implicit fences are there for others, as poll() on the DMA-BUF shows. */
TEST(dmabuf_polls_for_a_copy)
{
	struct pollfd pfd = { .events = POLLOUT };
	struct bo to;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 10);
	bo_new(&to, &gpu, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	pfd.fd = bo_share(&to);
	check(pattern_matches(bo_map(&bo), PAGE, 10));
	gpu_set("copy_delay_ms", DELAY);
	check_ok(bo_copy(&bo, &to, bo.size));
	check_eq(poll(&pfd, 1, 0), 0);
	check_eq(poll(&pfd, 1, 20000), 1);
	gpu_set("copy_delay_ms", 0);
	check(pattern_matches(bo_map(&to), to.size, 10));
}

/* Moving a BO that a copy still reads waits for that. */
TEST(move_waits_for_copies_of_the_bo)
{
	struct bo to;

	gpu_open(&gpu, "rp-mem", 0, 0);
	bo_full_of(&bo, ANYWHERE, VRAM_BO_VISIBLE, 11);
	bo_new(&to, &gpu, bo.size, ANYWHERE, VRAM_BO_VISIBLE);
	gpu_set("copy_delay_ms", DELAY);
	check_ok(bo_copy(&bo, &to, bo.size));
	gpu_set("copy_delay_ms", 0);
	check_ok(bo_move(&to, VRAM_IN_SYSTEM));
	check_ok(bo_move(&bo, VRAM_IN_SYSTEM));
	pattern_fill(bo_map(&bo), bo.size, 12);
	check(pattern_matches(bo_map(&to), to.size, 11));
}
