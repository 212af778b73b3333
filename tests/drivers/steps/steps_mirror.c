// SPDX-License-Identifier: GPL-2.0
/*
 * A process's memory as the device sees it, page by page: what on-demand paging of RDMA does. All
 * of the range has its place in one space. A page is linked when the device first needs it, and
 * unlinked when the kernel takes it away from where it was: munmap(), fork(), migration.
 *
 * The order of things, which makes that safe:
 *
 *  - a copy reads the notifier's sequence, has the pages made present, takes the lock, and links
 *    them only if nothing was invalidated meanwhile; the lock is held until the device is done;
 *  - an invalidation takes the lock, and so waits for the device, then unlinks. When it returns
 *    the device reaches none of the pages any more, and the kernel may give them to others.
 *
 * A device that can stop by itself at a missing page would not need to be waited for; edu cannot.
 */
#include <linux/hmm.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "steps.h"

/* Pages that a copy of EDU_DMA_MEMORY bytes can touch. */
#define COPY_PAGES	2

/**
 * struct steps_mirror_state - a mirror
 * @notifier: of the range in the process's address space; its mm is not kept alive by us
 * @start: user address
 * @length: bytes
 * @lock: the members below, what is linked, and its use by the device
 * @space: a page of it per page of the range
 * @paddr: which page was linked last, per page
 * @links: pages linked so far
 * @unlinks: invalidations so far
 */
struct steps_mirror_state {
	struct mmu_interval_notifier notifier;
	u64 start;
	u64 length;
	struct mutex lock; /* see above */
	struct p2p_space *space;
	phys_addr_t *paddr;
	u64 links;
	u64 unlinks;
};

static bool mirror_invalidate(struct mmu_interval_notifier *notifier,
			      const struct mmu_notifier_range *range, unsigned long seq)
{
	struct steps_mirror_state *mirror =
		container_of(notifier, struct steps_mirror_state, notifier);
	u64 start = max_t(u64, range->start, mirror->start);
	u64 end = min_t(u64, range->end, mirror->start + mirror->length);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&mirror->lock);
	else if (!mutex_trylock(&mirror->lock))
		return false;
	mmu_interval_set_seq(notifier, seq);
	p2p_space_unlink(mirror->space, start - mirror->start, end - start);
	mirror->unlinks++;
	mutex_unlock(&mirror->lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirror_ops = {
	.invalidate = mirror_invalidate,
};

static void mirror_free(struct steps_mirror_state *mirror)
{
	mutex_destroy(&mirror->lock);
	kvfree(mirror->paddr);
	kfree(mirror);
}

static struct steps_mirror_state *mirror_alloc(u64 start, u64 length)
{
	struct steps_mirror_state *mirror = kzalloc(sizeof(*mirror), GFP_KERNEL);

	if (!mirror)
		return NULL;
	mirror->start = start;
	mirror->length = length;
	mutex_init(&mirror->lock);
	mirror->paddr = kvcalloc(length >> PAGE_SHIFT, sizeof(*mirror->paddr),
				 GFP_KERNEL | __GFP_NOWARN);
	if (!mirror->paddr) {
		mirror_free(mirror);
		return NULL;
	}
	return mirror;
}

/* Of the calling process. Returns the mirror or an ERR_PTR(). */
struct steps_mirror_state *steps_mirror_create(struct steps_device *device, u64 start, u64 length)
{
	struct steps_mirror_state *mirror;
	int ret;

	if (!length || !PAGE_ALIGNED(start | length))
		return ERR_PTR(-EINVAL);
	mirror = mirror_alloc(start, length);
	if (!mirror)
		return ERR_PTR(-ENOMEM);
	mirror->space = p2p_space_reserve(device->dev, length, DMA_BIDIRECTIONAL, 0);
	if (IS_ERR(mirror->space)) {
		ret = PTR_ERR(mirror->space);
		goto err_free;
	}
	ret = mmu_interval_notifier_insert(&mirror->notifier, current->mm, start, length,
					   &mirror_ops);
	if (ret)
		goto err_space;
	return mirror;
err_space:
	p2p_space_free(mirror->space);
err_free:
	mirror_free(mirror);
	return ERR_PTR(ret);
}

/* No copy is under way. */
void steps_mirror_destroy(struct steps_mirror_state *mirror)
{
	mmu_interval_notifier_remove(&mirror->notifier);
	p2p_space_free(mirror->space);
	mirror_free(mirror);
}

/* Have the pages of @range present and writable. */
static int mirror_fault(struct mm_struct *mm, struct hmm_range *range)
{
	int ret;

	do {
		range->notifier_seq = mmu_interval_read_begin(range->notifier);
		mmap_read_lock(mm);
		ret = hmm_range_fault(range);
		mmap_read_unlock(mm);
	} while (ret == -EBUSY);
	return ret;
}

/* The same, and with the lock held afterwards, so that they stay. Not if it fails. */
static int mirror_hold(struct steps_mirror_state *mirror, struct hmm_range *range)
{
	struct mm_struct *mm = mirror->notifier.mm;
	int ret;

	if (!mmget_not_zero(mm))
		return -ESRCH;
	for (;;) {
		ret = mirror_fault(mm, range);
		if (ret)
			break;
		mutex_lock(&mirror->lock);
		if (!mmu_interval_read_retry(&mirror->notifier, range->notifier_seq))
			break;
		mutex_unlock(&mirror->lock);
	}
	mmput(mm);
	return ret;
}

static int mirror_link_page(struct steps_mirror_state *mirror, u64 offset, unsigned long pfn)
{
	struct p2p_run run = {
		.paddr = page_to_phys(hmm_pfn_to_page(pfn)),
		.len = PAGE_SIZE,
		.memory = P2P_MEMORY_NORMAL,
	};
	int ret;

	ret = p2p_space_link(mirror->space, offset, &run);
	if (ret)
		return ret;
	ret = p2p_space_sync(mirror->space, offset, PAGE_SIZE);
	if (ret) {
		p2p_space_unlink(mirror->space, offset, PAGE_SIZE);
		return ret;
	}
	mirror->paddr[offset >> PAGE_SHIFT] = run.paddr;
	mirror->links++;
	return 0;
}

/* What is linked still is right: an invalidation would have unlinked it. */
static int mirror_link(struct steps_mirror_state *mirror, const struct hmm_range *range)
{
	u64 offset, end = range->end - mirror->start;
	u32 i = 0;
	int ret;

	lockdep_assert_held(&mirror->lock);
	for (offset = range->start - mirror->start; offset < end; offset += PAGE_SIZE, i++) {
		if (p2p_space_addr(mirror->space, offset) != DMA_MAPPING_ERROR)
			continue;
		ret = mirror_link_page(mirror, offset, range->hmm_pfns[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int mirror_fill(struct steps_mirror_state *mirror, const struct steps_mirror_copy *req,
		       struct edu_job *job)
{
	u64 at = req->offset, left = req->length, part;
	u32 inner = req->edu_offset;
	int ret;

	for (; left; at += part, left -= part, inner += part) {
		part = min_t(u64, left, PAGE_SIZE - offset_in_page(at));
		ret = edu_job_add_chunk(job, p2p_space_addr(mirror->space, at), inner, part,
					req->direction == EDU_DMA_TO_BUFFER);
		if (ret)
			return ret;
	}
	return 0;
}

/* With the engine claimed; the claim and the job are gone when this returns. */
static int mirror_copy_claimed(struct edu *edu, struct steps_mirror_state *mirror,
			       const struct steps_mirror_copy *req, struct edu_job *job)
{
	unsigned long pfns[COPY_PAGES];
	struct hmm_range range = {
		.notifier = &mirror->notifier,
		.start = (mirror->start + req->offset) & PAGE_MASK,
		.end = PAGE_ALIGN(mirror->start + req->offset + req->length),
		.hmm_pfns = pfns,
		.default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE,
	};
	int ret;

	ret = mirror_hold(mirror, &range);
	if (ret)
		goto err_release;
	ret = mirror_link(mirror, &range);
	if (!ret)
		ret = mirror_fill(mirror, req, job);
	if (ret)
		goto err_unlock;
	ret = steps_job_run_claimed(edu, job);
	mutex_unlock(&mirror->lock);
	return ret;
err_unlock:
	mutex_unlock(&mirror->lock);
err_release:
	edu_engine_release(&edu->engine);
	edu_job_abandon(job);
	return ret;
}

int steps_mirror_copy(struct steps_device *device, struct steps_mirror_state *mirror,
		      const struct steps_mirror_copy *req)
{
	struct edu_job *job;
	int ret;

	if (req->direction > EDU_DMA_FROM_BUFFER || !req->length ||
	    req->edu_offset > EDU_DMA_MEMORY || req->length > EDU_DMA_MEMORY - req->edu_offset)
		return -EINVAL;
	if (req->offset > mirror->length || req->length > mirror->length - req->offset)
		return -ERANGE;
	job = edu_job_create(COPY_PAGES, true);
	if (!job)
		return -ENOMEM;
	/* Before the lock: who has the engine may be waiting for that. */
	ret = edu_engine_claim(&device->edu->engine);
	if (ret) {
		edu_job_abandon(job);
		return ret;
	}
	return mirror_copy_claimed(device->edu, mirror, req, job);
}

/* Without an IOMMU the address is the CPU's. */
static bool leads_to(struct steps_device *device, const struct p2p_space *space, dma_addr_t addr,
		     phys_addr_t paddr)
{
	if (!(p2p_space_flags(space) & P2P_SPACE_TRANSLATED))
		return addr == paddr;
	return iommu_iova_to_phys(iommu_get_domain_for_dev(device->dev), addr) == paddr;
}

int steps_mirror_page(struct steps_device *device, struct steps_mirror_state *mirror,
		      struct steps_mirror_page *req)
{
	dma_addr_t addr;

	if (req->offset >= mirror->length)
		return -ERANGE;
	req->offset = ALIGN_DOWN(req->offset, PAGE_SIZE);
	mutex_lock(&mirror->lock);
	addr = p2p_space_addr(mirror->space, req->offset);
	req->paddr = mirror->paddr[req->offset >> PAGE_SHIFT];
	req->flags = addr == DMA_MAPPING_ERROR ? 0 : STEPS_PAGE_F_LINKED;
	if (req->flags && leads_to(device, mirror->space, addr, req->paddr))
		req->flags |= STEPS_PAGE_F_RIGHT;
	req->addr = addr;
	req->links = mirror->links;
	req->unlinks = mirror->unlinks;
	mutex_unlock(&mirror->lock);
	return 0;
}
