/* SPDX-License-Identifier: GPL-2.0 */
/* What the two halves of the importer helper share. */
#ifndef _PEERBUF_IMPORTER_H
#define _PEERBUF_IMPORTER_H

#include <linux/types.h>

#include "core/client.h"

static inline bool peerbuf_is_foreign_by_phys(const struct peerbuf_attachment *att)
{
	return !att->native && att->ops && att->ops->by_phys;
}

#endif /* _PEERBUF_IMPORTER_H */
