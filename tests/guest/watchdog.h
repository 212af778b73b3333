/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The watchdog of the edu driver: it goes on where an interrupt does not come, so that a test
 * ends late instead of never. That may happen now and then, on a host that is busy; a driver
 * that lives by its watchdog is broken.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>

/* How often it had to, so far. */
long watchdog_count(void);
/* No more than now and then since that count; says so if it had to at all. */
bool watchdog_was_idle(long before);

#endif /* WATCHDOG_H */
