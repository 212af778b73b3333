// SPDX-License-Identifier: GPL-2.0-only
/* The columns of ps: of exports, of their importers, and of their pieces in VFIO devices. */
#include <stdio.h>

#include <peerbuf_vfio.h>

#include "ps.h"
#include "table.h"
#include "tool.h"

/* What a column is about. */
const void *ps_export(const void *row)
{
	return ((const struct ps_row *)row)->info;
}

const void *ps_importer(const void *row)
{
	return ((const struct ps_row *)row)->importer;
}

const void *ps_mapping(const void *row)
{
	return ((const struct ps_row *)row)->mapping;
}

static void set_process(struct value *value, const char *comm, uint32_t pid)
{
	value->text = pid ? format_text("%.16s/%" PRIu32, comm, pid) : format_text("%.16s", comm);
}

/* A column that is a field of a structure, and one that is a bit of its flags. */
#define NUMBER(get, type, field)						\
	static void get(const void *part, struct value *value)			\
	{									\
		value->number = ((const struct type *)part)->field;		\
	}

#define FLAG(get, type, bit)							\
	static void get(const void *part, struct value *value)			\
	{									\
		value_flag(value, ((const struct type *)part)->flags & (bit));	\
	}

NUMBER(export_id, peerbuf_export_info, id)
NUMBER(export_segment_align, peerbuf_export_info, segment_align)
NUMBER(export_max_segment, peerbuf_export_info, max_segment)
NUMBER(export_hidden, peerbuf_export_info, hidden_size)
NUMBER(export_ranges, peerbuf_export_info, nr_ranges)
NUMBER(export_devices, peerbuf_export_info, nr_devices)
NUMBER(export_pid, peerbuf_export_info, pid)
NUMBER(export_pins, peerbuf_export_info, pins)
NUMBER(export_mappings, peerbuf_export_info, nr_mappings)
NUMBER(export_maps, peerbuf_export_info, maps)
NUMBER(export_moves, peerbuf_export_info, moves)
NUMBER(export_fallbacks, peerbuf_export_info, fallbacks)
NUMBER(export_file_direct, peerbuf_export_info, file_direct)
NUMBER(export_file_bounced, peerbuf_export_info, file_bounced)
NUMBER(export_revokes, peerbuf_export_info, revokes)
NUMBER(export_refusals, peerbuf_export_info, refusals)
FLAG(export_persist, peerbuf_export_info, PEERBUF_EXPORT_F_PERSIST)
FLAG(export_fallback, peerbuf_export_info, PEERBUF_EXPORT_F_FALLBACK)
FLAG(export_no_cpu, peerbuf_export_info, PEERBUF_EXPORT_F_NO_CPU)

static void export_function(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	value_addr(value, info->addr);
}

static void export_size(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	value->number = info->buffer_size;
	value->text = size_text(value->number);
}

static void export_state(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	value->text = state_text(info);
}

static void export_system(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	value->number = info->system_size;
	value->text = value->number ? size_text(value->number) : "";
}

static void export_parent(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	value->number = info->parent;
	value->none = !value->number;
}

static void export_comm(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	value->text = format_text("%.16s", info->comm);
}

static void export_process(const void *part, struct value *value)
{
	const struct peerbuf_export_info *info = part;

	set_process(value, info->comm, info->pid);
}

NUMBER(importer_pid, peerbuf_attachment_info, pid)
NUMBER(importer_mappings, peerbuf_attachment_info, nr_mappings)
NUMBER(importer_ranges, peerbuf_attachment_info, mapped_ranges)
NUMBER(importer_pins, peerbuf_attachment_info, pins)
FLAG(importer_dynamic, peerbuf_attachment_info, PEERBUF_ATTACH_F_DYNAMIC)
FLAG(importer_revocable, peerbuf_attachment_info, PEERBUF_ATTACH_F_REVOCABLE)
FLAG(importer_uses_segments, peerbuf_attachment_info, PEERBUF_ATTACH_F_SEGMENTS)

static void importer_function(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value_addr(value, importer->addr);
}

static void importer_device(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value->text = format_text("%.32s", importer->device);
}

static void importer_driver(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value->text = format_text("%.32s", importer->driver);
}

static void importer_comm(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value->text = format_text("%.16s", importer->comm);
}

static void importer_process(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	set_process(value, importer->comm, importer->pid);
}

static void importer_route(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value->route = &importer->route;
	value->text = route_cell(value->route);
}

static void importer_segments(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value->number = importer->nr_segments;
	if (!importer->nr_mappings)
		value->text = "";
}

static void importer_dma_addr(const void *part, struct value *value)
{
	const struct peerbuf_attachment_info *importer = part;

	value->number = importer->dma_addr;
	value->none = !importer->nr_mappings;
}

NUMBER(vfio_pid, vfio_mapping, pid)
NUMBER(vfio_error, vfio_mapping, error)
NUMBER(vfio_changes, vfio_mapping, changes)

static void vfio_device(const void *part, struct value *value)
{
	const struct vfio_mapping *mapping = part;

	value_addr(value, mapping->device);
}

static void vfio_iova(const void *part, struct value *value)
{
	const struct vfio_mapping *mapping = part;

	value->number = mapping->iova;
	value->text = format_text("0x%" PRIx64, value->number);
}

static void vfio_length(const void *part, struct value *value)
{
	const struct vfio_mapping *mapping = part;

	value->number = mapping->length;
	value->text = size_text(value->number);
}

static void vfio_offset(const void *part, struct value *value)
{
	const struct vfio_mapping *mapping = part;

	value->number = mapping->offset;
	value->text = format_text("0x%" PRIx64, value->number);
}

static void vfio_access(const void *part, struct value *value)
{
	const struct vfio_mapping *mapping = part;
	uint32_t access = mapping->access;

	value->text = format_text("%s%s", access & PEERBUF_VFIO_MAP_F_READ ? "r" : "-",
				  access & PEERBUF_VFIO_MAP_F_WRITE ? "w" : "-");
}

static void vfio_state(const void *part, struct value *value)
{
	const struct vfio_mapping *mapping = part;

	value->text = peerbuf_vfio_state_name(mapping->state);
}

const struct column_info ps_columns[] = {
	{ "ID", VALUE_NUMBER, TABLE_RIGHT, "the export's number", export_id, ps_export },
	{ "MEMORY_OF", VALUE_TEXT, 0, "the function whose memory it is",
	  export_function, ps_export, "function" },
	{ "SIZE", VALUE_NUMBER, TABLE_RIGHT, "of the buffer", export_size, ps_export },
	{ "STATE", VALUE_TEXT, 0, "see above", export_state, ps_export },
	{ "PERSIST", VALUE_BOOL, 0, "it outlives the node's descriptor",
	  export_persist, ps_export },
	{ "FALLBACK", VALUE_BOOL, 0, "it moves for importers that cannot access it",
	  export_fallback, ps_export },
	{ "NO_CPU", VALUE_BOOL, 0, "the CPU must not access it", export_no_cpu, ps_export },
	{ "SEGMENT_ALIGN", VALUE_NUMBER, TABLE_RIGHT, "where its DMA segments are cut",
	  export_segment_align, ps_export },
	{ "MAX_SEGMENT", VALUE_NUMBER, TABLE_RIGHT, "how long its DMA segments may be",
	  export_max_segment, ps_export },
	{ "SYSTEM", VALUE_NUMBER, TABLE_RIGHT, "how much of it is in system memory",
	  export_system, ps_export, "system_size" },
	{ "HIDDEN", VALUE_NUMBER, TABLE_RIGHT, "how much only its own device can address",
	  export_hidden, ps_export, "hidden_size" },
	{ "PARENT", VALUE_NUMBER, TABLE_RIGHT, "the export that it is a part of",
	  export_parent, ps_export },
	{ "RANGES", VALUE_NUMBER, TABLE_RIGHT, "that it consists of", export_ranges, ps_export },
	{ "DEVICES", VALUE_NUMBER, TABLE_RIGHT, "functions whose memory it has",
	  export_devices, ps_export },
	{ "EXPORTER", VALUE_TEXT, COLUMN_TEXT_ONLY, "the process that exported, or the driver",
	  export_process, ps_export },
	{ "COMM", VALUE_TEXT, 0, "the name of that process", export_comm, ps_export, "process" },
	{ "PID", VALUE_NUMBER, TABLE_RIGHT, "its number", export_pid, ps_export },
	{ "ALL_PINS", VALUE_NUMBER, TABLE_RIGHT, "that keep it where it is",
	  export_pins, ps_export, "pins" },
	{ "MAPPINGS", VALUE_NUMBER, TABLE_RIGHT, "in force", export_mappings, ps_export },
	{ "MAPS", VALUE_NUMBER, TABLE_RIGHT, "mappings made so far", export_maps, ps_export },
	{ "MOVES", VALUE_NUMBER, TABLE_RIGHT, "how often it was moved", export_moves, ps_export },
	{ "FALLBACKS", VALUE_NUMBER, TABLE_RIGHT,
	  "how often because an importer could not access it", export_fallbacks, ps_export },
	{ "FILE_DIRECT", VALUE_NUMBER, TABLE_RIGHT, "bytes that drives moved",
	  export_file_direct, ps_export },
	{ "FILE_BOUNCED", VALUE_NUMBER, TABLE_RIGHT, "bytes of files through system memory",
	  export_file_bounced, ps_export },
	{ "REVOKES", VALUE_NUMBER, TABLE_RIGHT, "how often it was withdrawn",
	  export_revokes, ps_export },
	{ "REFUSALS", VALUE_NUMBER, TABLE_RIGHT, "importers that it refused",
	  export_refusals, ps_export },
	{ "FUNCTION", VALUE_TEXT, 0, "the importing function", importer_function, ps_importer },
	{ "IMPORTER", VALUE_TEXT, 0, "the importing device",
	  importer_device, ps_importer, "device" },
	{ "DRIVER", VALUE_TEXT, 0, "of that device", importer_driver, ps_importer },
	{ "PROCESS", VALUE_TEXT, COLUMN_TEXT_ONLY, "that attached it",
	  importer_process, ps_importer },
	{ "IMPORTER_COMM", VALUE_TEXT, 0, "the name of that process",
	  importer_comm, ps_importer, "process" },
	{ "IMPORTER_PID", VALUE_NUMBER, TABLE_RIGHT, "its number",
	  importer_pid, ps_importer, "pid" },
	{ "ROUTE", VALUE_ROUTE, 0, "as in 'peerbuf topo'", importer_route, ps_importer },
	{ "MAPPED", VALUE_NUMBER, TABLE_RIGHT, "its mappings in force",
	  importer_mappings, ps_importer, "mappings" },
	{ "MAPPED_RANGES", VALUE_NUMBER, TABLE_RIGHT, "ranges of the latest mapping",
	  importer_ranges, ps_importer },
	{ "SEGS", VALUE_NUMBER, TABLE_RIGHT, "DMA segments of the latest mapping",
	  importer_segments, ps_importer, "segments" },
	{ "DMA_ADDR", VALUE_NUMBER, TABLE_RIGHT, "its first DMA address",
	  importer_dma_addr, ps_importer },
	{ "PINS", VALUE_NUMBER, TABLE_RIGHT, "pins of this importer", importer_pins, ps_importer },
	{ "DYNAMIC", VALUE_BOOL, 0, "it follows when the buffer moves",
	  importer_dynamic, ps_importer },
	{ "REVOCABLE", VALUE_BOOL, 0, "it gives the memory back when asked",
	  importer_revocable, ps_importer },
	{ "USES_SEGMENTS", VALUE_BOOL, 0, "its driver uses peerbuf's helper",
	  importer_uses_segments, ps_importer },
	{ NULL }
};

const struct column_info ps_vfio_columns[] = {
	{ "ID", VALUE_NUMBER, TABLE_RIGHT, "the export's number", export_id, ps_export },
	{ "DEVICE", VALUE_TEXT, 0, "the VFIO device", vfio_device, ps_mapping },
	{ "PID", VALUE_NUMBER, TABLE_RIGHT, "a process that has it open", vfio_pid, ps_mapping },
	{ "IOVA", VALUE_NUMBER, TABLE_RIGHT, "where it is in the device's space",
	  vfio_iova, ps_mapping },
	{ "LENGTH", VALUE_NUMBER, TABLE_RIGHT, "of the piece", vfio_length, ps_mapping },
	{ "OFFSET", VALUE_NUMBER, TABLE_RIGHT, "of the piece in the buffer",
	  vfio_offset, ps_mapping },
	{ "ACCESS", VALUE_TEXT, 0, "what the device may do", vfio_access, ps_mapping },
	{ "STATE", VALUE_TEXT, 0, "MAPPED, AWAY, DEAD or FAILED", vfio_state, ps_mapping },
	{ "ERRNO", VALUE_NUMBER, TABLE_RIGHT, "why it is FAILED", vfio_error, ps_mapping },
	{ "CHANGES", VALUE_NUMBER, TABLE_RIGHT, "how often STATE has changed",
	  vfio_changes, ps_mapping },
	{ NULL }
};
