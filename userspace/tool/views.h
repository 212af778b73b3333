/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_VIEWS_H
#define PEERBUF_VIEWS_H

#include <stddef.h>
#include <stdint.h>

#include <peerbuf.h>

struct vfio_mapping;

/**
 * struct export_view - an export with its importers
 * @info: the export
 * @importers: an array to free(3)
 * @nr: how many
 * @vfio: where it is in IOVA spaces of VFIO devices, an array to free(3)
 * @nr_vfio: how many
 */
struct export_view {
	struct peerbuf_export_info info;
	struct peerbuf_attachment_info *importers;
	size_t nr;
	struct vfio_mapping *vfio;
	size_t nr_vfio;
};

/**
 * struct views - exports in order of their numbers
 * @view: an array
 * @nr: how many
 */
struct views {
	struct export_view *view;
	size_t nr;
};

/** views_collect() - all that this user may see; exit code */
int views_collect(struct views *views);
/** views_collect_of() - those with memory of a function; exit code */
int views_collect_of(struct views *views, uint64_t addr);
void views_free(struct views *views);

/* vfio_mappings.c */

/**
 * struct vfio_mapping - a piece of a buffer in a VFIO device's IOVA space
 * @device: the device that mapped it
 * @pid: a process that has the device open
 * @iova: its first address there
 * @length: bytes
 * @offset: of it in the buffer
 * @state: PEERBUF_VFIO_STATE_*
 * @access: PEERBUF_VFIO_MAP_F_*
 * @error: errno, positive, if it could not be mapped again
 * @changes: of the state, so far
 */
struct vfio_mapping {
	uint64_t device;
	uint32_t pid;
	uint64_t iova;
	uint64_t length;
	uint64_t offset;
	uint32_t state;
	uint32_t access;
	uint32_t error;
	uint64_t changes;
};

/** vfio_mappings_join() - look for those of all @views; what may not be looked at is left out */
void vfio_mappings_join(struct views *views);

#endif /* PEERBUF_VIEWS_H */
