// SPDX-License-Identifier: GPL-2.0
/*
 * The importer helper: one way for a driver to reach any DMA-BUF.
 *
 * From a peerbuf it gets DMA segments with the provider of each, and no scatterlist is
 * ever made. From any other exporter the same calls return that exporter's
 * scatterlist as segments without a provider; for an importer by physical address see
 * foreign.c.
 */
#include <linux/module.h>
#include <linux/slab.h>

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

static bool peerbuf_is_foreign_by_phys(const struct peerbuf_attachment *att)
{
	return !att->native && att->ops && att->ops->by_phys;
}

static void peerbuf_helper_invalidate(struct dma_buf_attachment *attach)
{
	struct peerbuf_attachment *att = attach->importer_priv;

	att->ops->invalidate(att, att->priv);
}

static const struct dma_buf_attach_ops peerbuf_helper_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = peerbuf_helper_invalidate,
};

/* For importers that cannot give memory back, and say so. */
static const struct dma_buf_attach_ops peerbuf_helper_pinned_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = DMA_BUF_NO_INVALIDATE,
};

/* Another exporter's system memory, by physical address. */
static const struct dma_buf_attach_ops peerbuf_helper_foreign_ops = {
	.invalidate_mappings = peerbuf_helper_invalidate,
};

/* Is it ours? Then @revocable is known, on every kernel. */
bool peerbuf_attach_is_helper(const struct dma_buf_attachment *attach,
			      bool *revocable)
{
	*revocable = attach->importer_ops == &peerbuf_helper_ops;
	return *revocable || attach->importer_ops == &peerbuf_helper_pinned_ops;
}

/* Of one of ours, known even while the attach is under way. */
bool peerbuf_attach_is_by_phys(const struct dma_buf_attachment *attach)
{
	const struct peerbuf_attachment *att = attach->importer_priv;

	return att->ops && att->ops->by_phys;
}

/* Of one of ours: the longest segment its driver takes, or 0 if it does not say. */
u64 peerbuf_attach_max_segment(const struct dma_buf_attachment *attach)
{
	const struct peerbuf_attachment *att = attach->importer_priv;

	return att->ops ? att->ops->max_segment : 0;
}

/* Under resv: whoever let go of the buffer may map it again, or need wait no longer. */
void peerbuf_tell_changed(struct peerbuf *pb)
{
	struct peerbuf_attachment *att;
	struct peerbuf_client *client;

	dma_resv_assert_held(pb->dmabuf->resv);

	list_for_each_entry(client, &pb->clients, node) {
		if (!client->native)
			continue;
		att = client->attach->importer_priv;
		if (att->ops && att->ops->changed)
			att->ops->changed(att, att->priv);
	}
}

/**
 * peerbuf_attach() - attach a device to a DMA-BUF
 * @dmabuf: any exporter's; the caller's reference must last until peerbuf_detach()
 * @dev: the device that will do the DMA
 * @ops: what to call when the mapping must go; NULL, or without an invalidate callback, for
 *	an importer that cannot give memory back
 * @priv: for @ops
 *
 * Invalidate may be called as soon as, and even before, this returns.
 *
 * Context: process context, may sleep. The reservation lock must not be held.
 * Return: the attachment, or an ERR_PTR. From a peerbuf: -EOPNOTSUPP the importer cannot be
 * revoked and the export does not accept that; -EHOSTUNREACH there is no route; -ENODEV
 * the buffer is revoked; -EIO a device it lies in does not decode memory; what the exporting
 * driver's veto returned; -ENOMEM. From anybody else, for an importer by physical address,
 * -EOPNOTSUPP it cannot give memory back, or physical addresses are not to be had on this
 * machine; what that exporter returned.
 */
struct peerbuf_attachment *
peerbuf_attach(struct dma_buf *dmabuf, struct device *dev,
	       const struct peerbuf_importer_ops *ops, void *priv)
{
	const struct dma_buf_attach_ops *attach_ops = &peerbuf_helper_pinned_ops;
	struct peerbuf_attachment *att;
	int ret;

	att = kzalloc(sizeof(*att), GFP_KERNEL);
	if (!att)
		return ERR_PTR(-ENOMEM);

	att->dmabuf = dmabuf;
	att->ops = ops;
	att->priv = priv;
	att->native = peerbuf_from_dma_buf(dmabuf);
	if (ops && ops->invalidate)
		attach_ops = &peerbuf_helper_ops;
	if (peerbuf_is_foreign_by_phys(att)) {
		attach_ops = &peerbuf_helper_foreign_ops;
		dev = ops->invalidate ? peerbuf_foreign_device() : NULL;
		if (!dev) {
			kfree(att);
			return ERR_PTR(-EOPNOTSUPP);
		}
	}

	att->attach = dma_buf_dynamic_attach(dmabuf, dev, attach_ops, att);
	if (IS_ERR(att->attach)) {
		ret = PTR_ERR(att->attach);
		kfree(att);
		return ERR_PTR(ret);
	}
	return att;
}
EXPORT_SYMBOL_GPL(peerbuf_attach);

/**
 * peerbuf_detach() - undo peerbuf_attach()
 * @att: the attachment; every mapping of it must be unmapped
 *
 * No invalidate call is under way or follows when this returns.
 *
 * Context: process context, may sleep. The reservation lock must not be held.
 */
void peerbuf_detach(struct peerbuf_attachment *att)
{
	dma_buf_detach(att->attach->dmabuf, att->attach);
	kfree(att);
}
EXPORT_SYMBOL_GPL(peerbuf_detach);

/**
 * peerbuf_attach_route() - the verdict peerbuf_attach() would come to
 * @dmabuf: the caller holds a reference
 * @dev: the device that would do the DMA
 * @ops: as for peerbuf_attach()
 * @route: out, that of the buffer's first range, or of the one that cannot be reached
 *
 * Context: process context, may sleep. The reservation lock must not be held.
 * Return: 0, or -EHOSTUNREACH there is no route; -ENODEV the memory is gone; -EOPNOTSUPP the
 * DMA-BUF is another exporter's; -EINTR the caller is being killed; -ENOMEM.
 */
int peerbuf_attach_route(struct dma_buf *dmabuf, struct device *dev,
			 const struct peerbuf_importer_ops *ops,
			 struct p2p_route *route)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(dmabuf);
	int ret;

	memset(route, 0, sizeof(*route));
	route->decider = P2P_ADDR_NONE;
	if (!pb)
		return -EOPNOTSUPP;

	if (peerbuf_lock(pb, PEERBUF_WAIT_KILLABLE))
		return -EINTR;
	ret = peerbuf_check_routes(pb->placement->vecs, dev, ops && ops->by_phys, true,
				   route);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_attach_route);

/**
 * peerbuf_pin() - keep the buffer where it is
 * @att: the attachment
 *
 * Context: the DMA-BUF's reservation lock is held.
 * Return: 0 or the exporter's error, -ENODEV from a revoked peerbuf.
 */
int peerbuf_pin(struct peerbuf_attachment *att)
{
	return dma_buf_pin(att->attach);
}
EXPORT_SYMBOL_GPL(peerbuf_pin);

/**
 * peerbuf_unpin() - undo peerbuf_pin()
 * @att: the attachment
 *
 * Context: the DMA-BUF's reservation lock is held.
 */
void peerbuf_unpin(struct peerbuf_attachment *att)
{
	dma_buf_unpin(att->attach);
}
EXPORT_SYMBOL_GPL(peerbuf_unpin);

/* Room for @nr segments. */
static int peerbuf_mapping_alloc(struct peerbuf_mapping *mapping, u32 nr)
{
	mapping->nr = nr;
	if (nr == 1) {
		mapping->seg = &mapping->one.seg;
		mapping->end = &mapping->one.end;
		return 0;
	}
	mapping->seg = kvmalloc_array(nr, sizeof(*mapping->seg) + sizeof(*mapping->end),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!mapping->seg)
		return -ENOMEM;
	mapping->end = (u64 *)(mapping->seg + nr);
	return 0;
}

static void peerbuf_mapping_free_segments(struct peerbuf_mapping *mapping)
{
	if (mapping->seg != &mapping->one.seg)
		kvfree(mapping->seg);
	mapping->seg = NULL;
}

static void peerbuf_mapping_index(struct peerbuf_mapping *mapping)
{
	u64 end = 0;
	u32 i;

	for (i = 0; i < mapping->nr; i++) {
		end += mapping->seg[i].len;
		mapping->end[i] = end;
	}
}

static int peerbuf_mapping_fill_by_phys(struct peerbuf_mapping *mapping,
					const struct p2p_vecs *vecs)
{
	int ret;
	u32 i;

	ret = peerbuf_mapping_alloc(mapping, vecs->nr);
	if (ret)
		return ret;
	for (i = 0; i < vecs->nr; i++)
		mapping->seg[i] = (struct p2p_segment){
			.addr = vecs->vec[i].paddr,
			.len = vecs->vec[i].len,
			.provider = vecs->vec[i].provider,
		};
	return 0;
}

/* A buffer always has a segment; none means more than 32 bits can count. */
static int peerbuf_mapping_fill(struct peerbuf_mapping *mapping, struct p2p_map *map)
{
	const unsigned long flags = P2P_SEGMENTS_PER_PROVIDER | P2P_SEGMENTS_LONG;
	u32 nr, room = p2p_map_expect_segments(map, flags);
	int ret;

	ret = peerbuf_mapping_alloc(mapping, room);
	if (ret)
		return ret;
	nr = p2p_map_fill_segments(map, flags, mapping->seg, room);
	if (!nr)
		return -EOVERFLOW;
	if (nr <= room) {
		mapping->nr = nr;
		return 0;
	}
	peerbuf_mapping_free_segments(mapping);
	ret = peerbuf_mapping_alloc(mapping, nr);
	if (!ret)
		p2p_map_fill_segments(map, flags, mapping->seg, nr);
	return ret;
}

static struct peerbuf_mapping *peerbuf_map_native(struct peerbuf_attachment *att,
						  enum dma_data_direction dir)
{
	struct peerbuf_mapping *mapping;
	struct peerbuf_dma *dma;
	int ret;

	dma = peerbuf_dma_create(att->attach->priv, dir, false, sizeof(*mapping));
	if (IS_ERR(dma))
		return ERR_CAST(dma);
	mapping = (struct peerbuf_mapping *)(dma + 1);
	mapping->att = att;
	mapping->dir = dir;
	mapping->dma = dma;
	if (dma->map)
		ret = peerbuf_mapping_fill(mapping, dma->map);
	else
		ret = peerbuf_mapping_fill_by_phys(mapping, dma->vecs);
	if (ret) {
		peerbuf_unmap(mapping);
		return ERR_PTR(ret);
	}
	peerbuf_dma_account(dma, mapping->nr, mapping->seg[0].addr);
	return mapping;
}

/*
 * All of the buffer, or it is not the buffer. What is mapped by physical address is at
 * the device's disposal at once, so that the memory has to be what it should be by then; to
 * map it may have started a copy to where it is now.
 */
static int peerbuf_mapping_to_phys(struct peerbuf_mapping *mapping)
{
	struct dma_buf *dmabuf = mapping->att->dmabuf;
	struct scatterlist *sg;
	u64 paddr, size = 0;
	unsigned int i;
	int ret;

	for_each_sgtable_dma_sg(mapping->sgt, sg, i) {
		ret = peerbuf_foreign_piece(sg, &paddr);
		if (ret)
			return ret;
		mapping->seg[i].addr = paddr;
		size += sg_dma_len(sg);
	}
	if (size != dmabuf->size)
		return -EIO;
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, false, MAX_SCHEDULE_TIMEOUT);
	return 0;
}

static int peerbuf_fill_foreign(struct peerbuf_mapping *mapping)
{
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	mapping->sgt = dma_buf_map_attachment(mapping->att->attach, mapping->dir);
	if (IS_ERR(mapping->sgt)) {
		ret = PTR_ERR(mapping->sgt);
		mapping->sgt = NULL;
		return ret;
	}

	ret = peerbuf_mapping_alloc(mapping, mapping->sgt->nents);
	if (ret)
		return ret;
	for_each_sgtable_dma_sg(mapping->sgt, sg, i)
		mapping->seg[i] = (struct p2p_segment){
			.addr = sg_dma_address(sg),
			.len = sg_dma_len(sg),
		};
	return peerbuf_is_foreign_by_phys(mapping->att) ? peerbuf_mapping_to_phys(mapping) : 0;
}

static struct peerbuf_mapping *peerbuf_map_foreign(struct peerbuf_attachment *att,
						   enum dma_data_direction dir)
{
	struct peerbuf_mapping *mapping;
	int ret;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->att = att;
	mapping->dir = dir;
	ret = peerbuf_fill_foreign(mapping);
	if (ret) {
		peerbuf_unmap(mapping);
		return ERR_PTR(ret);
	}
	return mapping;
}

/**
 * peerbuf_map() - map the whole buffer for the attached device
 * @att: the attachment
 * @dir: direction of the DMA to come
 *
 * The mapping is good until the next invalidate call, and until then only as far as the
 * fences allow that the reservation object holds now (see DMA_RESV_USAGE_KERNEL).
 *
 * Context: process context, may sleep, the DMA-BUF's reservation lock is held.
 * Return: the mapping, or an ERR_PTR. From a peerbuf: -ENODEV it is revoked, or its device
 * is down or gone; -EHOSTUNREACH the route is gone, or another exporter's memory is not
 * system memory and wanted by physical address; -ENOSPC the device's IOVA space is
 * exhausted; -EIO the device cannot address it, or one that it lies in does not decode
 * memory; -EOVERFLOW too many segments; -ENOMEM.
 */
struct peerbuf_mapping *peerbuf_map(struct peerbuf_attachment *att,
				    enum dma_data_direction dir)
{
	struct peerbuf_mapping *mapping;

	dma_resv_assert_held(att->attach->dmabuf->resv);

	if (att->native)
		mapping = peerbuf_map_native(att, dir);
	else
		mapping = peerbuf_map_foreign(att, dir);
	if (!IS_ERR(mapping))
		peerbuf_mapping_index(mapping);
	return mapping;
}
EXPORT_SYMBOL_GPL(peerbuf_map);

/**
 * peerbuf_unmap() - undo peerbuf_map()
 * @mapping: the mapping; the device must have stopped using it
 *
 * May be called from the invalidate callback.
 *
 * Context: process context, may sleep, the DMA-BUF's reservation lock is held.
 */
void peerbuf_unmap(struct peerbuf_mapping *mapping)
{
	dma_resv_assert_held(mapping->att->attach->dmabuf->resv);

	peerbuf_mapping_free_segments(mapping);
	if (mapping->dma) {
		peerbuf_dma_destroy(mapping->dma);
		return;
	}
	if (mapping->sgt)
		dma_buf_unmap_attachment(mapping->att->attach, mapping->sgt,
					 mapping->dir);
	kfree(mapping);
}
EXPORT_SYMBOL_GPL(peerbuf_unmap);

/**
 * peerbuf_segments() - the DMA segments of a mapping
 * @mapping: the mapping
 * @nr: out, how many
 *
 * Context: any, while the mapping is there.
 * Return: the segments in buffer order; their lengths sum up to the buffer's size. A segment's
 * provider is NULL for system memory and for other exporters. For an importer by physical
 * address the segments' addresses are the CPU's.
 */
const struct p2p_segment *peerbuf_segments(struct peerbuf_mapping *mapping,
					   u32 *nr)
{
	*nr = mapping->nr;
	return mapping->seg;
}
EXPORT_SYMBOL_GPL(peerbuf_segments);

/**
 * peerbuf_segment_at() - where a byte of the buffer is
 * @mapping: the mapping
 * @offset: in the buffer, in bytes
 * @addr: out, its DMA address
 * @len: out, bytes from there to the end of its segment
 *
 * Context: any, while the mapping is there.
 * Return: 0, or -ERANGE: @offset is past the end of the buffer.
 */
int peerbuf_segment_at(struct peerbuf_mapping *mapping, u64 offset,
		       dma_addr_t *addr, u64 *len)
{
	u32 low = 0, high = mapping->nr, mid;
	const struct p2p_segment *seg;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (mapping->end[mid] <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == mapping->nr)
		return -ERANGE;

	seg = &mapping->seg[low];
	*len = mapping->end[low] - offset;
	*addr = seg->addr + (seg->len - *len);
	return 0;
}
EXPORT_SYMBOL_GPL(peerbuf_segment_at);

/**
 * peerbuf_mapping_route() - how the device reaches what it has mapped
 * @mapping: the mapping
 * @route: out, that of the first BAR in the buffer; of a buffer without any, and of another
 *	exporter's, nothing is known: its decider is P2P_ADDR_NONE
 *
 * Context: the DMA-BUF's reservation lock is held since peerbuf_map().
 */
void peerbuf_mapping_route(struct peerbuf_mapping *mapping, struct p2p_route *route)
{
	dma_resv_assert_held(mapping->att->attach->dmabuf->resv);

	if (mapping->dma)
		p2p_plan_verdict(&mapping->dma->client->plan, route);
	else
		*route = (struct p2p_route){ .decider = P2P_ADDR_NONE };
}
EXPORT_SYMBOL_GPL(peerbuf_mapping_route);

/**
 * peerbuf_attachment_dma_buf() - the DMA-BUF an attachment belongs to
 * @att: the attachment
 *
 * Context: any.
 * Return: the DMA-BUF, no reference taken.
 */
struct dma_buf *peerbuf_attachment_dma_buf(struct peerbuf_attachment *att)
{
	return att->dmabuf;
}
EXPORT_SYMBOL_GPL(peerbuf_attachment_dma_buf);
