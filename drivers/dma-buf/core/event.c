// SPDX-License-Identifier: GPL-2.0
/*
 * Tells userspace that a buffer was exported, moved, withdrawn, given back or released.
 *
 * An event is queued in full and cut to the reader's record size when it is read. It holds a
 * reference to the struct pid of the process that caused it, because the number depends on the
 * reader's PID namespace.
 */
#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/addr.h"
#include "core/buffer.h"
#include "core/claim.h"
#include "core/device.h"
#include "core/event.h"
#include "core/file.h"
#include "core/hold.h"
#include "core/placement.h"
#include "core/trace.h"

void peerbuf_listener_init(struct peerbuf_listener *listener)
{
	INIT_LIST_HEAD(&listener->node);
	init_waitqueue_head(&listener->wait);
	listener->types = PEERBUF_EVENTS_FIRST;
	listener->record_size = PEERBUF_EVENT_FIRST;
}

/* Nobody queues events for this listener any more. */
void peerbuf_listener_drop(struct peerbuf_listener *listener)
{
	for (; listener->count; listener->count--) {
		put_pid(listener->queue[listener->head].pid);
		listener->head = (listener->head + 1) % PEERBUF_EVENT_ROOM;
	}
}

void peerbuf_listen(struct peerbuf_file *pf)
{
	struct peerbuf_audience *audience = &pf->pdevice->audience;

	spin_lock(&audience->lock);
	list_add_tail(&pf->listener.node, &audience->listeners);
	spin_unlock(&audience->lock);
}

void peerbuf_listen_end(struct peerbuf_file *pf)
{
	struct peerbuf_audience *audience = &pf->pdevice->audience;

	spin_lock(&audience->lock);
	list_del_init(&pf->listener.node);
	spin_unlock(&audience->lock);
}

/* The process that a call is made for; NULL for a kernel thread. No reference is taken. */
static struct pid *peerbuf_event_actor(void)
{
	return current->flags & PF_KTHREAD ? NULL : task_tgid(current);
}

static bool peerbuf_has_listener(const struct peerbuf_device *pdevice)
{
	return !list_empty(&pdevice->audience.listeners);
}

/*
 * Does anybody listen to a device of @placement, or to the buffer's home? Most events have no
 * listener and need not be made. Checked without a lock: somebody who begins to listen at this
 * moment might as well have begun a moment later.
 */
static bool peerbuf_event_wanted(const struct peerbuf *pb,
				 const struct peerbuf_placement *placement)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		if (peerbuf_has_listener(placement->claims[i].pdevice))
			return true;
	return pb->home && peerbuf_has_listener(pb->home);
}

static void peerbuf_event_fill(struct peerbuf_queued *queued, const struct peerbuf *pb,
			       u32 type)
{
	*queued = (struct peerbuf_queued) {
		.event = {
			.size = sizeof(queued->event),
			.type = type,
			.id = pb->id,
			.time = ktime_get_boottime_ns(),
			.buffer_size = pb->size,
			.client = PEERBUF_PCI_NONE,
		},
		.pid = peerbuf_event_actor(),
	};
	if (queued->pid)
		strscpy(queued->event.comm, current->comm, sizeof(queued->event.comm));
}

/* Under the audience's lock. */
static void peerbuf_event_queue(struct peerbuf_listener *listener,
				const struct peerbuf_queued *queued)
{
	struct peerbuf_queued *last;

	if (!(listener->types & BIT_ULL(queued->event.type)))
		return;
	if (listener->count == PEERBUF_EVENT_ROOM) {
		listener->lost++;
		return;
	}
	last = &listener->queue[(listener->head + listener->count) % PEERBUF_EVENT_ROOM];
	*last = *queued;
	get_pid(last->pid);
	last->event.lost = listener->lost;
	listener->lost = 0;
	listener->count++;
	wake_up_interruptible(&listener->wait);
}

static void peerbuf_event_send(struct peerbuf_device *pdevice, struct peerbuf_queued *queued)
{
	struct peerbuf_audience *audience = &pdevice->audience;
	struct peerbuf_listener *listener;

	queued->event.function = p2p_pci_addr(pdevice->pdev);
	spin_lock(&audience->lock);
	list_for_each_entry(listener, &audience->listeners, node)
		peerbuf_event_queue(listener, queued);
	spin_unlock(&audience->lock);
}

/* To all listeners of the devices of @placement, and of the buffer's home. */
static void peerbuf_event_send_all(struct peerbuf *pb,
				   const struct peerbuf_placement *placement,
				   struct peerbuf_queued *queued)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		peerbuf_event_send(placement->claims[i].pdevice, queued);
	if (pb->home && !peerbuf_placement_uses(placement, pb->home))
		peerbuf_event_send(pb->home, queued);
}

/*
 * Under resv, so that events are queued in the order in which they happened; or during release,
 * when nothing else happens.
 */
void peerbuf_event_placement(struct peerbuf *pb,
			     const struct peerbuf_placement *placement, u32 type)
{
	struct peerbuf_queued queued;

	if (!peerbuf_event_wanted(pb, placement))
		return;
	peerbuf_event_fill(&queued, pb, type);
	peerbuf_event_send_all(pb, placement, &queued);
}

/* This process is the cause of what importers are told from now on: see settle.c. */
void peerbuf_note_asker(struct peerbuf *pb)
{
	struct peerbuf_actor asker = { .pid = get_pid(peerbuf_event_actor()) };

	if (asker.pid)
		strscpy(asker.comm, current->comm, sizeof(asker.comm));
	spin_lock(&pb->holds_lock);
	swap(asker, pb->asker);
	spin_unlock(&pb->holds_lock);
	put_pid(asker.pid);
}

/* Under resv: the buffer came or went. Names the process that asked, even if a worker does it. */
void peerbuf_event_asked(struct peerbuf *pb, u32 type)
{
	struct peerbuf_queued queued;

	if (!peerbuf_event_wanted(pb, pb->placement))
		return;
	peerbuf_event_fill(&queued, pb, type);
	spin_lock(&pb->holds_lock);
	queued.pid = get_pid(pb->asker.pid);
	strscpy(queued.event.comm, pb->asker.comm, sizeof(queued.event.comm));
	spin_unlock(&pb->holds_lock);
	peerbuf_event_send_all(pb, pb->placement, &queued);
	put_pid(queued.pid);
}

/* Under resv: once each to the listeners of devices that the buffer leaves or arrives at. */
void peerbuf_event_move(struct peerbuf *pb, const struct peerbuf_placement *from,
			const struct peerbuf_placement *to)
{
	struct peerbuf_queued queued;
	u32 i;

	if (!peerbuf_event_wanted(pb, from) && !peerbuf_event_wanted(pb, to))
		return;
	peerbuf_event_fill(&queued, pb, PEERBUF_EVENT_MOVE);
	peerbuf_event_send_all(pb, from, &queued);
	for (i = 0; i < to->nr_claims; i++)
		if (!peerbuf_placement_uses(from, to->claims[i].pdevice) &&
		    to->claims[i].pdevice != pb->home)
			peerbuf_event_send(to->claims[i].pdevice, &queued);
}

/* Under resv: it was moved for @client (NULL: a CPU), which could not use it because of @reason. */
void peerbuf_event_fallback(struct peerbuf *pb, struct device *client, u32 reason)
{
	struct peerbuf_queued queued;

	peerbuf_event_fill(&queued, pb, PEERBUF_EVENT_FALLBACK);
	queued.event.client = peerbuf_dev_addr(client);
	queued.event.reason = reason;
	peerbuf_event_send_all(pb, pb->placement, &queued);
}

/* The device is gone: wakes everybody who waits for its events. */
void peerbuf_event_hangup(struct peerbuf_device *pdevice)
{
	struct peerbuf_audience *audience = &pdevice->audience;
	struct peerbuf_listener *listener;

	spin_lock(&audience->lock);
	list_for_each_entry(listener, &audience->listeners, node)
		wake_up_interruptible(&listener->wait);
	spin_unlock(&audience->lock);
}

/* Under resv. Reports once that the last mapping from before the last revoke has gone. */
void peerbuf_tell_drained(struct peerbuf *pb)
{
	struct peerbuf_hold *oldest;
	bool drained;

	dma_resv_assert_held(pb->dmabuf->resv);

	if (!pb->draining)
		return;
	spin_lock(&pb->holds_lock);
	oldest = list_first_entry_or_null(&pb->holds, struct peerbuf_hold, node);
	drained = !oldest || oldest->generation >= pb->draining;
	if (drained)
		pb->draining = 0;
	spin_unlock(&pb->holds_lock);
	if (drained) {
		trace_peerbuf_drained(pb, 0);
		peerbuf_event_asked(pb, PEERBUF_EVENT_DRAINED);
	}
}
