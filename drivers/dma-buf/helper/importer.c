// SPDX-License-Identifier: GPL-2.0
/*
 * The importer helper: one interface by which a driver attaches to any DMA-BUF.
 *
 * From a peerbuf the driver gets DMA segments with the provider of each, without a scatterlist.
 * From any other exporter it gets that exporter's scatterlist as segments without a provider.
 * foreign.c serves importers by physical address.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/client.h"
#include "core/placement.h"
#include "core/reach.h"
#include "core/wait.h"
#include "helper/foreign.h"
#include "helper/importer.h"

/**
 * peerbuf_attach() - attach a device to a DMA-BUF
 * @dmabuf: a DMA-BUF of any exporter; the caller's reference must last until peerbuf_detach()
 * @dev: the device that will do the DMA
 * @ops: the importing driver's operations; NULL, or without an invalidate callback, for
 *	an importer that cannot give memory back
 * @priv: for @ops
 *
 * Invalidate may be called as soon as, and even before, this returns.
 *
 * Context: process context, may sleep. The reservation lock must not be held.
 * Return: the attachment, or an ERR_PTR. From a peerbuf: -EOPNOTSUPP the importer cannot be
 * revoked and a device does not accept that (peerbuf_device_accept_pinned()); -EHOSTUNREACH there
 * is no route; -ENODEV the buffer is revoked; -EIO a device it lies in does not decode memory; the
 * errno of the exporting driver's veto; -ENOMEM. From another exporter: its errno; for an importer
 * by physical address also -EOPNOTSUPP it cannot give memory back, or physical addresses are not
 * available on this machine.
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
 * peerbuf_attach_route() - the route verdict that peerbuf_attach() would use
 * @dmabuf: the caller holds a reference
 * @dev: the device that would do the DMA
 * @ops: as for peerbuf_attach()
 * @route: out, the route to the buffer's first BAR, or to the first one that cannot be reached
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
