// SPDX-License-Identifier: GPL-2.0
/*
 * Making everybody let go, and waiting until they have.
 *
 * Three kinds of access end in three ways. CPU mappings are zapped, at once.
 * DMA under way ends when its fences signal. Mappings end when their importers
 * unmap, which they do on their own time: an importer may still prefetch through
 * a mapping it has not undone (see dma_buf_invalidate_mappings()). Only after
 * the last does nothing reach the memory.
 */
#include <linux/mm.h>

#include "internal.h"

/* After this long, say in the kernel log for whom we wait, and go on waiting. */
#define PEERBUF_PATIENCE	(10 * HZ)

/*
 * Under resv. Holds of a generation older than the one returned belong to the
 * time before this call.
 */
u64 peerbuf_invalidate(struct peerbuf *pb)
{
	struct dma_buf *dmabuf = pb->dmabuf;

	dma_resv_assert_held(dmabuf->resv);

	pb->generation++;
	dma_buf_invalidate_mappings(dmabuf);
	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
	return pb->generation;
}

/* Under resv. Returns what is left of @timeout, 0 if it ran out, or -ERESTARTSYS. */
long peerbuf_wait_fences(struct peerbuf *pb, bool intr, unsigned long timeout)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	return dma_resv_wait_timeout(pb->dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP,
				     intr, timeout);
}

static bool peerbuf_unheld(struct peerbuf *pb, u64 generation)
{
	struct peerbuf_hold *oldest;
	bool unheld;

	spin_lock(&pb->mappings_lock);
	oldest = list_first_entry_or_null(&pb->holds, struct peerbuf_hold, node);
	unheld = !oldest || oldest->generation >= generation;
	spin_unlock(&pb->mappings_lock);
	return unheld;
}

/* A broken importer detached without unmapping: its holds stay, nameless. */
void peerbuf_forget_client(struct peerbuf *pb, struct peerbuf_client *client)
{
	struct peerbuf_hold *hold;

	spin_lock(&pb->mappings_lock);
	list_for_each_entry(hold, &pb->holds, node)
		if (hold->client == client)
			hold->client = NULL;
	spin_unlock(&pb->mappings_lock);
}

/*
 * Whom a wait for @generation waits for. A hold in the list keeps its client: an
 * importer unmaps before it detaches.
 */
void peerbuf_first_holder(struct peerbuf *pb, u64 generation, u64 *addr,
			  char *name, size_t len, u32 *count)
{
	struct peerbuf_hold *hold;

	*addr = PEERBUF_PCI_NONE;
	*count = 0;
	name[0] = '\0';

	spin_lock(&pb->mappings_lock);
	list_for_each_entry(hold, &pb->holds, node) {
		if (hold->generation >= generation)
			break;
		if ((*count)++)
			continue;
		if (hold->client) {
			*addr = peerbuf_dev_addr(hold->client->attach->dev);
			strscpy(name, dev_name(hold->client->attach->dev), len);
		} else {
			strscpy(name, "kernel mapping", len);
		}
	}
	spin_unlock(&pb->mappings_lock);
}

static void peerbuf_say_who(struct peerbuf *pb, u64 generation)
{
	char name[32];
	u32 count;
	u64 addr;

	peerbuf_first_holder(pb, generation, &addr, name, sizeof(name), &count);
	if (count)
		pr_warn("peerbuf: export %llu is still mapped by %s (%u in all), waiting\n",
			pb->id, name, count);
}

/*
 * No lock held. Returns what is left of @timeout (at least 1), 0 if it ran out,
 * or -ERESTARTSYS. Sleeps idle rather than uninterruptibly: how long this takes is up
 * to the importer and no sign of a hung kernel.
 */
long peerbuf_wait_unheld(struct peerbuf *pb, u64 generation, bool intr,
			 unsigned long timeout)
{
	unsigned long slice;
	long left;

	for (;;) {
		slice = min_t(unsigned long, timeout, PEERBUF_PATIENCE);
		if (intr)
			left = wait_event_interruptible_timeout(pb->unheld,
								peerbuf_unheld(pb, generation),
								slice);
		else
			left = wait_event_idle_timeout(pb->unheld,
						       peerbuf_unheld(pb, generation),
						       slice);
		if (left < 0)
			return left;
		if (timeout != MAX_SCHEDULE_TIMEOUT)
			timeout -= slice - left;
		if (left)
			return timeout ?: 1;
		if (!timeout)
			return 0;
		peerbuf_say_who(pb, generation);
	}
}
