/* SPDX-License-Identifier: GPL-2.0 */
/* Who has withdrawn a buffer. */
#ifndef _PEERBUF_MARKS_H
#define _PEERBUF_MARKS_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include <linux/peerbuf.h>

struct peerbuf_device;
struct peerbuf_rights;

/* How many functions may mark one buffer: those it has memory of, and its home. */
#define PEERBUF_MAX_OWNERS	(PEERBUF_MAX_DEVICES + 1)

/**
 * struct peerbuf_marks - who has withdrawn a buffer
 * @lock: (spin) protects the rest; @causes may be read without it
 * @causes: PEERBUF_REVOKED_*, zero if nobody has
 * @recall: older mappings must go
 * @nr_owners: number of functions in @owners
 * @owners: with PEERBUF_REVOKED_USER: the functions whose owners have; references held
 */
struct peerbuf_marks {
	spinlock_t lock;	/* protects the rest */
	u32 causes;
	bool recall;
	u32 nr_owners;
	struct peerbuf_device *owners[PEERBUF_MAX_OWNERS];
};

void peerbuf_marks_init(struct peerbuf_marks *marks);
void peerbuf_marks_drop(struct peerbuf_marks *marks);
void peerbuf_marks_set(struct peerbuf_marks *marks, u32 cause, struct peerbuf_device *owner);
void peerbuf_marks_recall(struct peerbuf_marks *marks);
bool peerbuf_marks_take_recall(struct peerbuf_marks *marks);
bool peerbuf_marks_lift(struct peerbuf_marks *marks, u32 causes, struct peerbuf_rights *rights);

#endif /* _PEERBUF_MARKS_H */
