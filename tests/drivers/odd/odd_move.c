// SPDX-License-Identifier: GPL-2.0
/*
 * Moves, revokes, restores: all under the buffer's dma_resv.
 *
 * The order is that of every exporter: importers are told; their fences signal; then the
 * contents go, and the memory is somebody else's. Here it is nobody's for a while: it is filled
 * with a pattern, and looked at before it is freed.
 */
#include <linux/jiffies.h>

#include "odd.h"

/* Importers are told. -ETIMEDOUT: they go on using what they have mapped. */
int odd_tell(struct odd_buffer *buffer)
{
	struct dma_resv *resv = buffer->dmabuf->resv;
	struct odd_mapping *mapping;
	long left;

	dma_resv_assert_held(resv);
	list_for_each_entry(mapping, &buffer->mappings, node)
		if (!mapping->told) {
			mapping->told = true;
			mapping->since = ktime_get();
		}
	dma_buf_invalidate_mappings(buffer->dmabuf);
	odd_event(buffer, ODD_ON_INVALIDATE);
	left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
				     msecs_to_jiffies(ODD_FENCES_MS));
	if (left <= 0) {
		odd_bad_buffer(buffer, ODD_BAD_FENCES);
		return -ETIMEDOUT;
	}
	/* They could not unmap before: their fences had not signalled, and we have the lock. */
	list_for_each_entry(mapping, &buffer->mappings, node)
		if (mapping->told && !mapping->counted)
			mapping->since = ktime_get();
	odd_watch(buffer);
	return 0;
}

static int odd_check_move(struct odd_buffer *buffer)
{
	if (buffer->revoked)
		return -ENODEV;
	if (odd_pins(buffer) || buffer->vmaps)
		return -EBUSY;
	return 0;
}

/* The contents to another place, now, or that much later; the old one may be poisoned then. */
static int odd_carry(struct odd_buffer *buffer, struct odd_place *to, u32 late_ms)
{
	struct odd_place *stash;
	int ret;

	if (!late_ms) {
		odd_place_copy(to, buffer->place);
		return 0;
	}
	stash = odd_place_create(buffer, ODD_IN_SYSTEM);
	if (IS_ERR(stash))
		return PTR_ERR(stash);
	odd_place_copy(stash, buffer->place);
	odd_place_poison(to);
	ret = odd_late_copy(buffer, to, stash, late_ms);
	if (ret)
		odd_place_free(stash);
	return ret;
}

/* Returns what ODD_IOC_DO says. A failed move changes nothing, but importers may have been told. */
int odd_move(struct odd_buffer *buffer, u32 kind, u32 late_ms)
{
	struct odd_place *to;
	int ret;

	dma_resv_assert_held(buffer->dmabuf->resv);
	ret = odd_check_move(buffer);
	if (ret)
		return ret;
	if (!odd_movable(buffer))
		return -EFBIG;
	if (kind == ODD_IN_BAR && buffer->no_peers)
		return -EOPNOTSUPP;
	to = odd_place_create(buffer, kind);
	if (IS_ERR(to))
		return PTR_ERR(to);
	odd_zap(buffer);
	ret = odd_tell(buffer);
	if (!ret)
		ret = odd_carry(buffer, to, late_ms);
	if (ret) {
		odd_place_free(to);
		return ret;
	}
	odd_give_back(buffer, buffer->place);
	buffer->place = to;
	buffer->kind = kind;
	return 0;
}

/* The contents are kept for a restore. What is too long for that stays where it is. */
static int odd_put_away(struct odd_buffer *buffer)
{
	struct odd_place *stash;

	if (!odd_movable(buffer))
		return 0;
	stash = odd_place_create(buffer, ODD_IN_SYSTEM);
	if (IS_ERR(stash))
		return PTR_ERR(stash);
	odd_place_copy(stash, buffer->place);
	odd_give_back(buffer, buffer->place);
	buffer->place = NULL;
	buffer->stash = stash;
	return 0;
}

/* @by_force: whoever has pinned it, for a BAR that goes. */
int odd_revoke(struct odd_buffer *buffer, bool by_force)
{
	int ret;

	dma_resv_assert_held(buffer->dmabuf->resv);
	ret = odd_check_move(buffer);
	if (ret && !by_force)
		return ret;
	odd_zap(buffer);
	ret = odd_tell(buffer);
	if (!ret)
		ret = odd_put_away(buffer);
	if (ret && !by_force)
		return ret;
	buffer->revoked = true;
	return 0;
}

int odd_restore(struct odd_buffer *buffer)
{
	struct odd_place *to;

	dma_resv_assert_held(buffer->dmabuf->resv);
	if (!buffer->revoked)
		return -EEXIST;
	if (buffer->kind == ODD_IN_BAR && READ_ONCE(buffer->device->gone))
		return -ENODEV;
	if (buffer->stash) {
		to = odd_place_create(buffer, buffer->kind);
		if (IS_ERR(to))
			return PTR_ERR(to);
		odd_place_copy(to, buffer->stash);
		odd_place_free(buffer->stash);
		buffer->stash = NULL;
		buffer->place = to;
	}
	buffer->revoked = false;
	return 0;
}
