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
 * @nr: number of importers
 * @vfio: its mappings in IOVA spaces of VFIO devices, an array to free(3)
 * @nr_vfio: number of those mappings
 */
struct export_view {
	struct peerbuf_export_info info;
	struct peerbuf_attachment_info *importers;
	size_t nr;
	struct vfio_mapping *vfio;
	size_t nr_vfio;
};

/**
 * struct views - exports in order of their ids
 * @view: an array
 * @nr: number of exports
 */
struct views {
	struct export_view *view;
	size_t nr;
};

/** views_collect() - collect all that this user may see; returns an exit code */
int views_collect(struct views *views);
/** views_collect_of() - collect those with memory of a function; returns an exit code */
int views_collect_of(struct views *views, uint64_t addr);
void views_free(struct views *views);

/* vfio_mappings.c */

/**
 * struct vfio_mapping - a piece of a buffer in a VFIO device's IOVA space
 * @device: the device that mapped it
 * @pid: a process that has the device open
 * @iova: its first IOVA
 * @length: bytes
 * @offset: its offset in the buffer
 * @state: PEERBUF_VFIO_STATE_*
 * @access: PEERBUF_VFIO_MAP_F_*
 * @error: errno, positive, if it could not be mapped again
 * @changes: how often the state has changed
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

/** vfio_mappings_join() - add the mappings of all @views; leaves out what this user may not see */
void vfio_mappings_join(struct views *views);

#endif /* PEERBUF_VIEWS_H */
