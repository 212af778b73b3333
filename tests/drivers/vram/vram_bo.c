// SPDX-License-Identifier: GPL-2.0
/* A BO: creation, moves, destruction. */
#include <linux/dma-resv.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <uapi/linux/peerbuf.h>

#include "vram.h"

/*
 * The BO has no references: no handle, no CPU mapping, no DMA-BUF. Jobs that use its memory may
 * still run; each holds the ranges and does not use the BO.
 */
static void vram_gem_free(struct drm_gem_object *obj)
{
	struct vram_bo *bo = to_vram_bo(obj);

	vram_lru_remove(bo);
	if (bo->import)
		vram_import_destroy(to_vram(obj->dev), bo->import);
	if (bo->space)
		vram_space_leave(bo->space);
	drm_gem_object_release(obj);
	kfree(bo);
}

const struct drm_gem_object_funcs vram_gem_funcs = {
	.free = vram_gem_free,
	.export = vram_gem_export,
	.mmap = vram_gem_mmap,
	.vm_ops = &vram_vm_ops,
};

/* Allocates a BO without memory. */
struct vram_bo *vram_bo_alloc(struct vram_device *vram, u64 size)
{
	struct vram_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return NULL;
	INIT_LIST_HEAD(&bo->lru);
	bo->base.funcs = &vram_gem_funcs;
	drm_gem_private_object_init(&vram->drm, &bo->base, size);
	return bo;
}

static int vram_wait_idle(struct vram_bo *bo)
{
	long left;

	left = dma_resv_wait_timeout(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP, true,
				     MAX_SCHEDULE_TIMEOUT);
	return left < 0 ? -EINTR : 0;
}

/*
 * Moves the BO and its contents. Called under its reservation lock. @to belongs to the BO
 * on success and still to the caller on failure.
 *
 * peerbuf moves an exported BO: it stops the importers and asks this driver to copy. CPU
 * mappings made through the DRM file belong to this driver and are zapped first; no fault
 * fills them again until the lock is released. Neither path waits for the copy: its fence is
 * in the reservation object, and the job holds both placements.
 */
int vram_bo_move(struct vram_bo *bo, struct vram_space *to)
{
	struct vram_space *from = bo->space;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (bo->flags & VRAM_BO_PINNED)
		return -EBUSY;

	vram_bo_zap(bo);
	if (bo->pb) {
		ret = peerbuf_move_locked(bo->pb, to->vecs, PEERBUF_MOVE_F_COPY);
	} else {
		ret = vram_wait_idle(bo);
		if (!ret)
			ret = vram_job_fill(bo, to->vecs, from->vecs);
	}
	if (ret)
		return ret;

	bo->space = to;
	bo->moves++;
	atomic64_inc(&to->vram->moves);
	vram_lru_touch(bo);
	vram_space_leave(from);
	return 0;
}

/*
 * Moves the BO to VRAM_IN_WINDOW, _HIDDEN or _SYSTEM, under its reservation lock. Returns 0;
 * -ENOSPC or -ENOMEM no room there; -EAGAIN no room in time; -EINTR; or an error of
 * peerbuf_move_locked().
 */
int vram_bo_move_somewhere(struct vram_bo *bo, u32 where, enum vram_patience patience)
{
	struct vram_device *vram = to_vram(bo->base.dev);
	struct vram_space *to;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (bo->space->where == where)
		return 0;
	if (bo->flags & VRAM_BO_PINNED)
		return -EBUSY;

	if (where == VRAM_IN_SYSTEM)
		to = vram_space_alloc(vram, where, bo->base.size);
	else
		to = vram_space_make(vram, where, bo->base.size, patience);
	if (IS_ERR(to))
		return PTR_ERR(to);
	ret = vram_bo_move(bo, to);
	if (ret)
		vram_space_put(to);
	return ret;
}

/*
 * Moves the BO out of hidden memory, under its reservation lock: into the window or, if the
 * window is full and the BO may be in system memory, into system memory.
 */
int vram_bo_make_reachable(struct vram_bo *bo, enum vram_patience patience)
{
	struct vram_device *vram = to_vram(bo->base.dev);
	int ret;

	dma_resv_assert_held(bo->base.resv);
	if (bo->space->where != VRAM_IN_HIDDEN)
		return 0;

	ret = vram_bo_move_somewhere(bo, VRAM_IN_WINDOW, patience);
	if ((ret == -ENOSPC || ret == -EAGAIN) && bo->domains & VRAM_DOMAIN_SYSTEM)
		ret = vram_bo_move_somewhere(bo, VRAM_IN_SYSTEM, patience);
	if (!ret)
		atomic64_inc(&vram->placements);
	return ret;
}

static struct vram_space *vram_try_space(struct vram_device *vram, u32 where, u64 size)
{
	struct vram_space *space = vram_space_make(vram, where, size, VRAM_UNLOCKED);

	/* No room for so long counts as no room. */
	return PTR_ERR_OR_ZERO(space) == -EAGAIN ? ERR_PTR(-ENOSPC) : space;
}

/* Finds the first place of a new BO. The window is kept for BOs that need it. */
static struct vram_space *vram_bo_first_space(struct vram_device *vram, struct vram_bo *bo)
{
	struct vram_space *space = ERR_PTR(-ENOSPC);
	u64 size = bo->base.size;

	if (bo->domains & VRAM_DOMAIN_VRAM) {
		if (!(bo->flags & VRAM_BO_VISIBLE) && size <= vram->size - vram->window)
			space = vram_try_space(vram, VRAM_IN_HIDDEN, size);
		if (PTR_ERR_OR_ZERO(space) == -ENOSPC && size <= vram->window)
			space = vram_try_space(vram, VRAM_IN_WINDOW, size);
	}
	if (PTR_ERR_OR_ZERO(space) == -ENOSPC && bo->domains & VRAM_DOMAIN_SYSTEM)
		space = vram_space_alloc(vram, VRAM_IN_SYSTEM, size);
	return space;
}

/* Clears VRAM that held the data of another BO. System memory is zeroed already. */
static int vram_bo_clear(struct vram_bo *bo)
{
	if (bo->space->where == VRAM_IN_SYSTEM)
		return 0;
	return vram_job_fill(bo, bo->space->vecs, NULL);
}

/*
 * Creates a BO of @size bytes, page aligned. Returns it, or -ENOSPC, -ENOMEM or -EINTR.
 */
struct vram_bo *vram_bo_create(struct vram_device *vram, u64 size, u32 domains, u32 flags)
{
	struct vram_space *space;
	struct vram_bo *bo;
	int ret;

	bo = vram_bo_alloc(vram, size);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->domains = domains;
	bo->flags = flags;
	if (flags & VRAM_BO_PINNED)
		bo->flags |= VRAM_BO_VISIBLE;

	space = vram_bo_first_space(vram, bo);
	if (IS_ERR(space)) {
		ret = PTR_ERR(space);
		goto err_put;
	}

	dma_resv_lock(bo->base.resv, NULL);
	bo->space = space;
	ret = vram_bo_clear(bo);
	if (!ret)
		vram_lru_touch(bo);
	dma_resv_unlock(bo->base.resv);
	if (ret)
		goto err_put;
	return bo;

err_put:
	drm_gem_object_put(&bo->base);
	return ERR_PTR(ret);
}
