// SPDX-License-Identifier: GPL-2.0
/*
 * A transfer, and the fence that represents it.
 *
 * A fence can outlive the device and the attachment: whoever waited for it may keep it for
 * any time. So it holds a reference to the module, but none to the device or the attachment.
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
 * The last code of this module that a fence runs. It is an RCU callback, and the rcu_barrier()
 * in edu_exit() waits for it before the module's code is freed.
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

/**
 * edu_job_create() - allocate a transfer
 * @max: room for this many chunks
 * @from_device: the direction that edu_job_add() uses
 *
 * Context: process context, may sleep.
 * Return: the job, which is no fence until it is published, or NULL.
 */
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
EXPORT_SYMBOL_GPL(edu_job_create);

/**
 * edu_job_add_chunk() - append a chunk of either direction
 * @job: the job
 * @addr: DMA address outside of the device
 * @inner: offset in the device's memory, bytes
 * @len: bytes
 * @from_device: the device writes to @addr
 *
 * Chunks run in order, so one job can read from one address and write to another.
 *
 * Context: any.
 * Return: 0, or -E2BIG when there is no room.
 */
int edu_job_add_chunk(struct edu_job *job, dma_addr_t addr, u32 inner, u32 len,
		      bool from_device)
{
	if (job->nr == job->max)
		return -E2BIG;
	job->chunk[job->nr++] = (struct edu_chunk){
		.addr = addr,
		.inner = inner,
		.len = len,
		.from_device = from_device,
	};
	return 0;
}
EXPORT_SYMBOL_GPL(edu_job_add_chunk);

/* Append a chunk in the job's own direction; -E2BIG if there is no room. */
int edu_job_add(struct edu_job *job, dma_addr_t addr, u32 inner, u32 len)
{
	return edu_job_add_chunk(job, addr, inner, len, job->from_device);
}

/**
 * edu_job_abandon() - free a job that was never published
 * @job: the job
 *
 * Context: any.
 */
void edu_job_abandon(struct edu_job *job)
{
	kfree(job);
}
EXPORT_SYMBOL_GPL(edu_job_abandon);

/**
 * edu_job_publish() - make the job a fence
 * @job: the job, with all its chunks; afterwards its fence has one reference
 * @context: fence context
 * @seqno: sequence number in that context
 *
 * Others may wait for the fence from now on. So until the job is passed to the engine the
 * caller may neither fail nor allocate memory.
 *
 * Context: any.
 */
void edu_job_publish(struct edu_job *job, u64 context, u64 seqno)
{
	/* Not try_module_get(): the caller's open file or use of a symbol holds this module. */
	__module_get(THIS_MODULE);
	dma_fence_init(&job->fence, &edu_fence_ops, &job->lock, context, seqno);
}
EXPORT_SYMBOL_GPL(edu_job_publish);

/* Callable from any context. */
void edu_job_complete(struct edu_job *job, int error)
{
	if (error)
		dma_fence_set_error(&job->fence, error);
	dma_fence_signal(&job->fence);
	dma_fence_put(&job->fence);
}

/* A fence context for jobs whose fences no one else sees. */
u64 edu_job_private_context(void)
{
	return dma_fence_context_alloc(1);
}
