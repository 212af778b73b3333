/* SPDX-License-Identifier: GPL-2.0 */
/* Mapping a buffer for one importer, as segments or as a scatterlist. */
#ifndef _PEERBUF_MAPPING_H
#define _PEERBUF_MAPPING_H

#include <linux/dma-direction.h>
#include <linux/types.h>

struct dma_buf_attachment;
struct peerbuf_client;
struct peerbuf_dma;
struct sg_table;

/**
 * struct peerbuf_want - what an importer wants to map
 * @offset: first byte in the buffer
 * @len: bytes, or 0: all of the buffer
 * @dir: direction of the DMA
 * @via_core: the caller is dma_buf_map_attachment()
 * @extra: bytes of zeroed memory behind the mapping, for the caller; freed with the mapping
 */
struct peerbuf_want {
	u64 offset;
	u64 len;
	enum dma_data_direction dir;
	bool via_core;
	size_t extra;
};

struct peerbuf_dma *peerbuf_dma_create(struct peerbuf_client *client,
				       const struct peerbuf_want *want);
void peerbuf_dma_account(struct peerbuf_dma *dma, u32 nr_segments, dma_addr_t addr);
void peerbuf_dma_destroy(struct peerbuf_dma *dma);
struct sg_table *peerbuf_op_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir);
void peerbuf_op_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir);

#endif /* _PEERBUF_MAPPING_H */
