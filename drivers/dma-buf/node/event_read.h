/* SPDX-License-Identifier: GPL-2.0 */
/* Events, as whoever has a node open reads them. */
#ifndef _PEERBUF_EVENT_READ_H
#define _PEERBUF_EVENT_READ_H

#include <linux/poll.h>
#include <linux/types.h>

struct peerbuf_call;
struct peerbuf_file;

ssize_t peerbuf_event_read(struct peerbuf_file *pf, char __user *buf, size_t len,
			   bool nonblock);
__poll_t peerbuf_event_poll(struct file *filp, struct poll_table_struct *wait);
int peerbuf_ioctl_events(struct peerbuf_file *pf, struct peerbuf_call *call);

#endif /* _PEERBUF_EVENT_READ_H */
