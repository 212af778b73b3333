// SPDX-License-Identifier: GPL-2.0
/*
 * Space for one BO.
 *
 * A BO need not be contiguous: the fuller the VRAM is, the smaller the pieces it gets. So a BO
 * fits whenever it is not larger than the free space.
 */
#include <linux/slab.h>

#include <drm/drm_managed.h>

#include "vram.h"

/**
 * struct vram_chunk - a piece of VRAM
 * @node: offset and length
 * @link: in vram_space.chunks
 */
struct vram_chunk {
	struct drm_mm_node node;
	struct list_head link;
};

static enum vram_part vram_part_of(u32 where)
{
	return where == VRAM_IN_WINDOW ? VRAM_WINDOW : VRAM_HIDDEN;
}

static void vram_mm_takedown(struct drm_device *drm, void *data)
{
	drm_mm_takedown(&to_vram(drm)->mm.mm);
}

/* Freed with the DRM device, when there are no BOs any more. */
int vram_mm_init(struct vram_device *vram)
{
	struct vram_mm *mm = &vram->mm;
	int ret, part;

	ret = drmm_mutex_init(&vram->drm, &mm->lock);
	if (ret)
		return ret;

	drm_mm_init(&mm->mm, 0, vram->size);
	mm->free[VRAM_WINDOW] = vram->window;
	mm->free[VRAM_HIDDEN] = vram->size - vram->window;
	for (part = 0; part < VRAM_NR_PARTS; part++)
		INIT_LIST_HEAD(&mm->lru[part]);
	init_waitqueue_head(&mm->released);
	return drmm_add_action_or_reset(&vram->drm, vram_mm_takedown, NULL);
}

/* Allocates one piece of @want bytes. Returns 0 or -ENOSPC. */
static int vram_chunk_add(struct vram_space *space, u64 want)
{
	struct vram_device *vram = space->vram;
	bool window = space->where == VRAM_IN_WINDOW;
	struct vram_chunk *chunk;
	int ret;

	lockdep_assert_held(&vram->mm.lock);

	chunk = kzalloc(sizeof(*chunk), GFP_KERNEL);
	if (!chunk)
		return -ENOMEM;
	ret = drm_mm_insert_node_in_range(&vram->mm.mm, &chunk->node, want, PAGE_SIZE, 0,
					  window ? 0 : vram->window,
					  window ? vram->window : vram->size,
					  DRM_MM_INSERT_BEST);
	if (ret) {
		kfree(chunk);
		return ret;
	}
	list_add_tail(&chunk->link, &space->chunks);
	vram->mm.free[vram_part_of(space->where)] -= want;
	return 0;
}

static void vram_chunks_free(struct vram_space *space)
{
	struct vram_mm *mm = &space->vram->mm;
	struct vram_chunk *chunk, *next;

	lockdep_assert_held(&mm->lock);

	list_for_each_entry_safe(chunk, next, &space->chunks, link) {
		mm->free[vram_part_of(space->where)] += chunk->node.size;
		drm_mm_remove_node(&chunk->node);
		kfree(chunk);
	}
	INIT_LIST_HEAD(&space->chunks);
}

/* Halves the size until a piece fits. Single pages fit if enough bytes are free. */
static int vram_chunks_alloc(struct vram_space *space)
{
	u64 want = space->size, left = space->size;
	int ret = 0;

	if (space->vram->mm.free[vram_part_of(space->where)] < space->size)
		return -ENOSPC;

	while (left) {
		want = min(want, left);
		ret = vram_chunk_add(space, want);
		if (ret && (ret != -ENOSPC || want == PAGE_SIZE))
			break;
		if (ret)
			want = PAGE_ALIGN(want / 2);
		else
			left -= want;
	}
	if (ret)
		vram_chunks_free(space);
	return ret;
}

static void vram_space_free(struct vram_space *space)
{
	struct vram_mm *mm = &space->vram->mm;

	if (space->where == VRAM_IN_SYSTEM) {
		atomic64_sub(space->size, &space->vram->system_used);
		kfree(space);
		return;
	}

	mutex_lock(&mm->lock);
	vram_chunks_free(space);
	if (space->leaving)
		mm->leaving[vram_part_of(space->where)] -= space->size;
	mm->releases++;
	mutex_unlock(&mm->lock);
	wake_up_all(&mm->released);
	kfree(space);
}

/* The last reference to the vecs is dropped, perhaps under a BO's reservation lock. */
static void vram_space_release(void *priv)
{
	vram_space_free(priv);
}

static int vram_space_build_vram(struct vram_space *space)
{
	struct vram_device *vram = space->vram;
	struct vram_chunk *chunk;
	u32 nr = 0;
	int ret;

	list_for_each_entry(chunk, &space->chunks, link)
		nr++;
	space->vecs = p2p_vecs_alloc(nr);
	if (!space->vecs)
		return -ENOMEM;

	list_for_each_entry(chunk, &space->chunks, link) {
		if (space->where == VRAM_IN_WINDOW)
			ret = p2p_vecs_add_bar(space->vecs, vram->provider,
					       chunk->node.start, chunk->node.size);
		else
			ret = p2p_vecs_add_hidden(space->vecs, chunk->node.start,
						  chunk->node.size);
		if (ret)
			return ret;
	}
	return 0;
}

static int vram_space_fill_vram(struct vram_space *space)
{
	struct vram_mm *mm = &space->vram->mm;
	int ret;

	mutex_lock(&mm->lock);
	ret = vram_chunks_alloc(space);
	mutex_unlock(&mm->lock);
	if (ret)
		return ret;
	return vram_space_build_vram(space);
}

/* The limit keeps user space from using all of the machine's memory. */
static int vram_space_fill_system(struct vram_space *space)
{
	struct vram_device *vram = space->vram;

	if ((u64)atomic64_add_return(space->size, &vram->system_used) > vram->system_limit)
		return -ENOMEM;
	space->vecs = p2p_vecs_alloc(1);
	if (!space->vecs)
		return -ENOMEM;
	return p2p_vecs_add_new_system(space->vecs, space->size, U64_MAX);
}

/*
 * Allocates free space without evicting. VRAM keeps its old contents; system memory is zeroed.
 * Returns the space, with one reference to its vecs, or -ENOSPC (VRAM) or -ENOMEM.
 */
struct vram_space *vram_space_alloc(struct vram_device *vram, u32 where, u64 size)
{
	struct vram_space *space;
	int ret;

	space = kzalloc(sizeof(*space), GFP_KERNEL);
	if (!space)
		return ERR_PTR(-ENOMEM);
	space->vram = vram;
	space->where = where;
	space->size = size;
	INIT_LIST_HEAD(&space->chunks);

	if (where == VRAM_IN_SYSTEM)
		ret = vram_space_fill_system(space);
	else
		ret = vram_space_fill_vram(space);
	if (ret) {
		if (space->vecs)
			p2p_vecs_put(space->vecs);
		vram_space_free(space);
		return ERR_PTR(ret);
	}
	p2p_vecs_on_release(space->vecs, vram_space_release, space);
	return space;
}

/* Frees space that was not used. */
void vram_space_put(struct vram_space *space)
{
	p2p_vecs_put(space->vecs);
}

/*
 * The BO has moved away. Its old space counts as leaving until it is free, so that others wait for
 * it and evict no more than necessary.
 */
void vram_space_leave(struct vram_space *space)
{
	struct vram_mm *mm = &space->vram->mm;

	if (space->where != VRAM_IN_SYSTEM) {
		mutex_lock(&mm->lock);
		space->leaving = true;
		mm->leaving[vram_part_of(space->where)] += space->size;
		mutex_unlock(&mm->lock);
	}
	p2p_vecs_put(space->vecs);
}
