// SPDX-License-Identifier: GPL-2.0
/* The copy engine. It accesses all memory, hidden memory too, and can be slow. */
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "bar_owner.h"

/* The delay before a queued copy begins: long enough for other operations to come first. */
#define OWNER_DELAY	(HZ / 10)

/**
 * struct owner_copy - a queued copy
 * @fence: signals when the copy is done; the first member, because freeing it frees the struct
 * @lock: the fence's lock
 */
struct owner_copy {
	struct dma_fence fence;
	spinlock_t lock; /* the fence's lock */
};

static int owner_page_access(struct owner *owner, const struct p2p_vec *vec, u64 at,
			     void *data, bool write)
{
	void __iomem *io;
	void *page;

	if (vec->kind == P2P_VEC_BAR) {
		io = ioremap(vec->paddr + at, PAGE_SIZE);
		if (!io)
			return -ENOMEM;
		if (write)
			memcpy_toio(io, data, PAGE_SIZE);
		else
			memcpy_fromio(data, io, PAGE_SIZE);
		iounmap(io);
		return 0;
	}
	if (vec->kind == P2P_VEC_HIDDEN)
		page = owner->hidden + vec->paddr + at;
	else
		page = kmap_local_page(pfn_to_page(PHYS_PFN(vec->paddr + at)));
	if (write)
		memcpy(page, data, PAGE_SIZE);
	else
		memcpy(data, page, PAGE_SIZE);
	if (vec->kind == P2P_VEC_SYSTEM)
		kunmap_local(page);
	return 0;
}

static int owner_copy_pages(struct owner *owner, const struct p2p_vecs *to,
			    const struct p2p_vecs *from)
{
	void *page = kmalloc(PAGE_SIZE, GFP_KERNEL);
	const struct p2p_vec *vec;
	u64 offset, at;
	int ret = 0;

	if (!page)
		return -ENOMEM;
	for (offset = 0; offset < from->size && !ret; offset += PAGE_SIZE) {
		vec = p2p_vecs_find(from, offset, &at);
		ret = owner_page_access(owner, vec, at, page, false);
		if (ret)
			break;
		vec = p2p_vecs_find(to, offset, &at);
		ret = owner_page_access(owner, vec, at, page, true);
	}
	kfree(page);
	if (!ret)
		WRITE_ONCE(owner->copies, owner->copies + 1);
	return ret;
}

static const char *owner_fence_name(struct dma_fence *fence)
{
	return "bar_owner";
}

static const struct dma_fence_ops owner_fence_ops = {
	.get_driver_name = owner_fence_name,
	.get_timeline_name = owner_fence_name,
};

void owner_copy_work(struct work_struct *work)
{
	struct owner_buffer *buffer = container_of(to_delayed_work(work), struct owner_buffer,
						   copy_work);
	struct dma_fence *fence = buffer->copy_done;
	int ret = owner_copy_pages(buffer->owner, buffer->copy_to, buffer->copy_from);

	if (ret)
		dma_fence_set_error(fence, ret);
	p2p_vecs_put(buffer->copy_to);
	p2p_vecs_put(buffer->copy_from);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/*
 * The contents are valid when the fence has signalled. Everyone waits for that, including the
 * next move, so there is at most one copy of a buffer at a time.
 */
static int owner_copy_queue(struct peerbuf *pb, struct owner_buffer *buffer,
			    const struct p2p_vecs *to, const struct p2p_vecs *from)
{
	struct dma_resv *resv = peerbuf_dma_buf(pb)->resv;
	struct owner_copy *copy;
	int ret;

	copy = kzalloc(sizeof(*copy), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	ret = dma_resv_reserve_fences(resv, 1);
	if (ret) {
		kfree(copy);
		return ret;
	}
	spin_lock_init(&copy->lock);
	dma_fence_init(&copy->fence, &owner_fence_ops, &copy->lock,
		       dma_fence_context_alloc(1), 1);
	buffer->copy_to = p2p_vecs_get((struct p2p_vecs *)to);
	buffer->copy_from = p2p_vecs_get((struct p2p_vecs *)from);
	buffer->copy_done = &copy->fence;
	dma_resv_add_fence(resv, &copy->fence, DMA_RESV_USAGE_KERNEL);
	schedule_delayed_work(&buffer->copy_work, OWNER_DELAY);
	return 0;
}

/* Takes long while the reservation lock is held, like a device whose engine is busy. */
static int owner_copy_long(struct peerbuf *pb, struct owner_buffer *buffer,
			   const struct p2p_vecs *to, const struct p2p_vecs *from, bool polite)
{
	unsigned int done;

	for (done = 0; done < BAR_OWNER_LONG; done += 20) {
		msleep(20);
		if (polite && peerbuf_trouble(pb))
			return -ENODEV;
		if (polite && fatal_signal_pending(current))
			return -EINTR;
	}
	return owner_copy_pages(buffer->owner, to, from);
}

static bool owner_has_hidden(const struct p2p_vecs *vecs)
{
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		if (vecs->vec[i].kind == P2P_VEC_HIDDEN)
			return true;
	return false;
}

int owner_op_copy(struct peerbuf *pb, struct p2p_vecs *to, struct p2p_vecs *from,
		  void *priv)
{
	struct owner_buffer *buffer = priv;

	switch (buffer->engine) {
	case BAR_OWNER_ENGINE_ALWAYS:
		return owner_copy_pages(buffer->owner, to, from);
	case BAR_OWNER_ENGINE_QUEUED:
		return owner_copy_queue(pb, buffer, to, from);
	case BAR_OWNER_ENGINE_BROKEN:
		return -EIO;
	case BAR_OWNER_ENGINE_DEAF:
		return owner_copy_long(pb, buffer, to, from, false);
	case BAR_OWNER_ENGINE_POLITE:
		return owner_copy_long(pb, buffer, to, from, true);
	case BAR_OWNER_ENGINE_LEAVES:
		return owner_copy_queue(pb, buffer, to, from) ?: -EIO;
	}
	if (owner_has_hidden(to) || owner_has_hidden(from))
		return owner_copy_pages(buffer->owner, to, from);
	return -EOPNOTSUPP;
}
