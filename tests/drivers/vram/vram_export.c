// SPDX-License-Identifier: GPL-2.0
/*
 * BOs as DMA-BUFs. This is all that a GPU driver has to do so that other devices can map its VRAM,
 * while the driver can still move and revoke it.
 *
 * The BO and the DMA-BUF share one reservation object. The DMA-BUF holds a reference to the BO; the
 * BO has a pointer to the DMA-BUF until peerbuf calls vram_op_release().
 */
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "vram.h"

/* Must this BO never be in system memory? */
static bool vram_stays_in_vram(const struct vram_bo *bo)
{
	return bo->flags & VRAM_BO_PINNED || !(bo->domains & VRAM_DOMAIN_SYSTEM);
}

/*
 * Called before a device attaches. Fails if the exporting device is gone, or if the client can
 * never access the BO.
 */
static int vram_op_attach(struct peerbuf *pb, struct device *client, void *priv)
{
	struct vram_bo *bo = priv;
	struct vram_device *vram = to_vram(bo->base.dev);
	struct p2p_route route;
	int ret;

	if (drm_dev_is_unplugged(&vram->drm))
		return -ENODEV;
	if (!vram_stays_in_vram(bo))
		return 0;
	ret = p2p_route_get(vram->provider, client, &route);
	if (!ret && route.type == P2P_ROUTE_NOT_SUPPORTED)
		ret = -EHOSTUNREACH;
	return ret;
}

/*
 * The client cannot access the BO where it is. A BO in hidden memory is moved into the window,
 * evicting others if necessary. If the client has no route to the window either, the BO is moved
 * into system memory, unless it must stay in VRAM.
 */
static int vram_op_place(struct peerbuf *pb, struct device *client, u32 why, void *priv)
{
	struct vram_bo *bo = priv;
	struct vram_device *vram = to_vram(bo->base.dev);
	int ret, idx;

	if (!drm_dev_enter(&vram->drm, &idx))
		return -ENODEV;
	if (why == PEERBUF_PLACE_HIDDEN) {
		ret = vram_bo_make_reachable(bo, VRAM_LOCKED);
	} else if (!vram_stays_in_vram(bo)) {
		ret = vram_bo_move_somewhere(bo, VRAM_IN_SYSTEM, VRAM_LOCKED);
		if (!ret)
			atomic64_inc(&vram->placements);
	} else {
		ret = why == PEERBUF_PLACE_NO_ROUTE ? -EHOSTUNREACH : -EOPNOTSUPP;
	}
	drm_dev_exit(idx);
	return ret == -EAGAIN ? -ENOSPC : ret;
}

/* peerbuf has stopped all importers, so the engine may copy. */
static int vram_op_copy(struct peerbuf *pb, struct p2p_vecs *to, struct p2p_vecs *from,
			void *priv)
{
	return vram_job_fill(priv, to, from);
}

/*
 * The DMA-BUF is being freed. Clearing bo->pb under the lock excludes a move in progress; later
 * moves concern only the BO.
 */
static void vram_op_release(struct peerbuf *pb, void *priv)
{
	struct vram_bo *bo = priv;
	struct drm_device *drm = bo->base.dev;

	dma_resv_lock(bo->base.resv, NULL);
	bo->pb = NULL;
	dma_resv_unlock(bo->base.resv);
	drm_gem_object_put(&bo->base);
	drm_dev_put(drm);
}

static const struct peerbuf_exporter_ops vram_exporter_ops = {
	.owner = THIS_MODULE,
	.attach = vram_op_attach,
	.place = vram_op_place,
	.copy = vram_op_copy,
	.release = vram_op_release,
};

/* From here on peerbuf moves the BO. If it moved during the export, peerbuf is told its place. */
static int vram_export_adopt(struct vram_bo *bo, struct peerbuf *pb, struct p2p_vecs *placement)
{
	int ret = 0;

	dma_resv_lock(bo->base.resv, NULL);
	if (bo->space->vecs != placement)
		ret = peerbuf_move_locked(pb, bo->space->vecs, 0);
	if (!ret)
		bo->pb = pb;
	dma_resv_unlock(bo->base.resv);
	return ret;
}

static struct dma_buf *vram_export(struct vram_bo *bo, int flags)
{
	struct vram_device *vram = to_vram(bo->base.dev);
	struct peerbuf_export_args args = {
		.open_flags = flags,
		.ops = &vram_exporter_ops,
		.priv = bo,
		.device = vram->pdevice,
		.resv = bo->base.resv,
	};
	struct dma_buf *dmabuf;
	int ret;

	dma_resv_lock(bo->base.resv, NULL);
	args.placement = p2p_vecs_get(bo->space->vecs);
	dma_resv_unlock(bo->base.resv);

	dmabuf = peerbuf_export(&args);
	if (!IS_ERR(dmabuf)) {
		drm_dev_get(&vram->drm);
		drm_gem_object_get(&bo->base);
		ret = vram_export_adopt(bo, peerbuf_from_dma_buf(dmabuf), args.placement);
		if (ret) {
			dma_buf_put(dmabuf);
			dmabuf = ERR_PTR(ret);
		}
	}
	p2p_vecs_put(args.placement);
	return dmabuf;
}

/*
 * The DRM core calls this once for each BO while the BO has a handle; the core holds a lock of its
 * own meanwhile.
 */
struct dma_buf *vram_gem_export(struct drm_gem_object *obj, int flags)
{
	struct vram_bo *bo = to_vram_bo(obj);
	struct dma_buf *dmabuf;
	int idx;

	if (bo->import) {
		get_dma_buf(bo->import->dmabuf);
		return bo->import->dmabuf;
	}
	if (!drm_dev_enter(obj->dev, &idx))
		return ERR_PTR(-ENODEV);
	dmabuf = vram_export(bo, flags & (O_ACCMODE | O_CLOEXEC));
	drm_dev_exit(idx);
	return dmabuf;
}

/* The BO of @drm that the DMA-BUF exports, or NULL. The DMA-BUF holds it. */
struct vram_bo *vram_bo_of_dma_buf(struct dma_buf *dmabuf, struct drm_device *drm)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(dmabuf);
	struct vram_bo *bo;

	bo = pb ? peerbuf_priv(pb, &vram_exporter_ops) : NULL;
	return bo && bo->base.dev == drm ? bo : NULL;
}
