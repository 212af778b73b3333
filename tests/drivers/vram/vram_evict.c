// SPDX-License-Identifier: GPL-2.0
/*
 * Eviction: makes room by moving the BOs that have been unused for longest.
 *
 * A BO is evicted to system memory, and its importers and CPU mappings are told. Its old space
 * is free when all of them have stopped using it, so finding room is a loop of evicting and
 * waiting.
 *
 * The caller may hold a reservation lock, so the locks of the BOs to evict are only tried. If
 * another thread holds one, this waits a moment and tries again. A wait under a reservation
 * lock can itself keep an importer from unmapping, for example because the importer's worker
 * needs that same lock first. So such waits are short.
 */
#include <linux/dma-resv.h>
#include <linux/sched/signal.h>

#include "vram.h"

static const unsigned long vram_patience[] = {
	[VRAM_FAULTING] = HZ / 5,
	[VRAM_LOCKED] = 2 * HZ,
	[VRAM_UNLOCKED] = 30 * HZ,
};

/* How long to wait before a reservation lock that was busy is tried again. */
#define VRAM_RETRY		(HZ / 50 + 1)

static enum vram_part vram_part_of(u32 where)
{
	return where == VRAM_IN_WINDOW ? VRAM_WINDOW : VRAM_HIDDEN;
}

/* The BO was used or has moved. Called under its reservation lock. */
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

/* After this, only holders of a reference find the BO. */
void vram_lru_remove(struct vram_bo *bo)
{
	struct vram_mm *mm = &to_vram(bo->base.dev)->mm;

	mutex_lock(&mm->lock);
	list_del_init(&bo->lru);
	mutex_unlock(&mm->lock);
}

/*
 * A BO in a list is not freed yet, because its destruction first removes it from the list. But
 * its reference count may be zero; then it is skipped, because its destruction makes room.
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
 * Evicts one BO from @part. BOs that cannot move, because an importer has pinned them or they are
 * revoked, are put at the end of the list. Returns 0; -ENOSPC no BO can be evicted; -EAGAIN none
 * now, but one whose lock was busy may be later; -ENOMEM; or -EINTR.
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
 * struct vram_room - state of a part of VRAM
 * @now: bytes that are free or about to be free
 * @leaving: bytes about to be free
 * @releases: value of vram_mm.releases at the time of the look
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

/* Returns 0 if space was freed or a retry is due; -EAGAIN at the deadline; or -EINTR. */
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
 * Finds space and evicts BOs if necessary. Returns it; -ENOSPC nothing is left to evict; -EAGAIN
 * space was not freed in time; -ENOMEM no memory to evict to; or -EINTR.
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
