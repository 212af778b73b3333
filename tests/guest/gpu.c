// SPDX-License-Identifier: GPL-2.0
/* See gpu.h. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#include "gpu.h"
#include "harness.h"

#define RANGES_MOST	4096

void gpu_set(const char *parameter, unsigned int value)
{
	char path[PATH_MAX], text[16];

	snprintf(path, sizeof(path), "/sys/module/vram/parameters/%s", parameter);
	snprintf(text, sizeof(text), "%u", value);
	check_ok(sysfs_write(path, text));
}

/* The first entry of the device's drm directory that begins with @kind, or -ENOENT. */
int gpu_node_open(const char *id, const char *kind)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int fd = -ENOENT;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/drm", lab_where(id));
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, kind, strlen(kind)))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/%.64s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	closedir(dir);
	return fd;
}

void gpu_open(struct gpu *gpu, const char *id, unsigned int vram_kib, unsigned int window_kib)
{
	char name[64];

	check_eq(module_load("vram"), 0);
	gpu_set("vram_kib", vram_kib);
	gpu_set("window_kib", window_kib);
	gpu_set("copy_delay_ms", 0);
	device_driver(id, name, sizeof(name));
	if (!strcmp(name, "vram"))
		device_unbind(id);
	device_bind(id, "vram");
	gpu_set("vram_kib", 0);
	gpu_set("window_kib", 0);
	gpu->id = id;
	eventually(5, (gpu->fd = gpu_node_open(id, "render")) >= 0);
}

static int gpu_ioctl(struct gpu *gpu, unsigned long request, void *arg)
{
	return drmIoctl(gpu->fd, request, arg) ? -errno : 0;
}

void gpu_stats(struct gpu *gpu, struct drm_vram_stats *stats)
{
	check_ok(gpu_ioctl(gpu, DRM_IOCTL_VRAM_STATS, stats));
}

int bo_try(struct bo *bo, struct gpu *gpu, __u64 size, __u32 domains, __u32 flags)
{
	struct drm_vram_bo_create req = { .size = size, .domains = domains, .flags = flags };
	int ret = gpu_ioctl(gpu, DRM_IOCTL_VRAM_BO_CREATE, &req);

	if (ret)
		return ret;
	bo->gpu = gpu;
	bo->handle = req.handle;
	bo->size = req.size;
	return 0;
}

void bo_new(struct bo *bo, struct gpu *gpu, __u64 size, __u32 domains, __u32 flags)
{
	check_ok(bo_try(bo, gpu, size, domains, flags));
}

void bo_close(struct bo *bo)
{
	struct drm_gem_close req = { .handle = bo->handle };

	check_ok(gpu_ioctl(bo->gpu, DRM_IOCTL_GEM_CLOSE, &req));
	bo->handle = 0;
}

void bo_info(const struct bo *bo, struct drm_vram_bo_info *info)
{
	info->handle = bo->handle;
	if (!info->ranges)
		info->nr_ranges = 0;
	check_ok(gpu_ioctl(bo->gpu, DRM_IOCTL_VRAM_BO_INFO, info));
}

__u32 bo_where(const struct bo *bo)
{
	struct drm_vram_bo_info info = {};

	bo_info(bo, &info);
	return info.where;
}

__u64 bo_vram_offset(const struct bo *bo, __u64 offset)
{
	static struct drm_vram_range ranges[RANGES_MOST];
	struct drm_vram_bo_info info = {
		.ranges = (uintptr_t)ranges, .nr_ranges = RANGES_MOST,
	};

	bo_info(bo, &info);
	check(info.where == VRAM_IN_WINDOW || info.where == VRAM_IN_HIDDEN);
	check(info.nr_ranges <= RANGES_MOST);
	for (__u32 i = 0; i < info.nr_ranges; i++) {
		if (offset < ranges[i].length)
			return ranges[i].offset + offset;
		offset -= ranges[i].length;
	}
	fail("a BO without a byte %llu", (unsigned long long)offset);
}

int bo_move(const struct bo *bo, __u32 where)
{
	struct drm_vram_bo_move req = { .handle = bo->handle, .where = where };

	return gpu_ioctl(bo->gpu, DRM_IOCTL_VRAM_BO_MOVE, &req);
}

void *bo_map(const struct bo *bo)
{
	struct drm_vram_bo_info info = {};

	bo_info(bo, &info);
	return buffer_map(bo->gpu->fd, bo->size, info.map_offset);
}

int bo_share(const struct bo *bo)
{
	int dmabuf;

	if (drmPrimeHandleToFD(bo->gpu->fd, bo->handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf))
		fail("no DMA-BUF of a BO: %s", strerror(errno));
	return dmabuf;
}

int bo_import(struct bo *bo, struct gpu *gpu, int dmabuf)
{
	if (drmPrimeFDToHandle(gpu->fd, dmabuf, &bo->handle))
		return -errno;
	bo->gpu = gpu;
	bo->size = lseek(dmabuf, 0, SEEK_END);
	return 0;
}

int bo_copy_synced(const struct bo *src, const struct bo *dst, __u64 length, __u32 in, __u32 out)
{
	struct drm_vram_copy req = {
		.src = src->handle, .dst = dst->handle, .length = length,
		.in_syncobj = in, .out_syncobj = out,
	};

	return gpu_ioctl(src->gpu, DRM_IOCTL_VRAM_COPY, &req);
}

int bo_copy(const struct bo *src, const struct bo *dst, __u64 length)
{
	return bo_copy_synced(src, dst, length, 0, 0);
}

int bo_copy_wait(const struct bo *src, const struct bo *dst, __u64 length)
{
	int64_t until = (now() + 20 * slowness()) * 1e9;
	__u32 done;
	int ret;

	check_eq(drmSyncobjCreate(src->gpu->fd, 0, &done), 0);
	ret = bo_copy_synced(src, dst, length, 0, done);
	if (!ret)
		check_eq(drmSyncobjWait(src->gpu->fd, &done, 1, until, 0, NULL), 0);
	check_eq(drmSyncobjDestroy(src->gpu->fd, done), 0);
	return ret;
}

unsigned int bo_crowd_out(struct gpu *gpu, const struct bo *victim, struct bo *others,
			  unsigned int room)
{
	unsigned int nr = 0;

	while (bo_where(victim) != VRAM_IN_SYSTEM) {
		check(nr < room);
		bo_new(&others[nr++], gpu, victim->size, ANYWHERE, VRAM_BO_VISIBLE);
	}
	return nr;
}

void bo_host_matches(const struct bo *bo, __u64 offset, __u64 length, __u32 seed)
{
	__u8 *host = malloc(length);

	check(host);
	/* Tests look at pieces that begin with the BO or a page of it. */
	check_eq(bo_vram_offset(bo, offset) + length - 1, bo_vram_offset(bo, offset + length - 1));
	lab_host_read(bo->gpu->id, bo_vram_offset(bo, offset), host, length);
	check(pattern_matches(host, length, seed));
	free(host);
}
