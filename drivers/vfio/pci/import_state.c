// SPDX-License-Identifier: GPL-2.0
/* The states of an import, and which may follow which. */
#include <linux/bits.h>
#include <linux/bug.h>

#include "internal.h"

/* By the present state: which may follow. An import that could not be attached is freed. */
static const u8 peerbuf_vfio_import_next_states[] = {
	[PEERBUF_VFIO_IMPORT_RESERVED] = BIT(PEERBUF_VFIO_IMPORT_ATTACHED),
	[PEERBUF_VFIO_IMPORT_ATTACHED] = BIT(PEERBUF_VFIO_IMPORT_MAPPED) |
					 BIT(PEERBUF_VFIO_IMPORT_AWAY) |
					 BIT(PEERBUF_VFIO_IMPORT_DYING),
	[PEERBUF_VFIO_IMPORT_MAPPED] = BIT(PEERBUF_VFIO_IMPORT_AWAY) |
				       BIT(PEERBUF_VFIO_IMPORT_DYING),
	[PEERBUF_VFIO_IMPORT_AWAY] = BIT(PEERBUF_VFIO_IMPORT_ATTACHED) |
				     BIT(PEERBUF_VFIO_IMPORT_DYING),
	[PEERBUF_VFIO_IMPORT_DYING] = 0,
};

/* Under resv or space->lock. Is it attached, and not being ended? */
bool peerbuf_vfio_import_is_live(const struct peerbuf_vfio_import *import)
{
	return import->state != PEERBUF_VFIO_IMPORT_RESERVED &&
	       import->state != PEERBUF_VFIO_IMPORT_DYING;
}

/* Under resv; takes space->lock. */
void peerbuf_vfio_import_enter(struct peerbuf_vfio_import *import,
			       enum peerbuf_vfio_import_state state)
{
	dma_resv_assert_held(import->dmabuf->resv);

	mutex_lock(&import->pv->space->lock);
	WARN(!(peerbuf_vfio_import_next_states[import->state] & BIT(state)),
	     "peerbuf-vfio: an import enters state %u from state %u\n", state, import->state);
	import->state = state;
	mutex_unlock(&import->pv->space->lock);
}
