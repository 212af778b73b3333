/* SPDX-License-Identifier: GPL-2.0 */
/* What a process' addresses map. */
#ifndef _PEERBUF_LOOKUP_H
#define _PEERBUF_LOOKUP_H

#include <linux/types.h>

struct dma_buf;
struct p2p_provider;

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

#endif /* _PEERBUF_LOOKUP_H */
