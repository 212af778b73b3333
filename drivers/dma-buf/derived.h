/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers that are parts of others: how they are made, what happens to them when something
 * happens to those, and the addresses of a process by which they are asked for.
 */
#ifndef _PEERBUF_DERIVED_H
#define _PEERBUF_DERIVED_H

#include <linux/list.h>
#include <linux/types.h>

struct dma_buf;
struct p2p_provider;
struct p2p_vecs;
struct peerbuf;
struct peerbuf_patience;
struct peerbuf_placement;
struct vm_area_struct;

/* Limits how many times in a row a buffer can be derived from a derived one. */
#define PEERBUF_MAX_DEPTH	8

/**
 * struct peerbuf_part - a piece of a buffer that another buffer is made of
 * @node: in @root's family; protected by the reservation lock and mappings_lock of @root
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

/* derived.c */
struct peerbuf *peerbuf_derive(struct peerbuf_part *parts, u32 nr, bool writable, u32 *reason);
struct peerbuf_part *peerbuf_parts_alloc(u32 nr);
int peerbuf_part_set(struct peerbuf_part *part, struct peerbuf *from, u64 offset, u64 length,
		     u32 *reason);
void peerbuf_parts_put(struct peerbuf_part *parts, u32 nr);
void peerbuf_parts_drop(struct peerbuf *pb);
struct p2p_vecs *peerbuf_parts_vecs(const struct peerbuf *pb, const struct peerbuf *moved,
				    struct p2p_vecs *to);

/* family.c */
u32 peerbuf_origins_revoked(const struct peerbuf *pb);
u64 peerbuf_parent_id(const struct peerbuf *pb);
void peerbuf_join_family(struct peerbuf *pb);
void peerbuf_leave_family(struct peerbuf *pb);
struct peerbuf *peerbuf_family_next(struct peerbuf *pb, u64 *after);
void peerbuf_family_recall(struct peerbuf *pb);
void peerbuf_family_settle(struct peerbuf *pb);
void peerbuf_family_holder(struct peerbuf *pb, u64 *addr, char *name, size_t len, u32 *count);

/* follow.c */
int peerbuf_followers_gather(struct peerbuf *pb, struct p2p_vecs *to, u32 *reason);
void peerbuf_followers_invalidate(struct peerbuf *pb);
int peerbuf_followers_wait(struct peerbuf *pb, const struct peerbuf_patience *patience);
bool peerbuf_followers_composed(const struct peerbuf *pb);
void peerbuf_followers_sync(struct peerbuf *pb);
void peerbuf_followers_arrive(struct peerbuf *pb);
void peerbuf_followers_stay(struct peerbuf *pb);
void peerbuf_followers_release(struct peerbuf *pb);

/* vma_owner.c */
struct p2p_provider *peerbuf_vma_provider(const struct vm_area_struct *vma, u64 *offset);

/* lookup.c */

/**
 * struct peerbuf_found - what a range of a process's addresses maps
 * @addr: the first address
 * @length: bytes
 * @kind: PEERBUF_PIECE_*
 * @reason: why there is no DMA-BUF for it, or 0
 * @writable: it is writable, or mprotect() can make it so
 * @dmabuf: without @reason, for PEERBUF_PIECE_PEERBUF and _FOREIGN; reference held
 * @provider: without @reason, for PEERBUF_PIECE_DEVICE; reference held
 * @offset: offset of @addr in @dmabuf or @provider
 */
struct peerbuf_found {
	u64 addr;
	u64 length;
	u32 kind;
	u32 reason;
	bool writable;
	struct dma_buf *dmabuf;
	struct p2p_provider *provider;
	u64 offset;
};

int peerbuf_find(u64 addr, u64 length, struct peerbuf_found *found, u32 room, u32 *total);
void peerbuf_found_put(struct peerbuf_found *found, u32 nr);

#endif /* _PEERBUF_DERIVED_H */
