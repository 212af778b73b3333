/* SPDX-License-Identifier: GPL-2.0 */
/* Telling importers what has become of a buffer's state. */
#ifndef _PEERBUF_SETTLE_H
#define _PEERBUF_SETTLE_H

#include <linux/types.h>

struct peerbuf;
struct work_struct;

void peerbuf_settle(struct peerbuf *pb);
void peerbuf_settle_held(struct peerbuf *pb);
void peerbuf_settle_work(struct work_struct *work);
bool peerbuf_queue(struct work_struct *work);
int peerbuf_settle_init(void);
void peerbuf_settle_exit(void);

#endif /* _PEERBUF_SETTLE_H */
