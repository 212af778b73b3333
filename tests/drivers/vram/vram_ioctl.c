// SPDX-License-Identifier: GPL-2.0
/* The driver's own ioctls, except for copies. See vram_uapi.h. */
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_mode.h>
#include <drm/drm_vma_manager.h>

#include "vram.h"

#define VRAM_DOMAINS	(VRAM_DOMAIN_VRAM | VRAM_DOMAIN_SYSTEM)
#define VRAM_BO_FLAGS	(VRAM_BO_VISIBLE | VRAM_BO_PINNED)

/* Scanlines begin at a cache line. */
#define VRAM_PITCH	64

/* The bytes that the domains have in all: the largest possible BO. */
static u64 vram_room_for(struct vram_device *vram, u32 domains, u32 flags)
{
	u64 room = 0;

	if (domains & VRAM_DOMAIN_VRAM)
		room = vram->window;
	if (domains & VRAM_DOMAIN_VRAM && !flags)
		room = max(room, vram->size - vram->window);
	if (domains & VRAM_DOMAIN_SYSTEM)
		room = max(room, vram->system_limit);
	return room;
}

/* The handle holds the BO afterwards; this drops the reference from its creation. */
static int vram_bo_to_handle(struct vram_bo *bo, struct drm_file *file, u32 *handle)
{
	int ret;

	ret = drm_gem_create_mmap_offset(&bo->base);
	if (!ret)
		ret = drm_gem_handle_create(file, &bo->base, handle);
	drm_gem_object_put(&bo->base);
	return ret;
}

/* Only while the device is there, because remove waits for the end of such sections. */
static struct vram_bo *vram_bo_create_present(struct vram_device *vram, u64 size, u32 domains,
					      u32 flags)
{
	struct vram_bo *bo;
	int idx;

	if (!drm_dev_enter(&vram->drm, &idx))
		return ERR_PTR(-ENODEV);
	bo = vram_bo_create(vram, size, domains, flags);
	drm_dev_exit(idx);
	return bo;
}

int vram_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct vram_device *vram = to_vram(drm);
	struct drm_vram_bo_create *args = data;
	struct vram_bo *bo;
	u64 size;

	if (!args->size || !args->domains || args->domains & ~VRAM_DOMAINS ||
	    args->flags & ~VRAM_BO_FLAGS || args->pad)
		return -EINVAL;
	if (args->flags & VRAM_BO_PINNED && !(args->domains & VRAM_DOMAIN_VRAM))
		return -EINVAL;
	if (args->size > vram_room_for(vram, args->domains, args->flags))
		return -E2BIG;

	size = PAGE_ALIGN(args->size);
	bo = vram_bo_create_present(vram, size, args->domains, args->flags);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	args->size = size;
	return vram_bo_to_handle(bo, file, &args->handle);
}

int vram_dumb_create(struct drm_file *file, struct drm_device *drm,
		     struct drm_mode_create_dumb *args)
{
	struct vram_device *vram = to_vram(drm);
	struct vram_bo *bo;
	u64 pitch, size;

	pitch = ALIGN(args->width * DIV_ROUND_UP_ULL(args->bpp, 8), VRAM_PITCH);
	if (pitch > U32_MAX || check_mul_overflow(pitch, (u64)args->height, &size))
		return -EINVAL;
	if (args->flags)
		return -EINVAL;
	size = PAGE_ALIGN(size);
	if (size > vram_room_for(vram, VRAM_DOMAINS, VRAM_BO_VISIBLE))
		return -E2BIG;

	bo = vram_bo_create_present(vram, size, VRAM_DOMAINS, VRAM_BO_VISIBLE);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	args->pitch = pitch;
	args->size = size;
	return vram_bo_to_handle(bo, file, &args->handle);
}

/**
 * struct vram_ranges - a copy of a BO's ranges, for use after unlocking
 * @nr: number of ranges
 * @room: number of elements in @range
 * @range: the first ranges
 */
struct vram_ranges {
	u32 nr;
	u32 room;
	struct drm_vram_range *range;
};

/* Addresses of system memory are not reported. */
static void vram_info_ranges(struct vram_bo *bo, struct vram_ranges *ranges)
{
	struct vram_device *vram = to_vram(bo->base.dev);
	const struct p2p_vecs *vecs = bo->space->vecs;
	u64 base = p2p_provider_base(vram->provider);
	const struct p2p_vec *vec;
	u32 i;

	ranges->nr = vecs->nr;
	for (i = 0; i < min(vecs->nr, ranges->room); i++) {
		vec = &vecs->vec[i];
		ranges->range[i].length = vec->len;
		if (vec->kind == P2P_VEC_HIDDEN)
			ranges->range[i].offset = vec->paddr;
		else if (vec->kind == P2P_VEC_BAR)
			ranges->range[i].offset = vec->paddr - base;
	}
}

static int vram_info_fill(struct vram_bo *bo, struct drm_vram_bo_info *args,
			  struct vram_ranges *ranges)
{
	int ret;

	ret = dma_resv_lock_interruptible(bo->base.resv, NULL);
	if (ret)
		return ret;
	if (bo->import) {
		args->where = VRAM_IN_IMPORT;
		args->maps = bo->import->maps;
		args->invalidations = bo->import->invalidations;
	} else {
		args->where = bo->space->where;
		vram_info_ranges(bo, ranges);
	}
	args->export_id = bo->pb ? peerbuf_id(bo->pb) : 0;
	args->moves = bo->moves;
	args->evictions = bo->evictions;
	dma_resv_unlock(bo->base.resv);

	args->size = bo->base.size;
	args->map_offset = drm_vma_node_offset_addr(&bo->base.vma_node);
	args->flags = bo->flags;
	return 0;
}

static int vram_bo_info(struct vram_bo *bo, struct drm_vram_bo_info *args)
{
	struct vram_ranges ranges = {
		.room = min_t(u64, args->nr_ranges, bo->base.size >> PAGE_SHIFT),
	};
	u32 stored;
	int ret;

	if (ranges.room) {
		ranges.range = kvcalloc(ranges.room, sizeof(*ranges.range), GFP_KERNEL_ACCOUNT);
		if (!ranges.range)
			return -ENOMEM;
	}
	ret = vram_info_fill(bo, args, &ranges);
	stored = min(ranges.room, ranges.nr);
	if (!ret && stored && copy_to_user(u64_to_user_ptr(args->ranges), ranges.range,
					   array_size(stored, sizeof(*ranges.range))))
		ret = -EFAULT;
	args->nr_ranges = ranges.nr;
	kvfree(ranges.range);
	return ret;
}

int vram_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_vram_bo_info *args = data;
	struct drm_gem_object *obj;
	int ret;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		ret = vram_bo_info(to_vram_bo(obj), args);
	drm_gem_object_put(obj);
	return ret;
}

static int vram_bo_move_asked(struct vram_bo *bo, u32 where)
{
	int ret;

	if (bo->import || where < VRAM_IN_WINDOW || where > VRAM_IN_SYSTEM)
		return -EINVAL;
	ret = dma_resv_lock_interruptible(bo->base.resv, NULL);
	if (ret)
		return ret;
	ret = vram_bo_move_somewhere(bo, where, VRAM_LOCKED);
	dma_resv_unlock(bo->base.resv);
	/* Not -EAGAIN, which libdrm treats as a signal: it would retry without end. */
	return ret == -EAGAIN ? -EBUSY : ret;
}

int vram_ioctl_bo_move(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_vram_bo_move *args = data;
	struct drm_gem_object *obj;
	int ret = -ENODEV, idx;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	if (drm_dev_enter(drm, &idx)) {
		ret = vram_bo_move_asked(to_vram_bo(obj), args->where);
		drm_dev_exit(idx);
	}
	drm_gem_object_put(obj);
	return ret;
}

int vram_ioctl_stats(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct vram_device *vram = to_vram(drm);
	struct drm_vram_stats *args = data;
	struct vram_mm *mm = &vram->mm;

	args->vram_size = vram->size;
	args->window_size = vram->window;
	mutex_lock(&mm->lock);
	args->window_free = mm->free[VRAM_WINDOW];
	args->hidden_free = mm->free[VRAM_HIDDEN];
	args->leaving = mm->leaving[VRAM_WINDOW] + mm->leaving[VRAM_HIDDEN];
	mutex_unlock(&mm->lock);
	args->system_used = atomic64_read(&vram->system_used);
	args->moves = atomic64_read(&vram->moves);
	args->evictions = atomic64_read(&vram->evictions);
	args->placements = atomic64_read(&vram->placements);
	args->copies = atomic64_read(&vram->copies);
	return 0;
}
