/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vram: the memory management of a GPU driver, small enough to be read as an example.
 *
 * The device is any PCI function with a BAR full of memory. That BAR is the VRAM.
 * BOs live there or in system memory, are moved between the two when memory is short, and
 * are shared as DMA-BUFs by peerbuf, also while they move. There is no GPU: the only engine
 * copies, and is a workqueue.
 *
 *	vram_main.c	the PCI driver: probe, remove
 *	vram_drm.c	the DRM driver
 *	vram_space.c	space for one BO, in VRAM or in system memory
 *	vram_evict.c	eviction of BOs
 *	vram_bo.c	a BO: creation, moves, destruction
 *	vram_mmap.c	CPU mappings through the DRM file
 *	vram_job.c	a job of the copy engine, and the fence that represents it
 *	vram_engine.c	the copy engine
 *	vram_submit.c	copies that user space asks for
 *	vram_export.c	BOs as DMA-BUFs
 *	vram_import.c	DMA-BUFs of other exporters, as BOs
 *	vram_ioctl.c	the driver's own ioctls
 *
 * Locks, outermost first:
 *
 *	mmap_lock, or the DRM core's PRIME locks
 *	  vram_device.imports_lock
 *	    dma_buf.resv of one BO; further ones only by trylock, or several by one ticket
 *	      vram_mm.lock
 *
 * Only the engine's work and vram_engine_stop() take vram_engine.lock. They hold no other lock.
 *
 * References: an open file and a DMA-BUF hold the DRM device, and with it struct
 * vram_device. A handle, a CPU mapping and a DMA-BUF hold the BO. The BO, a job, and
 * each importer's mapping of the DMA-BUF hold the list of ranges; when the last of these
 * references is dropped, the space is free again.
 */
#ifndef _VRAM_H
#define _VRAM_H

#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
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
 * struct vram_mm - allocation of VRAM
 * @lock: guards all members below
 * @mm: offsets in VRAM; first the window, then the hidden part
 * @free: bytes that are free
 * @leaving: bytes whose BO has moved away, but that a job or an importer can still access
 * @releases: how often space has been freed
 * @lru: BOs that may be evicted, the least recently used first
 * @released: woken when space is freed
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
 * struct vram_space - space for one BO
 *
 * Belongs to @vecs and is freed with the last reference to @vecs. So it is used again
 * only when neither the BO nor a job nor an importer can access it.
 *
 * @vram: the device
 * @vecs: the ranges
 * @where: VRAM_IN_WINDOW, VRAM_IN_HIDDEN or VRAM_IN_SYSTEM
 * @size: bytes
 * @leaving: the BO has moved away; guarded by mm.lock
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
 * @wq: runs jobs whose waits are over, in order
 * @drops: drops the references that jobs held
 * @jobs: number of jobs that are published and not freed
 * @idle: woken when @jobs becomes zero
 * @lock: held while a job copies, so only one does
 * @stopped: the BAR must not be accessed any more; guarded by @lock
 * @bounce: a page through which a copy passes, because neither end need be normal memory;
 *	guarded by @lock
 */
struct vram_engine {
	struct workqueue_struct *wq;
	struct workqueue_struct *drops;
	atomic_t jobs;
	wait_queue_head_t idle;
	struct mutex lock; /* held while a job copies */
	bool stopped;
	void *bounce;
};

/**
 * struct vram_device - one device
 * @drm: the DRM device; its references keep the whole struct
 * @pdev: valid inside drm_dev_enter(), and until remove
 * @bar: index of the BAR that is the VRAM
 * @size: bytes of it in use
 * @window: bytes at its start that importers can access
 * @memory: CPU mapping of all VRAM, for the engine until it is stopped; guarded by engine.lock
 * @pdevice: the registration with peerbuf, until remove
 * @provider: the BAR, reference held
 * @mm: allocation of VRAM
 * @engine: the copy engine
 * @imports_lock: guards @imports
 * @imports: attached DMA-BUFs of other exporters
 * @system_limit: bytes of system memory that all BOs together may have
 * @system_used: bytes of system memory that they have
 * @moves: BOs moved
 * @evictions: BOs moved to make room
 * @placements: BOs moved because an importer or the CPU could not access them
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
 * struct vram_import - an imported DMA-BUF of another exporter
 * @link: in vram_device.imports while attached; guarded by imports_lock
 * @dmabuf: reference held
 * @att: the attachment, until the BO or the device goes; guarded by resv
 * @mapping: what a GPU would have in its page tables; guarded by resv
 * @maps: mappings made; guarded by resv
 * @invalidations: mappings the exporter invalidated; guarded by resv
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
 * @base: the GEM object; the DMA-BUF uses the same reservation object
 * @domains: VRAM_DOMAIN_* in which it may be; immutable
 * @flags: VRAM_BO_*; immutable
 * @lru: in a list of vram_mm.lru, or in none; guarded by mm.lock
 * @space: where it is, with a reference to its vecs; NULL for an import; guarded by resv
 * @pb: the export, or NULL; guarded by resv. Cleared when peerbuf releases the export
 * @moves: how often it moved; guarded by resv
 * @evictions: how often it moved to make room; guarded by resv
 * @import: the import, or NULL; immutable
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
 * struct vram_end - the source or the destination of a job
 * @vecs: a BO's ranges, reference held; or NULL
 * @map: kernel mapping of an import's memory; valid with @bo
 * @bo: the import that @map belongs to, reference held; or NULL
 * @offset: offset of the first byte in the BO
 */
struct vram_end {
	struct p2p_vecs *vecs;
	struct iosys_map map;
	struct vram_bo *bo;
	u64 offset;
};

/* Fences a job may have to wait for: those of two BOs, and one from user space. */
#define VRAM_JOB_WAITS	3

/**
 * struct vram_wait - a fence that a job waits for
 * @fence: reference held
 * @cb: called when the fence signals
 * @job: the waiting job
 */
struct vram_wait {
	struct dma_fence *fence;
	struct dma_fence_cb cb;
	struct vram_job *job;
};

/**
 * struct vram_job - a job of the engine
 * @fence: signals when the job is done; its reference count is the job's
 * @lock: the fence's lock
 * @work: runs the job
 * @drop: drops the references the job holds
 * @pending: waits that are not over, plus one until vram_job_run() has added all callbacks
 * @vram: the device; it waits for its jobs before it is freed
 * @src: the source; zeros if it has neither vecs nor a BO
 * @dst: the destination
 * @length: bytes
 * @delay_ms: delay before the first byte moves
 * @waits: fences to wait for first
 * @nr_waits: number of those fences
 */
struct vram_job {
	struct dma_fence fence;
	spinlock_t lock; /* the fence's lock */
	struct work_struct work;
	struct work_struct drop;
	refcount_t pending;
	struct vram_device *vram;
	struct vram_end src;
	struct vram_end dst;
	u64 length;
	u32 delay_ms;
	struct vram_wait waits[VRAM_JOB_WAITS];
	u32 nr_waits;
};

/* How long the search for space may take. */
enum vram_patience {
	VRAM_FAULTING,	/* the caller can release all locks and be called again */
	VRAM_LOCKED,	/* the caller holds a reservation lock that others may need */
	VRAM_UNLOCKED,	/* the caller holds no reservation lock */
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
