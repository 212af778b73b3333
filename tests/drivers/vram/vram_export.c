// SPDX-License-Identifier: GPL-2.0
/*
 * BOs as DMA-BUFs, for others. This is all a GPU driver has to do to have its VRAM mapped by
 * other devices, moved under them, and taken away.
 *
 * The BO and the DMA-BUF have one reservation object. The DMA-BUF holds the BO; the BO points
 * back at it until peerbuf says that it is gone.
 */
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/module.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include "vram.h"

/* For this BO there is VRAM or nothing. */
static bool vram_stays_in_vram(const struct vram_bo *bo)
{
	return bo->flags & VRAM_BO_PINNED || !(bo->domains & VRAM_DOMAIN_SYSTEM);
}

/*
 * Asked before anybody attaches. What is left of a device that is gone is not for sharing, and
 * who can never reach the BO had better know at once.
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
 * Somebody cannot reach the BO where it is. Out of hidden memory it goes into the window,
 * evicting others, if it must; for whom the window is out of reach, too, there is system
 * memory, unless the BO is to stay in VRAM.
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

/* peerbuf has stopped everybody: the engine may copy. */
static int vram_op_copy(struct peerbuf *pb, struct p2p_vecs *to, struct p2p_vecs *from,
			void *priv)
{
	return vram_job_fill(priv, to, from);
}

/*
 * The DMA-BUF is gone. Nobody can be moving it, because that takes the lock, and after it
 * there is nothing to move but the BO itself.
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

/* From here on moves go through peerbuf. One that came in between is made known to it. */
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
 * The DRM core comes here once per BO as long as somebody has a handle, and holds its lock
 * for that.
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

/* The BO of @drm's behind a DMA-BUF, which holds it; or NULL. */
struct vram_bo *vram_bo_of_dma_buf(struct dma_buf *dmabuf, struct drm_device *drm)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(dmabuf);
	struct vram_bo *bo;

	bo = pb ? peerbuf_priv(pb, &vram_exporter_ops) : NULL;
	return bo && bo->base.dev == drm ? bo : NULL;
}
