// SPDX-License-Identifier: GPL-2.0
/*
 * Telling userspace that a buffer came, moved, went or came back.
 *
 * An event is queued as the kernel knows it, and cut to the reader's record size when it
 * is read. The process that caused it is kept as such, because only then it is known by which
 * number its reader knows it.
 */
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "internal.h"

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
	spin_lock(&pb->mappings_lock);
	swap(asker, pb->asker);
	spin_unlock(&pb->mappings_lock);
	put_pid(asker.pid);
}

/* Under resv: the buffer came or went. Names the process that asked, even if a worker does it. */
void peerbuf_event_asked(struct peerbuf *pb, u32 type)
{
	struct peerbuf_queued queued;

	if (!peerbuf_event_wanted(pb, pb->placement))
		return;
	peerbuf_event_fill(&queued, pb, type);
	spin_lock(&pb->mappings_lock);
	queued.pid = get_pid(pb->asker.pid);
	strscpy(queued.event.comm, pb->asker.comm, sizeof(queued.event.comm));
	spin_unlock(&pb->mappings_lock);
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

static bool peerbuf_event_hung_up(struct peerbuf_file *pf)
{
	return READ_ONCE(pf->pdevice->state) == PEERBUF_DEVICE_GONE;
}

static bool peerbuf_event_take(struct peerbuf_file *pf, struct peerbuf_queued *queued)
{
	struct peerbuf_listener *listener = &pf->listener;
	bool got = false;

	spin_lock(&pf->pdevice->audience.lock);
	if (listener->count) {
		*queued = listener->queue[listener->head];
		listener->head = (listener->head + 1) % PEERBUF_EVENT_ROOM;
		listener->count--;
		got = true;
	}
	spin_unlock(&pf->pdevice->audience.lock);
	return got;
}

/* The event could not be copied out. The next read gets it, unless the ring has filled up. */
static void peerbuf_event_return(struct peerbuf_file *pf, const struct peerbuf_queued *queued)
{
	struct peerbuf_listener *listener = &pf->listener;

	spin_lock(&pf->pdevice->audience.lock);
	if (listener->count < PEERBUF_EVENT_ROOM) {
		listener->head = (listener->head + PEERBUF_EVENT_ROOM - 1) % PEERBUF_EVENT_ROOM;
		listener->queue[listener->head] = *queued;
		get_pid(queued->pid);
		listener->count++;
	} else {
		listener->lost++;
	}
	spin_unlock(&pf->pdevice->audience.lock);
}

/* Returns 1 with an event, 0 at the end, or an error. */
static int peerbuf_event_next(struct peerbuf_file *pf, struct peerbuf_queued *queued,
			      bool nonblock)
{
	int ret;

	for (;;) {
		if (peerbuf_event_take(pf, queued))
			return 1;
		if (peerbuf_event_hung_up(pf))
			return 0;
		if (nonblock)
			return -EAGAIN;
		ret = wait_event_interruptible(pf->listener.wait,
					       READ_ONCE(pf->listener.count) ||
					       peerbuf_event_hung_up(pf));
		if (ret)
			return ret;
	}
}

/* Copies as much of the event as fits, and fills the rest of the record with zeros. */
static int peerbuf_event_store(char __user *buf, const struct peerbuf_queued *queued,
			       u32 record_size)
{
	struct peerbuf_event event = queued->event;
	u32 known = min_t(u32, record_size, sizeof(event));

	event.size = known;
	event.pid = pid_vnr(queued->pid);
	if (copy_to_user(buf, &event, known) || clear_user(buf + known, record_size - known))
		return -EFAULT;
	return 0;
}

ssize_t peerbuf_event_read(struct peerbuf_file *pf, char __user *buf, size_t len,
			   bool nonblock)
{
	u32 record_size = READ_ONCE(pf->listener.record_size);
	struct peerbuf_queued queued;
	size_t done = 0;
	int ret;

	if (len < record_size)
		return -EINVAL;

	while (len - done >= record_size) {
		ret = peerbuf_event_next(pf, &queued, nonblock || done);
		if (ret <= 0)
			return done ?: ret;
		ret = peerbuf_event_store(buf + done, &queued, record_size);
		if (ret)
			peerbuf_event_return(pf, &queued);
		put_pid(queued.pid);
		if (ret)
			return done ?: ret;
		done += record_size;
	}
	return done;
}

__poll_t peerbuf_event_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct peerbuf_file *pf = filp->private_data;
	__poll_t events = 0;

	poll_wait(filp, &pf->listener.wait, wait);
	if (READ_ONCE(pf->listener.count))
		events |= EPOLLIN | EPOLLRDNORM;
	if (peerbuf_event_hung_up(pf))
		events |= EPOLLHUP;
	return events;
}

/* Events that are queued already stay, and are reported in records of the new size. */
int peerbuf_ioctl_events(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_events *arg = &call->events;

	if (arg->flags || arg->types & ~PEERBUF_EVENTS_KNOWN) {
		arg->reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (arg->record_size < PEERBUF_EVENT_FIRST || arg->record_size > PAGE_SIZE ||
	    arg->record_size % sizeof(u64)) {
		arg->reason = PEERBUF_REASON_STRUCT_SIZE;
		return -EINVAL;
	}

	spin_lock(&pf->pdevice->audience.lock);
	pf->listener.types = arg->types;
	WRITE_ONCE(pf->listener.record_size, arg->record_size);
	spin_unlock(&pf->pdevice->audience.lock);
	return 0;
}
