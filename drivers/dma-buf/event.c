// SPDX-License-Identifier: GPL-2.0
/* Telling userspace that a buffer came, moved, went or came back. */
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "internal.h"

static void peerbuf_event_queue(struct peerbuf_file *pf, u32 type, u64 id)
{
	struct peerbuf_event *event;

	if (pf->event_count == PEERBUF_EVENT_ROOM) {
		pf->event_lost++;
		return;
	}
	event = &pf->events[(pf->event_head + pf->event_count) %
			    PEERBUF_EVENT_ROOM];
	event->type = type;
	event->lost = pf->event_lost;
	event->id = id;
	pf->event_lost = 0;
	pf->event_count++;
	wake_up_interruptible(&pf->event_wait);
}

void peerbuf_event_send(struct peerbuf_device *pdevice, u32 type, u64 id)
{
	struct peerbuf_file *pf;

	spin_lock(&pdevice->files_lock);
	list_for_each_entry(pf, &pdevice->files, device_node)
		peerbuf_event_queue(pf, type, id);
	spin_unlock(&pdevice->files_lock);
}

/* The device is gone: nobody needs to wait for its events any more. */
void peerbuf_event_hangup(struct peerbuf_device *pdevice)
{
	struct peerbuf_file *pf;

	spin_lock(&pdevice->files_lock);
	list_for_each_entry(pf, &pdevice->files, device_node)
		wake_up_interruptible(&pf->event_wait);
	spin_unlock(&pdevice->files_lock);
}

/*
 * To everybody who listens to a device of @placement, or to where the buffer was exported.
 * Under resv, so that events come in the
 * order of what they tell; or in release, when nothing else happens.
 */
void peerbuf_event_placement(struct peerbuf *pb,
			     const struct peerbuf_placement *placement, u32 type)
{
	u32 i;

	for (i = 0; i < placement->nr_claims; i++)
		peerbuf_event_send(placement->claims[i].pdevice, type, pb->id);
	if (pb->home && !peerbuf_placement_uses(placement, pb->home))
		peerbuf_event_send(pb->home, type, pb->id);
}

static bool peerbuf_event_hung_up(struct peerbuf_file *pf)
{
	return READ_ONCE(pf->pdevice->state) == PEERBUF_DEVICE_GONE;
}

static bool peerbuf_event_take(struct peerbuf_file *pf,
			       struct peerbuf_event *event)
{
	bool got = false;

	spin_lock(&pf->pdevice->files_lock);
	if (pf->event_count) {
		*event = pf->events[pf->event_head];
		pf->event_head = (pf->event_head + 1) % PEERBUF_EVENT_ROOM;
		pf->event_count--;
		got = true;
	}
	spin_unlock(&pf->pdevice->files_lock);
	return got;
}

/* Returns 1 with an event, 0 at the end, or an error. */
static int peerbuf_event_next(struct peerbuf_file *pf,
			      struct peerbuf_event *event, bool nonblock)
{
	int ret;

	for (;;) {
		if (peerbuf_event_take(pf, event))
			return 1;
		if (peerbuf_event_hung_up(pf))
			return 0;
		if (nonblock)
			return -EAGAIN;
		ret = wait_event_interruptible(pf->event_wait,
					       READ_ONCE(pf->event_count) ||
					       peerbuf_event_hung_up(pf));
		if (ret)
			return ret;
	}
}

ssize_t peerbuf_event_read(struct peerbuf_file *pf, char __user *buf, size_t len,
			   bool nonblock)
{
	struct peerbuf_event event;
	size_t done = 0;
	int ret;

	if (len < sizeof(event))
		return -EINVAL;

	while (len - done >= sizeof(event)) {
		ret = peerbuf_event_next(pf, &event, nonblock || done);
		if (ret <= 0)
			return done ?: ret;
		if (copy_to_user(buf + done, &event, sizeof(event)))
			return done ?: -EFAULT;
		done += sizeof(event);
	}
	return done;
}

__poll_t peerbuf_event_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct peerbuf_file *pf = filp->private_data;
	__poll_t events = 0;

	poll_wait(filp, &pf->event_wait, wait);
	if (READ_ONCE(pf->event_count))
		events |= EPOLLIN | EPOLLRDNORM;
	if (peerbuf_event_hung_up(pf))
		events |= EPOLLHUP;
	return events;
}
