/* SPDX-License-Identifier: GPL-2.0 */
/* Importers, as the exporter sees them. */
#ifndef _PEERBUF_CLIENT_H
#define _PEERBUF_CLIENT_H

#include <linux/dma-buf.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>

#include <peerbuf/peerbuf.h>

struct pid;

/**
 * struct peerbuf_attachment - a device attached to a DMA-BUF
 * @dmabuf: set before the attach, so known while it is under way; immutable
 * @attach: the core's attachment; if the exporter is peerbuf its priv is a struct peerbuf_client
 * @ops: the importing driver's; immutable
 * @priv: for @ops
 * @why: where the attach that is under way tells what came of it, or NULL
 * @native: the exporter is peerbuf
 */
struct peerbuf_attachment {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	const struct peerbuf_importer_ops *ops;
	void *priv;
	struct peerbuf_refusal *why;
	bool native;
};

/**
 * struct peerbuf_client - an importer, as the exporter sees it
 * @node: in peerbuf.clients; protected as that list is
 * @attach: the core's attachment
 * @revocable: gives the memory back when invalidated; protected by resv
 * @native: uses the importer helper: segments, no sg_table; immutable
 * @by_phys: a native one that maps physical addresses itself; immutable
 * @pins: calls of pin() minus calls of unpin(); protected by resv
 * @maps: mappings in force; protected by resv
 * @core_maps: how many of @maps the DMA-BUF core made; protected by resv
 * @placing: the buffer is being moved for this importer, which has no mapping; protected by resv
 * @nr_segments: of the latest mapping; protected by resv
 * @mapped_ranges: vecs in the latest mapping; protected by resv
 * @dma_addr: first address of the latest mapping; protected by resv
 * @route: the last route verdict; changed under resv and holds_lock
 * @plan: how it reaches the buffer's placement; protected by resv
 * @pid: the process that attached; reference held
 * @comm: name of that process
 */
struct peerbuf_client {
	struct list_head node;
	struct dma_buf_attachment *attach;
	bool revocable;
	bool native;
	bool by_phys;
	u32 pins;
	u32 maps;
	u32 core_maps;
	bool placing;
	u32 nr_segments;
	u32 mapped_ranges;
	dma_addr_t dma_addr;
	struct p2p_route route;
	struct p2p_plan plan;
	struct pid *pid;
	char comm[TASK_COMM_LEN];
};

extern const struct dma_buf_attach_ops peerbuf_helper_ops;
extern const struct dma_buf_attach_ops peerbuf_helper_pinned_ops;
extern const struct dma_buf_attach_ops peerbuf_helper_foreign_ops;

u32 peerbuf_client_pins(const struct peerbuf_client *client);
u32 peerbuf_pins(struct peerbuf *pb);
void peerbuf_tell_changed(struct peerbuf *pb);
struct peerbuf_client *peerbuf_client_create(struct dma_buf_attachment *attach);
void peerbuf_client_free(struct peerbuf_client *client);
void peerbuf_client_add(struct peerbuf *pb, struct peerbuf_client *client);
void peerbuf_client_tell(const struct peerbuf_client *client, const struct peerbuf_refusal *why);

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

#endif /* _PEERBUF_CLIENT_H */
