// SPDX-License-Identifier: GPL-2.0
/*
 * The two-step API by itself, page by page: link, refuse, unlink, link again. After each
 * step every page's address is compared with what the hardware would make of it: behind an
 * IOMMU by walking its tables, otherwise with the CPU's address or that of the bus.
 */
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/peerbuf.h>

#include "steps.h"

#define CHECK_PAGES	8
/* Of system memory, consecutive. */
#define CHECK_ORDER	2

/**
 * struct check_state - a check under way
 * @req: where the verdict goes
 * @device: whose DMA API
 * @space: of CHECK_PAGES pages
 * @provider: a BAR
 * @bar: which type it is
 * @memory: physical address of 1 << CHECK_ORDER pages of system memory
 * @want: what each page of the space has to lead to, 0 for nothing
 * @bus: the same is a bus address
 * @first_addr: of the space's first page, if it is one range of IOVAs and that page was linked
 */
struct check_state {
	struct steps_check *req;
	struct steps_device *device;
	struct p2p_space *space;
	struct p2p_provider *provider;
	enum p2p_memory bar;
	phys_addr_t memory;
	phys_addr_t want[CHECK_PAGES];
	bool bus[CHECK_PAGES];
	dma_addr_t first_addr;
};

static int check_fail(struct check_state *state, int line, int error)
{
	state->req->line = line;
	state->req->error = error;
	return -EINVAL;
}

#define fail(state, error)	check_fail(state, __LINE__, error)

/* What call @ret must have returned. */
#define expect(state, ret, error)					\
({									\
	int ret_ = (ret);						\
									\
	ret_ == (error) ? 0 : check_fail(state, __LINE__, ret_);	\
})

static bool page_right(struct check_state *state, u32 i)
{
	dma_addr_t addr = p2p_space_addr(state->space, (u64)i << PAGE_SHIFT);
	u32 flags = p2p_space_flags(state->space);
	struct iommu_domain *domain = iommu_get_domain_for_dev(state->device->dev);

	if (!state->want[i])
		return addr == DMA_MAPPING_ERROR;
	if (state->bus[i])
		return addr == state->want[i] + p2p_provider_bus_offset(state->provider);
	if (flags & P2P_SPACE_CONTIGUOUS && state->first_addr &&
	    addr != state->first_addr + ((u64)i << PAGE_SHIFT))
		return false;
	if (!(flags & P2P_SPACE_TRANSLATED))
		return addr == state->want[i];
	return iommu_iova_to_phys(domain, addr) == state->want[i];
}

static bool all_right(struct check_state *state)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(state->device->dev);
	u32 i;

	for (i = 0; i < CHECK_PAGES; i++) {
		if (!page_right(state, i))
			return false;
		/* In one range of IOVAs a page that is not linked leads nowhere. */
		if (state->first_addr && !state->want[i] &&
		    iommu_iova_to_phys(domain, state->first_addr + ((u64)i << PAGE_SHIFT)))
			return false;
	}
	return true;
}

static struct p2p_run run_of(struct check_state *state, bool bar, u32 from, u32 nr)
{
	return (struct p2p_run){
		.paddr = (bar ? p2p_provider_base(state->provider) : state->memory) +
			 ((u64)from << PAGE_SHIFT),
		.len = (u64)nr << PAGE_SHIFT,
		.provider = bar ? state->provider : NULL,
		.memory = bar ? state->bar : P2P_MEMORY_NORMAL,
	};
}

/* @nr pages from page @from of the memory, or of the BAR, at page @at; errno as p2p_space_link() */
static int try_link(struct check_state *state, bool bar, u32 at, u32 from, u32 nr)
{
	struct p2p_run run = run_of(state, bar, from, nr);
	u32 i;
	int ret;

	ret = p2p_space_link(state->space, (u64)at << PAGE_SHIFT, &run);
	if (ret)
		return ret;
	ret = p2p_space_sync(state->space, 0, (u64)CHECK_PAGES << PAGE_SHIFT);
	for (i = at; i < at + nr; i++) {
		state->want[i] = run.paddr + ((u64)(i - at) << PAGE_SHIFT);
		state->bus[i] = run.memory == P2P_MEMORY_BUS;
	}
	if (at == 0 && run.memory != P2P_MEMORY_BUS &&
	    p2p_space_flags(state->space) & P2P_SPACE_CONTIGUOUS)
		state->first_addr = p2p_space_addr(state->space, 0);
	return ret;
}

/* All that goes with it: pages [first, end) of the space. */
static void unlink_range(struct check_state *state, u64 offset, u64 len, u32 first, u32 end)
{
	p2p_space_unlink(state->space, offset, len);
	for (; first < end; first++)
		state->want[first] = 0;
}

static int check_single_pages(struct check_state *state)
{
	int ret;

	/* The order does not matter. */
	ret = expect(state, try_link(state, false, 0, 3, 1), 0) ?:
	      expect(state, try_link(state, true, 7, 0, 1), 0) ?:
	      expect(state, try_link(state, false, 2, 1, 1), 0) ?:
	      expect(state, try_link(state, true, 1, 5, 1), 0);
	if (ret)
		return ret;
	if (!all_right(state))
		return fail(state, 0);
	unlink_range(state, PAGE_SIZE, PAGE_SIZE, 1, 2);
	if (!all_right(state))
		return fail(state, 0);
	/* Again, and to other memory. */
	ret = expect(state, try_link(state, false, 1, 0, 1), 0);
	if (!ret && !all_right(state))
		ret = fail(state, 0);
	unlink_range(state, 0, (u64)CHECK_PAGES << PAGE_SHIFT, 0, CHECK_PAGES);
	if (!ret && !all_right(state))
		ret = fail(state, 0);
	return ret;
}

/* What was linked by one call goes as a whole, whichever byte of it is unlinked. */
static int check_whole_links(struct check_state *state)
{
	int ret;

	ret = expect(state, try_link(state, false, 1, 0, 4), 0) ?:
	      expect(state, try_link(state, true, 5, 8, 2), 0) ?:
	      expect(state, try_link(state, false, 7, 0, 1), 0);
	if (ret)
		return ret;
	if (!all_right(state))
		return fail(state, 0);
	unlink_range(state, 3 * PAGE_SIZE + 5, 1, 1, 5);
	if (!all_right(state))
		return fail(state, 0);
	ret = expect(state, try_link(state, true, 1, 0, 4), 0);
	if (ret)
		return ret;
	/* From the last page of the one to the first of the next. */
	unlink_range(state, 4 * PAGE_SIZE, 2 * PAGE_SIZE, 1, 7);
	return all_right(state) ? 0 : fail(state, 0);
}

static int link_raw(struct check_state *state, u64 offset, struct p2p_run run)
{
	return p2p_space_link(state->space, offset, &run);
}

/* Nothing is linked by a call that fails. Page 7 still has what it had. */
static int check_refusals(struct check_state *state)
{
	struct p2p_run run = run_of(state, false, 0, 1), bar = run_of(state, true, 0, 1);
	struct p2p_run odd = run, beyond = bar, untyped = run, owned = run;
	int ret;

	odd.paddr += 8;
	beyond.paddr += p2p_provider_length(state->provider);
	untyped.memory = P2P_MEMORY_HOST_BRIDGE;
	owned.provider = state->provider;
	ret = expect(state, try_link(state, false, 6, 0, 2), -EEXIST) ?:
	      expect(state, try_link(state, false, 6, 0, 3), -ERANGE) ?:
	      expect(state, try_link(state, false, CHECK_PAGES, 0, 1), -ERANGE) ?:
	      expect(state, try_link(state, false, 0, 0, 0), -EINVAL) ?:
	      expect(state, link_raw(state, 8, run), -EINVAL) ?:
	      expect(state, link_raw(state, 0, odd), -EINVAL) ?:
	      expect(state, link_raw(state, 0, beyond), -ERANGE) ?:
	      expect(state, link_raw(state, 0, untyped), -EINVAL) ?:
	      expect(state, link_raw(state, 0, owned), -EINVAL) ?:
	      expect(state, p2p_space_sync(state->space, PAGE_SIZE,
					   (u64)CHECK_PAGES << PAGE_SHIFT), -ERANGE);
	if (ret)
		return ret;
	return all_right(state) ? 0 : fail(state, 0);
}

/* What was linked before can still be unlinked, and frees by itself. */
static int check_killed(struct check_state *state)
{
	int ret;

	ret = expect(state, try_link(state, true, 0, 0, 2), 0);
	if (ret)
		return ret;
	p2p_provider_kill(state->provider);
	ret = expect(state, try_link(state, true, 3, 0, 1), -ENODEV);
	if (!ret && !all_right(state))
		ret = fail(state, 0);
	unlink_range(state, 0, PAGE_SIZE, 0, 2);
	if (!ret && !all_right(state))
		ret = fail(state, 0);
	return ret ?: expect(state, try_link(state, false, 0, 0, 1), 0);
}

static int reserve_errno(struct device *dev, u64 size, enum dma_data_direction dir, u32 need)
{
	struct p2p_space *space = p2p_space_reserve(dev, size, dir, need);

	if (IS_ERR(space))
		return PTR_ERR(space);
	p2p_space_free(space);
	return 0;
}

static int check_reserve(struct check_state *state)
{
	struct device *dev = state->device->dev;
	u32 probed = p2p_space_probe(dev);
	int contiguous = probed & P2P_SPACE_CONTIGUOUS ? 0 : -EOPNOTSUPP;

	return expect(state, reserve_errno(dev, 0, DMA_TO_DEVICE, 0), -EINVAL) ?:
	       expect(state, reserve_errno(dev, 100, DMA_TO_DEVICE, 0), -EINVAL) ?:
	       expect(state, reserve_errno(dev, PAGE_SIZE, DMA_NONE, 0), -EINVAL) ?:
	       expect(state, reserve_errno(dev, BIT_ULL(63), DMA_TO_DEVICE, 0), -EOVERFLOW) ?:
	       expect(state, reserve_errno(dev, PAGE_SIZE, DMA_TO_DEVICE, P2P_SPACE_CONTIGUOUS),
		      contiguous);
}

static void check_space(struct check_state *state)
{
	int ret;

	state->space = p2p_space_reserve(state->device->dev, (u64)CHECK_PAGES << PAGE_SHIFT,
					 DMA_BIDIRECTIONAL, 0);
	if (IS_ERR(state->space)) {
		fail(state, PTR_ERR(state->space));
		return;
	}
	state->req->contiguous = !!(p2p_space_flags(state->space) & P2P_SPACE_CONTIGUOUS);
	ret = p2p_space_memory(state->space, state->provider, CHECK_PAGES * PAGE_SIZE - 1);
	if (ret < 0)
		fail(state, ret);
	else
		state->bar = ret;
	if (ret >= 0 && !check_single_pages(state) && !check_whole_links(state) &&
	    !check_refusals(state) && !check_reserve(state))
		check_killed(state);
	p2p_space_free(state->space);
}

/* The verdict is in @req. */
int steps_check(struct steps_device *device, struct steps_check *req)
{
	struct check_state state = { .req = req, .device = device };
	struct pci_dev *pdev;
	struct page *pages;
	int ret = -ENOMEM;

	req->line = 0;
	req->error = 0;
	pdev = pci_get_domain_bus_and_slot(PEERBUF_PCI_DOMAIN(req->device),
					   PEERBUF_PCI_BUS(req->device), req->device & 0xff);
	if (!pdev)
		return -ENODEV;
	state.provider = p2p_provider_create(pdev, req->bar, NULL);
	pci_dev_put(pdev);
	if (IS_ERR(state.provider))
		return PTR_ERR(state.provider);
	pages = alloc_pages(GFP_KERNEL, CHECK_ORDER);
	if (pages) {
		state.memory = page_to_phys(pages);
		check_space(&state);
		__free_pages(pages, CHECK_ORDER);
		ret = 0;
	}
	p2p_provider_kill(state.provider);
	p2p_provider_put(state.provider);
	return ret;
}
