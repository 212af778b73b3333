// SPDX-License-Identifier: GPL-2.0
/* Reads events from an open node, in records of the size that its reader asked for. */
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include <linux/peerbuf.h>

#include "core/device.h"
#include "core/event.h"
#include "core/file.h"
#include "core/refusal.h"
#include "node/event_read.h"
#include "node/ioctl.h"

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

	if (arg->flags || arg->types & ~PEERBUF_EVENTS_KNOWN)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (arg->record_size < PEERBUF_EVENT_FIRST || arg->record_size > PAGE_SIZE ||
	    arg->record_size % sizeof(u64))
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_STRUCT_SIZE);

	spin_lock(&pf->pdevice->audience.lock);
	pf->listener.types = arg->types;
	WRITE_ONCE(pf->listener.record_size, arg->record_size);
	spin_unlock(&pf->pdevice->audience.lock);
	return 0;
}
