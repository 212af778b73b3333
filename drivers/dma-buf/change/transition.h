/* SPDX-License-Identifier: GPL-2.0 */
/* A device going down, coming up or going away, and all buffers that have memory of it. */
#ifndef _PEERBUF_TRANSITION_H
#define _PEERBUF_TRANSITION_H

#include <linux/types.h>

struct peerbuf_device;
struct peerbuf_timeout;

int peerbuf_device_withdraw_bars(struct peerbuf_device *pdevice,
				 unsigned int mask,
				 const struct peerbuf_timeout *timeout);
void peerbuf_device_tell_down(struct peerbuf_device *pdevice, u32 why);
void peerbuf_device_tell_up(struct peerbuf_device *pdevice, u32 why);
int peerbuf_device_drain(struct peerbuf_device *pdevice,
			 const struct peerbuf_timeout *timeout);
void peerbuf_device_say_held(struct peerbuf_device *pdevice);
void peerbuf_device_tell_gone(struct peerbuf_device *pdevice);

#endif /* _PEERBUF_TRANSITION_H */
