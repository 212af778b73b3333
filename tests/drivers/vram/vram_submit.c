// SPDX-License-Identifier: GPL-2.0
/*
 * Copies that user space asks for: the command submission of a real GPU.
 *
 * The reservation locks of both BOs are taken with one ticket. Which fences the job waits for, and
 * how its own fence is added, depends on which BO is read and which is written. The job has its own
 * references to the placements, and a BO is moved only after the fences in its reservation object
 * have signalled.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence-chain.h>
#include <linux/dma-resv.h>
#include <linux/overflow.h>
#include <linux/sched.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_syncobj.h>

#include "vram.h"

/**
 * struct vram_submit - a copy that is being submitted
 * @objs: source and destination, one reference each
 * @out: syncobj for the fence, reference held, or NULL
 * @chain: memory for the fence's point if @out is a timeline; NULL once it is used
 * @point: the point
 * @job: the job, until the engine has it
 */
struct vram_submit {
	struct drm_gem_object *objs[2];
	struct drm_syncobj *out;
	struct dma_fence_chain *chain;
	u64 point;
	struct vram_job *job;
};

static int vram_copy_check(const struct vram_submit *submit, const struct drm_vram_copy *args)
{
	u64 end;

	if (!args->length || submit->objs[0] == submit->objs[1])
		return -EINVAL;
	if ((args->in_point && !args->in_syncobj) || (args->out_point && !args->out_syncobj))
		return -EINVAL;
	if (check_add_overflow(args->src_offset, args->length, &end) ||
	    end > submit->objs[0]->size)
		return -ERANGE;
	if (check_add_overflow(args->dst_offset, args->length, &end) ||
	    end > submit->objs[1]->size)
		return -ERANGE;
	return 0;
}

/* Looks up the syncobj for the fence and allocates what adding the fence needs. */
static int vram_submit_out(struct vram_submit *submit, struct drm_file *file,
			   const struct drm_vram_copy *args)
{
	if (!args->out_syncobj)
		return 0;
	submit->out = drm_syncobj_find(file, args->out_syncobj);
	if (!submit->out)
		return -ENOENT;
	submit->point = args->out_point;
	if (!submit->point)
		return 0;
	submit->chain = dma_fence_chain_alloc();
	return submit->chain ? 0 : -ENOMEM;
}

static int vram_submit_lookup(struct vram_submit *submit, struct drm_file *file,
			      const struct drm_vram_copy *args)
{
	struct vram_device *vram = to_vram(file->minor->dev);
	struct vram_job *job;
	int ret;

	submit->objs[0] = drm_gem_object_lookup(file, args->src);
	submit->objs[1] = drm_gem_object_lookup(file, args->dst);
	if (!submit->objs[0] || !submit->objs[1])
		return -ENOENT;
	ret = vram_copy_check(submit, args);
	if (!ret)
		ret = vram_submit_out(submit, file, args);
	if (ret)
		return ret;

	job = vram_job_create(vram, args->length);
	if (!job)
		return -ENOMEM;
	submit->job = job;
	job->src.offset = args->src_offset;
	job->dst.offset = args->dst_offset;
	if (!args->in_syncobj)
		return 0;
	ret = drm_syncobj_find_fence(file, args->in_syncobj, args->in_point, 0,
				     &job->waits[0].fence);
	if (!ret)
		job->nr_waits = 1;
	return ret;
}

/*
 * The engine is a CPU, so it accesses an import through a kernel mapping. The mapping keeps the
 * exporter from moving the buffer, but only as long as the job. The DMA-BUF core warns if an
 * exporter refuses a kernel mapping. So the buffer is mapped for the device first, which fails
 * without a warning if the memory is not there.
 */
static int vram_import_vmap(struct vram_import *import, struct iosys_map *map)
{
	int ret;

	ret = dma_resv_lock_interruptible(import->dmabuf->resv, NULL);
	if (ret)
		return ret;
	ret = vram_import_validate(import);
	if (!ret && DMA_BUF_VMAP_LOCKED)
		ret = dma_buf_vmap(import->dmabuf, map);
	dma_resv_unlock(import->dmabuf->resv);
	if (!ret && !DMA_BUF_VMAP_LOCKED)
		ret = dma_buf_vmap(import->dmabuf, map);
	return ret;
}

static int vram_end_map(struct vram_end *end, struct vram_bo *bo)
{
	int ret;

	if (!bo->import)
		return 0;
	ret = vram_import_vmap(bo->import, &end->map);
	if (ret)
		return ret;
	drm_gem_object_get(&bo->base);
	end->bo = bo;
	return 0;
}

/* Two imported BOs may share one reservation lock if their exporter uses one for both. */
static int vram_submit_lock(struct vram_submit *submit, struct ww_acquire_ctx *ticket)
{
	int nr = submit->objs[0]->resv == submit->objs[1]->resv ? 1 : 2;

	return drm_gem_lock_reservations(submit->objs, nr, ticket);
}

static void vram_submit_unlock(struct vram_submit *submit, struct ww_acquire_ctx *ticket)
{
	int nr = submit->objs[0]->resv == submit->objs[1]->resv ? 1 : 2;

	drm_gem_unlock_reservations(submit->objs, nr, ticket);
}

/* Under the locks: prepares one end for the job and reserves room for its fence. */
static int vram_end_prepare(struct vram_job *job, struct vram_end *end,
			    struct drm_gem_object *obj, bool write)
{
	struct vram_bo *bo = to_vram_bo(obj);
	int ret;

	if (bo->import)
		ret = vram_import_validate(bo->import);
	else
		ret = 0;
	if (!ret)
		ret = vram_job_wait_for(job, obj->resv, dma_resv_usage_rw(write));
	if (!ret)
		ret = dma_resv_reserve_fences(obj->resv, 2);
	if (ret)
		return ret;

	if (!bo->import)
		end->vecs = p2p_vecs_get(bo->space->vecs);
	vram_lru_touch(bo);
	return 0;
}

static void vram_submit_signal(struct vram_submit *submit, struct dma_fence *fence)
{
	if (submit->chain)
		drm_syncobj_add_point(submit->out, submit->chain, fence, submit->point);
	else if (submit->out)
		drm_syncobj_replace_fence(submit->out, fence);
	submit->chain = NULL;
}

static int vram_submit_run(struct vram_submit *submit)
{
	struct vram_job *job = submit->job;
	int ret;

	ret = vram_end_prepare(job, &job->src, submit->objs[0], false);
	if (!ret)
		ret = vram_end_prepare(job, &job->dst, submit->objs[1], true);
	if (ret)
		return ret;

	vram_job_publish(job);
	dma_resv_add_fence(submit->objs[0]->resv, &job->fence, DMA_RESV_USAGE_READ);
	dma_resv_add_fence(submit->objs[1]->resv, &job->fence, DMA_RESV_USAGE_WRITE);
	vram_submit_signal(submit, &job->fence);
	submit->job = NULL;
	vram_job_run(job);
	return 0;
}

static int vram_submit_locked(struct vram_submit *submit)
{
	struct ww_acquire_ctx ticket;
	int ret;

	ret = vram_end_map(&submit->job->src, to_vram_bo(submit->objs[0]));
	if (!ret)
		ret = vram_end_map(&submit->job->dst, to_vram_bo(submit->objs[1]));
	if (!ret)
		ret = vram_submit_lock(submit, &ticket);
	if (ret)
		return ret;
	ret = vram_submit_run(submit);
	vram_submit_unlock(submit, &ticket);
	return ret;
}

int vram_ioctl_copy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct vram_submit submit = {};
	int ret, idx;

	ret = vram_submit_lookup(&submit, file, data);
	if (!ret && !drm_dev_enter(drm, &idx))
		ret = -ENODEV;
	if (!ret) {
		ret = vram_submit_locked(&submit);
		drm_dev_exit(idx);
	}

	if (submit.job)
		vram_job_abandon(submit.job);
	dma_fence_chain_free(submit.chain);
	if (submit.out)
		drm_syncobj_put(submit.out);
	if (submit.objs[0])
		drm_gem_object_put(submit.objs[0]);
	if (submit.objs[1])
		drm_gem_object_put(submit.objs[1]);
	return ret;
}
