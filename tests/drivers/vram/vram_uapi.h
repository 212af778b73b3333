/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * vram: the ioctls of the test GPU, in addition to those of every DRM driver with
 * GEM, PRIME, dumb buffers and syncobjs.
 *
 * As for all DRM drivers, the size in an ioctl's number is the version of its structure.
 * Pads and reserved fields must be zero (-EINVAL). Offsets and sizes are in bytes.
 */
#ifndef _VRAM_UAPI_H
#define _VRAM_UAPI_H

/* User space gets this from libdrm. */
#ifdef __KERNEL__
#include <drm/drm.h>
#else
#include <drm.h>
#endif

/* Memory in which a BO may be. With both it starts in VRAM if there is room. */
#define VRAM_DOMAIN_VRAM	(1U << 0)
#define VRAM_DOMAIN_SYSTEM	(1U << 1)

/* Never in the part of VRAM that is outside the BAR's window. */
#define VRAM_BO_VISIBLE		(1U << 0)
/* Never evicted or moved; implies VRAM_BO_VISIBLE. */
#define VRAM_BO_PINNED		(1U << 1)

/**
 * struct drm_vram_bo_create - DRM_IOCTL_VRAM_BO_CREATE: a BO, full of zeros
 * @size: rounded up to pages, and returned so
 * @domains: VRAM_DOMAIN_*, at least one
 * @flags: VRAM_BO_*
 * @handle: out
 * @pad: zero
 *
 * errno: EINVAL size zero, unknown bits; E2BIG more than the domains can ever hold; ENOSPC
 * no room, and nothing left to evict; ENOMEM; EINTR.
 */
struct drm_vram_bo_create {
	__u64 size;
	__u32 domains;
	__u32 flags;
	__u32 handle;
	__u32 pad;
};

/* Where a BO is */
#define VRAM_IN_WINDOW		1 /* VRAM that importers can access through the BAR */
#define VRAM_IN_HIDDEN		2 /* VRAM outside the window */
#define VRAM_IN_SYSTEM		3
#define VRAM_IN_IMPORT		4 /* memory of another exporter */

/**
 * struct drm_vram_range - a piece of VRAM
 * @offset: from the start of VRAM; in system memory 0
 * @length: bytes
 */
struct drm_vram_range {
	__u64 offset;
	__u64 length;
};

/**
 * struct drm_vram_bo_info - DRM_IOCTL_VRAM_BO_INFO: the state of a BO
 * @handle: the BO
 * @where: out, VRAM_IN_*
 * @size: out, bytes
 * @map_offset: out, offset for mmap() of the DRM file
 * @ranges: address of an array of struct drm_vram_range, in buffer order
 * @nr_ranges: in, elements of the array; out, number of ranges
 * @flags: out, VRAM_BO_*
 * @export_id: out, peerbuf's id of the export, 0 if it is not exported
 * @moves: out, how often it moved
 * @evictions: out, how often it moved to make room
 * @maps: out, for an import: how often it was mapped for this device
 * @invalidations: out, for an import: how often its exporter invalidated the mapping
 *
 * errno: ENOENT no such handle; EFAULT; EINTR.
 */
struct drm_vram_bo_info {
	__u32 handle;
	__u32 where;
	__u64 size;
	__u64 map_offset;
	__u64 ranges;
	__u32 nr_ranges;
	__u32 flags;
	__u64 export_id;
	__u64 moves;
	__u64 evictions;
	__u64 maps;
	__u64 invalidations;
};

/**
 * struct drm_vram_bo_move - DRM_IOCTL_VRAM_BO_MOVE: move a BO
 * @handle: the BO
 * @where: VRAM_IN_WINDOW, _HIDDEN or _SYSTEM
 *
 * Ignores the BO's domains, as an eviction does. Returns when the copy is queued.
 *
 * errno: ENOENT no such handle; EINVAL unknown place, or an import; ENOSPC no room there;
 * EBUSY the BO is pinned, here or by an importer, or room was not freed in time;
 * ENODEV the buffer is revoked; ENOMEM; EINTR.
 */
struct drm_vram_bo_move {
	__u32 handle;
	__u32 where;
};

/**
 * struct drm_vram_copy - DRM_IOCTL_VRAM_COPY: a job for the copy engine
 * @src: handle
 * @dst: handle, another BO
 * @src_offset: bytes
 * @dst_offset: bytes
 * @length: bytes, not zero
 * @in_syncobj: start when its fence has signalled; 0: none
 * @out_syncobj: gets the job's fence; 0: none
 * @in_point: which point of @in_syncobj, if that is a timeline; 0: its current fence
 * @out_point: the job's point in the timeline @out_syncobj; 0: replace the current fence
 *
 * The job waits for fences in the BOs' reservation objects and adds its own fence there. An
 * import is first mapped for the device, if it is not mapped.
 *
 * errno: ENOENT no such BO or syncobj; EINVAL length zero, src is dst, @in_syncobj has no
 * fence (of that point), or a point without its syncobj; ERANGE past the end; ENOMEM; EINTR;
 * or an error of the exporter of an import.
 */
struct drm_vram_copy {
	__u32 src;
	__u32 dst;
	__u64 src_offset;
	__u64 dst_offset;
	__u64 length;
	__u32 in_syncobj;
	__u32 out_syncobj;
	__u64 in_point;
	__u64 out_point;
};

/**
 * struct drm_vram_stats - DRM_IOCTL_VRAM_STATS: the state of the device
 * @vram_size: out, bytes
 * @window_size: out, bytes at the start of VRAM that importers can access
 * @window_free: out, free bytes in the window
 * @hidden_free: out, free bytes outside the window
 * @leaving: out, bytes whose BO has moved away, but that a job or an importer can still access
 * @system_used: out, bytes of system memory in BOs
 * @moves: out, BOs moved
 * @evictions: out, BOs moved to make room for another
 * @placements: out, BOs moved because an importer or the CPU could not access them
 * @copies: out, jobs the engine has finished
 */
struct drm_vram_stats {
	__u64 vram_size;
	__u64 window_size;
	__u64 window_free;
	__u64 hidden_free;
	__u64 leaving;
	__u64 system_used;
	__u64 moves;
	__u64 evictions;
	__u64 placements;
	__u64 copies;
};

#define DRM_VRAM_BO_CREATE	0x00
#define DRM_VRAM_BO_INFO	0x01
#define DRM_VRAM_BO_MOVE	0x02
#define DRM_VRAM_COPY		0x03
#define DRM_VRAM_STATS		0x04

#define DRM_IOCTL_VRAM_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VRAM_BO_CREATE, struct drm_vram_bo_create)
#define DRM_IOCTL_VRAM_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_VRAM_BO_INFO, struct drm_vram_bo_info)
#define DRM_IOCTL_VRAM_BO_MOVE \
	DRM_IOW(DRM_COMMAND_BASE + DRM_VRAM_BO_MOVE, struct drm_vram_bo_move)
#define DRM_IOCTL_VRAM_COPY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_VRAM_COPY, struct drm_vram_copy)
#define DRM_IOCTL_VRAM_STATS \
	DRM_IOR(DRM_COMMAND_BASE + DRM_VRAM_STATS, struct drm_vram_stats)

#endif /* _VRAM_UAPI_H */
