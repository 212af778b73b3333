/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations of the calling thread that fail: the first, the second, and so on. Needs a
 * kernel with fault injection; without it the test is skipped.
 */
#ifndef NTH_H
#define NTH_H

#include <stdbool.h>

#define NTH_MOST	400

/**
 * struct call - a call to make again and again
 * @name: for messages
 * @prepare: what must be so before it; may be NULL
 * @make: the call: 0 or -errno
 * @undo: what a success changed; may be NULL
 */
struct call {
	const char *name;
	void (*prepare)(void);
	int (*make)(void);
	void (*undo)(void);
};

void nth_set_up(void);
/* From now on the nth allocation fails. */
void nth_arm(unsigned int nth);
/* Has the armed failure happened? Disarms it. */
bool nth_disarm(void);
/* Again and again, until nothing fails any more. What fails must not have changed anything. */
void every_allocation(const struct call *call);
/* The same for what looks itself: @once is told which is to fail, true if none did. */
void every_nth(const char *name, bool (*once)(unsigned int nth));

#endif /* NTH_H */
