/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GPUs: a device of the lab with memory, driven by vram.ko, as libdrm sees it. As in peer.h,
 * what can fail returns 0 or -errno; the rest fails the test.
 */
#ifndef GPU_H
#define GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "lab.h"
#include "vram/vram_uapi.h"
#include "writer.h"

#define MIB		(1024 * 1024ULL)
#define KIB		1024ULL

#define ANYWHERE	(VRAM_DOMAIN_VRAM | VRAM_DOMAIN_SYSTEM)

/**
 * struct gpu - a device and its DRM file
 * @id: as the lab calls the device
 * @fd: the render node
 */
struct gpu {
	const char *id;
	int fd;
};

/**
 * struct bo - a BO, by a handle
 * @gpu: whose
 * @handle: in its file
 * @size: bytes
 */
struct bo {
	struct gpu *gpu;
	__u32 handle;
	__u64 size;
};

/* The device, bound anew with that much VRAM and that much of it reachable, in KiB; 0: all. */
void gpu_open(struct gpu *gpu, const char *id, unsigned int vram_kib, unsigned int window_kib);
int gpu_node_open(const char *id, const char *kind);
void gpu_set(const char *parameter, unsigned int value);
void gpu_stats(struct gpu *gpu, struct drm_vram_stats *stats);

int bo_try(struct bo *bo, struct gpu *gpu, __u64 size, __u32 domains, __u32 flags);
void bo_new(struct bo *bo, struct gpu *gpu, __u64 size, __u32 domains, __u32 flags);
void bo_close(struct bo *bo);
void bo_info(const struct bo *bo, struct drm_vram_bo_info *info);
__u32 bo_where(const struct bo *bo);
/* Offset in VRAM of a byte of the BO. */
__u64 bo_vram_offset(const struct bo *bo, __u64 offset);
int bo_move(const struct bo *bo, __u32 where);
void *bo_map(const struct bo *bo);
int bo_share(const struct bo *bo);
int bo_import(struct bo *bo, struct gpu *gpu, int dmabuf);
int bo_copy(const struct bo *src, const struct bo *dst, __u64 length);
int bo_copy_wait(const struct bo *src, const struct bo *dst, __u64 length);
int bo_copy_synced(const struct bo *src, const struct bo *dst, __u64 length, __u32 in, __u32 out);
/* Others take all the room there is in the window, one after the other. */
unsigned int bo_crowd_out(struct gpu *gpu, const struct bo *victim, struct bo *others,
			  unsigned int room);

/* The host's file behind VRAM holds the BO's bytes, or does not. */
void bo_host_matches(const struct bo *bo, __u64 offset, __u64 length, __u32 seed);

#endif /* GPU_H */
