/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting until nothing holds what was mapped before. */
#ifndef _PEERBUF_WAIT_H
#define _PEERBUF_WAIT_H

#include <linux/jiffies.h>
#include <linux/types.h>

struct peerbuf;

/*
 * How long the driver core, power management and error recovery wait for importers. They hold locks
 * that others need, so the wait must end.
 */
#define PEERBUF_CORE_TIMEOUT	(5 * HZ)

/**
 * struct peerbuf_timeout - how a wait may end before its condition holds
 * @deadline: in jiffies
 * @forever: there is no deadline
 * @quiet: do not log who is waited for
 * @mode: PEERBUF_WAIT_*
 */
struct peerbuf_timeout {
	unsigned long deadline;
	bool forever;
	bool quiet;
	enum {
		PEERBUF_WAIT_IDLE,	/* no signal ends it */
		PEERBUF_WAIT_KILLABLE,
		PEERBUF_WAIT_INTR,
	} mode;
};

struct peerbuf_timeout peerbuf_timeout(unsigned long timeout, int mode);
u64 peerbuf_generation(struct peerbuf *pb);
bool peerbuf_holds_ended(struct peerbuf *pb, u64 generation);
void peerbuf_first_holder(struct peerbuf *pb, u64 generation, u64 *addr,
			  char *name, size_t len, u32 *count);
int peerbuf_wait_holds(struct peerbuf *pb, u64 generation,
		       const struct peerbuf_timeout *timeout);
unsigned long peerbuf_timeout_left(const struct peerbuf_timeout *timeout);
int peerbuf_wait_until(struct peerbuf *pb, bool (*over)(struct peerbuf *pb, u64 nr), u64 nr,
		       const struct peerbuf_timeout *timeout,
		       void (*say)(struct peerbuf *pb, u64 nr));

#endif /* _PEERBUF_WAIT_H */
