/* SPDX-License-Identifier: GPL-2.0 */
/* The machine goes to sleep. */
#ifndef SLEEP_H
#define SLEEP_H

/*
 * As far as freezing tasks, and back at once: for as long as it is told to wait there the kernel
 * spins. Returns what writing to /sys/power/state does: -EBUSY if the machine was kept awake.
 */
int machine_sleep(void);

#endif /* SLEEP_H */
