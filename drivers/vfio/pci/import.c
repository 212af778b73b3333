// SPDX-License-Identifier: GPL-2.0
/*
 * DMA-BUFs in a device's IOVA space.
 *
 * Life of an import (import_state.h): PEERBUF_VFIO_IOC_MAP makes it. When the exporter takes the
 * memory away, it calls invalidate, which unmaps the import from the IOMMU at once. When the
 * exporter gives the memory back, a work item maps it at the same IOVA. Unmap or close ends the
 * import: it is marked dying and unmapped under resv, so that no work item maps it again; then it
 * is detached, so that no callback comes any more; and when the last work item has finished, its
 * IOVAs are free.
 *
 * space->lock is not held while the buffer's lock or its fences are waited for: others may hold
 * these for long, and other devices use the same space.
 */
#include <linux/slab.h>

#include "internal.h"

static struct workqueue_struct *peerbuf_vfio_wq;

int peerbuf_vfio_import_init(void)
{
	peerbuf_vfio_wq = alloc_workqueue("peerbuf-vfio", WQ_UNBOUND, 0);
	return peerbuf_vfio_wq ? 0 : -ENOMEM;
}

/* All devices are closed, and each close has waited for the work items of its imports. */
void peerbuf_vfio_import_exit(void)
{
	destroy_workqueue(peerbuf_vfio_wq);
}

/*
 * Under resv. Tells the user of a PEERBUF_VFIO_STATE_*. The first is not signalled: the caller of
 * MAP gets it as the result.
 */
static void peerbuf_vfio_import_tell(struct peerbuf_vfio_import *import, u32 told, int error)
{
	dma_resv_assert_held(import->dmabuf->resv);

	if (import->told == told && import->error == error)
		return;
	if (import->told) {
		import->changes++;
		if (import->eventfd)
			eventfd_signal(import->eventfd);
	}
	import->told = told;
	import->error = error;
}

/* Under resv. Why the buffer cannot be mapped; 0 if it can, or for other exporters' buffers. */
u32 peerbuf_vfio_buffer_reason(const struct peerbuf_vfio_import *import)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(import->dmabuf);

	return pb ? peerbuf_trouble(pb) : 0;
}

/* Under resv. The buffer is withdrawn, for now or for good: the user is told which. */
static void peerbuf_vfio_import_withdrawn(struct peerbuf_vfio_import *import)
{
	bool dead = peerbuf_vfio_buffer_reason(import) == PEERBUF_REASON_DEVICE_GONE;

	if (import->state != PEERBUF_VFIO_IMPORT_AWAY)
		peerbuf_vfio_import_enter(import, PEERBUF_VFIO_IMPORT_AWAY);
	peerbuf_vfio_import_tell(import, dead ? PEERBUF_VFIO_STATE_DEAD :
						PEERBUF_VFIO_STATE_AWAY, 0);
}

/* The reason for an errno from mapping or from the IOMMU. */
static u32 peerbuf_vfio_map_reason(int error)
{
	switch (error) {
	case -EHOSTUNREACH:
		return PEERBUF_REASON_NO_ROUTE;
	case -ENODEV:
		return PEERBUF_REASON_DEVICE_GONE;
	case -EINTR:
		return PEERBUF_REASON_INTERRUPTED;
	case -EADDRINUSE:
		return PEERBUF_REASON_IOVA_BUSY;
	case -EINVAL:
		return PEERBUF_REASON_UNALIGNED;
	case -EOPNOTSUPP:
		return PEERBUF_REASON_IOVA_SHARED;
	case -ENOMEM:
		return PEERBUF_REASON_NONE;
	default:
		return PEERBUF_REASON_IOMMU_REFUSED;
	}
}

/* Under resv. Puts the exporter's mapping into the IOMMU; if that fails, gives it back. */
static int peerbuf_vfio_import_fill(struct peerbuf_vfio_import *import,
				    struct peerbuf_mapping *mapping)
{
	int ret;

	import->mapping = mapping;
	peerbuf_mapping_route(mapping, &import->route);
	ret = peerbuf_vfio_pages_map(import);
	if (ret) {
		import->mapping = NULL;
		peerbuf_unmap(mapping);
	}
	return ret;
}

/*
 * Under resv, in the state ATTACHED. Returns 0 if the import is mapped or away now. Otherwise it
 * still is in that state, @import->reason says why it cannot be mapped, and so does the errno.
 */
static int peerbuf_vfio_import_install(struct peerbuf_vfio_import *import)
{
	bool ours = peerbuf_from_dma_buf(import->dmabuf);
	struct peerbuf_mapping *mapping;
	int ret;

	if (peerbuf_vfio_buffer_reason(import)) {
		peerbuf_vfio_import_withdrawn(import);
		return 0;
	}

	mapping = peerbuf_map(import->att, DMA_BIDIRECTIONAL);
	ret = IS_ERR(mapping) ? PTR_ERR(mapping) : peerbuf_vfio_import_fill(import, mapping);
	if (!ret) {
		peerbuf_vfio_import_enter(import, PEERBUF_VFIO_IMPORT_MAPPED);
		peerbuf_vfio_import_tell(import, PEERBUF_VFIO_STATE_MAPPED, 0);
		return 0;
	}
	/*
	 * A device goes down without taking this lock, so it may have gone down after the check
	 * above: treated as if it had before. When it comes back, "changed" is called under this
	 * lock.
	 */
	if (ret == -ENODEV && ours) {
		peerbuf_vfio_import_withdrawn(import);
		return 0;
	}
	/* by_phys: no DMA address is made, so -EIO cannot mean that making one failed. */
	if (mapping == ERR_PTR(-EIO) && ours)
		import->reason = PEERBUF_REASON_MEMORY_DECODE_OFF;
	else
		import->reason = peerbuf_vfio_map_reason(ret);
	return ret;
}

/* Under resv. peerbuf_unmap() ends the exporter's wait for this import. */
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
	if (import->state == PEERBUF_VFIO_IMPORT_AWAY) {
		peerbuf_vfio_import_enter(import, PEERBUF_VFIO_IMPORT_ATTACHED);
		ret = peerbuf_vfio_import_install(import);
		if (ret) {
			peerbuf_vfio_import_enter(import, PEERBUF_VFIO_IMPORT_AWAY);
			peerbuf_vfio_import_tell(import, PEERBUF_VFIO_STATE_FAILED, ret);
		}
	}
	dma_resv_unlock(import->dmabuf->resv);
}

static void peerbuf_vfio_import_retry(struct peerbuf_vfio_import *import)
{
	dma_resv_assert_held(import->dmabuf->resv);

	if (peerbuf_vfio_import_is_live(import))
		queue_work(peerbuf_vfio_wq, &import->work);
}

/* In the state ATTACHED it is this driver's peerbuf_map() that moves the buffer. */
static void peerbuf_vfio_invalidate(struct peerbuf_attachment *att, void *priv)
{
	struct peerbuf_vfio_import *import = priv;

	dma_resv_assert_held(import->dmabuf->resv);

	if (import->state != PEERBUF_VFIO_IMPORT_MAPPED &&
	    import->state != PEERBUF_VFIO_IMPORT_AWAY)
		return;
	peerbuf_vfio_import_uninstall(import);
	peerbuf_vfio_import_withdrawn(import);
	peerbuf_vfio_import_retry(import);
}

static void peerbuf_vfio_changed(struct peerbuf_attachment *att, void *priv)
{
	peerbuf_vfio_import_retry(priv);
}

static const struct peerbuf_importer_ops peerbuf_vfio_importer_ops = {
	.invalidate = peerbuf_vfio_invalidate,
	.changed = peerbuf_vfio_changed,
	.by_phys = true,
};

/* Returns it with a reference for the caller, or NULL. */
struct peerbuf_vfio_import *peerbuf_vfio_import_alloc(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_import *import;

	import = kzalloc(sizeof(*import), GFP_KERNEL_ACCOUNT);
	if (!import)
		return NULL;
	kref_init(&import->ref);
	import->pv = pv;
	import->state = PEERBUF_VFIO_IMPORT_RESERVED;
	INIT_WORK(&import->work, peerbuf_vfio_import_work);
	return import;
}

static void peerbuf_vfio_import_free(struct kref *ref)
{
	struct peerbuf_vfio_import *import =
		container_of(ref, struct peerbuf_vfio_import, ref);

	if (import->eventfd)
		eventfd_ctx_put(import->eventfd);
	if (import->dmabuf)
		dma_buf_put(import->dmabuf);
	kfree(import);
}

void peerbuf_vfio_import_put(struct peerbuf_vfio_import *import)
{
	kref_put(&import->ref, peerbuf_vfio_import_free);
}

/* Under resv. From now on no work item maps the import, and no ioctl finds it. */
static void peerbuf_vfio_import_kill(struct peerbuf_vfio_import *import)
{
	peerbuf_vfio_import_enter(import, PEERBUF_VFIO_IMPORT_DYING);
	peerbuf_vfio_import_uninstall(import);
}

/* Ends the attachment of an import that is dying. The caller holds no lock. */
static void peerbuf_vfio_import_detach(struct peerbuf_vfio_import *import)
{
	peerbuf_detach(import->att);
	cancel_work_sync(&import->work);
}

static int peerbuf_vfio_import_take(struct peerbuf_vfio_import *import, u32 *reason)
{
	struct peerbuf_vfio_space *space = import->pv->space;
	int ret = 0;

	mutex_lock(&space->lock);
	if (import->pv->nr_imports == PEERBUF_VFIO_MAX_MAPPINGS) {
		*reason = PEERBUF_REASON_TOO_MANY_MAPPINGS;
		ret = -ENOSPC;
	} else if (!peerbuf_vfio_space_insert(space, import)) {
		*reason = PEERBUF_REASON_IOVA_BUSY;
		ret = -EADDRINUSE;
	} else {
		import->pv->nr_imports++;
		kref_get(&import->ref);
	}
	mutex_unlock(&space->lock);
	return ret;
}

static void peerbuf_vfio_import_give_back(struct peerbuf_vfio_import *import)
{
	struct peerbuf_vfio_space *space = import->pv->space;

	mutex_lock(&space->lock);
	rb_erase(&import->node, &space->imports);
	import->pv->nr_imports--;
	mutex_unlock(&space->lock);
	peerbuf_vfio_import_put(import);
}

/*
 * The caller has a reference, or is the device's close. Returns false if another call has begun to
 * end the import.
 */
bool peerbuf_vfio_import_end(struct peerbuf_vfio_import *import)
{
	bool live;

	dma_resv_lock(import->dmabuf->resv, NULL);
	live = peerbuf_vfio_import_is_live(import);
	if (live)
		peerbuf_vfio_import_kill(import);
	dma_resv_unlock(import->dmabuf->resv);
	if (!live)
		return false;

	peerbuf_vfio_import_detach(import);
	peerbuf_vfio_import_give_back(import);
	return true;
}

static u32 peerbuf_vfio_attach_reason(const struct peerbuf_vfio_import *import, int error)
{
	if (!peerbuf_from_dma_buf(import->dmabuf))
		return PEERBUF_REASON_FOREIGN_EXPORTER;
	switch (error) {
	case -EHOSTUNREACH:
		return PEERBUF_REASON_NO_ROUTE;
	case -ENODEV:
		return PEERBUF_REASON_DEVICE_GONE;
	case -EINTR:
		return PEERBUF_REASON_INTERRUPTED;
	case -EIO:
		return PEERBUF_REASON_MEMORY_DECODE_OFF;
	case -ENOMEM:
		return PEERBUF_REASON_NONE;
	default:
		return PEERBUF_REASON_VETO;
	}
}

/* Under resv. Maps the import for the first time; if that fails, it is dying. */
static int peerbuf_vfio_import_start(struct peerbuf_vfio_import *import,
				     struct peerbuf_attachment *att, u32 *reason)
{
	int ret;

	import->att = att;
	peerbuf_vfio_import_enter(import, PEERBUF_VFIO_IMPORT_ATTACHED);
	ret = peerbuf_vfio_import_install(import);
	if (ret) {
		*reason = import->reason;
	} else if (import->told == PEERBUF_VFIO_STATE_DEAD) {
		*reason = PEERBUF_REASON_DEVICE_GONE;
		ret = -ENODEV;
	}
	if (ret)
		peerbuf_vfio_import_kill(import);
	return ret;
}

/* Sets *@route whether or not the import could be attached. */
static int peerbuf_vfio_import_attach(struct peerbuf_vfio_import *import,
				      struct p2p_route *route, u32 *reason)
{
	struct device *dev = &import->pv->core.pdev->dev;
	struct peerbuf_attachment *att;
	struct peerbuf_refusal why;
	int ret;

	att = peerbuf_attach_why(import->dmabuf, dev, &peerbuf_vfio_importer_ops, import, &why);
	import->route = why.route;
	*route = why.route;
	if (IS_ERR(att)) {
		*reason = peerbuf_vfio_attach_reason(import, PTR_ERR(att));
		return PTR_ERR(att);
	}

	ret = dma_resv_lock_interruptible(import->dmabuf->resv, NULL);
	if (ret) {
		*reason = PEERBUF_REASON_INTERRUPTED;
		peerbuf_detach(att);
		return ret;
	}
	ret = peerbuf_vfio_import_start(import, att, reason);
	*route = import->route;
	dma_resv_unlock(import->dmabuf->resv);

	if (ret)
		peerbuf_vfio_import_detach(import);
	return ret;
}

/*
 * Takes the IOVAs, and gives them back if the rest fails. The caller has a reference: once the
 * import is mapped, another call may end it.
 */
int peerbuf_vfio_import_add(struct peerbuf_vfio_import *import, struct p2p_route *route,
			    u32 *reason)
{
	int ret;

	ret = peerbuf_vfio_import_take(import, reason);
	if (ret)
		return ret;
	ret = peerbuf_vfio_import_attach(import, route, reason);
	if (ret)
		peerbuf_vfio_import_give_back(import);
	return ret;
}

/* The device's first import that ends at or after @iova. */
static struct peerbuf_vfio_import *
peerbuf_vfio_import_next(struct peerbuf_vfio *pv, u64 iova)
{
	struct peerbuf_vfio_import *import;

	mutex_lock(&pv->space->lock);
	do {
		import = peerbuf_vfio_space_next(pv->space, iova);
	} while (import && import->pv != pv &&
		 !check_add_overflow(import->iova, import->length, &iova));
	mutex_unlock(&pv->space->lock);
	return import && import->pv == pv ? import : NULL;
}

/* The device is being closed: none of its ioctls runs, so nobody else uses its imports. */
void peerbuf_vfio_imports_close(struct peerbuf_vfio *pv)
{
	struct peerbuf_vfio_import *import;
	u64 iova = 0;

	if (!pv->space)
		return;
	while ((import = peerbuf_vfio_import_next(pv, iova))) {
		iova = import->iova;
		peerbuf_vfio_import_end(import);
	}
}
