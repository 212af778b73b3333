// SPDX-License-Identifier: GPL-2.0
/*
 * What stands in a buffer's dma_resv for a command under way: an exporter that wants the memory
 * elsewhere waits for it.
 *
 * A fence ends when the command has, and a command ends within the I/O timeout of nvme-core and
 * the time that a controller's reset takes. Between the two nothing is allocated and no lock
 * taken, except for what the block layer does to send a request: writing out dirty memory
 * depends on the same, so that it cannot depend on memory.
 *
 * Somebody who waited for a fence may keep it for as long as they like. So it holds the module,
 * and nothing else.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct peerbuf_nvme_fence - a fence
 * @fence: what others see
 * @lock: its lock
 */
struct peerbuf_nvme_fence {
	struct dma_fence fence;
	spinlock_t lock; /* the fence's own */
};

static const char *peerbuf_nvme_fence_driver_name(struct dma_fence *fence)
{
	return "peerbuf-nvme";
}

static const char *peerbuf_nvme_fence_timeline_name(struct dma_fence *fence)
{
	return "worker";
}

/* The last that a fence needs of this module, whose exit waits for RCU callbacks. */
static void peerbuf_nvme_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *fence = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(fence, struct peerbuf_nvme_fence, fence));
	module_put(THIS_MODULE);
}

static void peerbuf_nvme_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, peerbuf_nvme_fence_free);
}

static const struct dma_fence_ops peerbuf_nvme_fence_ops = {
	.get_driver_name = peerbuf_nvme_fence_driver_name,
	.get_timeline_name = peerbuf_nvme_fence_timeline_name,
	.release = peerbuf_nvme_fence_release,
};

/* With one reference, or NULL: no memory. The caller holds the module. */
struct dma_fence *peerbuf_nvme_fence_create(u64 context, u64 seqno)
{
	struct peerbuf_nvme_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	if (!fence)
		return NULL;
	__module_get(THIS_MODULE);
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->fence, &peerbuf_nvme_fence_ops, &fence->lock, context, seqno);
	return &fence->fence;
}

/* Signals it and gives the reference up. Any context. */
void peerbuf_nvme_fence_end(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}
