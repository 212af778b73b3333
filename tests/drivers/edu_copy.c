// SPDX-License-Identifier: GPL-2.0
/*
 * Transfers between a buffer and the device's memory, and two kinds of transfer without a
 * buffer. Each claims the engine before it takes a reservation lock.
 */
#include <linux/dma-resv.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "edu_dma.h"

static bool edu_inner_valid(u32 offset, u32 length)
{
	return length && offset < EDU_DMA_MEMORY &&
	       length <= EDU_DMA_MEMORY - offset;
}

static int edu_check_copy(struct edu_attachment *att,
			  const struct edu_dma_copy *req)
{
	if (req->flags & ~EDU_DMA_COPY_F_NOWAIT ||
	    req->direction > EDU_DMA_FROM_BUFFER ||
	    !edu_inner_valid(req->edu_offset, req->length))
		return -EINVAL;
	if (req->offset > att->dmabuf->size ||
	    req->length > att->dmabuf->size - req->offset)
		return -ERANGE;
	return 0;
}

/* One chunk per segment that the range touches. */
static int edu_copy_fill(struct edu_attachment *att, struct edu_job *job,
			 const struct edu_dma_copy *req)
{
	u64 offset = req->offset, len;
	u32 inner = req->edu_offset;
	u32 left = req->length;
	dma_addr_t addr;
	int ret;

	while (left) {
		ret = att->importer->segment_at(att, offset, &addr, &len);
		if (ret)
			return ret;
		len = min_t(u64, len, left);
		ret = edu_job_add(job, addr, inner, len);
		if (ret)
			return ret;
		offset += len;
		inner += len;
		left -= len;
	}
	return 0;
}

/* Add the fence to the dma_resv and start the job. Cannot fail. */
static void edu_copy_start(struct edu_attachment *att, struct edu_job *job)
{
	bool cookie;

	edu_job_publish(job, att->context, ++att->seqno);
	cookie = dma_fence_begin_signalling();
	dma_resv_add_fence(att->dmabuf->resv, &job->fence,
			   job->from_device ? DMA_RESV_USAGE_WRITE :
					      DMA_RESV_USAGE_READ);
	dma_fence_put(att->last);
	att->last = dma_fence_get(&job->fence);
	att->transfers++;
	edu_engine_run(&att->edu->engine, job);
	dma_fence_end_signalling(cookie);
}

/*
 * The engine is claimed and the resv lock is held. Wait first for other users of the
 * buffer: for an exporter that is still filling it and, before a write, for every reader.
 * These are other devices, and none of them needs this engine.
 */
static int edu_copy_locked(struct edu_attachment *att, struct edu_job *job,
			   const struct edu_dma_copy *req)
{
	struct dma_resv *resv = att->dmabuf->resv;
	long left;
	int ret;

	/* No transfer of this device is running, so a stale mapping can go at once. */
	if (att->stale)
		edu_attachment_unmap(att);
	ret = edu_attachment_map(att);
	if (ret)
		return ret;
	ret = edu_copy_fill(att, job, req);
	if (ret)
		return ret;
	left = dma_resv_wait_timeout(resv, dma_resv_usage_rw(job->from_device),
				     true, MAX_SCHEDULE_TIMEOUT);
	if (left < 0)
		return left;
	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;
	edu_copy_start(att, job);
	return 0;
}

/* Caller holds edu.present. */
int edu_copy(struct edu_attachment *att, const struct edu_dma_copy *req)
{
	struct edu_engine *engine = &att->edu->engine;
	struct edu_job *job;
	int ret;

	ret = edu_check_copy(att, req);
	if (ret)
		return ret;
	/* A segment is a multiple of a page, so the range touches no more segments than this. */
	job = edu_job_create(req->length / PAGE_SIZE + 2,
			     req->direction == EDU_DMA_TO_BUFFER);
	if (!job)
		return -ENOMEM;
	ret = edu_engine_claim(engine);
	if (ret)
		goto err_abandon;
	ret = dma_resv_lock_interruptible(att->dmabuf->resv, NULL);
	if (ret)
		goto err_release;
	ret = edu_copy_locked(att, job, req);
	dma_resv_unlock(att->dmabuf->resv);
	if (ret)
		goto err_release;
	if (req->flags & EDU_DMA_COPY_F_NOWAIT)
		return 0;
	ret = edu_attachment_wait(att, true);
	/* The transfer continues, and a restarted system call would start a second one. */
	return ret == -ERESTARTSYS ? -EINTR : ret;

err_release:
	edu_engine_release(engine);
err_abandon:
	edu_job_abandon(job);
	return ret;
}

/* One chunk to or from any address; waits for its end. */
static int edu_copy_addr(struct edu *edu, dma_addr_t addr, u32 inner, u32 len,
			 bool from_device)
{
	struct edu_job *job;
	int ret;

	job = edu_job_create(1, from_device);
	if (!job)
		return -ENOMEM;
	ret = edu_job_add(job, addr, inner, len);
	if (!ret)
		ret = edu_engine_claim(&edu->engine);
	if (ret) {
		edu_job_abandon(job);
		return ret;
	}
	edu_job_publish(job, edu_job_private_context(), 1);
	dma_fence_get(&job->fence);
	edu_engine_run(&edu->engine, job);
	dma_fence_wait(&job->fence, false);
	ret = min(dma_fence_get_status(&job->fence), 0);
	dma_fence_put(&job->fence);
	return ret;
}

/* Caller holds edu.present. */
int edu_copy_raw(struct edu *edu, const struct edu_dma_raw *req)
{
	if (req->direction > EDU_DMA_FROM_BUFFER ||
	    !edu_inner_valid(req->edu_offset, req->length))
		return -EINVAL;
	return edu_copy_addr(edu, req->addr, req->edu_offset, req->length,
			     req->direction == EDU_DMA_TO_BUFFER);
}

/* Caller holds edu.present. */
int edu_copy_local(struct edu *edu, const struct edu_dma_local *req)
{
	bool out = req->direction == EDU_DMA_TO_BUFFER;
	void __user *data = u64_to_user_ptr(req->data);
	int ret = 0;

	if (req->direction > EDU_DMA_FROM_BUFFER ||
	    !edu_inner_valid(req->edu_offset, req->length))
		return -EINVAL;
	mutex_lock(&edu->bounce_lock);
	if (!out && copy_from_user(edu->bounce, data, req->length))
		ret = -EFAULT;
	if (!ret)
		ret = edu_copy_addr(edu, edu->bounce_addr, req->edu_offset,
				    req->length, out);
	if (!ret && out && copy_to_user(data, edu->bounce, req->length))
		ret = -EFAULT;
	mutex_unlock(&edu->bounce_lock);
	return ret;
}
