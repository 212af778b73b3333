/* SPDX-License-Identifier: GPL-2.0 */
/* Where a buffer is, and the places it has left. */
#ifndef _PEERBUF_PLACEMENT_H
#define _PEERBUF_PLACEMENT_H

#include <linux/list.h>
#include <linux/types.h>

#include "core/claim.h"

struct dma_fence;
struct p2p_vecs;
struct peerbuf;
struct peerbuf_device;
struct peerbuf_refusal;

/**
 * struct peerbuf_placement - where a buffer is
 * @retired: in peerbuf.retired, when the buffer has left this placement but somebody may still map
 *	it; protected by resv
 * @retired_at: the generation that began when the buffer left; protected by resv
 * @copied: fence of an engine that may still access the memory, or NULL; reference held;
 *	protected by resv
 * @vecs: the ranges, in buffer order
 * @nr_claims: number of devices that they belong to
 * @claims: one per device, with room for one per part of @vecs, or PEERBUF_MAX_DEVICES
 */
struct peerbuf_placement {
	struct list_head retired;
	u64 retired_at;
	struct dma_fence *copied;
	struct p2p_vecs *vecs;
	u32 nr_claims;
	struct peerbuf_claim claims[];
};

struct peerbuf_placement *peerbuf_placement_create(struct peerbuf *pb,
						   struct p2p_vecs *vecs,
						   bool when_down, struct peerbuf_refusal *why);
void peerbuf_placement_destroy(struct peerbuf_placement *placement);
int peerbuf_check_aliases(const struct peerbuf *pb, const struct p2p_vecs *to,
			  u32 flags, struct peerbuf_refusal *why);
void peerbuf_reap(struct peerbuf *pb);
bool peerbuf_vecs_alive(const struct p2p_vecs *vecs);
bool peerbuf_lies_in(struct peerbuf *pb, struct peerbuf_device *pdevice);
bool peerbuf_belongs_to(struct peerbuf *pb, struct peerbuf_device *pdevice);
bool peerbuf_belongs_held(struct peerbuf *pb, struct peerbuf_device *pdevice);

#endif /* _PEERBUF_PLACEMENT_H */
