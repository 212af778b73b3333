// SPDX-License-Identifier: GPL-2.0
/*
 * The scatterlist mapper beside dma_map_sg(), on the same pieces at the same time: each page
 * leads to the same memory, and there are as many segments, each as long. Then the device writes
 * by the addresses of the one and reads by those of the other.
 */
#include <linux/iommu.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "steps.h"

/**
 * struct steps_both - a list mapped twice
 * @device: whose
 * @list: the pieces
 * @space: where the scatterlist mapper links them
 * @sgl: what it made
 * @stock: what dma_map_sg() made
 * @ours: @sgl as the device is told
 * @theirs: @stock as the device is told
 */
struct steps_both {
	struct steps_device *device;
	struct steps_list *list;
	struct p2p_space *space;
	struct scatterlist *sgl;
	struct scatterlist *stock;
	struct steps_hw ours;
	struct steps_hw theirs;
};

static int both_map_stock(struct steps_both *both)
{
	const struct steps_entry *entry;
	u32 i;
	int nr;

	for (i = 0; i < both->list->nr; i++) {
		entry = &both->list->entry[i];
		if (!entry->page)
			return -EOPNOTSUPP;
		sg_set_page(&both->stock[i], entry->page, entry->len,
			    offset_in_page(entry->paddr));
	}
	/* Once is enough: the other mapping of the same memory is synchronised. */
	nr = dma_map_sg_attrs(both->device->dev, both->stock, both->list->nr, DMA_BIDIRECTIONAL,
			      DMA_ATTR_SKIP_CPU_SYNC);
	if (!nr)
		return -EIO;
	steps_sg_list(both->stock, nr, &both->theirs);
	return 0;
}

static int both_map_ours(struct steps_both *both)
{
	int ret;

	both->space = p2p_space_reserve(both->device->dev, steps_list_span(both->list),
					DMA_BIDIRECTIONAL, 0);
	if (IS_ERR(both->space))
		return PTR_ERR(both->space);
	ret = steps_list_types(both->list, both->space);
	if (!ret)
		ret = steps_sg_map(both->space, both->device->dev, both->list, both->sgl);
	if (ret < 0) {
		p2p_space_free(both->space);
		return ret;
	}
	steps_sg_list(both->sgl, ret, &both->ours);
	return 0;
}

static bool leads_to_the_same(struct steps_both *both, dma_addr_t ours, dma_addr_t theirs)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(both->device->dev);

	/* Bus addresses, or nothing that translates. */
	if (ours == theirs)
		return true;
	return p2p_space_flags(both->space) & P2P_SPACE_TRANSLATED &&
	       iommu_iova_to_phys(domain, ours) &&
	       iommu_iova_to_phys(domain, ours) == iommu_iova_to_phys(domain, theirs);
}

/* Wherever the one begins a segment, or a page, does the other lead to the same memory? */
static bool leads_everywhere(struct steps_both *both)
{
	u64 in_ours = 0, in_theirs = 0, len;
	u32 i = 0, k = 0;

	while (i < both->ours.nr && k < both->theirs.nr) {
		if (!leads_to_the_same(both, both->ours.segment[i].addr + in_ours,
				       both->theirs.segment[k].addr + in_theirs))
			return false;
		len = min3(both->ours.segment[i].len - in_ours,
			   both->theirs.segment[k].len - in_theirs, (u64)PAGE_SIZE);
		in_ours += len;
		in_theirs += len;
		if (in_ours == both->ours.segment[i].len) {
			in_ours = 0;
			i++;
		}
		if (in_theirs == both->theirs.segment[k].len) {
			in_theirs = 0;
			k++;
		}
	}
	return i == both->ours.nr && k == both->theirs.nr;
}

/*
 * The line that finds a difference, or 0. Behind an IOMMU, on a kernel where there is no space of
 * consecutive addresses, each piece is a segment of its own, and lengths are not compared.
 */
static u32 both_differ(struct steps_both *both)
{
	u32 flags = p2p_space_flags(both->space);
	u32 i;

	if (!leads_everywhere(both))
		return __LINE__;
	if (flags & P2P_SPACE_TRANSLATED && !(flags & P2P_SPACE_CONTIGUOUS))
		return both->ours.nr == both->list->nr ? 0 : __LINE__;
	if (both->ours.nr != both->theirs.nr)
		return __LINE__;
	for (i = 0; i < both->ours.nr; i++)
		if (both->ours.segment[i].len != both->theirs.segment[i].len)
			return __LINE__;
	return 0;
}

static int both_copy(struct steps_both *both, const struct steps_compare *req)
{
	struct edu_job *job = steps_job_create();
	int ret;

	if (!job)
		return -ENOMEM;
	ret = steps_job_add(job, &both->ours, req->offset, req->length, 0, true);
	if (!ret)
		ret = steps_job_add(job, &both->theirs, req->offset, req->length, req->length,
				    false);
	if (ret) {
		edu_job_abandon(job);
		return ret;
	}
	return steps_job_run(both->device->edu, job);
}

static int both_compare(struct steps_both *both, struct steps_compare *req)
{
	int ret;

	req->line = 0;
	ret = both_map_ours(both);
	if (ret)
		return ret;
	ret = both_map_stock(both);
	if (!ret) {
		req->line = both_differ(both);
		if (req->length && !req->line)
			ret = both_copy(both, req);
		dma_unmap_sg_attrs(both->device->dev, both->stock, both->list->nr,
				   DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC);
	}
	p2p_space_free(both->space);
	req->entries = both->list->nr;
	req->segments = both->ours.nr;
	req->stock_segments = both->theirs.nr;
	return ret;
}

static int both_alloc(struct steps_both *both)
{
	both->sgl = kcalloc(both->list->nr, sizeof(*both->sgl), GFP_KERNEL);
	both->stock = kcalloc(both->list->nr, sizeof(*both->stock), GFP_KERNEL);
	if (!both->sgl || !both->stock)
		return -ENOMEM;
	sg_init_table(both->sgl, both->list->nr);
	sg_init_table(both->stock, both->list->nr);
	return 0;
}

int steps_compare(struct steps_device *device, struct steps_compare *req)
{
	struct steps_both *both;
	int ret;

	if (req->reserved)
		return -EINVAL;
	both = kvzalloc(sizeof(*both), GFP_KERNEL);
	if (!both)
		return -ENOMEM;
	both->device = device;
	both->list = steps_list_create(u64_to_user_ptr(req->ranges), req->nr_ranges);
	if (IS_ERR(both->list)) {
		ret = PTR_ERR(both->list);
		goto out;
	}
	ret = both_alloc(both);
	if (!ret)
		ret = both_compare(both, req);
	kfree(both->sgl);
	kfree(both->stock);
	steps_list_destroy(both->list);
out:
	kvfree(both);
	return ret;
}
