/* SPDX-License-Identifier: GPL-2.0 */
/* Events: who listens, and what waits to be read. */
#ifndef _PEERBUF_EVENT_H
#define _PEERBUF_EVENT_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <linux/peerbuf.h>

struct device;
struct peerbuf;
struct peerbuf_device;
struct peerbuf_file;
struct peerbuf_placement;
struct pid;

#define PEERBUF_EVENT_ROOM	128

/* Default record size of read(), unless PEERBUF_IOC_EVENTS changes it. Must never grow. */
#define PEERBUF_EVENT_FIRST	offsetofend(struct peerbuf_event, comm)

/* Default event types, unless PEERBUF_IOC_EVENTS chooses others. Must never grow. */
#define PEERBUF_EVENTS_FIRST	GENMASK_ULL(PEERBUF_EVENT_FALLBACK, PEERBUF_EVENT_EXPORT)

/* All event types. */
#define PEERBUF_EVENTS_KNOWN	(PEERBUF_EVENTS_FIRST | BIT_ULL(PEERBUF_EVENT_DRAINED))

/**
 * struct peerbuf_audience - the listeners to a device's events
 * @lock: (spin) protects the list and the listeners' queues
 * @listeners: open nodes
 */
struct peerbuf_audience {
	spinlock_t lock;	/* see above */
	struct list_head listeners;
};

/**
 * struct peerbuf_actor - the process that made a call
 * @pid: NULL for the kernel itself; reference held
 * @comm: its name at that time
 */
struct peerbuf_actor {
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct peerbuf_queued - an event that waits to be read
 * @event: as read() returns it, except for its pid
 * @pid: the process that caused it, or NULL; reference held
 */
struct peerbuf_queued {
	struct peerbuf_event event;
	struct pid *pid;
};

/**
 * struct peerbuf_listener - an open node, as a reader of events
 * @node: in peerbuf_audience.listeners; protected by the audience's lock
 * @wait: readers and pollers
 * @types: a bit for each PEERBUF_EVENT_* that is reported
 * @record_size: bytes of a record
 * @head: next event to read. Protected by the audience's lock, as are the following
 * @count: events waiting
 * @lost: events dropped since the last one was queued
 * @queue: a ring
 */
struct peerbuf_listener {
	struct list_head node;
	wait_queue_head_t wait;
	u64 types;
	u32 record_size;
	u32 head;
	u32 count;
	u32 lost;
	struct peerbuf_queued queue[PEERBUF_EVENT_ROOM];
};

void peerbuf_listener_init(struct peerbuf_listener *listener);
void peerbuf_listener_drop(struct peerbuf_listener *listener);
void peerbuf_listen(struct peerbuf_file *pf);
void peerbuf_listen_end(struct peerbuf_file *pf);
void peerbuf_event_placement(struct peerbuf *pb,
			     const struct peerbuf_placement *placement, u32 type);
void peerbuf_event_asked(struct peerbuf *pb, u32 type);
void peerbuf_note_asker(struct peerbuf *pb);
void peerbuf_event_move(struct peerbuf *pb, const struct peerbuf_placement *from,
			const struct peerbuf_placement *to);
void peerbuf_event_fallback(struct peerbuf *pb, struct device *client, u32 reason);
void peerbuf_event_hangup(struct peerbuf_device *pdevice);
void peerbuf_tell_drained(struct peerbuf *pb);

#endif /* _PEERBUF_EVENT_H */
