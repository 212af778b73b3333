/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vram: a GPU as far as memory goes, small enough to be read as an example.
 *
 * The device is any PCI function with a BAR full of memory. That BAR is the VRAM.
 * BOs live there or in system memory, go from one to the other when room is short,
 * and are shared as DMA-BUFs all the while, by peerbuf. What is missing is the GPU:
 * the one engine there is copies, and is a kernel thread.
 *
 *	vram_main.c	the PCI driver: probe, remove
 *	vram_drm.c	what the DRM core knows of it
 *	vram_space.c	room for one BO, in VRAM or in system memory
 *	vram_evict.c	who has to make room
 *	vram_bo.c	a BO: its birth, its moves, its end
 *	vram_mmap.c	CPU mappings through the DRM file
 *	vram_job.c	work for the copy engine, and the fence that stands for it
 *	vram_engine.c	the copy engine
 *	vram_submit.c	copies that user space asks for
 *	vram_export.c	BOs as DMA-BUFs, for others
 *	vram_import.c	DMA-BUFs of others, as BOs
 *	vram_ioctl.c	the driver's own ioctls
 *
 * Locks, outermost first:
 *
 *	mmap_lock, or the DRM core's PRIME locks
 *	  vram_device.imports_lock
 *	    dma_buf.resv, of one BO; of others only by trylock, or all at once by ticket
 *	      vram_mm.lock
 *
 * vram_engine.lock is taken by the engine's worker, which holds nothing else.
 *
 * Who keeps what: an open file and a DMA-BUF hold the DRM device, and with it struct
 * vram_device. A handle, a CPU mapping and a DMA-BUF hold the BO. The BO, a job, and
 * below the DMA-BUF each importer's mapping hold the list of ranges; the last of them
 * to let go gives the room back.
 */
#ifndef _VRAM_H
#define _VRAM_H

#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_mm.h>

#include <peerbuf/peerbuf.h>

#include "vram_uapi.h"

struct drm_file;
struct pci_dev;
struct vram_bo;
struct vram_device;

/* Index of a part of VRAM */
enum vram_part {
	VRAM_WINDOW,
	VRAM_HIDDEN,
	VRAM_NR_PARTS,
};

/**
 * struct vram_mm - who uses which byte of VRAM
 * @lock: protects all below
 * @mm: offsets in VRAM; first the window, then the hidden part
 * @free: bytes nobody uses
 * @leaving: bytes whose BO has left them while somebody still reaches them
 * @releases: counts rooms given back
 * @lru: BOs that may be evicted, the least recently used first
 * @released: woken when a room is given back
 */
struct vram_mm {
	struct mutex lock; /* see above */
	struct drm_mm mm;
	u64 free[VRAM_NR_PARTS];
	u64 leaving[VRAM_NR_PARTS];
	u64 releases;
	struct list_head lru[VRAM_NR_PARTS];
	wait_queue_head_t released;
};

/**
 * struct vram_space - room for one BO
 *
 * Belongs to @vecs, and goes with the last reference to it. So the room is used again
 * only when neither the BO nor a job nor any importer can reach it.
 *
 * @vram: whose
 * @vecs: the ranges
 * @where: VRAM_IN_WINDOW, VRAM_IN_HIDDEN or VRAM_IN_SYSTEM
 * @size: bytes
 * @leaving: the BO has left; mm.lock
 * @chunks: pieces of VRAM, in buffer order
 */
struct vram_space {
	struct vram_device *vram;
	struct p2p_vecs *vecs;
	u32 where;
	u64 size;
	bool leaving;
	struct list_head chunks;
};

/**
 * struct vram_engine - copies bytes
 * @wq: runs jobs that need not wait for anything any more, in order
 * @drops: lets go of what jobs held
 * @jobs: published, and not gone yet
 * @idle: woken when there is none
 * @lock: one job at a time
 * @stopped: the BAR is not to be touched any more; @lock
 * @bounce: a page between source and destination, neither of which need be memory; @lock
 */
struct vram_engine {
	struct workqueue_struct *wq;
	struct workqueue_struct *drops;
	atomic_t jobs;
	wait_queue_head_t idle;
	struct mutex lock; /* one job at a time */
	bool stopped;
	void *bounce;
};

/**
 * struct vram_device - one device
 * @drm: what the DRM core knows; its references keep all this
 * @pdev: good inside of drm_dev_enter(), and until remove
 * @bar: which BAR is the VRAM
 * @size: bytes of it in use
 * @window: bytes at its start that importers can reach
 * @memory: all of it, for the engine until that has stopped; engine.lock
 * @pdevice: peerbuf's; until remove
 * @provider: the BAR; reference held
 * @mm: the VRAM
 * @engine: moves bytes
 * @imports_lock: protects @imports
 * @imports: attached DMA-BUFs of others
 * @system_limit: bytes of system memory all BOs may have
 * @system_used: bytes they have
 * @moves: BOs moved
 * @evictions: those moved to make room
 * @placements: those moved for somebody who could not reach them
 * @copies: jobs done
 */
struct vram_device {
	struct drm_device drm;
	struct pci_dev *pdev;
	int bar;
	u64 size;
	u64 window;
	void __iomem *memory;
	struct peerbuf_device *pdevice;
	struct p2p_provider *provider;
	struct vram_mm mm;
	struct vram_engine engine;
	struct mutex imports_lock; /* the list */
	struct list_head imports;
	u64 system_limit;
	atomic64_t system_used;
	atomic64_t moves;
	atomic64_t evictions;
	atomic64_t placements;
	atomic64_t copies;
};

/**
 * struct vram_import - another exporter's DMA-BUF, as its importer
 * @link: in vram_device.imports while attached; imports_lock
 * @dmabuf: reference held
 * @att: until detached, which is when the BO or the device goes; resv
 * @mapping: what a GPU would have in its page tables; resv
 * @maps: mappings made; resv
 * @invalidations: mappings the exporter took back; resv
 */
struct vram_import {
	struct list_head link;
	struct dma_buf *dmabuf;
	struct peerbuf_attachment *att;
	struct peerbuf_mapping *mapping;
	u64 maps;
	u64 invalidations;
};

/**
 * struct vram_bo - a buffer object
 * @base: GEM's part; its resv is the DMA-BUF's as well
 * @domains: VRAM_DOMAIN_* it may live in; immutable
 * @flags: VRAM_BO_*; immutable
 * @lru: in a list of vram_mm.lru, or in none; mm.lock
 * @space: where it is, holding a reference to its vecs; NULL for an import; resv
 * @pb: the export, or NULL; resv. Goes when peerbuf says so
 * @moves: how often it moved; resv
 * @evictions: how often to make room; resv
 * @import: for an import; immutable
 */
struct vram_bo {
	struct drm_gem_object base;
	u32 domains;
	u32 flags;
	struct list_head lru;
	struct vram_space *space;
	struct peerbuf *pb;
	u64 moves;
	u64 evictions;
	struct vram_import *import;
};

/**
 * struct vram_end - where a job reads or writes
 * @vecs: a BO's ranges, reference held; or NULL
 * @map: an import's memory, with @bo
 * @bo: reference to the import that @map is of
 * @offset: of the first byte in it
 */
struct vram_end {
	struct p2p_vecs *vecs;
	struct iosys_map map;
	struct vram_bo *bo;
	u64 offset;
};

/* Fences a job may have to wait for: two BOs', and one of user space. */
#define VRAM_JOB_WAITS	3

/**
 * struct vram_wait - something a job waits for
 * @fence: reference held
 * @cb: called when it signals
 * @job: whose
 */
struct vram_wait {
	struct dma_fence *fence;
	struct dma_fence_cb cb;
	struct vram_job *job;
};

/**
 * struct vram_job - work for the engine
 * @fence: signals when it is done; its reference count is the job's
 * @lock: the fence's
 * @work: in the engine's queue
 * @drop: lets go of all it holds
 * @pending: waits that are not over, and one more until it may run
 * @vram: whose engine; a job ends before that goes
 * @src: from there; neither vecs nor a BO: zeros
 * @dst: to there
 * @length: bytes
 * @delay_ms: to wait before the first byte moves
 * @waits: fences to wait for first
 * @nr_waits: how many
 */
struct vram_job {
	struct dma_fence fence;
	spinlock_t lock; /* the fence's own */
	struct work_struct work;
	struct work_struct drop;
	atomic_t pending;
	struct vram_device *vram;
	struct vram_end src;
	struct vram_end dst;
	u64 length;
	u32 delay_ms;
	struct vram_wait waits[VRAM_JOB_WAITS];
	u32 nr_waits;
};

/* How long may it take to find room? */
enum vram_patience {
	VRAM_FAULTING,	/* the caller can let go of all locks and come back */
	VRAM_LOCKED,	/* the caller holds a reservation lock others may want */
	VRAM_UNLOCKED,	/* the caller holds none */
};

static inline struct vram_device *to_vram(struct drm_device *drm)
{
	return container_of(drm, struct vram_device, drm);
}

static inline struct vram_bo *to_vram_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct vram_bo, base);
}

/* vram_drm.c */
extern const struct drm_driver vram_drm_driver;

/* vram_space.c */
int vram_mm_init(struct vram_device *vram);
struct vram_space *vram_space_alloc(struct vram_device *vram, u32 where, u64 size);
void vram_space_leave(struct vram_space *space);
void vram_space_put(struct vram_space *space);

/* vram_evict.c */
struct vram_space *vram_space_make(struct vram_device *vram, u32 where, u64 size,
				   enum vram_patience patience);
void vram_lru_touch(struct vram_bo *bo);
void vram_lru_remove(struct vram_bo *bo);

/* vram_bo.c */
extern const struct drm_gem_object_funcs vram_gem_funcs;
struct vram_bo *vram_bo_alloc(struct vram_device *vram, u64 size);
struct vram_bo *vram_bo_create(struct vram_device *vram, u64 size, u32 domains, u32 flags);
int vram_bo_move(struct vram_bo *bo, struct vram_space *to);
int vram_bo_move_somewhere(struct vram_bo *bo, u32 where, enum vram_patience patience);
int vram_bo_make_reachable(struct vram_bo *bo, enum vram_patience patience);

/* vram_mmap.c */
extern const struct vm_operations_struct vram_vm_ops;
int vram_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma);
void vram_bo_zap(struct vram_bo *bo);

/* vram_job.c */
struct vram_job *vram_job_create(struct vram_device *vram, u64 length);
int vram_job_wait_for(struct vram_job *job, struct dma_resv *resv, enum dma_resv_usage usage);
void vram_job_abandon(struct vram_job *job);
void vram_job_publish(struct vram_job *job);
void vram_job_run(struct vram_job *job);
int vram_job_fill(struct vram_bo *bo, struct p2p_vecs *to, struct p2p_vecs *from);

/* vram_engine.c */
int vram_engine_init(struct vram_device *vram);
void vram_engine_delay(struct vram_job *job);
int vram_engine_do(struct vram_job *job);
void vram_engine_job_gone(struct vram_device *vram);
void vram_engine_stop(struct vram_device *vram);

/* vram_submit.c */
int vram_ioctl_copy(struct drm_device *drm, void *data, struct drm_file *file);

/* vram_export.c */
struct dma_buf *vram_gem_export(struct drm_gem_object *obj, int flags);
struct vram_bo *vram_bo_of_dma_buf(struct dma_buf *dmabuf, struct drm_device *drm);

/* vram_import.c */
struct drm_gem_object *vram_gem_import(struct drm_device *drm, struct dma_buf *dmabuf);
int vram_import_validate(struct vram_import *import);
void vram_import_destroy(struct vram_device *vram, struct vram_import *import);
void vram_imports_detach(struct vram_device *vram);

/* vram_ioctl.c */
int vram_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int vram_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int vram_ioctl_bo_move(struct drm_device *drm, void *data, struct drm_file *file);
int vram_ioctl_stats(struct drm_device *drm, void *data, struct drm_file *file);
int vram_dumb_create(struct drm_file *file, struct drm_device *drm,
		     struct drm_mode_create_dumb *args);

#endif /* _VRAM_H */
