// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs of the copy engine, and the fences that represent them.
 *
 * A fence can outlive everything else: whoever waited for it may keep it for any time. So it
 * holds a reference to the module. Nothing uses the job's pointers after the fence has
 * signalled and the engine's work has dropped the job's references.
 */
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#include "vram.h"

static const char *vram_fence_driver_name(struct dma_fence *fence)
{
	return "vram";
}

static const char *vram_fence_timeline_name(struct dma_fence *fence)
{
	return "vram.copy";
}

/* The last code of this module that a fence runs; vram_exit() waits for it. */
static void vram_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *fence = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(fence, struct vram_job, fence));
	module_put(THIS_MODULE);
}

static void vram_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, vram_fence_free);
}

static const struct dma_fence_ops vram_fence_ops = {
	.get_driver_name = vram_fence_driver_name,
	.get_timeline_name = vram_fence_timeline_name,
	.release = vram_fence_release,
};

/* The kernel mapping of an import exists as long as the job. */
static void vram_end_drop(struct vram_end *end)
{
	p2p_vecs_put(end->vecs);
	if (!end->bo)
		return;
	dma_buf_vunmap_unlocked(end->bo->import->dmabuf, &end->map);
	drm_gem_object_put(&end->bo->base);
}

static void vram_job_drop(struct vram_job *job)
{
	while (job->nr_waits)
		dma_fence_put(job->waits[--job->nr_waits].fence);
	vram_end_drop(&job->src);
	vram_end_drop(&job->dst);
}

/*
 * Dropping references takes locks that others hold while they wait for jobs or allocate memory.
 * So a queue of its own does it, and not the work that other jobs wait for.
 */
static void vram_job_drop_work(struct work_struct *work)
{
	struct vram_job *job = container_of(work, struct vram_job, drop);
	struct vram_device *vram = job->vram;

	vram_job_drop(job);
	dma_fence_put(&job->fence);
	vram_engine_job_gone(vram);
}

/* All waits are over: until the fence signals, the job depends on nothing but the engine. */
static void vram_job_work(struct work_struct *work)
{
	struct vram_job *job = container_of(work, struct vram_job, work);
	bool cookie;
	int error;

	cookie = dma_fence_begin_signalling();
	error = vram_engine_do(job);
	if (error)
		dma_fence_set_error(&job->fence, error);
	dma_fence_signal(&job->fence);
	dma_fence_end_signalling(cookie);
	queue_work(job->vram->engine.drops, &job->drop);
}

/* Creates a job of @length bytes, whose ends the caller fills in. Returns it, or NULL. */
struct vram_job *vram_job_create(struct vram_device *vram, u64 length)
{
	struct vram_job *job;

	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return NULL;
	spin_lock_init(&job->lock);
	INIT_WORK(&job->work, vram_job_work);
	INIT_WORK(&job->drop, vram_job_drop_work);
	job->vram = vram;
	job->length = length;
	vram_engine_delay(job);
	return job;
}

/* Makes the job wait for the fences in @resv, which is locked. Returns 0 or -ENOMEM. */
int vram_job_wait_for(struct vram_job *job, struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_fence *fence;
	int ret;

	ret = dma_resv_get_singleton(resv, usage, &fence);
	if (ret || !fence)
		return ret;
	job->waits[job->nr_waits++].fence = fence;
	return 0;
}

/* Frees an unpublished job. If an end is an import, no reservation lock may be held. */
void vram_job_abandon(struct vram_job *job)
{
	vram_job_drop(job);
	kfree(job);
}

/*
 * Makes the job a fence. Others may wait for it, so until vram_job_run() nothing may fail or
 * allocate memory. Each job has its own fence context, because jobs end in any order.
 */
void vram_job_publish(struct vram_job *job)
{
	/* Not try_module_get(): the caller's open file or DMA-BUF holds this module. */
	__module_get(THIS_MODULE);
	atomic_inc(&job->vram->engine.jobs);
	dma_fence_init(&job->fence, &vram_fence_ops, &job->lock, dma_fence_context_alloc(1), 1);
}

static void vram_job_ready(struct vram_job *job)
{
	if (refcount_dec_and_test(&job->pending))
		queue_work(job->vram->engine.wq, &job->work);
}

static void vram_wait_over(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	vram_job_ready(container_of(cb, struct vram_wait, cb)->job);
}

/*
 * Queues the job when all its fences have signalled, and not earlier, so a waiting job delays no
 * other. The job may be gone when this returns: a caller that needs its fence has a reference.
 */
void vram_job_run(struct vram_job *job)
{
	struct vram_wait *wait;
	u32 i, nr = job->nr_waits;

	refcount_set(&job->pending, nr + 1);
	for (i = 0; i < nr; i++) {
		wait = &job->waits[i];
		wait->job = job;
		if (dma_fence_add_callback(wait->fence, &wait->cb, vram_wait_over))
			vram_job_ready(job);
	}
	vram_job_ready(job);
}

/*
 * Queues a copy of a whole BO from one placement to another, or of zeros if @from is NULL. Called
 * under the BO's reservation lock. Whoever maps the BO, for a CPU or a device, waits for the copy.
 * Returns 0 or -ENOMEM.
 */
int vram_job_fill(struct vram_bo *bo, struct p2p_vecs *to, struct p2p_vecs *from)
{
	struct vram_job *job;
	int ret;

	dma_resv_assert_held(bo->base.resv);

	ret = dma_resv_reserve_fences(bo->base.resv, 1);
	if (ret)
		return ret;
	job = vram_job_create(to_vram(bo->base.dev), bo->base.size);
	if (!job)
		return -ENOMEM;
	job->dst.vecs = p2p_vecs_get(to);
	if (from)
		job->src.vecs = p2p_vecs_get(from);

	vram_job_publish(job);
	dma_resv_add_fence(bo->base.resv, &job->fence, DMA_RESV_USAGE_KERNEL);
	vram_job_run(job);
	return 0;
}
