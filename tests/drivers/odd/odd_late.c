// SPDX-License-Identifier: GPL-2.0
/*
 * Contents that arrive late, as by a copy engine: the buffer is at its new place, and a fence
 * of the kernel's usage signals when it may be used there. Until then the place is poisoned.
 *
 * The fence can outlive everything here, so it holds this module, and nothing else.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "odd.h"

/**
 * struct odd_fence - a fence
 * @base: it
 * @lock: its own
 */
struct odd_fence {
	struct dma_fence base;
	spinlock_t lock; /* the fence's */
};

/**
 * struct odd_late - a copy to come
 * @work: makes it
 * @to: where the buffer is; not freed before the fence has signalled
 * @from: system memory that is freed afterwards
 * @fence: with a reference
 */
struct odd_late {
	struct delayed_work work;
	struct odd_place *to;
	struct odd_place *from;
	struct odd_fence *fence;
};

static const char *odd_fence_driver_name(struct dma_fence *fence)
{
	return "odd_exporter";
}

static const char *odd_fence_timeline_name(struct dma_fence *fence)
{
	return "odd_exporter.late";
}

static void odd_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *base = container_of(rcu, struct dma_fence, rcu);

	kfree(container_of(base, struct odd_fence, base));
	module_put(THIS_MODULE);
}

static void odd_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, odd_fence_free);
}

static const struct dma_fence_ops odd_fence_ops = {
	.get_driver_name = odd_fence_driver_name,
	.get_timeline_name = odd_fence_timeline_name,
	.release = odd_fence_release,
};

/* Others wait for it with the buffer's lock held: it takes no such lock, and allocates nothing. */
static void odd_late_work(struct work_struct *work)
{
	struct odd_late *late = container_of(to_delayed_work(work), struct odd_late, work);

	odd_place_copy(late->to, late->from);
	odd_place_free(late->from);
	dma_fence_signal(&late->fence->base);
	dma_fence_put(&late->fence->base);
	kfree(late);
}

static int odd_late_alloc(struct odd_buffer *buffer, struct odd_late **late)
{
	*late = kzalloc(sizeof(**late), GFP_KERNEL);
	if (!*late)
		return -ENOMEM;
	(*late)->fence = kzalloc(sizeof(*(*late)->fence), GFP_KERNEL);
	if (!(*late)->fence || dma_resv_reserve_fences(buffer->dmabuf->resv, 1)) {
		kfree((*late)->fence);
		kfree(*late);
		return -ENOMEM;
	}
	return 0;
}

/* Under resv. Takes over @from when it returns 0; else -ENOMEM. */
int odd_late_copy(struct odd_buffer *buffer, struct odd_place *to, struct odd_place *from,
		  u32 late_ms)
{
	struct odd_late *late;
	int ret;

	ret = odd_late_alloc(buffer, &late);
	if (ret)
		return ret;
	late->to = to;
	late->from = from;
	INIT_DELAYED_WORK(&late->work, odd_late_work);
	/* The caller's buffer holds this module. */
	__module_get(THIS_MODULE);
	spin_lock_init(&late->fence->lock);
	dma_fence_init(&late->fence->base, &odd_fence_ops, &late->fence->lock, buffer->context,
		       ++buffer->seqno);
	dma_resv_add_fence(buffer->dmabuf->resv, &late->fence->base, DMA_RESV_USAGE_KERNEL);
	queue_delayed_work(odd_wq, &late->work, msecs_to_jiffies(late_ms));
	return 0;
}
