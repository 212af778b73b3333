// SPDX-License-Identifier: GPL-2.0
/*
 * A buffer, as the DMA-BUF core sees it.
 *
 * Who may still use a buffer when it is released: nobody who is attached, as an attachment holds
 * the DMA-BUF; not an action that was put off, which does so as well; the watch, which is
 * cancelled; a copy that is late, which is waited for by its fence; the removal of the
 * device, which no longer finds it.
 */
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "odd.h"

static int odd_op_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct odd_buffer *buffer = dmabuf->priv;
	struct odd_attachment *att;
	int ret;

	ret = odd_event(buffer, ODD_ON_ATTACH);
	if (ret)
		return ret;
	att = kzalloc(sizeof(*att), GFP_KERNEL);
	if (!att)
		return -ENOMEM;
	att->buffer = buffer;
	att->dev = attach->dev;
	att->dynamic = attach->importer_ops;
	att->peer = attach->peer2peer;
	att->core_pins = DMA_BUF_PINS_ON_MAP && att->dynamic;
	dma_resv_lock(dmabuf->resv, NULL);
	if (buffer->kind == ODD_IN_BAR && !att->peer)
		ret = -EOPNOTSUPP;
	if (!ret) {
		list_add_tail(&att->node, &buffer->attachments);
		buffer->no_peers += !att->peer;
	}
	dma_resv_unlock(dmabuf->resv);
	if (ret) {
		kfree(att);
		return ret;
	}
	attach->priv = att;
	atomic64_inc(&buffer->tally.attachments);
	return 0;
}

/* What the importer has left is taken from it. */
static void odd_take_back(struct odd_attachment *att)
{
	struct odd_buffer *buffer = att->buffer;
	struct odd_mapping *mapping, *next;

	dma_resv_assert_held(buffer->dmabuf->resv);
	if (odd_pins_of(att) > 0)
		odd_bad(att, ODD_BAD_DETACH_PINNED);
	if (att->mappings)
		odd_bad(att, ODD_BAD_DETACH_MAPPED);
	list_for_each_entry_safe(mapping, next, &buffer->mappings, node)
		if (mapping->att == att)
			odd_mapping_destroy(mapping);
}

static void odd_op_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct odd_attachment *att = attach->priv;
	struct odd_buffer *buffer = att->buffer;

	odd_event(buffer, ODD_ON_DETACH);
	dma_resv_lock(dmabuf->resv, NULL);
	odd_take_back(att);
	list_del(&att->node);
	buffer->no_peers -= !att->peer;
	dma_resv_unlock(dmabuf->resv);
	atomic64_dec(&buffer->tally.attachments);
	kfree(att);
}

static int odd_op_pin(struct dma_buf_attachment *attach)
{
	struct odd_attachment *att = attach->priv;
	struct odd_buffer *buffer = att->buffer;
	bool took = odd_lock_if_not(att, ODD_BAD_PIN_UNLOCKED);
	int ret;

	ret = odd_event(buffer, ODD_ON_PIN);
	if (!ret && buffer->revoked)
		ret = -ENODEV;
	if (!ret)
		att->pins++;
	if (took)
		dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

static void odd_op_unpin(struct dma_buf_attachment *attach)
{
	struct odd_attachment *att = attach->priv;
	struct odd_buffer *buffer = att->buffer;
	bool took = odd_lock_if_not(att, ODD_BAD_PIN_UNLOCKED);

	if (odd_pins_of(att) > 0)
		att->pins--;
	else if (!att->excused)
		odd_bad(att, ODD_BAD_UNPIN);
	att->excused = false;
	odd_event(buffer, ODD_ON_UNPIN);
	if (took)
		dma_resv_unlock(attach->dmabuf->resv);
}

static void odd_buffer_free(struct odd_buffer *buffer)
{
	if (buffer->place)
		odd_place_free(buffer->place);
	if (buffer->stash)
		odd_place_free(buffer->stash);
	if (buffer->device)
		odd_device_put(buffer->device);
	kfree(buffer->bounce);
	kfree(buffer);
}

static void odd_op_release(struct dma_buf *dmabuf)
{
	struct odd_buffer *buffer = dmabuf->priv;

	if (buffer->device)
		odd_device_unlink(buffer);
	cancel_delayed_work_sync(&buffer->watch);
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, false, MAX_SCHEDULE_TIMEOUT);
	dma_resv_lock(dmabuf->resv, NULL);
	odd_bury_all(buffer);
	dma_resv_unlock(dmabuf->resv);
	odd_buffer_free(buffer);
}

static const struct dma_buf_ops odd_ops = {
	.attach = odd_op_attach,
	.detach = odd_op_detach,
	.pin = odd_op_pin,
	.unpin = odd_op_unpin,
	.map_dma_buf = odd_op_map,
	.unmap_dma_buf = odd_op_unmap,
	.release = odd_op_release,
	.mmap = odd_op_mmap,
	.vmap = odd_op_vmap,
	.vunmap = odd_op_vunmap,
};

/* NULL for another exporter's. */
struct odd_buffer *odd_buffer_of(struct dma_buf *dmabuf)
{
	return dmabuf->ops == &odd_ops ? dmabuf->priv : NULL;
}

static int odd_check_export(const struct odd_export *req)
{
	u32 i;

	if (req->flags & ~ODD_EXPORT_F_PAGES || req->reserved || req->where > ODD_IN_BAR ||
	    !req->length || !PAGE_ALIGNED(req->length) || req->nr_pieces > ODD_MOST_PIECES ||
	    req->limit_ms > ODD_MOST_DELAY_MS || (req->where == ODD_IN_BAR && !req->slots))
		return -EINVAL;
	for (i = 0; i < req->nr_pieces; i++)
		if (!req->piece[i])
			return -EINVAL;
	if (req->where == ODD_IN_SYSTEM && req->length > ODD_MOST_SYSTEM)
		return -E2BIG;
	return 0;
}

static int odd_buffer_place(struct odd_buffer *buffer, const struct odd_export *req)
{
	int ret;

	if (req->slots) {
		buffer->device = odd_device_get(req->addr);
		if (!buffer->device)
			return -ENODEV;
		ret = odd_device_slots(buffer->device, req, &buffer->base);
		if (ret)
			return ret;
		buffer->slots = req->slots;
	}
	buffer->bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!buffer->bounce)
		return -ENOMEM;
	buffer->place = odd_place_create(buffer, req->where);
	if (IS_ERR(buffer->place)) {
		ret = PTR_ERR(buffer->place);
		buffer->place = NULL;
		return ret;
	}
	return 0;
}

static struct odd_buffer *odd_buffer_create(const struct odd_export *req)
{
	struct odd_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	int ret;

	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->nr_pages = req->length >> PAGE_SHIFT;
	buffer->kind = req->where;
	buffer->per_page = req->flags & ODD_EXPORT_F_PAGES;
	buffer->nr_pieces = req->nr_pieces;
	memcpy(buffer->piece, req->piece, sizeof(buffer->piece));
	buffer->limit_ms = req->limit_ms ?: 1000;
	buffer->context = dma_fence_context_alloc(1);
	INIT_LIST_HEAD(&buffer->attachments);
	INIT_LIST_HEAD(&buffer->mappings);
	INIT_LIST_HEAD(&buffer->given_back);
	INIT_DELAYED_WORK(&buffer->watch, odd_watch_work);
	spin_lock_init(&buffer->script.lock);
	ret = odd_buffer_place(buffer, req);
	if (ret) {
		odd_buffer_free(buffer);
		return ERR_PTR(ret);
	}
	return buffer;
}

/* The DMA-BUF, or an ERR_PTR: see ODD_IOC_EXPORT. */
struct dma_buf *odd_buffer_export(const struct odd_export *req)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct odd_buffer *buffer;
	int ret;

	ret = odd_check_export(req);
	if (ret)
		return ERR_PTR(ret);
	buffer = odd_buffer_create(req);
	if (IS_ERR(buffer))
		return ERR_CAST(buffer);
	info.ops = &odd_ops;
	info.size = req->length;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = buffer;
	buffer->dmabuf = dma_buf_export(&info);
	if (IS_ERR(buffer->dmabuf)) {
		ret = PTR_ERR(buffer->dmabuf);
		odd_buffer_free(buffer);
		return ERR_PTR(ret);
	}
	if (buffer->device)
		odd_device_link(buffer);
	return buffer->dmabuf;
}
