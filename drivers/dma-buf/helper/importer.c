// SPDX-License-Identifier: GPL-2.0
/*
 * The importer helper: one interface by which a driver attaches to any DMA-BUF.
 *
 * From a peerbuf the driver gets DMA segments with the provider of each, without a scatterlist.
 * From any other exporter it gets that exporter's scatterlist as segments without a provider.
 * foreign.c serves importers by physical address.
 */
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/slab.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/client.h"
#include "core/refusal.h"
#include "helper/foreign.h"
#include "helper/importer.h"

/* Attaches @att, whose other fields are set. Returns an errno. */
static int peerbuf_attach_as(struct peerbuf_attachment *att, struct device *dev)
{
	const struct peerbuf_importer_ops *ops = att->ops;
	const struct dma_buf_attach_ops *attach_ops = &peerbuf_helper_pinned_ops;

	if (ops && ops->invalidate)
		attach_ops = &peerbuf_helper_ops;
	if (peerbuf_is_foreign_by_phys(att)) {
		attach_ops = &peerbuf_helper_foreign_ops;
		dev = ops->invalidate ? peerbuf_foreign_device() : NULL;
		if (!dev)
			return -EOPNOTSUPP;
	}

	att->attach = dma_buf_dynamic_attach(att->dmabuf, dev, attach_ops, att);
	return PTR_ERR_OR_ZERO(att->attach);
}

/**
 * peerbuf_attach_why() - peerbuf_attach(), and what the exporter says about the route
 * @dmabuf: as for peerbuf_attach()
 * @dev: as for peerbuf_attach()
 * @ops: as for peerbuf_attach()
 * @priv: as for peerbuf_attach()
 * @why: out, may be NULL: the errno that is returned and the reason of a refusal, which another
 *	exporter does not give; and in any case the route to the buffer's first BAR, or to the first
 *	one that the device does not reach. If the buffer has none, or is another exporter's, there
 *	is no route: its decider is P2P_ADDR_NONE
 *
 * Context: as for peerbuf_attach().
 * Return: as peerbuf_attach().
 */
struct peerbuf_attachment *
peerbuf_attach_why(struct dma_buf *dmabuf, struct device *dev,
		   const struct peerbuf_importer_ops *ops, void *priv, struct peerbuf_refusal *why)
{
	struct peerbuf_attachment *att;
	int ret;

	if (why)
		*why = PEERBUF_NOT_REFUSED;
	att = kzalloc(sizeof(*att), GFP_KERNEL);
	if (!att)
		return ERR_PTR(-ENOMEM);

	att->dmabuf = dmabuf;
	att->ops = ops;
	att->priv = priv;
	att->native = peerbuf_from_dma_buf(dmabuf);
	att->why = why;
	ret = peerbuf_attach_as(att, dev);
	att->why = NULL;
	if (!ret)
		return att;
	if (why)
		why->error = ret;
	kfree(att);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(peerbuf_attach_why);

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
 */
struct peerbuf_attachment *
peerbuf_attach(struct dma_buf *dmabuf, struct device *dev,
	       const struct peerbuf_importer_ops *ops, void *priv)
{
	return peerbuf_attach_why(dmabuf, dev, ops, priv, NULL);
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
