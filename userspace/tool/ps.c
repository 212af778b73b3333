// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <peerbuf_vfio.h>

#include "screen.h"
#include "table.h"
#include "tool.h"
#include "views.h"

/**
 * struct looking - what to show
 * @name: of a function, or NULL for all
 * @addr: its address
 * @json: print JSON
 * @lines: print a JSON object per line and export
 * @vfio: show the mappings of VFIO devices instead
 * @seconds: time between two updates; 0: print once
 */
struct looking {
	const char *name;
	uint64_t addr;
	bool json;
	bool lines;
	bool vfio;
	double seconds;
};

static const char *process_text(const char *comm, uint32_t pid)
{
	if (pid)
		return format_text("%.16s/%" PRIu32, comm, pid);
	return format_text("%.16s", comm);
}

/* Every row repeats the export, so that each row can be read by itself. */
static void add_row(struct libscols_table *table, const struct peerbuf_export_info *info,
		    const struct peerbuf_attachment_info *importer)
{
	const char *id = format_text("%" PRIu64, (uint64_t)info->id);
	const char *owner = process_text(info->comm, info->pid);
	const char *system = info->system_size ? size_text(info->system_size) : "-";
	const char *fallbacks = format_text("%" PRIu64, (uint64_t)info->fallbacks);

	if (!importer) {
		table_row(table, id, addr_text(info->addr), size_text(info->buffer_size),
			  system, fallbacks, state_text(info), owner, "-", "-", "-", "-", "-", "-");
		return;
	}
	table_row(table, id, addr_text(info->addr), size_text(info->buffer_size), system,
		  fallbacks, state_text(info), owner, format_text("%.32s", importer->device),
		  format_text("%.32s", importer->driver),
		  process_text(importer->comm, importer->pid), route_cell(&importer->route),
		  importer->nr_mappings ? format_text("%" PRIu32, importer->nr_segments) : "-",
		  format_text("%" PRIu32, importer->pins));
}

/* Prints the last refusal, which is what most users look for. */
static void print_refusal(const struct peerbuf_export_info *info)
{
	const struct subject subject = {
		.provider = info->addr,
		.client = info->last_refusal_addr,
		.bridge = info->last_refusal_route.decider,
	};
	bool no_route = info->last_refusal == PEERBUF_REASON_NO_ROUTE;
	uint32_t cause = no_route ? info->last_refusal_route.reason : info->last_refusal;
	char *help = advice(cause, &subject);

	printf("\nExport %" PRIu64 " has refused %" PRIu64 " importer%s, last %s: %s.\n",
	       (uint64_t)info->id, (uint64_t)info->refusals, info->refusals == 1 ? "" : "s",
	       addr_text(info->last_refusal_addr), peerbuf_reason_text(info->last_refusal));
	if (no_route && cause)
		printf("  No route: %s.\n", peerbuf_reason_text(cause));
	if (*help)
		printf("  What to do: %s.\n", help);
	free(help);
}

static void print_text(const struct views *views)
{
	struct libscols_table *table = table_new();
	size_t n, i;

	table_columns(table, (const struct column[]) {
		{ "ID", TABLE_RIGHT }, { "MEMORY_OF", 0 }, { "SIZE", TABLE_RIGHT },
		{ "SYSTEM", TABLE_RIGHT }, { "FALLBACKS", TABLE_RIGHT }, { "STATE", 0 },
		{ "EXPORTER", 0 }, { "IMPORTER", 0 }, { "DRIVER", 0 },
		{ "PROCESS", 0 }, { "ROUTE", 0 }, { "SEGS", TABLE_RIGHT }, { "PINS", TABLE_RIGHT },
		{ NULL, 0 },
	});
	for (n = 0; n < views->nr; n++) {
		const struct export_view *view = &views->view[n];

		for (i = 0; i < view->nr; i++)
			add_row(table, &view->info, &view->importers[i]);
		if (!view->nr)
			add_row(table, &view->info, NULL);
	}
	table_print(table);
	for (n = 0; n < views->nr; n++)
		if (views->view[n].info.refusals)
			print_refusal(&views->view[n].info);
}

static struct json_object *importer_json(const struct peerbuf_attachment_info *importer)
{
	struct json_object *object = json_new();

	json_set_addr(object, "function", importer->addr);
	json_set_text(object, "device", format_text("%.32s", importer->device));
	json_set_text(object, "driver", format_text("%.32s", importer->driver));
	json_set_text(object, "process", format_text("%.16s", importer->comm));
	json_set_number(object, "pid", importer->pid);
	json_set_route(object, "route", &importer->route);
	json_set_number(object, "mappings", importer->nr_mappings);
	json_set_number(object, "mapped_ranges", importer->mapped_ranges);
	json_set_number(object, "segments", importer->nr_segments);
	if (importer->nr_mappings)
		json_set_number(object, "dma_addr", importer->dma_addr);
	else
		json_set(object, "dma_addr", NULL);
	json_set_number(object, "pins", importer->pins);
	json_set_bool(object, "dynamic", importer->flags & PEERBUF_ATTACH_F_DYNAMIC);
	json_set_bool(object, "revocable", importer->flags & PEERBUF_ATTACH_F_REVOCABLE);
	json_set_bool(object, "uses_segments", importer->flags & PEERBUF_ATTACH_F_SEGMENTS);
	return object;
}

static struct json_object *refusal_json(const struct peerbuf_export_info *info)
{
	struct json_object *object = json_new();

	json_set_addr(object, "function", info->last_refusal_addr);
	json_set_text(object, "reason", peerbuf_reason_name(info->last_refusal));
	json_set_text(object, "text", peerbuf_reason_text(info->last_refusal));
	json_set_number(object, "errno", info->last_refusal_errno);
	if (info->last_refusal == PEERBUF_REASON_NO_ROUTE)
		json_set_route(object, "route", &info->last_refusal_route);
	return object;
}

static const char *access_text(uint32_t access)
{
	return format_text("%s%s", access & PEERBUF_VFIO_MAP_F_READ ? "r" : "-",
			   access & PEERBUF_VFIO_MAP_F_WRITE ? "w" : "-");
}

static void print_vfio(const struct views *views)
{
	struct libscols_table *table;
	size_t n, i, nr = 0;

	for (n = 0; n < views->nr; n++)
		nr += views->view[n].nr_vfio;
	if (!nr) {
		puts("No export is in the IOVA space of a VFIO device.");
		return;
	}
	table = table_new();
	table_columns(table, (const struct column[]) {
		{ "ID", TABLE_RIGHT }, { "DEVICE", 0 }, { "PID", TABLE_RIGHT },
		{ "IOVA", TABLE_RIGHT }, { "LENGTH", TABLE_RIGHT }, { "OFFSET", TABLE_RIGHT },
		{ "ACCESS", 0 }, { "STATE", 0 }, { "CHANGES", TABLE_RIGHT }, { NULL, 0 },
	});
	for (n = 0; n < views->nr; n++) {
		for (i = 0; i < views->view[n].nr_vfio; i++) {
			const struct vfio_mapping *mapping = &views->view[n].vfio[i];

			table_row(table,
				  format_text("%" PRIu64, (uint64_t)views->view[n].info.id),
				  addr_text(mapping->device),
				  format_text("%" PRIu32, mapping->pid),
				  format_text("0x%" PRIx64, mapping->iova),
				  size_text(mapping->length),
				  format_text("0x%" PRIx64, mapping->offset),
				  access_text(mapping->access),
				  peerbuf_vfio_state_name(mapping->state),
				  format_text("%" PRIu64, mapping->changes));
		}
	}
	table_print(table);
}

static struct json_object *vfio_json(const struct vfio_mapping *mapping)
{
	struct json_object *object = json_new();

	json_set_addr(object, "device", mapping->device);
	json_set_number(object, "pid", mapping->pid);
	json_set_number(object, "iova", mapping->iova);
	json_set_number(object, "length", mapping->length);
	json_set_number(object, "offset", mapping->offset);
	json_set_text(object, "access", access_text(mapping->access));
	json_set_text(object, "state", peerbuf_vfio_state_name(mapping->state));
	json_set_number(object, "errno", mapping->error);
	json_set_number(object, "changes", mapping->changes);
	return object;
}

static struct json_object *export_json(const struct export_view *view)
{
	const struct peerbuf_export_info *info = &view->info;
	struct json_object *object = json_new(), *importers = json_new_array();
	struct json_object *vfio = json_new_array();
	size_t n;

	json_set_number(object, "id", info->id);
	json_set_addr(object, "function", info->addr);
	json_set_number(object, "size", info->buffer_size);
	json_set_text(object, "state", state_text(info));
	json_set_bool(object, "persist", info->flags & PEERBUF_EXPORT_F_PERSIST);
	json_set_bool(object, "fallback", info->flags & PEERBUF_EXPORT_F_FALLBACK);
	json_set_bool(object, "no_cpu", info->flags & PEERBUF_EXPORT_F_NO_CPU);
	json_set_number(object, "segment_align", info->segment_align);
	json_set_number(object, "max_segment", info->max_segment);
	json_set_number(object, "system_size", info->system_size);
	json_set_number(object, "hidden_size", info->hidden_size);
	json_set_optional(object, "parent", info->parent);
	json_set_number(object, "ranges", info->nr_ranges);
	json_set_number(object, "devices", info->nr_devices);
	json_set_text(object, "process", format_text("%.16s", info->comm));
	json_set_number(object, "pid", info->pid);
	json_set_number(object, "pins", info->pins);
	json_set_number(object, "mappings", info->nr_mappings);
	json_set_number(object, "maps", info->maps);
	json_set_number(object, "moves", info->moves);
	json_set_number(object, "fallbacks", info->fallbacks);
	json_set_number(object, "file_direct", info->file_direct);
	json_set_number(object, "file_bounced", info->file_bounced);
	json_set_number(object, "revokes", info->revokes);
	json_set_number(object, "refusals", info->refusals);
	json_set(object, "last_refusal", info->refusals ? refusal_json(info) : NULL);
	for (n = 0; n < view->nr; n++)
		json_append(importers, importer_json(&view->importers[n]));
	json_set(object, "importers", importers);
	for (n = 0; n < view->nr_vfio; n++)
		json_append(vfio, vfio_json(&view->vfio[n]));
	json_set(object, "vfio", vfio);
	return object;
}

static void print_json(const struct views *views)
{
	struct json_object *top = json_new(), *exports = json_new_array();
	size_t n;

	for (n = 0; n < views->nr; n++)
		json_append(exports, export_json(&views->view[n]));
	json_set(top, "exports", exports);
	json_print(top);
}

/* Whole seconds are enough to tell the updates apart. */
static void print_lines(const struct views *views)
{
	time_t now = time(NULL);
	size_t n;

	for (n = 0; n < views->nr; n++) {
		struct json_object *object = export_json(&views->view[n]);

		json_set_number(object, "time", now);
		json_print_line(object);
	}
}

static void print_views(const struct looking *looking, const struct views *views)
{
	if (looking->lines)
		print_lines(views);
	else if (looking->json)
		print_json(views);
	else if (looking->vfio)
		print_vfio(views);
	else if (views->nr)
		print_text(views);
	else
		puts("Nothing is exported.");
}

static int look(const struct looking *looking)
{
	struct views views = { 0 };
	int ret;

	ret = looking->name ? views_collect_of(&views, looking->addr) : views_collect(&views);
	if (!ret) {
		if (looking->json || looking->vfio)
			vfio_mappings_join(&views);
		print_views(looking, &views);
	}
	views_free(&views);
	return ret;
}

static int watch(const struct looking *looking)
{
	int ret;

	screen_begin();
	do {
		screen_clear();
		ret = look(looking);
		texts_free();
	} while (!ret && screen_wait(looking->seconds));
	return ret;
}

static double parse_interval(const struct command *self, const char *text)
{
	char *end;
	double seconds = text ? strtod(text, &end) : 2;

	if (text && (end == text || *end || !(seconds >= 0.1 && seconds <= 86400)))
		usage_error(self, "%s: not a number of seconds from 0.1 to a day", text);
	return seconds;
}

static int ps_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, { "ndjson", no_argument, NULL, 'J' },
		{ "vfio", no_argument, NULL, 'v' }, { "watch", optional_argument, NULL, 'w' },
		{ 0 }
	};
	struct looking looking = { 0 };
	int option;

	while ((option = next_option(self, argc, argv, ":hjJvw::", options)) != -1) {
		if (option == 'w')
			looking.seconds = parse_interval(self, optarg);
		looking.vfio |= option == 'v';
		looking.lines |= option == 'J';
		looking.json |= option == 'j' || option == 'J';
	}
	/* A program that reads updates gets one line for each. */
	looking.lines |= looking.json && looking.seconds;
	if (count_arguments(self, argc, 0, 1)) {
		looking.name = argv[optind];
		looking.addr = parse_addr(self, looking.name);
	}
	return looking.seconds ? watch(&looking) : look(&looking);
}

const struct command ps_command = {
	.name = "ps",
	.synopsis = "[-jJv] [--watch[=SECONDS]] [FUNCTION]",
	.summary = "Show exports, their exporters and their importers",
	.help = "  FUNCTION              only exports of this function's memory\n"
		"  -v, --vfio            where buffers are in the IOVA spaces of VFIO devices\n"
		"  -w, --watch[=SECONDS] again and again, every 2 seconds; q ends it\n"
		"  -j, --json            print JSON\n"
		"  -J, --ndjson          print JSON, an object per line and export, with the\n"
		"                        time; so does -j with --watch\n",
	.notes = "SYSTEM is how much of it is in system memory, FALLBACKS how often it moved\n"
		"because an importer could not access it. ROUTE is as in 'peerbuf topo', SEGS\n"
		"counts the DMA segments of the mapping. STATE is live or: revoked, down (device\n"
		"suspended or in reset), dead (for good), pinned (cannot move now), vmapped (the\n"
		"kernel has a CPU mapping), busy (locked, for example by a copy: not all is\n"
		"known), shared (it also has memory of others, which this node does not show),\n"
		"hidden (only its own device can address it).\n"
		"--vfio looks into processes, which needs the right to trace them.\n",
	.run = ps_run,
};
