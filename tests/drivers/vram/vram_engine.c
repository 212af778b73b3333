// SPDX-License-Identifier: GPL-2.0
/*
 * The copy engine.
 *
 * It accesses all of VRAM, hidden or not, through a CPU mapping that no one else uses, and
 * it accesses system memory. Bytes pass through a page of its own, because the CPU has no
 * instruction that copies from one device's memory to another's.
 */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/module.h>

#include <drm/drm_managed.h>

#include "vram.h"

static unsigned int copy_delay_ms;
module_param(copy_delay_ms, uint, 0644);
MODULE_PARM_DESC(copy_delay_ms, "how long a copy takes before its first byte moves, in ms (0)");

/* Waits for all jobs first: one that waits for a fence is in neither queue. */
static void vram_engine_exit(struct drm_device *drm, void *data)
{
	struct vram_engine *engine = &to_vram(drm)->engine;

	wait_event(engine->idle, !atomic_read(&engine->jobs));
	destroy_workqueue(engine->wq);
	destroy_workqueue(engine->drops);
}

/* A change of the parameter affects only jobs that are created afterwards. */
void vram_engine_delay(struct vram_job *job)
{
	job->delay_ms = READ_ONCE(copy_delay_ms);
}

/* The last call of a job, which has dropped everything it held. */
void vram_engine_job_gone(struct vram_device *vram)
{
	if (atomic_dec_and_test(&vram->engine.jobs))
		wake_up_all(&vram->engine.idle);
}

/*
 * The engine is destroyed with the DRM device, after the last job and before vram_mm. Memory
 * reclaim may wait for a copy, so the queue must make progress without it.
 */
int vram_engine_init(struct vram_device *vram)
{
	struct vram_engine *engine = &vram->engine;
	int ret;

	init_waitqueue_head(&engine->idle);
	ret = drmm_mutex_init(&vram->drm, &engine->lock);
	if (ret)
		return ret;
	engine->bounce = drmm_kzalloc(&vram->drm, PAGE_SIZE, GFP_KERNEL);
	if (!engine->bounce)
		return -ENOMEM;
	engine->wq = alloc_ordered_workqueue("vram", WQ_MEM_RECLAIM);
	if (!engine->wq)
		return -ENOMEM;
	engine->drops = alloc_workqueue("vram_drop", WQ_UNBOUND, 0);
	if (!engine->drops) {
		destroy_workqueue(engine->wq);
		return -ENOMEM;
	}
	return drmm_add_action_or_reset(&vram->drm, vram_engine_exit, NULL);
}

/**
 * struct vram_piece - contiguous bytes of an end
 * @map: their mapping for the CPU
 * @page: kmap of a page of system memory, or NULL
 * @length: bytes, at most a page
 */
struct vram_piece {
	struct iosys_map map;
	void *page;
	u64 length;
};

static u64 vram_vec_offset(struct vram_device *vram, const struct p2p_vec *vec)
{
	if (vec->kind == P2P_VEC_HIDDEN)
		return vec->paddr;
	return vec->paddr - p2p_provider_base(vram->provider);
}

static void vram_piece_begin(struct vram_piece *piece, struct vram_device *vram,
			     const struct vram_end *end, u64 pos, u64 length)
{
	const struct p2p_vec *vec;
	phys_addr_t paddr;
	u64 at;

	pos += end->offset;
	piece->page = NULL;
	piece->length = min_t(u64, length, PAGE_SIZE - offset_in_page(pos));
	if (end->bo) {
		piece->map = end->map;
		iosys_map_incr(&piece->map, pos);
		return;
	}

	/* Ranges are multiples of a page, so a page lies in one range. */
	vec = p2p_vecs_find(end->vecs, pos, &at);
	if (vec->kind != P2P_VEC_SYSTEM) {
		iosys_map_set_vaddr_iomem(&piece->map,
					  vram->memory + vram_vec_offset(vram, vec) + at);
		return;
	}
	paddr = vec->paddr + at;
	piece->page = kmap_local_page(pfn_to_page(PHYS_PFN(paddr)));
	iosys_map_set_vaddr(&piece->map, piece->page + offset_in_page(paddr));
}

static void vram_piece_end(struct vram_piece *piece)
{
	if (piece->page)
		kunmap_local(piece->page);
}

static u64 vram_fetch(struct vram_job *job, u64 pos, u64 length)
{
	struct vram_piece piece;

	if (!job->src.vecs && !job->src.bo)
		return min_t(u64, length, PAGE_SIZE);
	vram_piece_begin(&piece, job->vram, &job->src, pos, length);
	iosys_map_memcpy_from(job->vram->engine.bounce, &piece.map, 0, piece.length);
	vram_piece_end(&piece);
	return piece.length;
}

static void vram_store(struct vram_job *job, u64 pos, u64 length)
{
	struct vram_piece piece;
	u64 done;

	for (done = 0; done < length; done += piece.length) {
		vram_piece_begin(&piece, job->vram, &job->dst, pos + done, length - done);
		iosys_map_memcpy_to(&piece.map, 0, job->vram->engine.bounce + done, piece.length);
		vram_piece_end(&piece);
	}
}

/*
 * Writes to VRAM are posted: they may still be under way when the fence signals, and a peer's
 * read could overtake them. Reading a byte back waits for them.
 */
static void vram_settle(struct vram_job *job)
{
	struct vram_piece piece;
	u8 last;

	/* Empty this CPU's write-combining buffers first. */
	wmb();
	vram_piece_begin(&piece, job->vram, &job->dst, job->length - 1, 1);
	iosys_map_memcpy_from(&last, &piece.map, 0, 1);
	vram_piece_end(&piece);
}

static void vram_copy(struct vram_job *job)
{
	u64 pos, length;

	if (!job->src.vecs && !job->src.bo)
		memset(job->vram->engine.bounce, 0, PAGE_SIZE);
	for (pos = 0; pos < job->length; pos += length) {
		length = vram_fetch(job, pos, job->length - pos);
		vram_store(job, pos, length);
		cond_resched();
	}
	vram_settle(job);
}

/* Runs the job; others wait for its fence. Returns 0, or -ENODEV: the engine has stopped. */
int vram_engine_do(struct vram_job *job)
{
	struct vram_engine *engine = &job->vram->engine;
	int ret = -ENODEV;

	if (job->delay_ms)
		msleep(job->delay_ms);
	mutex_lock(&engine->lock);
	if (!engine->stopped) {
		vram_copy(job);
		atomic64_inc(&job->vram->copies);
		ret = 0;
	}
	mutex_unlock(&engine->lock);
	return ret;
}

/*
 * Called when no one can ask for copies any more, before the device goes. Runs the jobs that are
 * queued first, so that BOs on their way to system memory arrive there.
 */
void vram_engine_stop(struct vram_device *vram)
{
	struct vram_engine *engine = &vram->engine;

	flush_workqueue(engine->wq);
	mutex_lock(&engine->lock);
	engine->stopped = true;
	mutex_unlock(&engine->lock);
}
