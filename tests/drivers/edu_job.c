// SPDX-License-Identifier: GPL-2.0
/*
 * A transfer, and the fence that stands for it.
 *
 * A fence can outlive everything here: somebody who waited for it may keep it for
 * as long as they like. So it holds the module, and nothing else: not the device,
 * not the attachment.
 */
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "edu_dma.h"

static const char *edu_fence_driver_name(struct dma_fence *fence)
{
	return "edu_dma";
}

static const char *edu_fence_timeline_name(struct dma_fence *fence)
{
	return "edu_dma.attachment";
}

/*
 * The last code of this module that a fence needs. Runs as an RCU callback, and
 * edu_exit() has an rcu_barrier(), so that it is over before its text goes.
 */
static void edu_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *fence = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(fence, struct edu_job, fence));
	module_put(THIS_MODULE);
}

static void edu_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, edu_fence_free);
}

static const struct dma_fence_ops edu_fence_ops = {
	.get_driver_name = edu_fence_driver_name,
	.get_timeline_name = edu_fence_timeline_name,
	.release = edu_fence_release,
};

struct edu_job *edu_job_create(u32 max, bool from_device)
{
	struct edu_job *job = kzalloc(struct_size(job, chunk, max), GFP_KERNEL);

	if (!job)
		return NULL;
	spin_lock_init(&job->lock);
	job->from_device = from_device;
	job->max = max;
	return job;
}

/* Append a chunk; -E2BIG when there is no room. */
int edu_job_add(struct edu_job *job, dma_addr_t addr, u32 inner, u32 len)
{
	if (job->nr == job->max)
		return -E2BIG;
	job->chunk[job->nr++] = (struct edu_chunk){ addr, inner, len };
	return 0;
}

/* A job that was never published is plain memory. */
void edu_job_abandon(struct edu_job *job)
{
	kfree(job);
}

/*
 * Make it a fence. From here on nothing may fail or allocate until it is
 * handed to the engine, because others may wait for it.
 */
void edu_job_publish(struct edu_job *job, u64 context, u64 seqno)
{
	/* Not try_module_get(): the caller has an open file of this module. */
	__module_get(THIS_MODULE);
	dma_fence_init(&job->fence, &edu_fence_ops, &job->lock, context, seqno);
}

/* Callable from any context. */
void edu_job_complete(struct edu_job *job, int error)
{
	if (error)
		dma_fence_set_error(&job->fence, error);
	dma_fence_signal(&job->fence);
	dma_fence_put(&job->fence);
}

/* A context for a job whose fence nobody else will see. */
u64 edu_job_private_context(void)
{
	return dma_fence_context_alloc(1);
}
