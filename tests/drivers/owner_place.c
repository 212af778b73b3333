// SPDX-License-Identifier: GPL-2.0
/* Where buffers can be, and placing them where an importer can access them. */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "bar_owner.h"

static_assert(BAR_OWNER_WHY_NO_ROUTE == PEERBUF_PLACE_NO_ROUTE);
static_assert(BAR_OWNER_WHY_HIDDEN == PEERBUF_PLACE_HIDDEN);
static_assert(BAR_OWNER_WHY_NO_PAGES == PEERBUF_PLACE_NO_PAGES);

/**
 * struct owner_spot - a placement that has a reference
 * @owner: reference held
 * @pages: memory that the driver allocated, or NULL
 * @order: order of @pages
 */
struct owner_spot {
	struct owner *owner;
	struct page *pages;
	unsigned int order;
};

/* No one maps the placement any more: a real driver could reuse its memory now. */
static void owner_spot_release(void *priv)
{
	struct owner_spot *spot = priv;

	if (spot->pages)
		__free_pages(spot->pages, spot->order);
	atomic_dec(&spot->owner->places);
	owner_put(spot->owner);
	kfree(spot);
}

static int owner_fill_bar(struct owner *owner, struct p2p_vecs *vecs, u64 offset, u64 len)
{
	struct p2p_provider *provider;
	int ret;

	provider = peerbuf_device_provider(owner->pdevice, OWNER_BAR);
	if (!provider)
		return -ENXIO;
	ret = p2p_vecs_add_bar(vecs, provider, offset, len);
	/* The list of ranges has its own reference. */
	p2p_provider_put(provider);
	return ret;
}

static int owner_fill_pages(struct owner_spot *spot, struct p2p_vecs *vecs, u64 len)
{
	spot->order = get_order(len);
	spot->pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, spot->order);
	if (!spot->pages)
		return -ENOMEM;
	return p2p_vecs_add_system(vecs, page_to_phys(spot->pages), len);
}

static int owner_fill(struct owner_spot *spot, struct p2p_vecs *vecs, u32 where, u64 offset,
		      u64 len)
{
	switch (where) {
	case BAR_OWNER_IN_BAR:
		return owner_fill_bar(spot->owner, vecs, offset, len);
	case BAR_OWNER_IN_PAGES:
		return owner_fill_pages(spot, vecs, len);
	case BAR_OWNER_IN_SYSTEM:
		return p2p_vecs_add_new_system(vecs, len, U64_MAX);
	case BAR_OWNER_IN_HIDDEN:
		if (len > OWNER_HIDDEN || offset > OWNER_HIDDEN - len)
			return -ERANGE;
		return p2p_vecs_add_hidden(vecs, offset, len);
	default:
		return -EINVAL;
	}
}

/* Caller holds owner.present. */
struct p2p_vecs *owner_place(struct owner *owner, u32 where, u64 offset, u64 len)
{
	struct owner_spot *spot = kzalloc(sizeof(*spot), GFP_KERNEL);
	struct p2p_vecs *vecs;
	int ret;

	if (!spot)
		return ERR_PTR(-ENOMEM);
	vecs = p2p_vecs_alloc(1);
	if (!vecs) {
		kfree(spot);
		return ERR_PTR(-ENOMEM);
	}
	kref_get(&owner->ref);
	spot->owner = owner;
	atomic_inc(&owner->places);
	p2p_vecs_on_release(vecs, owner_spot_release, spot);

	ret = owner_fill(spot, vecs, where, offset, len);
	if (ret) {
		p2p_vecs_put(vecs);
		return ERR_PTR(ret);
	}
	return vecs;
}

/* Caller holds owner.present and the buffer's reservation lock. */
static int owner_place_at(struct peerbuf *pb, const struct owner_buffer *buffer, u32 where)
{
	u64 size = peerbuf_vecs(pb)->size;
	struct p2p_vecs *vecs;
	int ret;

	vecs = owner_place(buffer->owner, where, buffer->offset, size);
	if (IS_ERR(vecs))
		return PTR_ERR(vecs);
	ret = peerbuf_move_locked(pb, vecs, PEERBUF_MOVE_F_COPY);
	p2p_vecs_put(vecs);
	return ret;
}

/*
 * The caller holds the reservation lock and perhaps the mmap lock, so this only tries to get
 * @present: remove() holds it for writing while it waits for the reservation lock.
 */
int owner_op_place(struct peerbuf *pb, struct device *client, u32 why, void *priv)
{
	const struct owner_buffer *buffer = priv;
	struct owner *owner = buffer->owner;
	int ret = -ENODEV;

	WRITE_ONCE(owner->asked, owner->asked + 1);
	WRITE_ONCE(owner->why, why);
	WRITE_ONCE(owner->for_cpu, !client);
	switch (buffer->place) {
	case BAR_OWNER_PLACE_NOT:
		return -EOPNOTSUPP;
	case BAR_OWNER_PLACE_REFUSE:
		return -ENOSPC;
	case BAR_OWNER_PLACE_LIE:
		return 0;
	}
	if (why == PEERBUF_PLACE_NO_ROUTE && buffer->place == BAR_OWNER_PLACE_BAR)
		return -EOPNOTSUPP;
	if (!down_read_trylock(&owner->present))
		return -ENODEV;
	if (!owner->gone)
		ret = owner_place_at(pb, buffer, buffer->place == BAR_OWNER_PLACE_BAR ?
					     BAR_OWNER_IN_BAR : BAR_OWNER_IN_SYSTEM);
	up_read(&owner->present);
	return ret;
}
