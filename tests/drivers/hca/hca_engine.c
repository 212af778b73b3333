// SPDX-License-Identifier: GPL-2.0
/*
 * Moves bytes between an MR and a wire page: by the DMA engine or, for system memory,
 * by the CPU.
 *
 * The CPU cannot access the engine's own memory, so a job always has two halves:
 * read from one side into that memory, and write from it to the other side.
 */
#include <linux/dma-fence.h>
#include <linux/minmax.h>
#include <linux/pci.h>

#include "edu_dma.h"
#include "hca.h"

int hca_wire_alloc(struct hca *hca, struct hca_wire *wire)
{
	wire->cpu = dma_alloc_coherent(&hca->pdev->dev, PAGE_SIZE, &wire->addr,
				       GFP_KERNEL);
	return wire->cpu ? 0 : -ENOMEM;
}

void hca_wire_free(struct hca *hca, struct hca_wire *wire)
{
	dma_free_coherent(&hca->pdev->dev, PAGE_SIZE, wire->cpu, wire->addr);
}

/* One chunk per segment that the range touches. */
static int hca_job_add_mr(struct edu_job *job, struct hca_mr *mr, u64 offset,
			  u32 left, bool write)
{
	dma_addr_t addr;
	u32 inner = 0;
	u64 len;
	int ret;

	while (left) {
		ret = mr->kind->segment_at(mr, offset, &addr, &len);
		if (ret)
			return ret;
		len = min_t(u64, len, left);
		ret = edu_job_add_chunk(job, addr, inner, len, write);
		if (ret)
			return ret;
		offset += len;
		inner += len;
		left -= len;
	}
	return 0;
}

static int hca_job_fill(struct edu_job *job, struct hca_mr *mr, u64 offset,
			struct hca_wire *wire, u32 len, bool write)
{
	int ret = 0;

	if (write)
		ret = edu_job_add_chunk(job, wire->addr, 0, len, false);
	if (!ret)
		ret = hca_job_add_mr(job, mr, offset, len, write);
	if (!ret && !write)
		ret = edu_job_add_chunk(job, wire->addr, 0, len, true);
	return ret;
}

/* Called between begin and end of the MR, with the engine claimed. Cannot fail. */
static void hca_job_start(struct edu_job *job, struct hca_mr *mr, bool write)
{
	bool cookie;

	edu_job_publish(job, mr->context, ++mr->seqno);
	cookie = dma_fence_begin_signalling();
	dma_fence_get(&job->fence);
	mr->kind->publish(mr, &job->fence, write);
	edu_engine_run(&mr->hca->edu->engine, job);
	dma_fence_end_signalling(cookie);
}

static int hca_job_begin(struct edu_job *job, struct hca_mr *mr, u64 offset,
			 struct hca_wire *wire, u32 len, bool write)
{
	int ret;

	ret = mr->kind->begin(mr, write);
	if (ret)
		return ret;
	ret = hca_job_fill(job, mr, offset, wire, len, write);
	if (!ret)
		hca_job_start(job, mr, write);
	mr->kind->end(mr);
	return ret;
}

static int hca_engine_move(struct hca_mr *mr, u64 offset, struct hca_wire *wire,
			   u32 len, bool write)
{
	struct edu_engine *engine = &mr->hca->edu->engine;
	struct edu_job *job;
	int ret;

	/* All segments but the first and the last are whole pages; one more chunk for the wire. */
	job = edu_job_create(len / PAGE_SIZE + 3, write);
	if (!job)
		return -ENOMEM;
	ret = edu_engine_claim(engine);
	if (ret)
		goto err_abandon;
	ret = hca_job_begin(job, mr, offset, wire, len, write);
	if (ret)
		goto err_release;
	dma_fence_wait(&job->fence, false);
	ret = min(dma_fence_get_status(&job->fence), 0);
	dma_fence_put(&job->fence);
	hca_count(mr->hca, HCA_STAT_ENGINE_JOBS, 1);
	hca_count(mr->hca, HCA_STAT_ENGINE_BYTES, len);
	return ret;

err_release:
	edu_engine_release(engine);
err_abandon:
	edu_job_abandon(job);
	return ret;
}

static int hca_move(struct hca_mr *mr, u64 offset, struct hca_wire *wire, u32 len,
		    bool write)
{
	if (!mr->by_cpu || !READ_ONCE(hca_cpu_copy))
		return hca_engine_move(mr, offset, wire, len, write);
	hca_count(mr->hca, HCA_STAT_CPU_BYTES, len);
	return hca_mr_umem_copy(mr, offset, wire->cpu, len, write);
}

/*
 * Moves at most HCA_STEP bytes from the MR to the start of the wire page, which belongs to
 * the MR's device. Sleeps. Returns 0, or the error that prevented the access.
 */
int hca_mr_read(struct hca_mr *mr, u64 offset, struct hca_wire *wire, u32 len)
{
	return hca_move(mr, offset, wire, len, false);
}

/* Likewise, from the wire page to the MR. */
int hca_mr_write(struct hca_mr *mr, u64 offset, struct hca_wire *wire, u32 len)
{
	return hca_move(mr, offset, wire, len, true);
}
