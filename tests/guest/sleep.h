/* SPDX-License-Identifier: GPL-2.0 */
/* The machine goes to sleep. */
#ifndef SLEEP_H
#define SLEEP_H

/*
 * As far as freezing tasks, and back; the kernel spins for a second between. Returns what
 * writing to /sys/power/state does, so negative if the machine was kept awake.
 */
int machine_sleep(void);

#endif /* SLEEP_H */
