/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_MAP_H
#define _P2P_MAP_H

#include <linux/bitmap.h>

#include <peerbuf/p2p.h>

#include "segment.h"

struct iommu_domain;
struct p2p_map;

/**
 * struct p2p_map_backend - how a mapping's vecs get addresses from the DMA API
 * @link: give one vec its address; it is neither P2P_MAP_BUS nor linked
 * @sync: make links visible to the device; all the vecs are of one run, see for_each_run(), and
 *	linked
 * @sync_all: the same for a mapping whose vecs are all linked
 * @unlink: the reverse of @link, for vecs as in @sync
 * @unlink_all: the same for a mapping whose vecs are all linked, without a later @flush. Returns
 *	false if it did nothing: the caller then uses @unlink
 * @flush: after the @unlink calls of one operation; when it returns, the device
 *	reaches nothing that was unlinked
 * @release: give the address space back; nothing is linked
 *
 * All but @link and @unlink are optional.
 */
struct p2p_map_backend {
	int (*link)(struct p2p_map *map, u32 index);
	int (*sync)(struct p2p_map *map, u32 first, u32 nr);
	int (*sync_all)(struct p2p_map *map);
	void (*unlink)(struct p2p_map *map, u32 first, u32 nr);
	bool (*unlink_all)(struct p2p_map *map);
	void (*flush)(struct p2p_map *map);
	void (*release)(struct p2p_map *map);
};

/**
 * struct p2p_map - a vec list as one client sees it
 * @client: referenced
 * @vecs: referenced
 * @dir: direction of all the transfers
 * @backend: chosen by p2p_map_reserve(), for good; NULL if nothing needs the DMA API
 * @iova: the address space, if @backend is p2p_map_iova
 * @iova_size: bytes at the start of @iova that vecs occupy
 * @generation: of the verdicts that the parts' kinds come from
 * @max_segment: see p2p_map_limit_segments()
 * @segment_align: see p2p_map_limit_segments()
 * @part: one per part of @vecs
 * @addr: DMA addresses, one per vec, valid while the vec is linked. NULL without a @backend:
 *	then an address is the CPU's plus the part's shift
 * @linked: a bit per vec: the client can reach it
 *
 * The memory that p2p_map_priv() returns, and then the arrays, follow in the same allocation.
 *
 * After p2p_map_reserve() everything is immutable except @generation, the limits of segments,
 * the contents of @addr, and @linked. The caller serialises operations on one mapping, usually
 * by the dma_resv of the buffer, so they need no lock.
 */
struct p2p_map {
	struct device *client;
	struct p2p_vecs *vecs;
	enum dma_data_direction dir;
	const struct p2p_map_backend *backend;
	struct dma_iova_state iova;
	u64 iova_size;
	u64 generation;
	u64 max_segment;
	u64 segment_align;
	struct p2p_map_part *part;
	dma_addr_t *addr;
	unsigned long *linked;
};

extern const struct p2p_map_backend p2p_map_iova;
extern const struct p2p_map_backend p2p_map_range;

bool p2p_map_iova_reserve(struct p2p_map *map, u64 size);
unsigned long p2p_map_attrs(const struct p2p_map *map, u32 index);

/* map_range.c */
int p2p_range_map(struct device *client, phys_addr_t paddr, u64 len,
		  enum dma_data_direction dir, unsigned long attrs, dma_addr_t *addr);
struct iommu_domain *p2p_range_flush(struct device *client);
void p2p_range_flush_device(struct iommu_domain *domain, u64 start, u64 last);

/* Returns an enum p2p_map_kind. */
static inline u8 p2p_map_kind(const struct p2p_map *map, u32 index)
{
	const struct p2p_vec *vec = &map->vecs->vec[index];

	return vec->kind == P2P_VEC_BAR ? map->part[vec->part].kind : P2P_MAP_SYSTEM;
}

static inline bool p2p_map_linked(const struct p2p_map *map, u32 index)
{
	return test_bit(index, map->linked);
}

#endif /* _P2P_MAP_H */
