// SPDX-License-Identifier: GPL-2.0
/* What vram.ko refuses, and that it then has changed nothing. */
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"

static struct gpu gpu;
static struct bo bo;

static void changes_nothing(const struct drm_vram_stats *before)
{
	struct drm_vram_stats after;

	gpu_stats(&gpu, &after);
	check_eq(after.window_free, before->window_free);
	check_eq(after.hidden_free, before->hidden_free);
	check_eq(after.system_used, before->system_used);
	check_eq(after.leaving, before->leaving);
}

TEST(bad_bos)
{
	struct drm_vram_bo_create req = { .size = PAGE, .domains = ANYWHERE, .pad = 1 };
	struct drm_vram_stats before;
	struct bo bad;

	gpu_open(&gpu, "rp-mem", 1024, 256);
	gpu_stats(&gpu, &before);
	check_fails(bo_try(&bad, &gpu, 0, ANYWHERE, 0), EINVAL);
	check_fails(bo_try(&bad, &gpu, PAGE, 0, 0), EINVAL);
	check_fails(bo_try(&bad, &gpu, PAGE, 4, 0), EINVAL);
	check_fails(bo_try(&bad, &gpu, PAGE, ANYWHERE, 4), EINVAL);
	check_fails(bo_try(&bad, &gpu, PAGE, VRAM_DOMAIN_SYSTEM, VRAM_BO_PINNED), EINVAL);
	check(drmIoctl(gpu.fd, DRM_IOCTL_VRAM_BO_CREATE, &req) && errno == EINVAL);
	check_fails(bo_try(&bad, &gpu, ~0ULL, ANYWHERE, 0), E2BIG);
	check_fails(bo_try(&bad, &gpu, 768 * KIB + 1, VRAM_DOMAIN_VRAM, 0), E2BIG);
	check_fails(bo_try(&bad, &gpu, 256 * KIB + 1, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE), E2BIG);
	changes_nothing(&before);
	bo_new(&bad, &gpu, 1, VRAM_DOMAIN_VRAM, 0);
	check_eq(bad.size, PAGE);
}

TEST(no_room_left)
{
	struct drm_vram_stats before;
	struct bo bad;

	gpu_open(&gpu, "rp-mem", 256, 0);
	for (unsigned int i = 0; i < 3; i++)
		bo_new(&bo, &gpu, 64 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_PINNED);
	gpu_stats(&gpu, &before);
	check_fails(bo_try(&bad, &gpu, 128 * KIB, VRAM_DOMAIN_VRAM, 0), ENOSPC);
	changes_nothing(&before);
	check_fails(bo_move(&bo, VRAM_IN_SYSTEM), EBUSY);
	bo_new(&bo, &gpu, 128 * KIB, ANYWHERE, 0);
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check_fails(bo_move(&bo, VRAM_IN_WINDOW), ENOSPC);
	check_fails(bo_move(&bo, VRAM_IN_HIDDEN), ENOSPC);
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
}

/* An importer's pin is as good as the driver's own. */
TEST(pinned_by_an_importer_is_not_evicted)
{
	struct writer writer;
	struct bo other;
	int dmabuf;

	gpu_open(&gpu, "rp-mem", 128, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	dmabuf = bo_share(&bo);
	writer_open(&writer, "rp-edu", dmabuf, EDU_DMA_STATIC);
	check_ok(edu_map(writer.edu, writer.handle));
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
	check_fails(bo_move(&bo, VRAM_IN_WINDOW), EBUSY);
	bo_new(&other, &gpu, 128 * KIB, VRAM_DOMAIN_VRAM, VRAM_BO_VISIBLE);
	check_eq(bo_where(&bo), VRAM_IN_SYSTEM);
}

TEST(bad_moves)
{
	struct bo none = { .gpu = &gpu, .handle = 4711 };

	gpu_open(&gpu, "rp-mem", 256, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	check_fails(bo_move(&none, VRAM_IN_SYSTEM), ENOENT);
	check_fails(bo_move(&bo, 0), EINVAL);
	check_fails(bo_move(&bo, VRAM_IN_IMPORT), EINVAL);
	check_eq(bo_where(&bo), VRAM_IN_WINDOW);
}

static int copy_at_points(__u32 in, __u64 in_point, __u32 out, __u64 out_point, __u32 src,
			  __u32 dst)
{
	struct drm_vram_copy req = {
		.src = src, .dst = dst, .length = PAGE, .in_syncobj = in, .out_syncobj = out,
		.in_point = in_point, .out_point = out_point,
	};

	return drmIoctl(gpu.fd, DRM_IOCTL_VRAM_COPY, &req) ? -errno : 0;
}

static int copy(__u32 src, __u32 dst, __u64 from, __u64 to, __u64 length, __u32 in, __u32 out)
{
	struct drm_vram_copy req = {
		.src = src, .dst = dst, .src_offset = from, .dst_offset = to, .length = length,
		.in_syncobj = in, .out_syncobj = out,
	};

	return drmIoctl(gpu.fd, DRM_IOCTL_VRAM_COPY, &req) ? -errno : 0;
}

TEST(bad_copies)
{
	__u32 a, b, empty;
	struct bo other;

	gpu_open(&gpu, "rp-mem", 256, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	bo_new(&other, &gpu, 32 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	a = bo.handle;
	b = other.handle;
	check_eq(drmSyncobjCreate(gpu.fd, 0, &empty), 0);
	check_fails(copy(a, 4711, 0, 0, PAGE, 0, 0), ENOENT);
	check_fails(copy(4711, b, 0, 0, PAGE, 0, 0), ENOENT);
	check_fails(copy(a, a, 0, PAGE, PAGE, 0, 0), EINVAL);
	check_fails(copy(a, b, 0, 0, 0, 0, 0), EINVAL);
	check_fails(copy(a, b, 0, 0, 32 * KIB + 1, 0, 0), ERANGE);
	check_fails(copy(b, a, 1, 0, 32 * KIB, 0, 0), ERANGE);
	check_fails(copy(a, b, ~0ULL, 0, 2, 0, 0), ERANGE);
	check_fails(copy(a, b, 0, 0, PAGE, 4711, 0), ENOENT);
	check_fails(copy(a, b, 0, 0, PAGE, 0, 4711), ENOENT);
	check_fails(copy(a, b, 0, 0, PAGE, empty, 0), EINVAL);
	check_fails(copy_at_points(0, 1, 0, 0, a, b), EINVAL);
	check_fails(copy_at_points(0, 0, 0, 1, a, b), EINVAL);
	check_fails(copy_at_points(empty, 1, 0, 0, a, b), EINVAL);
	check_ok(copy(a, b, 3, 5, 32 * KIB - 5, 0, empty));
	check_ok(copy(a, b, 0, 0, PAGE, empty, 0));
}

TEST(copy_at_odd_offsets)
{
	struct bo other;
	__u8 *from, *to;

	gpu_open(&gpu, "rp-mem", 256, 0);
	bo_new(&bo, &gpu, 64 * KIB, ANYWHERE, VRAM_BO_VISIBLE);
	bo_new(&other, &gpu, 64 * KIB, VRAM_DOMAIN_SYSTEM, 0);
	from = bo_map(&bo);
	to = bo_map(&other);
	pattern_fill(from, bo.size, 1);
	memset(to, 0x5a, other.size);
	check_ok(copy(bo.handle, other.handle, 0, 4093, 30001, 0, 0));
	/* Moving it there and back waits for the copy, and takes it along. */
	check_ok(bo_move(&other, VRAM_IN_WINDOW));
	check(pattern_matches(to + 4093, 30001, 1));
	check_eq(to[4092], 0x5a);
	check_eq(to[4093 + 30001], 0x5a);
}

TEST(bad_dumb_buffers)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32, .flags = 1 };

	gpu_open(&gpu, "rp-mem", 0, 0);
	close(gpu.fd);
	gpu.fd = gpu_node_open("rp-mem", "card");
	check(drmIoctl(gpu.fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) && errno == EINVAL);
	dumb = (struct drm_mode_create_dumb){ .width = 60000, .height = 17000, .bpp = 32 };
	check(drmIoctl(gpu.fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) && errno == E2BIG);
}
