// SPDX-License-Identifier: GPL-2.0
/*
 * DMA-BUFs of other exporters as BOs: a dynamic importer that uses the importer helper.
 *
 * A job maps the buffer when it needs it, and an invalidation unmaps it at once. No DMA can be
 * running then: this device does none itself, and the copy engine, which is a CPU, keeps the
 * buffer in place with a kernel mapping.
 *
 * Whoever removes an import from the device's list detaches it: the BO's destruction or the
 * device's removal, whichever comes first.
 */
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "vram.h"

static void vram_import_unmap(struct vram_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);
	if (import->mapping)
		peerbuf_unmap(import->mapping);
	import->mapping = NULL;
}

static void vram_import_invalidate(struct peerbuf_attachment *att, void *priv)
{
	struct vram_import *import = priv;

	if (!import->mapping)
		return;
	import->invalidations++;
	vram_import_unmap(import);
}

static const struct peerbuf_importer_ops vram_importer_ops = {
	.invalidate = vram_import_invalidate,
};

/* Maps the buffer for the device unless it is mapped. Called under the reservation lock. */
int vram_import_validate(struct vram_import *import)
{
	struct peerbuf_mapping *mapping;

	dma_resv_assert_held(import->dmabuf->resv);
	if (!import->att)
		return -ENODEV;
	if (import->mapping)
		return 0;
	mapping = peerbuf_map(import->att, DMA_BIDIRECTIONAL);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);
	import->mapping = mapping;
	import->maps++;
	return 0;
}

static void vram_import_detach(struct vram_import *import)
{
	struct peerbuf_attachment *att = import->att;

	dma_resv_lock(import->dmabuf->resv, NULL);
	vram_import_unmap(import);
	import->att = NULL;
	dma_resv_unlock(import->dmabuf->resv);
	peerbuf_detach(att);
}

/* Called when the BO is destroyed. */
void vram_import_destroy(struct vram_device *vram, struct vram_import *import)
{
	mutex_lock(&vram->imports_lock);
	if (!list_empty(&import->link)) {
		list_del_init(&import->link);
		vram_import_detach(import);
	}
	mutex_unlock(&vram->imports_lock);
	dma_buf_put(import->dmabuf);
	kfree(import);
}

/* Called at remove: no new import can be made, and no mapping for the device may remain. */
void vram_imports_detach(struct vram_device *vram)
{
	struct vram_import *import, *next;

	mutex_lock(&vram->imports_lock);
	list_for_each_entry_safe(import, next, &vram->imports, link) {
		list_del_init(&import->link);
		vram_import_detach(import);
	}
	mutex_unlock(&vram->imports_lock);
}

static struct vram_import *vram_import_create(struct vram_device *vram, struct dma_buf *dmabuf)
{
	struct vram_import *import;
	int ret;

	import = kzalloc(sizeof(*import), GFP_KERNEL_ACCOUNT);
	if (!import)
		return ERR_PTR(-ENOMEM);
	import->dmabuf = dmabuf;
	import->att = peerbuf_attach(dmabuf, &vram->pdev->dev, &vram_importer_ops, import);
	if (IS_ERR(import->att)) {
		ret = PTR_ERR(import->att);
		kfree(import);
		return ERR_PTR(ret);
	}
	get_dma_buf(dmabuf);
	mutex_lock(&vram->imports_lock);
	list_add(&import->link, &vram->imports);
	mutex_unlock(&vram->imports_lock);
	return import;
}

static struct drm_gem_object *vram_import(struct vram_device *vram, struct dma_buf *dmabuf)
{
	struct vram_import *import;
	struct vram_bo *bo;

	bo = vram_bo_alloc(vram, dmabuf->size);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	import = vram_import_create(vram, dmabuf);
	if (IS_ERR(import)) {
		drm_gem_object_put(&bo->base);
		return ERR_CAST(import);
	}
	bo->import = import;
	bo->base.resv = dmabuf->resv;
	return &bo->base;
}

/* A DMA-BUF that this device exported is imported as the same BO. */
struct drm_gem_object *vram_gem_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct vram_bo *own = vram_bo_of_dma_buf(dmabuf, drm);
	struct drm_gem_object *obj;
	int idx;

	if (own) {
		drm_gem_object_get(&own->base);
		return &own->base;
	}
	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);
	obj = vram_import(to_vram(drm), dmabuf);
	drm_dev_exit(idx);
	return obj;
}
