/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the importer helper share: attachments, and what they have mapped. */
#ifndef _PEERBUF_IMPORTER_H
#define _PEERBUF_IMPORTER_H

#include "internal.h"

/**
 * struct peerbuf_attachment - a device attached to a DMA-BUF
 * @dmabuf: known even while the attach is under way; immutable
 * @attach: the core's attachment; for a peerbuf its priv is our client
 * @ops: the importing driver's; immutable
 * @priv: for @ops
 * @native: the exporter is a peerbuf
 */
struct peerbuf_attachment {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	const struct peerbuf_importer_ops *ops;
	void *priv;
	bool native;
};

/**
 * struct peerbuf_mapping - a mapping the importer holds
 * @att: whose
 * @dir: direction, needed to undo it
 * @dma: a peerbuf's mapping, or NULL
 * @sgt: another exporter's mapping, or NULL
 * @nr: segments
 * @seg: the segments, in buffer order
 * @end: offset of each segment's end in the buffer, for the search by offset; in the memory of
 *	@seg, behind them
 * @one: @seg and @end of a single segment
 *
 * A peerbuf's lies behind its @dma, in the same memory.
 */
struct peerbuf_mapping {
	struct peerbuf_attachment *att;
	enum dma_data_direction dir;
	struct peerbuf_dma *dma;
	struct sg_table *sgt;
	u32 nr;
	struct p2p_segment *seg;
	u64 *end;
	struct {
		struct p2p_segment seg;
		u64 end;
	} one;
};

static inline bool peerbuf_is_foreign_by_phys(const struct peerbuf_attachment *att)
{
	return !att->native && att->ops && att->ops->by_phys;
}

#endif /* _PEERBUF_IMPORTER_H */
