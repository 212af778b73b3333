/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_SEGMENT_H
#define _P2P_SEGMENT_H

#include <peerbuf/p2p.h>

/**
 * enum p2p_map_kind - which address a client uses for a vec
 * @P2P_MAP_BUS: the BAR's bus address; the DMA API is not involved
 * @P2P_MAP_MMIO: what the DMA API gives for a BAR behind the host bridge
 * @P2P_MAP_SYSTEM: what the DMA API gives for system memory
 */
enum p2p_map_kind {
	P2P_MAP_BUS,
	P2P_MAP_MMIO,
	P2P_MAP_SYSTEM,
};

/**
 * struct p2p_map_vec - a vec as the client sees it
 * @addr: DMA address; good while @linked
 * @kind: enum p2p_map_kind
 * @linked: the client can reach it
 */
struct p2p_map_vec {
	dma_addr_t addr;
	u8 kind;
	bool linked;
};

/**
 * struct p2p_segment_limits - what a segment must keep to
 * @max_len: bytes, whole pages, below 4 GiB
 * @align: what is cut is cut at a multiple of this, if there is one to cut at; a power of two
 * @boundary: a segment does not cross a multiple of this plus one
 * @flags: P2P_SEGMENTS_*
 */
struct p2p_segment_limits {
	u64 max_len;
	u64 align;
	u64 boundary;
	unsigned long flags;
};

/**
 * struct p2p_segment_iter - a walk over a mapping's segments
 * @vecs: the ranges, in buffer order
 * @addrs: their addresses, all linked
 * @limits: as given
 * @index: the vec where the next segment begins
 * @offset: where in that vec, in bytes
 */
struct p2p_segment_iter {
	const struct p2p_vecs *vecs;
	const struct p2p_map_vec *addrs;
	struct p2p_segment_limits limits;
	u32 index;
	u64 offset;
};

u64 p2p_segment_max_len(u64 device, u64 driver);
void p2p_segment_limits_set(struct p2p_segment_limits *limits, u64 max_len, u64 align,
			    u64 boundary, unsigned long flags);
void p2p_segment_iter_init(struct p2p_segment_iter *iter, const struct p2p_vecs *vecs,
			   const struct p2p_map_vec *addrs,
			   const struct p2p_segment_limits *limits);
bool p2p_segment_next(struct p2p_segment_iter *iter, struct p2p_segment *segment);

#endif /* _P2P_SEGMENT_H */
