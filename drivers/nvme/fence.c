// SPDX-License-Identifier: GPL-2.0
/*
 * The fence of a command under way. It stands in the buffer's dma_resv, and an exporter that wants
 * to move the memory waits for it.
 *
 * A fence is signalled when its command ends, and a command ends within the I/O timeout of
 * nvme-core plus the time of a controller reset. Between the start of the command and the signal
 * this module neither allocates memory nor takes a lock. The block layer may, to send a request;
 * but writing out dirty memory depends on the same code, so that it makes progress without free
 * memory.
 *
 * Somebody who waited for a fence may keep it for any time. So a fence holds a reference to the
 * module, and to nothing else.
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
	spinlock_t lock; /* for dma_fence_init() */
};

static const char *peerbuf_nvme_fence_driver_name(struct dma_fence *fence)
{
	return "peerbuf-nvme";
}

static const char *peerbuf_nvme_fence_timeline_name(struct dma_fence *fence)
{
	return "worker";
}

/* The last code of this module that a fence needs. Module exit waits for RCU callbacks. */
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

/*
 * Returns a fence with one reference, or NULL if there is no memory. The caller holds the module.
 */
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

/* Signals the fence and drops the reference. Any context. */
void peerbuf_nvme_fence_end(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_put(fence);
}
