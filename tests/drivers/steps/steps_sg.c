// SPDX-License-Identifier: GPL-2.0
/*
 * A scatterlist mapper made of the two-step API, with the results of dma_map_sg(): one space for
 * all of the list, every piece linked behind the one before, one sync. What is consecutive for
 * the device is one segment, within what dma_set_max_seg_size() and dma_set_seg_boundary() say.
 * Without a space each piece has an address, and a segment, of its own.
 */
#include <linux/scatterlist.h>

#include "steps.h"

static int sg_link(struct p2p_space *space, const struct steps_list *list)
{
	struct p2p_run run;
	u64 place = 0;
	u32 i;
	int ret;

	for (i = 0; i < list->nr; i++) {
		run = steps_entry_run(&list->entry[i]);
		ret = p2p_space_link(space, place, &run);
		if (ret)
			return ret;
		place += run.len;
	}
	return p2p_space_sync(space, 0, place);
}

static bool starts_page(const struct steps_entry *entry)
{
	return !offset_in_page(entry->paddr);
}

static bool ends_page(const struct steps_entry *entry)
{
	return !offset_in_page(entry->paddr + entry->len);
}

/* Does a piece go on where the one before it ends, in the space? */
static bool sg_continues(const struct p2p_space *space, const struct steps_entry *entry)
{
	return p2p_space_flags(space) & P2P_SPACE_CONTIGUOUS && ends_page(&entry[-1]) &&
	       starts_page(entry) && entry[-1].memory != P2P_MEMORY_BUS &&
	       entry->memory != P2P_MEMORY_BUS;
}

/* Link all of @list and fill @sgl, which has room for a segment each: how many there are. */
int steps_sg_map(struct p2p_space *space, struct device *dev, const struct steps_list *list,
		 struct scatterlist *sgl)
{
	u64 max_len = dma_get_max_seg_size(dev), boundary = dma_get_seg_boundary(dev);
	struct scatterlist *sg = NULL;
	const struct steps_entry *entry;
	dma_addr_t addr;
	u64 place = 0;
	u32 i, nr = 0;
	int ret;

	ret = sg_link(space, list);
	if (ret)
		return ret;
	for (i = 0; i < list->nr; i++) {
		entry = &list->entry[i];
		addr = p2p_space_addr(space, place) + offset_in_page(entry->paddr);
		place += steps_entry_run(entry).len;
		if (i && sg_continues(space, entry) && addr & boundary &&
		    max_len - sg_dma_len(sg) >= entry->len) {
			sg_dma_len(sg) += entry->len;
			continue;
		}
		sg = sg ? sg_next(sg) : sgl;
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = entry->len;
		nr++;
	}
	return nr;
}

void steps_sg_list(struct scatterlist *sgl, u32 nr, struct steps_hw *hw)
{
	struct scatterlist *sg;
	u32 i;

	for_each_sg(sgl, sg, nr, i) {
		hw->segment[i].addr = sg_dma_address(sg);
		hw->segment[i].len = sg_dma_len(sg);
	}
	hw->nr = nr;
}
