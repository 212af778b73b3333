// SPDX-License-Identifier: GPL-2.0
/*
 * A walk along pieces, as a block driver walks along a bio: memory and BARs may alternate. All
 * of a run, neighbours of one type, is linked at one go, with one sync, and appended to the list
 * that the hardware gets. A driver could start the hardware after each run.
 */
#include "steps.h"

static int run_link(struct steps_walk *walk, u32 end)
{
	u64 begin = walk->place;
	struct p2p_run run;
	u32 i;
	int ret;

	for (i = walk->next; i < end; i++) {
		run = steps_entry_run(&walk->list->entry[i]);
		ret = p2p_space_link(walk->space, walk->place, &run);
		if (ret)
			return ret;
		walk->place += run.len;
	}
	return p2p_space_sync(walk->space, begin, walk->place - begin);
}

/* Behind the segment before it, if it belongs to the same run and continues it. */
static void hw_add(struct steps_hw *hw, u32 first, dma_addr_t addr, u64 len)
{
	u32 last = hw->nr - 1;

	if (hw->nr > first && hw->segment[last].addr + hw->segment[last].len == addr) {
		hw->segment[last].len += len;
		return;
	}
	hw->segment[hw->nr].addr = addr;
	hw->segment[hw->nr].len = len;
	hw->nr++;
}

/*
 * Link the next run and append it to @hw. Returns 1, 0 at the end, or an errno; then what has
 * been linked so far goes with the space.
 */
int steps_walk_next(struct steps_walk *walk, struct steps_hw *hw)
{
	const struct steps_entry *entry = walk->list->entry;
	u64 place = walk->place;
	u32 first = hw->nr;
	u32 end = walk->next;
	int ret;

	if (walk->next == walk->list->nr)
		return 0;
	while (end < walk->list->nr && entry[end].memory == entry[walk->next].memory)
		end++;
	ret = run_link(walk, end);
	if (ret)
		return ret;
	for (; walk->next < end; walk->next++) {
		hw_add(hw, first,
		       p2p_space_addr(walk->space, place) +
		       offset_in_page(entry[walk->next].paddr), entry[walk->next].len);
		place += steps_entry_run(&entry[walk->next]).len;
	}
	walk->runs++;
	return 1;
}
