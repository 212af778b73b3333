// SPDX-License-Identifier: GPL-2.0
/*
 * DMA-BUFs in a device's IOVA space.
 *
 * Life of an import: PEERBUF_VFIO_IOC_MAP makes it. The exporter takes the memory away
 * (invalidate), which unmaps it from the IOMMU at once, and gives it back, after which a
 * work item maps it at the same IOVA. Unmap or close ends it: it is marked dying and
 * unmapped under resv, so that no work maps it again; detached, so that no callback comes any
 * more; and then freed, when the last work has run.
 */
#include <linux/slab.h>

#include "internal.h"

static struct workqueue_struct *peerbuf_vfio_wq;

int peerbuf_vfio_import_init(void)
{
	peerbuf_vfio_wq = alloc_workqueue("peerbuf-vfio", WQ_UNBOUND, 0);
	return peerbuf_vfio_wq ? 0 : -ENOMEM;
}

/* Each device has been closed, and that has waited for the work of its imports. */
void peerbuf_vfio_import_exit(void)
{
	destroy_workqueue(peerbuf_vfio_wq);
}

/* Under resv. Of the first state nobody is told: the caller knows. */
static void peerbuf_vfio_import_state(struct peerbuf_vfio_import *import, u32 state,
				      int error)
{
	dma_resv_assert_held(import->dmabuf->resv);

	if (import->state == state && import->error == error)
		return;
	if (import->state) {
		import->changes++;
		if (import->eventfd)
			eventfd_signal(import->eventfd);
	}
	import->state = state;
	import->error = error;
}

/* Under resv: away, and for how long. */
static void peerbuf_vfio_import_gone(struct peerbuf_vfio_import *import)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(import->dmabuf);
	bool dead = peerbuf_trouble(pb) == PEERBUF_REASON_DEVICE_GONE;

	peerbuf_vfio_import_state(import, dead ? PEERBUF_VFIO_STATE_DEAD :
						 PEERBUF_VFIO_STATE_AWAY, 0);
}

/* Under resv. Returns 0 if it is mapped or away, or why it cannot be mapped. */
static int peerbuf_vfio_import_install(struct peerbuf_vfio_import *import)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(import->dmabuf);
	struct peerbuf_mapping *mapping;
	int ret;

	if (peerbuf_trouble(pb)) {
		peerbuf_vfio_import_gone(import);
		return 0;
	}

	mapping = peerbuf_map(import->att, DMA_BIDIRECTIONAL);
	if (IS_ERR(mapping))
		return PTR_ERR(mapping);

	import->mapping = mapping;
	ret = peerbuf_vfio_pages_map(import);
	if (ret) {
		import->mapping = NULL;
		peerbuf_unmap(mapping);
		return ret;
	}
	peerbuf_vfio_import_state(import, PEERBUF_VFIO_STATE_MAPPED, 0);
	return 0;
}

/* Under resv. The exporter's wait for us ends with peerbuf_unmap(). */
static void peerbuf_vfio_import_uninstall(struct peerbuf_vfio_import *import)
{
	if (!import->mapping)
		return;
	peerbuf_vfio_pages_unmap(import);
	peerbuf_unmap(import->mapping);
	import->mapping = NULL;
}

static void peerbuf_vfio_import_work(struct work_struct *work)
{
	struct peerbuf_vfio_import *import =
		container_of(work, struct peerbuf_vfio_import, work);
	int ret;

	dma_resv_lock(import->dmabuf->resv, NULL);
	if (!import->dying && !import->mapping) {
		ret = peerbuf_vfio_import_install(import);
		if (ret)
			peerbuf_vfio_import_state(import, PEERBUF_VFIO_STATE_FAILED, ret);
	}
	dma_resv_unlock(import->dmabuf->resv);
}

/* A callback that comes before the attach has returned has nothing to do. */
static void peerbuf_vfio_import_retry(struct peerbuf_vfio_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	if (import->att && !import->dying)
		queue_work(peerbuf_vfio_wq, &import->work);
}

static void peerbuf_vfio_invalidate(struct peerbuf_attachment *att, void *priv)
{
	struct peerbuf_vfio_import *import = priv;

	if (!import->att)
		return;
	peerbuf_vfio_import_uninstall(import);
	peerbuf_vfio_import_gone(import);
	peerbuf_vfio_import_retry(import);
}

static void peerbuf_vfio_restored(struct peerbuf_attachment *att, void *priv)
{
	peerbuf_vfio_import_retry(priv);
}

static const struct peerbuf_importer_ops peerbuf_vfio_importer_ops = {
	.invalidate = peerbuf_vfio_invalidate,
	.restored = peerbuf_vfio_restored,
	.by_phys = true,
};

struct peerbuf_vfio_import *peerbuf_vfio_import_alloc(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_import *import;

	import = kzalloc(sizeof(*import), GFP_KERNEL_ACCOUNT);
	if (!import)
		return NULL;
	import->pv = pv;
	INIT_WORK(&import->work, peerbuf_vfio_import_work);
	return import;
}

/* One that is not attached. */
void peerbuf_vfio_import_free(struct peerbuf_vfio_import *import)
{
	if (import->eventfd)
		eventfd_ctx_put(import->eventfd);
	if (import->dmabuf)
		dma_buf_put(import->dmabuf);
	kfree(import);
}

/* Takes it out of its space and frees it. */
void peerbuf_vfio_import_end(struct peerbuf_vfio_import *import)
{
	struct peerbuf_vfio_space *space = import->pv->space;

	lockdep_assert_held(&space->lock);

	dma_resv_lock(import->dmabuf->resv, NULL);
	import->dying = true;
	peerbuf_vfio_import_uninstall(import);
	dma_resv_unlock(import->dmabuf->resv);

	peerbuf_detach(import->att);
	cancel_work_sync(&import->work);

	rb_erase(&import->node, &space->imports);
	import->pv->nr_imports--;
	peerbuf_vfio_import_free(import);
}

/* Of an errno from attaching, mapping, or the IOMMU. */
u32 peerbuf_vfio_import_reason(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return PEERBUF_REASON_FOREIGN_EXPORTER;
	case -EHOSTUNREACH:
		return PEERBUF_REASON_NO_ROUTE;
	case -ENODEV:
		return PEERBUF_REASON_DEVICE_GONE;
	case -EADDRINUSE:
		return PEERBUF_REASON_IOVA_BUSY;
	case -EINVAL:
		return PEERBUF_REASON_UNALIGNED;
	case -ENOMEM:
		return PEERBUF_REASON_NONE;
	default:
		return PEERBUF_REASON_IOMMU_REFUSED;
	}
}

/*
 * The attach has not happened for callbacks until @import->att is set, under resv, which is
 * where they look for it.
 */
static int peerbuf_vfio_import_attach(struct peerbuf_vfio_import *import)
{
	struct device *dev = &import->pv->core.pdev->dev;
	struct peerbuf_attachment *att;
	int ret;

	att = peerbuf_attach(import->dmabuf, dev, &peerbuf_vfio_importer_ops, import);
	/* To be told, whatever came of it. */
	peerbuf_attach_route(import->dmabuf, dev, &peerbuf_vfio_importer_ops,
			     &import->route);
	if (IS_ERR(att))
		return PTR_ERR(att);

	dma_resv_lock(import->dmabuf->resv, NULL);
	import->att = att;
	ret = peerbuf_vfio_import_install(import);
	if (!ret && import->state == PEERBUF_VFIO_STATE_DEAD)
		ret = -ENODEV;
	import->dying = ret;
	dma_resv_unlock(import->dmabuf->resv);

	if (ret) {
		peerbuf_detach(att);
		cancel_work_sync(&import->work);
	}
	return ret;
}

/* Takes the IOVAs first and gives them back if the rest fails. */
int peerbuf_vfio_import_add(struct peerbuf_vfio_import *import, u32 *reason)
{
	struct peerbuf_vfio_space *space = import->pv->space;
	int ret;

	lockdep_assert_held(&space->lock);

	if (import->pv->nr_imports == PEERBUF_VFIO_MAX_MAPPINGS) {
		*reason = PEERBUF_REASON_TOO_MANY_MAPPINGS;
		return -ENOSPC;
	}
	if (!peerbuf_vfio_space_insert(space, import)) {
		*reason = PEERBUF_REASON_IOVA_BUSY;
		return -EADDRINUSE;
	}

	import->pv->nr_imports++;
	ret = peerbuf_vfio_import_attach(import);
	if (ret) {
		*reason = peerbuf_vfio_import_reason(ret);
		import->pv->nr_imports--;
		rb_erase(&import->node, &space->imports);
	}
	return ret;
}

/* The device is being closed: no ioctl is under way. */
void peerbuf_vfio_imports_close(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_import *import;
	u64 iova = 0;

	if (!pv->space)
		return;

	mutex_lock(&pv->space->lock);
	while (pv->nr_imports && (import = peerbuf_vfio_space_next(pv->space, iova))) {
		iova = import->iova + (import->length - 1);
		if (import->pv == pv)
			peerbuf_vfio_import_end(import);
		else if (check_add_overflow(iova, 1, &iova))
			break;
	}
	mutex_unlock(&pv->space->lock);
}
