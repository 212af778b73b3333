/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting for a buffer's lock, its fences and its importers, and telling those what has become
 * of it.
 */
#ifndef _PEERBUF_WAIT_H
#define _PEERBUF_WAIT_H

#include <linux/dma-resv.h>
#include <linux/types.h>

struct peerbuf;
struct peerbuf_client;
struct work_struct;

/* wait.c */

/**
 * struct peerbuf_patience - how a wait may end before its condition holds
 * @deadline: in jiffies
 * @forever: there is no deadline
 * @quiet: do not log who is waited for
 * @mode: PEERBUF_WAIT_*
 */
struct peerbuf_patience {
	unsigned long deadline;
	bool forever;
	bool quiet;
	enum {
		PEERBUF_WAIT_IDLE,	/* no signal ends it */
		PEERBUF_WAIT_KILLABLE,
		PEERBUF_WAIT_INTR,
	} mode;
};

struct peerbuf_patience peerbuf_patience(unsigned long timeout, int mode);
int peerbuf_lock(struct peerbuf *pb, int mode);
bool peerbuf_lock_until(struct peerbuf *pb, unsigned long until);
void peerbuf_zap(struct peerbuf *pb);
void peerbuf_invalidate(struct peerbuf *pb);
int peerbuf_drain(struct peerbuf *pb, const struct peerbuf_patience *patience,
		  u32 *reason);
int peerbuf_wait_kernel_fences(struct peerbuf *pb, int mode);
int peerbuf_wait_fences(struct peerbuf *pb, enum dma_resv_usage usage,
			const struct peerbuf_patience *patience);
int peerbuf_wait_fences_held(struct peerbuf *pb, enum dma_resv_usage usage,
			     const struct peerbuf_patience *patience);
u64 peerbuf_generation(struct peerbuf *pb);
bool peerbuf_unheld(struct peerbuf *pb, u64 generation);
void peerbuf_forget_client(struct peerbuf *pb, struct peerbuf_client *client);
void peerbuf_first_holder(struct peerbuf *pb, u64 generation, u64 *addr,
			  char *name, size_t len, u32 *count);
int peerbuf_wait_unheld(struct peerbuf *pb, u64 generation,
			const struct peerbuf_patience *patience);

/* settle.c */
void peerbuf_settle(struct peerbuf *pb);
void peerbuf_settle_held(struct peerbuf *pb);
void peerbuf_tell_drained(struct peerbuf *pb);
void peerbuf_settle_work(struct work_struct *work);
bool peerbuf_queue(struct work_struct *work);
int peerbuf_settle_init(void);
void peerbuf_settle_exit(void);

#endif /* _PEERBUF_WAIT_H */
