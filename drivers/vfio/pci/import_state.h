/* SPDX-License-Identifier: GPL-2.0 */
/* The states of an import. */
#ifndef _PEERBUF_VFIO_IMPORT_STATE_H
#define _PEERBUF_VFIO_IMPORT_STATE_H

#include <linux/types.h>

struct peerbuf_vfio_import;

/**
 * enum peerbuf_vfio_import_state - where an import is in its life
 * @PEERBUF_VFIO_IMPORT_RESERVED: its IOVAs are taken, and it is being attached. Callbacks of the
 *	exporter ignore it, and no ioctl finds it
 * @PEERBUF_VFIO_IMPORT_ATTACHED: it is being mapped. The thread that maps it holds resv from the
 *	beginning of this state to its end, so nobody else who holds resv sees it. Only the
 *	callbacks do that the exporter makes meanwhile, when it moves the buffer for this import
 * @PEERBUF_VFIO_IMPORT_MAPPED: it is in the IOMMU's page tables
 * @PEERBUF_VFIO_IMPORT_AWAY: it is not, because the buffer is withdrawn or mapping it failed; the
 *	next callback queues work that tries to map it
 * @PEERBUF_VFIO_IMPORT_DYING: being ended, not to be mapped again. No ioctl finds it
 *
 * A state is written with both the buffer's resv and space->lock held, so that either is enough to
 * read it. The exporter's callbacks and the work item have resv; an ioctl that looks for an import
 * has space->lock, and checks the state once more when it has resv.
 */
enum peerbuf_vfio_import_state {
	PEERBUF_VFIO_IMPORT_RESERVED,
	PEERBUF_VFIO_IMPORT_ATTACHED,
	PEERBUF_VFIO_IMPORT_MAPPED,
	PEERBUF_VFIO_IMPORT_AWAY,
	PEERBUF_VFIO_IMPORT_DYING,
};

bool peerbuf_vfio_import_is_live(const struct peerbuf_vfio_import *import);
void peerbuf_vfio_import_enter(struct peerbuf_vfio_import *import,
			       enum peerbuf_vfio_import_state state);

#endif /* _PEERBUF_VFIO_IMPORT_STATE_H */
