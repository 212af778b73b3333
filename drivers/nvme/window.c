// SPDX-License-Identifier: GPL-2.0
/*
 * The buffer, imported by a dynamic importer.
 *
 * A command uses the current window, which is a mapping of the buffer, and has a fence in the
 * buffer's dma_resv while it is under way. When the exporter invalidates, the import drops its
 * window: later commands map the buffer again, at its new place, or fail because it was withdrawn.
 * The last command that uses the old window unmaps it. A revoke waits for that unmap, not for the
 * fence.
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

/* Under resv. Later commands do not use the current window. */
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

/* The reason for an errno from attaching, mapping or accessing the buffer. */
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
	/* No trouble any more: the buffer has been restored since. */
	return trouble ?: PEERBUF_REASON_REVOKED;
}

/*
 * The fences have signalled, but the dma_resv keeps signalled fences until others replace them, and
 * they keep this module loaded. So replace them by the core's stub fence.
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

/*
 * No command is under way, and the CPU gets at the buffer next. As long as it is mapped its
 * bytes may be elsewhere, in a bounce buffer or in front of caches that do not see the device: to
 * unmap it brings them here, and would put them over what the CPU has written.
 */
void peerbuf_nvme_import_idle(struct peerbuf_nvme_import *import)
{
	if (!import->att)
		return;
	dma_resv_lock(import->dmabuf->resv, NULL);
	peerbuf_nvme_window_drop(import);
	dma_resv_unlock(import->dmabuf->resv);
}

/* The caller makes sure that no command is under way. */
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

/*
 * Does any of it lie in the controller's own memory? Whether a controller finds that behind an
 * address in a command (NVMe base specification, controller memory buffer) is for its driver to
 * have set up, and not for us to know. Where it does not, what it reads there is anything.
 */
static bool peerbuf_nvme_is_own(const struct peerbuf_nvme_import *import,
				struct peerbuf_mapping *mapping)
{
	const struct p2p_segment *seg;
	u32 i, nr;

	seg = peerbuf_segments(mapping, &nr);
	for (i = 0; i < nr; i++)
		if (seg[i].provider && p2p_provider_pdev(seg[i].provider) == import->pdev)
			return true;
	return false;
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
	/* The exporter may move the buffer for this, and invalidate: there is no window to drop. */
	mapping = peerbuf_map(import->att, import->dir);
	if (IS_ERR(mapping)) {
		kfree(window);
		return PTR_ERR(mapping);
	}
	window->mapping = mapping;
	if (peerbuf_nvme_is_own(import, mapping)) {
		peerbuf_nvme_window_free(import, window);
		return -EHOSTUNREACH;
	}
	import->window = window;
	return 0;
}

/*
 * Maps the buffer once, to see whether the controller reaches it in its present place. Any error
 * but -EHOSTUNREACH is left to the first command, which will see it as well.
 */
static int peerbuf_nvme_import_try(struct peerbuf_nvme_import *import)
{
	int ret;

	if (dma_resv_lock_interruptible(import->dmabuf->resv, NULL))
		return -EINTR;
	ret = peerbuf_nvme_window_open(import);
	dma_resv_unlock(import->dmabuf->resv);
	return ret == -EHOSTUNREACH ? ret : 0;
}

/* The caller holds no lock. May sleep. After success peerbuf_nvme_import_detach() must follow. */
int peerbuf_nvme_import_attach(struct peerbuf_nvme_import *import, struct pci_dev *pdev,
			       u32 *reason)
{
	struct peerbuf_attachment *att;
	int ret = 0;

	import->pdev = pdev;
	att = peerbuf_attach(import->dmabuf, &pdev->dev, &peerbuf_nvme_importer_ops, import);
	if (IS_ERR(att)) {
		ret = PTR_ERR(att);
	} else {
		import->att = att;
		ret = peerbuf_nvme_import_try(import);
		if (ret) {
			peerbuf_detach(att);
			import->att = NULL;
		}
	}
	if (ret)
		*reason = peerbuf_nvme_import_reason(import, ret);
	else
		import->context = dma_fence_context_alloc(import->nr_contexts);
	return ret;
}

/* Under resv. False while the exporter still copies the buffer to its present place. */
static bool peerbuf_nvme_settled(struct peerbuf_nvme_import *import)
{
	return dma_resv_test_signaled(import->dmabuf->resv, DMA_RESV_USAGE_KERNEL);
}

/* Under resv. Returns 0; -EAGAIN: the exporter is still copying; or another errno. */
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
 * Gets a window for one command, and adds the command's @fence to the dma_resv. When the command
 * has ended, the caller signals @fence and then calls peerbuf_nvme_window_put(). The caller holds
 * no lock. May sleep. On failure @fence has not been published. Returns -ENODEV: the buffer was
 * withdrawn; -EHOSTUNREACH: there is no route any more; -EINTR; -ENOMEM; or another exporter's
 * errno.
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

/* The caller holds no lock. The command has ended, and its fence is signalled. */
void peerbuf_nvme_window_put(struct peerbuf_nvme_import *import,
			     struct peerbuf_nvme_window *window)
{
	dma_resv_lock(import->dmabuf->resv, NULL);
	if (!--window->users && window != import->window)
		peerbuf_nvme_window_free(import, window);
	dma_resv_unlock(import->dmabuf->resv);
}
