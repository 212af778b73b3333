// SPDX-License-Identifier: GPL-2.0
/* Buffers, with the in-kernel exporter API. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "bar_owner.h"

static int owner_op_attach(struct peerbuf *pb, struct device *client, void *priv)
{
	struct owner_buffer *buffer = priv;

	return READ_ONCE(buffer->owner->veto) ? -EACCES : 0;
}

static void owner_op_release(struct peerbuf *pb, void *priv)
{
	struct owner_buffer *buffer = priv;

	flush_delayed_work(&buffer->copy_work);
	atomic_inc(&buffer->owner->released);
	if (buffer->share)
		dma_buf_put(buffer->share);
	owner_put(buffer->owner);
	kfree(buffer);
}

/* Without place(): only peerbuf decides where a buffer goes that an importer cannot access. */
static const struct peerbuf_exporter_ops owner_plain_ops = {
	.owner = THIS_MODULE,
	.attach = owner_op_attach,
	.copy = owner_op_copy,
	.release = owner_op_release,
};

static const struct peerbuf_exporter_ops owner_ops = {
	.owner = THIS_MODULE,
	.attach = owner_op_attach,
	.place = owner_op_place,
	.copy = owner_op_copy,
	.release = owner_op_release,
};

static struct dma_buf *owner_export_buffer(struct owner *owner,
					   struct bar_owner_export *req,
					   struct owner_buffer *buffer)
{
	struct peerbuf_export_args args = {
		.flags = req->flags,
		.open_flags = O_RDWR,
		.ops = req->place ? &owner_ops : &owner_plain_ops,
		.priv = buffer,
		.device = owner->pdevice,
		.name = "bar_owner",
	};
	struct dma_buf *dmabuf;

	args.placement = owner_place(owner, req->where, req->offset, req->length);
	if (IS_ERR(args.placement))
		return ERR_CAST(args.placement);
	if (buffer->share)
		args.resv = buffer->share->resv;
	dmabuf = peerbuf_export(&args);
	p2p_vecs_put(args.placement);
	return dmabuf;
}

static struct owner_buffer *owner_buffer_create(struct owner *owner, int share)
{
	struct owner_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);

	if (!buffer)
		return ERR_PTR(-ENOMEM);
	if (share >= 0) {
		buffer->share = dma_buf_get(share);
		if (IS_ERR(buffer->share)) {
			long ret = PTR_ERR(buffer->share);

			kfree(buffer);
			return ERR_PTR(ret);
		}
	}
	INIT_DELAYED_WORK(&buffer->copy_work, owner_copy_work);
	kref_get(&owner->ref);
	buffer->owner = owner;
	return buffer;
}

/* Caller holds owner.present. */
int owner_export(struct owner *owner, struct bar_owner_export *req)
{
	struct owner_buffer *buffer;
	struct dma_buf *dmabuf;

	buffer = owner_buffer_create(owner, req->share);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	buffer->offset = req->where == BAR_OWNER_IN_BAR ? req->offset : 0;
	buffer->place = req->place;
	buffer->engine = req->engine;
	dmabuf = owner_export_buffer(owner, req, buffer);
	if (IS_ERR(dmabuf)) {
		/* The export failed, so release() is not called: undo here. */
		if (buffer->share)
			dma_buf_put(buffer->share);
		owner_put(owner);
		kfree(buffer);
		return PTR_ERR(dmabuf);
	}
	req->id = peerbuf_id(peerbuf_from_dma_buf(dmabuf));
	req->fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (req->fd < 0)
		dma_buf_put(dmabuf);
	return min(req->fd, 0);
}

/* The buffer of a dma-buf fd; dma_buf_put(*dmabuf) when done. */
static struct peerbuf *owner_buffer_get(int fd, struct dma_buf **dmabuf)
{
	struct peerbuf *pb;

	*dmabuf = dma_buf_get(fd);
	if (IS_ERR(*dmabuf))
		return ERR_CAST(*dmabuf);
	pb = peerbuf_from_dma_buf(*dmabuf);
	if (!pb) {
		dma_buf_put(*dmabuf);
		return ERR_PTR(-EXDEV);
	}
	return pb;
}

static int owner_move_to(struct peerbuf *pb, struct dma_buf *dmabuf,
			 struct p2p_vecs *vecs, const struct bar_owner_buffer *req)
{
	int ret;

	if (!req->locked)
		return peerbuf_move(pb, vecs, req->flags);
	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;
	ret = peerbuf_move_locked(pb, vecs, req->flags);
	if (!ret && peerbuf_vecs(pb) != vecs)
		ret = -EUCLEAN;
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/* Caller holds owner.present. */
int owner_move(struct owner *owner, const struct bar_owner_buffer *req)
{
	struct dma_buf *dmabuf;
	struct p2p_vecs *vecs;
	struct peerbuf *pb;
	int ret;

	pb = owner_buffer_get(req->fd, &dmabuf);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	vecs = owner_place(owner, req->where, req->offset, dmabuf->size);
	ret = PTR_ERR_OR_ZERO(vecs);
	if (!ret) {
		ret = owner_move_to(pb, dmabuf, vecs, req);
		p2p_vecs_put(vecs);
	}
	dma_buf_put(dmabuf);
	return ret;
}

int owner_revoke(const struct bar_owner_buffer *req)
{
	struct dma_buf *dmabuf;
	struct peerbuf *pb;
	int ret;

	pb = owner_buffer_get(req->fd, &dmabuf);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	ret = peerbuf_revoke(pb, msecs_to_jiffies(req->timeout_ms));
	dma_buf_put(dmabuf);
	return ret;
}

int owner_restore(const struct bar_owner_buffer *req)
{
	struct dma_buf *dmabuf;
	struct peerbuf *pb;
	int ret;

	pb = owner_buffer_get(req->fd, &dmabuf);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	ret = peerbuf_restore(pb);
	dma_buf_put(dmabuf);
	return ret;
}

int owner_mine(const struct bar_owner_buffer *req)
{
	struct dma_buf *dmabuf;
	struct peerbuf *pb;
	int ret = 0;

	pb = owner_buffer_get(req->fd, &dmabuf);
	if (IS_ERR(pb))
		return PTR_ERR(pb);
	if (!peerbuf_priv(pb, &owner_ops) && !peerbuf_priv(pb, &owner_plain_ops))
		ret = -EMEDIUMTYPE;
	dma_buf_put(dmabuf);
	return ret;
}

/* Tries a vmap and undoes it. Locked as this kernel's DMA-BUF core locks a vmap. */
int owner_try_vmap(const struct bar_owner_buffer *req)
{
	struct dma_buf *dmabuf = dma_buf_get(req->fd);
	struct iosys_map map;
	int ret;

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (DMA_BUF_VMAP_LOCKED)
		dma_resv_lock(dmabuf->resv, NULL);
	ret = dmabuf->ops->vmap(dmabuf, &map);
	if (!ret)
		dmabuf->ops->vunmap(dmabuf, &map);
	if (DMA_BUF_VMAP_LOCKED)
		dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	return ret;
}

/* Returns the dma-buf, with a reference and a vmap, for owner_vunmap(). */
struct dma_buf *owner_vmap(struct bar_owner_buffer *req, struct iosys_map *map)
{
	struct dma_buf *dmabuf = dma_buf_get(req->fd);
	int ret;

	if (IS_ERR(dmabuf))
		return dmabuf;
	if (!IS_ALIGNED(req->offset, 4) || req->offset >= dmabuf->size)
		ret = -ERANGE;
	else
		ret = dma_buf_vmap_unlocked(dmabuf, map);
	if (ret) {
		dma_buf_put(dmabuf);
		return ERR_PTR(ret);
	}
	req->value = iosys_map_rd(map, req->offset, u32);
	return dmabuf;
}

void owner_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	dma_buf_vunmap_unlocked(dmabuf, map);
	dma_buf_put(dmabuf);
}
