// SPDX-License-Identifier: GPL-2.0
/*
 * The pieces of a list. Memory of the process is pinned for as long as the list is there. A
 * BAR's owner must not let go of it meanwhile: this is a driver for tests, which see to that.
 */
#include <linux/mm.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/peerbuf.h>

#include "steps.h"

static int entry_add(struct steps_list *list, const struct steps_entry *entry)
{
	if (list->nr == STEPS_ENTRIES_MOST)
		return -E2BIG;
	list->entry[list->nr++] = *entry;
	list->size += entry->len;
	return 0;
}

/* A piece per page. */
static int user_add(struct steps_list *list, const struct steps_range *range)
{
	struct steps_entry entry = {
		.memory = range->kind == STEPS_SHARED ? P2P_MEMORY_SHARED : P2P_MEMORY_NORMAL,
	};
	u64 at = range->start, left = range->length;
	struct page *page;
	int ret;

	while (left) {
		ret = pin_user_pages_fast(at & PAGE_MASK, 1, FOLL_WRITE | FOLL_LONGTERM, &page);
		if (ret != 1)
			return ret < 0 ? ret : -EFAULT;
		entry.page = page;
		entry.paddr = page_to_phys(page) + offset_in_page(at);
		entry.len = min_t(u64, left, PAGE_SIZE - offset_in_page(at));
		ret = entry_add(list, &entry);
		if (ret) {
			unpin_user_page(page);
			return ret;
		}
		at += entry.len;
		left -= entry.len;
	}
	return 0;
}

static int bar_fill(struct steps_list *list, const struct steps_range *range,
		    struct steps_bar *bar)
{
	struct steps_entry entry = { .len = range->length, .provider = bar->provider };

	if (range->kind == STEPS_P2PMEM) {
		bar->p2pmem = pci_alloc_p2pmem(p2p_provider_pdev(bar->provider), range->length);
		if (!bar->p2pmem)
			return -EOPNOTSUPP;
		bar->p2pmem_len = range->length;
		entry.page = virt_to_page(bar->p2pmem);
		entry.paddr = page_to_phys(entry.page);
	} else {
		entry.paddr = p2p_provider_base(bar->provider) + range->start;
	}
	return entry_add(list, &entry);
}

static int bar_add(struct steps_list *list, const struct steps_range *range)
{
	struct steps_bar *bar = &list->bar[list->nr_bars];
	struct p2p_provider *provider;
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(PEERBUF_PCI_DOMAIN(range->device),
					   PEERBUF_PCI_BUS(range->device), range->device & 0xff);
	if (!pdev)
		return -ENODEV;
	provider = p2p_provider_create(pdev, range->bar, list);
	pci_dev_put(pdev);
	if (IS_ERR(provider))
		return PTR_ERR(provider);
	bar->provider = provider;
	list->nr_bars++;
	return bar_fill(list, range, bar);
}

static int range_add(struct steps_list *list, const struct steps_range *range)
{
	if (!range->length || range->length > STEPS_ENTRIES_MOST * PAGE_SIZE)
		return -EINVAL;
	switch (range->kind) {
	case STEPS_USER:
	case STEPS_SHARED:
		return user_add(list, range);
	case STEPS_BAR:
	case STEPS_P2PMEM:
		return bar_add(list, range);
	default:
		return -EINVAL;
	}
}

/* Returns the list or an ERR_PTR(). */
struct steps_list *steps_list_create(const struct steps_range __user *ranges, u32 nr)
{
	struct steps_range range;
	struct steps_list *list;
	int ret = 0;
	u32 i;

	if (!nr || nr > STEPS_RANGES_MOST)
		return ERR_PTR(-EINVAL);
	list = kvzalloc(sizeof(*list), GFP_KERNEL);
	if (!list)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < nr && !ret; i++) {
		if (copy_from_user(&range, ranges + i, sizeof(range)))
			ret = -EFAULT;
		else
			ret = range_add(list, &range);
	}
	if (ret) {
		steps_list_destroy(list);
		return ERR_PTR(ret);
	}
	return list;
}

/* Nothing of it is linked any more. */
void steps_list_destroy(struct steps_list *list)
{
	struct steps_bar *bar;
	u32 i;

	for (i = 0; i < list->nr; i++)
		if (!list->entry[i].provider)
			unpin_user_pages_dirty_lock(&list->entry[i].page, 1, true);
	for (i = 0; i < list->nr_bars; i++) {
		bar = &list->bar[i];
		if (bar->p2pmem)
			pci_free_p2pmem(p2p_provider_pdev(bar->provider), bar->p2pmem,
					bar->p2pmem_len);
		p2p_provider_kill(bar->provider);
		p2p_provider_put(bar->provider);
	}
	kvfree(list);
}

/* How much address space all pieces together need, each on pages of its own. */
u64 steps_list_span(const struct steps_list *list)
{
	u64 span = 0;
	u32 i;

	for (i = 0; i < list->nr; i++)
		span += steps_entry_run(&list->entry[i]).len;
	return span;
}

/* Of which type each BAR is for the space's client. */
int steps_list_types(struct steps_list *list, const struct p2p_space *space)
{
	struct steps_entry *entry;
	u64 last;
	u32 i;
	int ret;

	for (i = 0; i < list->nr; i++) {
		entry = &list->entry[i];
		if (!entry->provider)
			continue;
		last = entry->paddr + entry->len - 1 - p2p_provider_base(entry->provider);
		ret = p2p_space_memory(space, entry->provider, last);
		if (ret < 0)
			return ret;
		entry->memory = ret;
	}
	return 0;
}
