/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel memory that this process has asked for and that nobody has freed, to the byte:
 * by the kernel's own trace of its allocators, and by its list of what vmalloc() gave.
 */
#ifndef HELD_H
#define HELD_H

#include <linux/types.h>

/* From now on. */
void held_start(void);
/* Since then, once everything deferred has happened. */
__u64 held_bytes(void);

#endif /* HELD_H */
