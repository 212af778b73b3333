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

/* After this long, log who is waited for, and go on waiting. */
#define PEERBUF_SAY_AFTER	(10 * HZ)

/* A call with a shorter timeout waits this long for a lock that is held only briefly. */
#define PEERBUF_TELLING		(HZ / 20)

/* A wait with resv held checks this often whether it should go on. */
#define PEERBUF_LOOK_AFTER	(HZ / 10)

/* @timeout: in jiffies from now, or MAX_SCHEDULE_TIMEOUT. */
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

/*
 * Reservation locks have no killable wait. So if a signal that is not fatal ends the interruptible
 * one, this goes on by trying.
 */
static int peerbuf_lock_killable(struct dma_resv *resv)
{
	if (!dma_resv_lock_interruptible(resv, NULL))
		return 0;
	while (!dma_resv_trylock(resv)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		schedule_timeout_killable(1);
	}
	return 0;
}

/* Takes resv. Returns 0, or -EINTR if @mode lets a signal end the wait. */
int peerbuf_lock(struct peerbuf *pb, int mode)
{
	switch (mode) {
	case PEERBUF_WAIT_INTR:
		return dma_resv_lock_interruptible(pb->dmabuf->resv, NULL);
	case PEERBUF_WAIT_KILLABLE:
		return peerbuf_lock_killable(pb->dmabuf->resv);
	default:
		dma_resv_lock(pb->dmabuf->resv, NULL);
		return 0;
	}
}

/*
 * Takes resv, trying until @until, in jiffies, or until a signal arrives. Returns whether it did.
 */
bool peerbuf_lock_until(struct peerbuf *pb, unsigned long until)
{
	while (!dma_resv_trylock(pb->dmabuf->resv)) {
		if (time_after_eq(jiffies, until) || signal_pending(current))
			return false;
		schedule_timeout_interruptible(1);
	}
	return true;
}

/*
 * Not every CPU interrupts the others to flush their TLBs. Data in the others' write-combining
 * buffers must reach the BAR before anybody copies from it or uses it for something else: an
 * interrupt makes them send it.
 */
void peerbuf_zap(struct peerbuf *pb)
{
	struct address_space *mapping = pb->inode->i_mapping;

	if (!mapping_mapped(mapping))
		return;
	unmap_mapping_range(mapping, 0, 0, 1);
	kick_all_cpus_sync();
}

/*
 * Under resv. Holds made before this call have an older generation than any made after it.
 */
void peerbuf_invalidate(struct peerbuf *pb)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	spin_lock(&pb->mappings_lock);
	pb->generation++;
	spin_unlock(&pb->mappings_lock);
	dma_buf_invalidate_mappings(pb->dmabuf);
	peerbuf_zap(pb);
}

/*
 * Waits once for the fences. Returns 0, -EAGAIN if the caller should wait again, -EINPROGRESS if
 * time ran out, or -EINTR.
 */
static int peerbuf_look_at_fences(struct peerbuf *pb, enum dma_resv_usage usage,
				  const struct peerbuf_patience *patience)
{
	unsigned long left = peerbuf_patience_left(patience);
	long ret;

	ret = dma_resv_wait_timeout(pb->dmabuf->resv, usage,
				    patience->mode == PEERBUF_WAIT_INTR,
				    min_t(unsigned long, left, PEERBUF_LOOK_AFTER));
	if (ret < 0)
		return -EINTR;
	if (ret)
		return 0;
	if (patience->mode == PEERBUF_WAIT_KILLABLE && fatal_signal_pending(current))
		return -EINTR;
	return left <= PEERBUF_LOOK_AFTER ? -EINPROGRESS : -EAGAIN;
}

/* Without resv. Returns 0, -EINPROGRESS if time ran out, or -EINTR. */
int peerbuf_wait_fences(struct peerbuf *pb, enum dma_resv_usage usage,
			const struct peerbuf_patience *patience)
{
	int ret;

	do {
		ret = peerbuf_look_at_fences(pb, usage, patience);
	} while (ret == -EAGAIN);
	return ret;
}

/*
 * Under resv, for a caller that wants the memory. As peerbuf_wait_fences(), but returns -ENODEV as
 * soon as the buffer is withdrawn: its importers have to be told of that under the same lock.
 */
int peerbuf_wait_fences_held(struct peerbuf *pb, enum dma_resv_usage usage,
			     const struct peerbuf_patience *patience)
{
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	do {
		ret = peerbuf_look_at_fences(pb, usage, patience);
	} while (ret == -EAGAIN && !peerbuf_trouble(pb));
	return ret == -EAGAIN ? -ENODEV : ret;
}

/* Under resv. Waits for the kernel's own fences. Returns as peerbuf_wait_kernel(). */
int peerbuf_wait_kernel_fences(struct peerbuf *pb, int mode)
{
	struct peerbuf_patience patience = peerbuf_patience(MAX_SCHEDULE_TIMEOUT, mode);

	return peerbuf_wait_fences_held(pb, DMA_RESV_USAGE_KERNEL, &patience);
}

/* Is every mapping gone that was made before @generation began? */
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

/* A broken importer detached without unmapping: its holds stay, without a client. */
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
 * Who is waited for by a wait for @generation. A hold in the list keeps its client, because an
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

/* The generation at this moment. */
u64 peerbuf_generation(struct peerbuf *pb)
{
	u64 generation;

	spin_lock(&pb->mappings_lock);
	generation = pb->generation;
	spin_unlock(&pb->mappings_lock);
	return generation;
}

/* Have importers been told of everything up to the call numbered @asked? */
static bool peerbuf_settled(struct peerbuf *pb, u64 asked)
{
	return atomic64_read_acquire(&pb->settled) >= (s64)asked;
}

static void peerbuf_say_busy(struct peerbuf *pb, u64 asked)
{
	pr_warn("export %llu is locked, waiting\n", pb->id);
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
 * Idle rather than uninterruptible: the importer decides how long this takes, and a long wait must
 * not look like a hung kernel.
 */
static long peerbuf_wait_slice(struct peerbuf *pb, bool (*over)(struct peerbuf *pb, u64 nr),
			       u64 nr, int mode, unsigned long slice)
{
	switch (mode) {
	case PEERBUF_WAIT_INTR:
		return wait_event_interruptible_timeout(pb->unheld, over(pb, nr), slice);
	case PEERBUF_WAIT_KILLABLE:
		return wait_event_killable_timeout(pb->unheld, over(pb, nr), slice);
	default:
		return wait_event_idle_timeout(pb->unheld, over(pb, nr), slice);
	}
}

/* Returns 0, -EINPROGRESS if time ran out, or -EINTR. @say: logs who is waited for. */
static int peerbuf_wait_until(struct peerbuf *pb, bool (*over)(struct peerbuf *pb, u64 nr),
			      u64 nr, const struct peerbuf_patience *patience,
			      void (*say)(struct peerbuf *pb, u64 nr))
{
	unsigned long left;
	long ret;

	for (;;) {
		left = peerbuf_patience_left(patience);
		ret = peerbuf_wait_slice(pb, over, nr, patience->mode,
					 min_t(unsigned long, left,
					       PEERBUF_SAY_AFTER));
		if (ret)
			return ret < 0 ? -EINTR : 0;
		if (left <= PEERBUF_SAY_AFTER)
			return -EINPROGRESS;
		if (!patience->quiet)
			say(pb, nr);
	}
}

/*
 * The caller holds no lock. Waits until no hold older than @generation is left. Returns 0,
 * -EINPROGRESS if time ran out, or -EINTR.
 */
int peerbuf_wait_unheld(struct peerbuf *pb, u64 generation,
			const struct peerbuf_patience *patience)
{
	return peerbuf_wait_until(pb, peerbuf_unheld, generation, patience,
				  peerbuf_say_who);
}

/*
 * The caller holds no lock, and none is waited for, so the caller's time limit holds whoever has
 * the lock. Waits until importers have been told of the changes made so far, and then until every
 * mapping from before the last invalidation is gone. If the buffer can be reached again by now,
 * new mappings are not waited for.
 */
static int peerbuf_drain_one(struct peerbuf *pb, const struct peerbuf_patience *patience,
			     u32 *reason)
{
	struct peerbuf_patience telling = *patience;
	u64 generation;
	int ret;

	lockdep_assert_not_held(&pb->dmabuf->resv->lock.base);

	if (time_before(telling.deadline, jiffies + PEERBUF_TELLING))
		telling.deadline = jiffies + PEERBUF_TELLING;
	ret = peerbuf_wait_until(pb, peerbuf_settled, atomic64_read(&pb->asked), &telling,
				 peerbuf_say_busy);
	if (ret) {
		*reason = ret == -EINTR ? PEERBUF_REASON_INTERRUPTED : PEERBUF_REASON_BUSY;
		return ret;
	}

	generation = peerbuf_generation(pb);
	ret = peerbuf_wait_fences(pb, DMA_RESV_USAGE_BOOKKEEP, patience);
	if (!ret)
		ret = peerbuf_wait_unheld(pb, generation, patience);
	/* Placements that it has left are freed once the fences have signalled. */
	peerbuf_settle(pb);
	if (ret)
		*reason = ret == -EINTR ? PEERBUF_REASON_INTERRUPTED :
					  PEERBUF_REASON_STILL_MAPPED;
	return ret;
}

/* Does so for the buffer and all buffers derived from it. */
int peerbuf_drain(struct peerbuf *pb, const struct peerbuf_patience *patience,
		  u32 *reason)
{
	int ret = peerbuf_drain_one(pb, patience, reason);
	struct peerbuf *derived;
	u64 nr = 0;

	while (!ret && (derived = peerbuf_family_next(pb, &nr))) {
		ret = peerbuf_drain_one(derived, patience, reason);
		peerbuf_put(derived);
	}
	return ret;
}
