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
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>

#include "internal.h"

/* After this long, say in the kernel log for whom we wait, and go on waiting. */
#define PEERBUF_SAY_AFTER	(10 * HZ)

/* @timeout in jiffies from now, or MAX_SCHEDULE_TIMEOUT. */
struct peerbuf_patience peerbuf_patience(unsigned long timeout, int mode)
{
	return (struct peerbuf_patience){
		.deadline = jiffies + timeout,
		.forever = timeout == MAX_SCHEDULE_TIMEOUT,
		.mode = mode,
	};
}

static unsigned long peerbuf_patience_left(const struct peerbuf_patience *patience)
{
	if (patience->forever)
		return MAX_SCHEDULE_TIMEOUT;
	if (time_after_eq(jiffies, patience->deadline))
		return 0;
	return patience->deadline - jiffies;
}

/* Takes resv. Returns 0, or -EINTR if @mode lets a signal end the wait. */
int peerbuf_lock(struct peerbuf *pb, int mode)
{
	if (mode != PEERBUF_WAIT_IDLE)
		return dma_resv_lock_interruptible(pb->dmabuf->resv, NULL);

	dma_resv_lock(pb->dmabuf->resv, NULL);
	return 0;
}

/*
 * Not every CPU interrupts the others to flush their TLBs. What they have combined for a BAR
 * and not sent yet must arrive before anybody copies from it, or has it for something
 * else: an interrupt makes them send it.
 */
static void peerbuf_zap(struct peerbuf *pb)
{
	struct address_space *mapping = pb->inode->i_mapping;

	if (!mapping_mapped(mapping))
		return;
	unmap_mapping_range(mapping, 0, 0, 1);
	if (pb->placement->nr_claims)
		kick_all_cpus_sync();
}

/*
 * Under resv. Holds made before this are of an older generation than any made
 * after.
 */
void peerbuf_invalidate(struct peerbuf *pb)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	pb->generation++;
	dma_buf_invalidate_mappings(pb->dmabuf);
	peerbuf_zap(pb);
}

/*
 * Under resv: until the memory is what it should be. Returns 0, or -EINTR if @intr lets a
 * signal end the wait.
 */
int peerbuf_wait_kernel(struct peerbuf *pb, bool intr)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	if (dma_resv_wait_timeout(pb->dmabuf->resv, DMA_RESV_USAGE_KERNEL, intr,
				  MAX_SCHEDULE_TIMEOUT) < 0)
		return -EINTR;
	return 0;
}

/*
 * Under resv. Returns 0, -EINPROGRESS if time ran out, or -EINTR. Fences have to signal in
 * reasonable time: who may only be killed waits for them.
 */
int peerbuf_wait_fences(struct peerbuf *pb,
			const struct peerbuf_patience *patience)
{
	long left;

	dma_resv_assert_held(pb->dmabuf->resv);

	left = dma_resv_wait_timeout(pb->dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP,
				     patience->mode == PEERBUF_WAIT_INTR,
				     peerbuf_patience_left(patience));
	if (left < 0)
		return -EINTR;
	return left ? 0 : -EINPROGRESS;
}

/* Is everything gone that was mapped before @generation began? */
bool peerbuf_unheld(struct peerbuf *pb, u64 generation)
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
		pr_warn("export %llu is still mapped by %s (%u in all), waiting\n",
			pb->id, name, count);
}

/*
 * Idle rather than uninterruptible: how long this takes is up to the importer, and no
 * sign of a hung kernel.
 */
static long peerbuf_wait_slice(struct peerbuf *pb, u64 generation, int mode,
			       unsigned long slice)
{
	switch (mode) {
	case PEERBUF_WAIT_INTR:
		return wait_event_interruptible_timeout(pb->unheld,
							peerbuf_unheld(pb, generation),
							slice);
	case PEERBUF_WAIT_KILLABLE:
		return wait_event_killable_timeout(pb->unheld,
						   peerbuf_unheld(pb, generation),
						   slice);
	default:
		return wait_event_idle_timeout(pb->unheld,
					       peerbuf_unheld(pb, generation),
					       slice);
	}
}

/*
 * No lock held. Until no hold older than @generation is left. Returns 0, -EINPROGRESS if
 * time ran out, or -EINTR.
 */
int peerbuf_wait_unheld(struct peerbuf *pb, u64 generation,
			const struct peerbuf_patience *patience)
{
	unsigned long left;
	long ret;

	for (;;) {
		left = peerbuf_patience_left(patience);
		ret = peerbuf_wait_slice(pb, generation, patience->mode,
					 min_t(unsigned long, left,
					       PEERBUF_SAY_AFTER));
		if (ret)
			return ret < 0 ? -EINTR : 0;
		if (left <= PEERBUF_SAY_AFTER)
			return -EINPROGRESS;
		peerbuf_say_who(pb, generation);
	}
}

/*
 * No lock held. Waits for all that can still reach the buffer by what was mapped before its
 * last invalidation. If it can be reached again by now, the new mappings are none of
 * our business.
 */
int peerbuf_drain(struct peerbuf *pb, const struct peerbuf_patience *patience,
		  u32 *reason)
{
	u64 generation;
	int ret;

	ret = peerbuf_lock(pb, patience->mode);
	if (!ret) {
		generation = pb->generation;
		ret = peerbuf_wait_fences(pb, patience);
		peerbuf_reap(pb);
		dma_resv_unlock(pb->dmabuf->resv);
	}
	if (!ret)
		ret = peerbuf_wait_unheld(pb, generation, patience);
	if (ret)
		*reason = ret == -EINTR ? PEERBUF_REASON_INTERRUPTED :
					  PEERBUF_REASON_STILL_MAPPED;
	return ret;
}
