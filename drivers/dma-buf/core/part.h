/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of buffers, which others are made of. */
#ifndef _PEERBUF_PART_H
#define _PEERBUF_PART_H

#include <linux/list.h>
#include <linux/types.h>

#include "core/buffer.h"

struct p2p_vecs;
struct peerbuf_refusal;

/* Limits how many times in a row a buffer can be derived from a derived one. */
#define PEERBUF_MAX_DEPTH	8

/**
 * struct peerbuf_part - a piece of a buffer that another buffer is made of
 * @node: in @root's family; protected by the reservation lock and holds_lock of @root
 * @of: the derived buffer
 * @from: the buffer that was mapped: @root, or one derived from it. @of holds its DMA-BUF;
 *	immutable
 * @root: the buffer that owns the memory, which is not derived itself; kept by @from; immutable
 * @offset: in @root, in bytes; immutable
 * @length: bytes; immutable
 * @nr: number in @root's family, which is sorted by it; immutable
 * @locked: while @of is made: this part's root was locked for this part
 */
struct peerbuf_part {
	struct list_head node;
	struct peerbuf *of;
	struct peerbuf *from;
	struct peerbuf *root;
	u64 offset;
	u64 length;
	u64 nr;
	bool locked;
};

struct peerbuf_part *peerbuf_parts_alloc(u32 nr);
int peerbuf_part_set(struct peerbuf_part *part, struct peerbuf *from, u64 offset, u64 length,
		     struct peerbuf_refusal *why);
void peerbuf_parts_put(struct peerbuf_part *parts, u32 nr);
void peerbuf_parts_drop(struct peerbuf *pb);
struct p2p_vecs *peerbuf_parts_vecs(const struct peerbuf *pb, const struct peerbuf *moved,
				    struct p2p_vecs *to);

/* What @pb was derived from, or NULL. Nothing is derived from a composed buffer. */
static inline struct peerbuf *peerbuf_origin(const struct peerbuf *pb)
{
	return pb->parts ? pb->parts[0].from : NULL;
}

#endif /* _PEERBUF_PART_H */
