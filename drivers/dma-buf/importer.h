/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the importer helper share: attachments, and what they have mapped. */
#ifndef _PEERBUF_IMPORTER_H
#define _PEERBUF_IMPORTER_H

#include "internal.h"

/**
 * struct peerbuf_attachment - a device attached to a DMA-BUF
 * @dmabuf: set before the attach, so known while it is under way; immutable
 * @attach: the core's attachment; if the exporter is peerbuf its priv is a struct peerbuf_client
 * @ops: the importing driver's; immutable
 * @priv: for @ops
 * @native: the exporter is peerbuf
 */
struct peerbuf_attachment {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	const struct peerbuf_importer_ops *ops;
	void *priv;
	bool native;
};

/**
 * struct peerbuf_mapping - a mapping that the importer holds
 * @att: its attachment
 * @dir: direction, needed to undo it
 * @dma: the mapping if the exporter is peerbuf, or NULL
 * @sgt: the mapping if it is another exporter, or NULL
 * @nr: number of segments
 * @seg: the segments, in buffer order
 * @end: offset of each segment's end, for the search by offset; in the same allocation as @seg,
 *	behind it
 * @one: the memory of @seg and @end if there is a single segment
 *
 * If the exporter is peerbuf, this structure lies behind @dma, in the same allocation.
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

/* For attachments of the helper. Known even while the attach is under way. */
static inline bool peerbuf_attach_is_by_phys(const struct dma_buf_attachment *attach)
{
	const struct peerbuf_attachment *att = attach->importer_priv;

	return att->ops && att->ops->by_phys;
}

/* For attachments of the helper: the longest segment that its driver takes, or 0 for no limit. */
static inline u64 peerbuf_attach_max_segment(const struct dma_buf_attachment *attach)
{
	const struct peerbuf_attachment *att = attach->importer_priv;

	return att->ops ? att->ops->max_segment : 0;
}

static inline bool peerbuf_is_foreign_by_phys(const struct peerbuf_attachment *att)
{
	return !att->native && att->ops && att->ops->by_phys;
}

#endif /* _PEERBUF_IMPORTER_H */
