/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What most tests begin with: memory of a device exported as a buffer, an edu that imports it,
 * and the CPU's mapping; and three witnesses of what is in it, the device, the CPU and the
 * host. What goes wrong here fails the test.
 */
#ifndef SCENE_H
#define SCENE_H

#include "lab.h"

/* Where the buffer is in the BAR, where it is not, and how much one transfer moves. */
#define SCENE_START	(32 * PAGE)
#define SCENE_SIZE	(16 * PAGE)
#define SCENE_ELSEWHERE	(128 * PAGE)
#define SCENE_LENGTH	2000
/* What is in the BAR before anybody writes. */
#define SCENE_PAINT	0xee

/**
 * struct scene - a buffer and a device that may reach it
 * @mem: whose memory it is, as the lab calls the device
 * @node: the node of that
 * @edu: the importing device
 * @edu_id: the same, as the lab calls it
 * @export: the buffer
 * @handle: the attachment, once scene_attach() has made it
 * @cpu: the CPU's mapping of the buffer
 */
struct scene {
	const char *mem;
	int node;
	int edu;
	const char *edu_id;
	struct peer_export export;
	__u32 handle;
	__u8 *cpu;
};

/* The device's first 256 pages painted, and a buffer of it at SCENE_START. */
void scene_open(struct scene *scene, const char *edu, const char *mem, __u32 export_flags);
void scene_attach(struct scene *scene, __u32 mode, __u32 flags);
/* The same, and a pinned importer, which the administrator accepts, has mapped it. */
void scene_open_pinned(struct scene *scene, const char *edu, const char *mem);

/* A pattern of SCENE_LENGTH bytes: the importing device has it; writes it; finds it. */
void scene_put(struct scene *scene, __u32 seed);
void scene_write(struct scene *scene, __u64 offset, __u32 seed);
void scene_read(struct scene *scene, __u64 offset, __u32 seed);
/* A transfer of it into the buffer has begun. */
void scene_start_write(struct scene *scene);
bool scene_mapped(struct scene *scene);
bool scene_busy(struct scene *scene);

/* The memory of a device, in the host's file, has that pattern; nobody has written there. */
void check_host_pattern(const char *mem, __u64 offset, __u32 length, __u32 seed);
void check_host_untouched(const char *mem, __u64 offset);

#endif /* SCENE_H */
