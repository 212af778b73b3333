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
 * struct p2p_map_part - how the client reaches one part (one BAR) of a list
 * @shift: for P2P_MAP_BUS: what to add to CPU addresses, modulo 2^64
 * @kind: enum p2p_map_kind
 */
struct p2p_map_part {
	u64 shift;
	u8 kind;
};

u64 p2p_segment_max_len(u64 device, u64 driver);
void p2p_segment_limits_set(struct p2p_segment_limits *limits, u64 max_len, u64 align,
			    u64 boundary, unsigned long flags);
void p2p_segment_iter_init(struct p2p_segment_iter *iter, const struct p2p_vecs *vecs,
			   const dma_addr_t *addr, const struct p2p_map_part *part,
			   const struct p2p_segment_limits *limits);

#endif /* _P2P_SEGMENT_H */
