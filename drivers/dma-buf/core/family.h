/* SPDX-License-Identifier: GPL-2.0 */
/* What was derived from a buffer. */
#ifndef _PEERBUF_FAMILY_H
#define _PEERBUF_FAMILY_H

#include <linux/list.h>
#include <linux/types.h>

struct peerbuf;
struct peerbuf_placement;

/**
 * struct peerbuf_follow - where a derived buffer goes when its root moves
 * @node: in the followers of the root
 * @to: its new placement, not in use yet
 * @locked: the derived buffer has a reservation object of its own, which is held
 */
struct peerbuf_follow {
	struct list_head node;
	struct peerbuf_placement *to;
	bool locked;
};

u64 peerbuf_parent_id(const struct peerbuf *pb);
void peerbuf_join_family(struct peerbuf *pb);
void peerbuf_leave_family(struct peerbuf *pb);
struct peerbuf *peerbuf_family_next(struct peerbuf *pb, u64 *after);
void peerbuf_family_holder(struct peerbuf *pb, u64 *addr, char *name, size_t len, u32 *count);

#endif /* _PEERBUF_FAMILY_H */
