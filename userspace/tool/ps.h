/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_PS_H
#define PEERBUF_PS_H

#include "columns.h"
#include "views.h"

/**
 * struct ps_row - a line: an export, with one of its importers or of its pieces in VFIO devices
 * @info: the export
 * @importer: or NULL
 * @mapping: or NULL
 */
struct ps_row {
	const struct peerbuf_export_info *info;
	const struct peerbuf_attachment_info *importer;
	const struct vfio_mapping *mapping;
};

/* ps_columns.c; a row is a struct ps_row. */

/** ps_export(), ps_importer(), ps_mapping() - what a column is about */
const void *ps_export(const void *row);
const void *ps_importer(const void *row);
const void *ps_mapping(const void *row);

extern const struct column_info ps_columns[], ps_vfio_columns[];

#endif /* PEERBUF_PS_H */
