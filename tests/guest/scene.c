// SPDX-License-Identifier: GPL-2.0
/* See scene.h. */
#include "harness.h"
#include "scene.h"
#include "writer.h"

void scene_open(struct scene *scene, const char *edu, const char *mem, __u32 export_flags)
{
	scene->mem = mem;
	scene->edu_id = edu;
	scene->node = node_open(mem);
	scene->edu = edu_open(edu);
	lab_host_fill(mem, 0, 256 * PAGE, SCENE_PAINT);
	check_ok(peer_export_one(scene->node, MEM_BAR, SCENE_START, SCENE_SIZE, export_flags,
				 &scene->export));
	scene->cpu = buffer_map(scene->export.fd, SCENE_SIZE, 0);
}

void scene_attach(struct scene *scene, __u32 mode, __u32 flags)
{
	check_ok(edu_attach(scene->edu, scene->export.fd, mode, flags, &scene->handle));
}

void scene_open_pinned(struct scene *scene, const char *edu, const char *mem)
{
	scene_open(scene, edu, mem, 0);
	accept_pinned(mem);
	scene_attach(scene, EDU_DMA_PINNED, 0);
	check_ok(edu_map(scene->edu, scene->handle));
}

void scene_put(struct scene *scene, __u32 seed)
{
	__u8 inner[SCENE_LENGTH];

	pattern_fill(inner, SCENE_LENGTH, seed);
	check_ok(edu_put(scene->edu, 0, inner, SCENE_LENGTH));
}

void scene_write(struct scene *scene, __u64 offset, __u32 seed)
{
	const struct writer writer = { scene->edu, scene->handle };

	check_ok(writer_put(&writer, offset, SCENE_LENGTH, seed));
}

void scene_read(struct scene *scene, __u64 offset, __u32 seed)
{
	const struct writer writer = { scene->edu, scene->handle };

	check_ok(writer_check(&writer, offset, SCENE_LENGTH, seed));
}

void scene_start_write(struct scene *scene)
{
	check_ok(edu_copy(scene->edu, scene->handle, 0, 0, SCENE_LENGTH, EDU_DMA_TO_BUFFER,
			  EDU_DMA_COPY_F_NOWAIT));
}

static __u32 state_flags(struct scene *scene)
{
	struct edu_dma_state state;

	check_ok(edu_state(scene->edu, scene->handle, &state));
	return state.flags;
}

bool scene_mapped(struct scene *scene)
{
	return state_flags(scene) & EDU_DMA_STATE_F_MAPPED;
}

bool scene_busy(struct scene *scene)
{
	return state_flags(scene) & EDU_DMA_STATE_F_BUSY;
}

void check_host_pattern(const char *mem, __u64 offset, __u32 length, __u32 seed)
{
	__u8 *host = malloc(length);

	check(host);
	lab_host_read(mem, offset, host, length);
	check(pattern_matches(host, length, seed));
	free(host);
}

void check_host_untouched(const char *mem, __u64 offset)
{
	check_host_bytes(mem, offset, SCENE_LENGTH, SCENE_PAINT);
}
