// SPDX-License-Identifier: GPL-2.0
/* Waits until no hold of an older generation is left. */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>

#include <linux/peerbuf.h>

#include "core/addr.h"
#include "core/buffer.h"
#include "core/client.h"
#include "core/hold.h"
#include "core/wait.h"

/* After this long, log who is waited for, and go on waiting. */
#define PEERBUF_SAY_AFTER	(10 * HZ)

/* @timeout: in jiffies from now, or MAX_SCHEDULE_TIMEOUT. */
struct peerbuf_timeout peerbuf_timeout(unsigned long timeout, int mode)
{
	return (struct peerbuf_timeout){
		.deadline = jiffies + timeout,
		.forever = timeout == MAX_SCHEDULE_TIMEOUT,
		.mode = mode,
	};
}

unsigned long peerbuf_timeout_left(const struct peerbuf_timeout *timeout)
{
	if (timeout->forever)
		return MAX_SCHEDULE_TIMEOUT;
	if (time_after_eq(jiffies, timeout->deadline))
		return 0;
	return timeout->deadline - jiffies;
}

/* Is every mapping gone that was made before @generation began? */
bool peerbuf_holds_ended(struct peerbuf *pb, u64 generation)
{
	struct peerbuf_hold *oldest;
	bool ended;

	spin_lock(&pb->holds_lock);
	oldest = list_first_entry_or_null(&pb->holds, struct peerbuf_hold, node);
	ended = !oldest || oldest->generation >= generation;
	spin_unlock(&pb->holds_lock);
	return ended;
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

	spin_lock(&pb->holds_lock);
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
	spin_unlock(&pb->holds_lock);
}

/* The generation at this moment. */
u64 peerbuf_generation(struct peerbuf *pb)
{
	u64 generation;

	spin_lock(&pb->holds_lock);
	generation = pb->generation;
	spin_unlock(&pb->holds_lock);
	return generation;
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
		return wait_event_interruptible_timeout(pb->holds_wq, over(pb, nr), slice);
	case PEERBUF_WAIT_KILLABLE:
		return wait_event_killable_timeout(pb->holds_wq, over(pb, nr), slice);
	default:
		return wait_event_idle_timeout(pb->holds_wq, over(pb, nr), slice);
	}
}

/* Returns 0, -EINPROGRESS if time ran out, or -EINTR. @say: logs who is waited for. */
int peerbuf_wait_until(struct peerbuf *pb, bool (*over)(struct peerbuf *pb, u64 nr),
		       u64 nr, const struct peerbuf_timeout *timeout,
		       void (*say)(struct peerbuf *pb, u64 nr))
{
	unsigned long left;
	long ret;

	for (;;) {
		left = peerbuf_timeout_left(timeout);
		ret = peerbuf_wait_slice(pb, over, nr, timeout->mode,
					 min_t(unsigned long, left,
					       PEERBUF_SAY_AFTER));
		if (ret)
			return ret < 0 ? -EINTR : 0;
		if (left <= PEERBUF_SAY_AFTER)
			return -EINPROGRESS;
		if (!timeout->quiet)
			say(pb, nr);
	}
}

/*
 * The caller holds no lock. Waits until no hold older than @generation is left. Returns 0,
 * -EINPROGRESS if time ran out, or -EINTR.
 */
int peerbuf_wait_holds(struct peerbuf *pb, u64 generation,
		       const struct peerbuf_timeout *timeout)
{
	return peerbuf_wait_until(pb, peerbuf_holds_ended, generation, timeout,
				  peerbuf_say_who);
}
