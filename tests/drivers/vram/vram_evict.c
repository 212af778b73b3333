// SPDX-License-Identifier: GPL-2.0
/*
 * Who has to make room: the BO that has not been used for longest.
 *
 * A victim goes to system memory, with its importers and CPU mappings told. Its room is
 * free when all of them have let go, so finding room is a loop of evicting and waiting.
 *
 * The reservation locks of victims are only tried, because the caller may hold one. If
 * somebody else has them for the moment, that moment is waited for. Whoever waits under a
 * reservation lock may keep an importer from letting go, if only because that importer's
 * worker is after the caller's BO first. So such waits are short.
 */
#include <linux/dma-resv.h>
#include <linux/sched/signal.h>

#include "vram.h"

static const unsigned long vram_patience[] = {
	[VRAM_FAULTING] = HZ / 5,
	[VRAM_LOCKED] = 2 * HZ,
	[VRAM_UNLOCKED] = 30 * HZ,
};

/* How long somebody's use of a reservation lock may take before it is tried again. */
#define VRAM_RETRY		(HZ / 50 + 1)

static enum vram_part vram_part_of(u32 where)
{
	return where == VRAM_IN_WINDOW ? VRAM_WINDOW : VRAM_HIDDEN;
}

/* It was used, or is elsewhere. Under its reservation lock. */
void vram_lru_touch(struct vram_bo *bo)
{
	struct vram_mm *mm = &to_vram(bo->base.dev)->mm;

	dma_resv_assert_held(bo->base.resv);
	if (bo->import)
		return;

	mutex_lock(&mm->lock);
	if (bo->space->where == VRAM_IN_SYSTEM || bo->flags & VRAM_BO_PINNED)
		list_del_init(&bo->lru);
	else
		list_move_tail(&bo->lru, &mm->lru[vram_part_of(bo->space->where)]);
	mutex_unlock(&mm->lock);
}

/* After this nobody finds the BO who has no reference to it. */
void vram_lru_remove(struct vram_bo *bo)
{
	struct vram_mm *mm = &to_vram(bo->base.dev)->mm;

	mutex_lock(&mm->lock);
	list_del_init(&bo->lru);
	mutex_unlock(&mm->lock);
}

/*
 * A BO in a list is there, because its end begins with leaving the list. But it may be
 * past its last reference, and then makes room all by itself.
 */
static struct vram_bo *vram_victim_lock(struct vram_mm *mm, enum vram_part part, bool *busy)
{
	struct vram_bo *bo;

	lockdep_assert_held(&mm->lock);

	list_for_each_entry(bo, &mm->lru[part], lru) {
		if (!dma_resv_trylock(bo->base.resv)) {
			*busy = true;
			continue;
		}
		if (kref_get_unless_zero(&bo->base.refcount))
			return bo;
		dma_resv_unlock(bo->base.resv);
	}
	return NULL;
}

static size_t vram_lru_length(struct vram_mm *mm, enum vram_part part)
{
	size_t length;

	mutex_lock(&mm->lock);
	length = list_count_nodes(&mm->lru[part]);
	mutex_unlock(&mm->lock);
	return length;
}

static int vram_victim_evict(struct vram_device *vram, struct vram_bo *bo)
{
	struct vram_space *to;
	int ret;

	to = vram_space_alloc(vram, VRAM_IN_SYSTEM, bo->base.size);
	if (IS_ERR(to))
		return PTR_ERR(to);
	ret = vram_bo_move(bo, to);
	if (ret) {
		vram_space_put(to);
		return ret;
	}
	bo->evictions++;
	atomic64_inc(&vram->evictions);
	return 0;
}

/*
 * One BO out of @part. Those that cannot go, because an importer has pinned them or they are
 * revoked, go to the end of the list. Returns 0, -ENOSPC there is none, -EAGAIN there is one,
 * but somebody is using it, -ENOMEM, or -EINTR.
 */
static int vram_evict(struct vram_device *vram, enum vram_part part)
{
	size_t tries = vram_lru_length(&vram->mm, part);
	bool busy = false;
	struct vram_bo *bo;
	int ret;

	while (tries--) {
		mutex_lock(&vram->mm.lock);
		bo = vram_victim_lock(&vram->mm, part, &busy);
		mutex_unlock(&vram->mm.lock);
		if (!bo)
			break;

		ret = vram_victim_evict(vram, bo);
		if (ret)
			vram_lru_touch(bo);
		dma_resv_unlock(bo->base.resv);
		drm_gem_object_put(&bo->base);
		if (!ret || ret == -ENOMEM || ret == -EINTR)
			return ret;
	}
	return busy ? -EAGAIN : -ENOSPC;
}

/**
 * struct vram_room - how much there is
 * @now: free or about to be free, in bytes
 * @leaving: bytes about to be free
 * @releases: as it was when that was looked at
 */
struct vram_room {
	u64 now;
	u64 leaving;
	u64 releases;
};

static void vram_room_look(struct vram_mm *mm, enum vram_part part, struct vram_room *room)
{
	mutex_lock(&mm->lock);
	room->leaving = mm->leaving[part];
	room->now = mm->free[part] + room->leaving;
	room->releases = mm->releases;
	mutex_unlock(&mm->lock);
}

/* Returns 0 when room was given back or it is worth looking again, -EAGAIN, or -EINTR. */
static int vram_room_wait(struct vram_mm *mm, const struct vram_room *room,
			  unsigned long deadline, bool retry)
{
	unsigned long left = deadline - jiffies;
	long ret;

	if (time_after_eq(jiffies, deadline))
		return -EAGAIN;
	if (retry)
		left = min_t(unsigned long, left, VRAM_RETRY);
	ret = wait_event_interruptible_timeout(mm->released,
					       READ_ONCE(mm->releases) != room->releases,
					       left);
	if (ret < 0)
		return -EINTR;
	return ret || retry ? 0 : -EAGAIN;
}

/*
 * Room, with others evicted if need be. Returns it, or -ENOSPC nothing is left to evict; -EAGAIN
 * there is, but those who have it did not let go in time; -ENOMEM no memory to evict to; -EINTR.
 */
struct vram_space *vram_space_make(struct vram_device *vram, u32 where, u64 size,
				   enum vram_patience patience)
{
	unsigned long deadline = jiffies + vram_patience[patience];
	enum vram_part part = vram_part_of(where);
	struct vram_space *space;
	struct vram_room room;
	int ret;

	for (;;) {
		vram_room_look(&vram->mm, part, &room);
		space = vram_space_alloc(vram, where, size);
		if (!IS_ERR(space) || PTR_ERR(space) != -ENOSPC)
			return space;

		ret = room.now >= size ? -ENOSPC : vram_evict(vram, part);
		if (ret == -EAGAIN || (ret == -ENOSPC && room.leaving))
			ret = vram_room_wait(&vram->mm, &room, deadline, ret == -EAGAIN);
		if (ret)
			return ERR_PTR(ret);
	}
}
