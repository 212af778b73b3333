// SPDX-License-Identifier: GPL-2.0
/*
 * The buffer, as a dynamic importer holds it.
 *
 * Each command uses a window, the mapping of the moment, and has a fence in the buffer's
 * dma_resv while it is under way. When the exporter invalidates, the window is no longer the
 * import's: commands to come map anew, and find the buffer where it is by then, or learn that
 * it was withdrawn. The last command that uses the old window unmaps it; that, and not the fence,
 * is what a revoke waits for.
 */
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include "internal.h"

static void peerbuf_nvme_window_free(struct peerbuf_nvme_import *import,
				     struct peerbuf_nvme_window *window)
{
	dma_resv_assert_held(import->dmabuf->resv);

	peerbuf_unmap(window->mapping);
	kfree(window);
}

/* Under resv: no command to come uses what is mapped now. */
static void peerbuf_nvme_window_drop(struct peerbuf_nvme_import *import)
{
	struct peerbuf_nvme_window *window = import->window;

	dma_resv_assert_held(import->dmabuf->resv);

	import->window = NULL;
	if (window && !window->users)
		peerbuf_nvme_window_free(import, window);
}

static void peerbuf_nvme_invalidate(struct peerbuf_attachment *att, void *priv)
{
	peerbuf_nvme_window_drop(priv);
}

static const struct peerbuf_importer_ops peerbuf_nvme_importer_ops = {
	.invalidate = peerbuf_nvme_invalidate,
};

/* Of an errno that attaching, mapping or looking at the buffer has ended with. */
u32 peerbuf_nvme_import_reason(struct peerbuf_nvme_import *import, int error)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(import->dmabuf);
	u32 trouble;

	switch (error) {
	case -EINTR:
		return PEERBUF_REASON_INTERRUPTED;
	case -ENOMEM:
		return PEERBUF_REASON_NO_MEMORY;
	case -EHOSTUNREACH:
		return PEERBUF_REASON_NO_ROUTE;
	case -EPERM:
		return PEERBUF_REASON_NO_CPU;
	}
	if (!pb)
		return PEERBUF_REASON_FOREIGN_EXPORTER;
	if (error == -EIO)
		return PEERBUF_REASON_MEMORY_DECODE_OFF;
	if (error != -ENODEV)
		return PEERBUF_REASON_VETO;
	dma_resv_lock(import->dmabuf->resv, NULL);
	trouble = peerbuf_trouble(pb);
	dma_resv_unlock(import->dmabuf->resv);
	/* Restored meanwhile. */
	return trouble ?: PEERBUF_REASON_REVOKED;
}

/* Without a lock, may sleep. Undone by peerbuf_nvme_import_detach(), after success only. */
int peerbuf_nvme_import_attach(struct peerbuf_nvme_import *import, struct pci_dev *pdev,
			       u32 *reason)
{
	struct peerbuf_attachment *att;

	att = peerbuf_attach(import->dmabuf, &pdev->dev, &peerbuf_nvme_importer_ops, import);
	if (IS_ERR(att)) {
		*reason = peerbuf_nvme_import_reason(import, PTR_ERR(att));
		return PTR_ERR(att);
	}
	import->att = att;
	import->context = dma_fence_context_alloc(import->nr_contexts);
	return 0;
}

/*
 * The fences have signalled, but the dma_resv keeps them until others take their place, and with
 * them this module. The core's own stub takes it.
 */
static void peerbuf_nvme_drop_fences(struct peerbuf_nvme_import *import)
{
	struct dma_fence *stub = dma_fence_get_stub();
	u32 i;

	dma_resv_assert_held(import->dmabuf->resv);

	for (i = 0; i < import->nr_contexts; i++)
		dma_resv_replace_fences(import->dmabuf->resv, import->context + i, stub,
					DMA_RESV_USAGE_BOOKKEEP);
	dma_fence_put(stub);
}

/* No command is under way. */
void peerbuf_nvme_import_detach(struct peerbuf_nvme_import *import)
{
	if (!import->att)
		return;
	dma_resv_lock(import->dmabuf->resv, NULL);
	peerbuf_nvme_window_drop(import);
	peerbuf_nvme_drop_fences(import);
	dma_resv_unlock(import->dmabuf->resv);
	peerbuf_detach(import->att);
}

/* Under resv. */
static int peerbuf_nvme_window_open(struct peerbuf_nvme_import *import)
{
	struct peerbuf_nvme_window *window;
	struct peerbuf_mapping *mapping;

	dma_resv_assert_held(import->dmabuf->resv);

	if (import->window)
		return 0;
	window = kzalloc(sizeof(*window), GFP_KERNEL);
	if (!window)
		return -ENOMEM;
	/* The exporter may move it for that, and invalidate us: there is no window yet. */
	mapping = peerbuf_map(import->att, import->dir);
	if (IS_ERR(mapping)) {
		kfree(window);
		return PTR_ERR(mapping);
	}
	window->mapping = mapping;
	import->window = window;
	return 0;
}

/* Under resv: who moves the buffer may still be copying it to where it is now. */
static bool peerbuf_nvme_settled(struct peerbuf_nvme_import *import)
{
	return dma_resv_test_signaled(import->dmabuf->resv, DMA_RESV_USAGE_KERNEL);
}

/* Under resv. 0, or -EAGAIN: the exporter is copying. */
static int peerbuf_nvme_window_try(struct peerbuf_nvme_import *import, struct dma_fence *fence,
				   struct peerbuf_nvme_window **window)
{
	struct dma_resv *resv = import->dmabuf->resv;
	int ret;

	ret = peerbuf_nvme_window_open(import);
	if (!ret)
		ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;
	if (!peerbuf_nvme_settled(import))
		return -EAGAIN;
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	*window = import->window;
	(*window)->users++;
	return 0;
}

/*
 * For one command, for which @fence stands: the caller signals it when the command has ended,
 * and then calls peerbuf_nvme_window_put(). Without a lock, may sleep. On failure @fence was
 * shown to nobody. -ENODEV: the buffer was withdrawn; -EHOSTUNREACH: there is no route any
 * more; -EINTR; -ENOMEM; or what another exporter says.
 */
struct peerbuf_nvme_window *peerbuf_nvme_window_get(struct peerbuf_nvme_import *import,
						    struct dma_fence *fence)
{
	struct dma_resv *resv = import->dmabuf->resv;
	struct peerbuf_nvme_window *window;
	long left = 1;
	int ret;

	do {
		if (dma_resv_lock_interruptible(resv, NULL))
			return ERR_PTR(-EINTR);
		ret = peerbuf_nvme_window_try(import, fence, &window);
		dma_resv_unlock(resv);
		if (ret == -EAGAIN)
			left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true,
						     MAX_SCHEDULE_TIMEOUT);
	} while (ret == -EAGAIN && left > 0);
	if (left <= 0)
		return ERR_PTR(-EINTR);
	return ret ? ERR_PTR(ret) : window;
}

/* Without a lock. The command has ended, and its fence signalled. */
void peerbuf_nvme_window_put(struct peerbuf_nvme_import *import,
			     struct peerbuf_nvme_window *window)
{
	dma_resv_lock(import->dmabuf->resv, NULL);
	if (!--window->users && window != import->window)
		peerbuf_nvme_window_free(import, window);
	dma_resv_unlock(import->dmabuf->resv);
}
