// SPDX-License-Identifier: GPL-2.0
/*
 * Holds: what can still reach the memory of a buffer, and how that ends.
 *
 * CPU mappings are zapped at once. DMA under way ends when its fences signal. Mappings end when
 * their importers unmap, at a time of their own: an importer may still prefetch through a mapping
 * that it has not undone (see dma_buf_invalidate_mappings()). Nothing reaches the memory after the
 * last of these has ended; wait.c waits for that.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/client.h"
#include "core/event.h"
#include "core/hold.h"
#include "core/placement.h"
#include "core/wait.h"

/* A wait with resv held checks this often whether it should go on. */
#define PEERBUF_LOOK_AFTER	(HZ / 10)

/* If it was the last hold of a placement that the buffer has left, frees that placement. */
void peerbuf_hold_remove(struct peerbuf *pb, struct peerbuf_hold *hold)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	spin_lock(&pb->holds_lock);
	list_del(&hold->node);
	pb->nr_holds--;
	spin_unlock(&pb->holds_lock);
	peerbuf_tell_drained(pb);
	peerbuf_reap(pb);
	/* A waiter checks the list, under the spinlock, after it has queued itself. */
	if (wq_has_sleeper(&pb->holds_wq))
		wake_up_all(&pb->holds_wq);
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

	spin_lock(&pb->holds_lock);
	pb->generation++;
	spin_unlock(&pb->holds_lock);
	dma_buf_invalidate_mappings(pb->dmabuf);
	peerbuf_zap(pb);
}

/*
 * Waits once for the fences. Returns 0, -EAGAIN if the caller should wait again, -EINPROGRESS if
 * time ran out, or -EINTR.
 */
static int peerbuf_look_at_fences(struct peerbuf *pb, enum dma_resv_usage usage,
				  const struct peerbuf_timeout *timeout)
{
	unsigned long left = peerbuf_timeout_left(timeout);
	long ret;

	ret = dma_resv_wait_timeout(pb->dmabuf->resv, usage,
				    timeout->mode == PEERBUF_WAIT_INTR,
				    min_t(unsigned long, left, PEERBUF_LOOK_AFTER));
	if (ret < 0)
		return -EINTR;
	if (ret)
		return 0;
	if (timeout->mode == PEERBUF_WAIT_KILLABLE && fatal_signal_pending(current))
		return -EINTR;
	return left <= PEERBUF_LOOK_AFTER ? -EINPROGRESS : -EAGAIN;
}

/* Without resv. Returns 0, -EINPROGRESS if time ran out, or -EINTR. */
int peerbuf_wait_fences(struct peerbuf *pb, enum dma_resv_usage usage,
			const struct peerbuf_timeout *timeout)
{
	int ret;

	do {
		ret = peerbuf_look_at_fences(pb, usage, timeout);
	} while (ret == -EAGAIN);
	return ret;
}

/*
 * Under resv, for a caller that wants the memory. As peerbuf_wait_fences(), but returns -ENODEV as
 * soon as the buffer is withdrawn: its importers have to be told of that under the same lock.
 */
int peerbuf_wait_fences_held(struct peerbuf *pb, enum dma_resv_usage usage,
			     const struct peerbuf_timeout *timeout)
{
	int ret;

	dma_resv_assert_held(pb->dmabuf->resv);

	do {
		ret = peerbuf_look_at_fences(pb, usage, timeout);
	} while (ret == -EAGAIN && !peerbuf_trouble(pb));
	return ret == -EAGAIN ? -ENODEV : ret;
}

/* Under resv. Waits for the kernel's own fences. Returns as peerbuf_wait_kernel(). */
int peerbuf_wait_kernel_fences(struct peerbuf *pb, int mode)
{
	struct peerbuf_timeout timeout = peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, mode);

	return peerbuf_wait_fences_held(pb, DMA_RESV_USAGE_KERNEL, &timeout);
}

/* A broken importer detached without unmapping: its holds stay, without a client. */
void peerbuf_forget_client(struct peerbuf *pb, struct peerbuf_client *client)
{
	struct peerbuf_hold *hold;

	spin_lock(&pb->holds_lock);
	list_for_each_entry(hold, &pb->holds, node)
		if (hold->client == client)
			hold->client = NULL;
	spin_unlock(&pb->holds_lock);
}
