// SPDX-License-Identifier: GPL-2.0
/* What the device is told to do: chunks between the segments of a list and its own memory. */
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include "steps.h"

/* Of two copies of at most EDU_DMA_MEMORY bytes, in pieces of one byte at the worst. */
#define STEPS_CHUNKS_MOST	(2 * STEPS_ENTRIES_MOST)

struct edu_job *steps_job_create(void)
{
	return edu_job_create(STEPS_CHUNKS_MOST, true);
}

/* Append @length bytes from @offset in the list on. */
int steps_job_add(struct edu_job *job, const struct steps_hw *hw, u64 offset, u32 length,
		  u32 inner, bool from_device)
{
	u64 part;
	u32 i;
	int ret;

	if (inner > EDU_DMA_MEMORY || length > EDU_DMA_MEMORY - inner)
		return -EINVAL;
	for (i = 0; i < hw->nr && length; i++) {
		if (offset >= hw->segment[i].len) {
			offset -= hw->segment[i].len;
			continue;
		}
		part = min_t(u64, length, hw->segment[i].len - offset);
		ret = edu_job_add_chunk(job, hw->segment[i].addr + offset, inner, part,
					from_device);
		if (ret)
			return ret;
		inner += part;
		length -= part;
		offset = 0;
	}
	return length ? -ERANGE : 0;
}

/* With the engine claimed: the claim and the job are gone when this returns. */
int steps_job_run_claimed(struct edu *edu, struct edu_job *job)
{
	int ret;

	edu_job_publish(job, dma_fence_context_alloc(1), 1);
	dma_fence_get(&job->fence);
	edu_engine_run(&edu->engine, job);
	dma_fence_wait(&job->fence, false);
	ret = min(dma_fence_get_status(&job->fence), 0);
	dma_fence_put(&job->fence);
	return ret;
}

int steps_job_run(struct edu *edu, struct edu_job *job)
{
	int ret;

	ret = edu_engine_claim(&edu->engine);
	if (ret) {
		edu_job_abandon(job);
		return ret;
	}
	return steps_job_run_claimed(edu, job);
}
