/* SPDX-License-Identifier: GPL-2.0 */
/* What can still reach the memory of a buffer, and making it let go. */
#ifndef _PEERBUF_HOLD_H
#define _PEERBUF_HOLD_H

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/types.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"

struct peerbuf_client;
struct peerbuf_timeout;

/**
 * struct peerbuf_hold - something that can still reach the memory
 * @node: in peerbuf.holds, oldest generation first; changed under resv and holds_lock, read
 *	under either
 * @generation: the buffer's generation when it was made
 * @client: the importer that has it; NULL for a vmap of the kernel, and for an importer that
 *	detached without unmapping
 * @map: its DMA addresses; NULL for a vmap, and for an importer by physical address
 */
struct peerbuf_hold {
	struct list_head node;
	u64 generation;
	struct peerbuf_client *client;
	struct p2p_map *map;
};

/**
 * struct peerbuf_dma - a mapping for one importer
 * @hold: what a revoke waits for. Its map has the DMA addresses, and this structure lies in the
 *	map's memory; NULL if the importer makes its own addresses
 * @vecs: what such an importer maps; reference held
 * @client: the importer
 * @via_core: made by dma_buf_map_attachment()
 */
struct peerbuf_dma {
	struct peerbuf_hold hold;
	struct p2p_vecs *vecs;
	struct peerbuf_client *client;
	bool via_core;
};

void peerbuf_hold_remove(struct peerbuf *pb, struct peerbuf_hold *hold);
void peerbuf_zap(struct peerbuf *pb);
void peerbuf_invalidate(struct peerbuf *pb);
int peerbuf_wait_kernel_fences(struct peerbuf *pb, int mode);
int peerbuf_wait_fences(struct peerbuf *pb, enum dma_resv_usage usage,
			const struct peerbuf_timeout *timeout);
int peerbuf_wait_fences_held(struct peerbuf *pb, enum dma_resv_usage usage,
			     const struct peerbuf_timeout *timeout);
void peerbuf_forget_client(struct peerbuf *pb, struct peerbuf_client *client);

static inline struct p2p_vecs *peerbuf_dma_vecs(struct peerbuf_dma *dma)
{
	return dma->hold.map ? p2p_map_vecs(dma->hold.map) : dma->vecs;
}

/* Under resv, which orders generations: appending keeps the list sorted. */
static inline void peerbuf_hold_add(struct peerbuf *pb, struct peerbuf_hold *hold,
				    struct peerbuf_client *client, struct p2p_map *map)
{
	dma_resv_assert_held(pb->dmabuf->resv);

	hold->generation = pb->generation;
	hold->client = client;
	hold->map = map;
	spin_lock(&pb->holds_lock);
	list_add_tail(&hold->node, &pb->holds);
	pb->nr_holds++;
	spin_unlock(&pb->holds_lock);
}

/*
 * Under resv. Waits until the memory has its final contents, which it nearly always has. Returns
 * 0; -EINTR if @mode lets a signal end the wait; -ENODEV.
 */
static inline int peerbuf_wait_kernel(struct peerbuf *pb, int mode)
{
	if (dma_resv_test_signaled(pb->dmabuf->resv, DMA_RESV_USAGE_KERNEL))
		return 0;
	return peerbuf_wait_kernel_fences(pb, mode);
}

#endif /* _PEERBUF_HOLD_H */
