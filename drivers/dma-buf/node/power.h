/* SPDX-License-Identifier: GPL-2.0 */
/* The machine going to sleep, waking up, shutting down. */
#ifndef _PEERBUF_POWER_H
#define _PEERBUF_POWER_H

#include <linux/types.h>

u32 peerbuf_power_why(void);
int peerbuf_power_init(void);
void peerbuf_power_exit(void);

#endif /* _PEERBUF_POWER_H */
