// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"
#include "tool.h"

/**
 * struct export_view - an export with its importers
 * @info: the export
 * @importers: an array to free(3)
 * @nr: how many
 */
struct export_view {
	struct peerbuf_export_info info;
	struct peerbuf_attachment_info *importers;
	size_t nr;
};

struct views {
	struct export_view *view;
	size_t nr;
};

static const char *process_text(const char *comm, uint32_t pid)
{
	if (pid)
		return format_text("%.16s/%" PRIu32, comm, pid);
	return format_text("%.16s", comm);
}

/* -ENOENT is an export that ended since it was listed. */
static int views_add(struct views *views, int fd, const struct peerbuf_export_info *info)
{
	struct export_view view = { .info = *info };
	struct peerbuf_error error;
	int ret;

	ret = peerbuf_attachments(fd, info->id, &view.importers, &view.nr, &error);
	if (ret == -ENOENT)
		return EXIT_OK;
	if (ret)
		return failed(&error, NULL, "export %" PRIu64, (uint64_t)info->id);
	views->view = reallocarray(views->view, views->nr + 1, sizeof(view));
	if (!views->view)
		out_of_memory();
	views->view[views->nr++] = view;
	return EXIT_OK;
}

static int collect(struct views *views, int fd, struct peerbuf_error *error)
{
	struct peerbuf_export_info *exports;
	size_t n, nr;
	int ret = peerbuf_list(fd, &exports, &nr, error);

	if (ret)
		return ret;
	for (n = 0; !ret && n < nr; n++)
		ret = views_add(views, fd, &exports[n]);
	free(exports);
	return ret;
}

static int by_id(const void *a, const void *b)
{
	const struct export_view *x = a, *y = b;

	return (x->info.id > y->info.id) - (x->info.id < y->info.id);
}

/* A node tells of an export only what is its own function's: together they tell more. */
static void views_join(struct export_view *known, struct export_view *more)
{
	struct export_view whole = *more;

	if (known->info.state & PEERBUF_STATE_F_SHARED &&
	    !(more->info.state & PEERBUF_STATE_F_SHARED)) {
		*more = *known;
		*known = whole;
	} else if (known->info.state & PEERBUF_STATE_F_SHARED) {
		known->info.nr_ranges += more->info.nr_ranges;
		known->info.nr_devices += more->info.nr_devices;
		known->info.system_size += more->info.system_size;
		known->info.hidden_size += more->info.hidden_size;
	}
	free(more->importers);
}

/* An export with memory of several functions is listed by the node of each. */
static void views_unique(struct views *views)
{
	size_t n, kept = 0;

	if (views->nr)
		qsort(views->view, views->nr, sizeof(*views->view), by_id);
	for (n = 0; n < views->nr; n++) {
		if (kept && views->view[kept - 1].info.id == views->view[n].info.id)
			views_join(&views->view[kept - 1], &views->view[n]);
		else
			views->view[kept++] = views->view[n];
	}
	views->nr = kept;
}

/* Without CAP_SYS_ADMIN: what the nodes say that this user may open. */
static int collect_nodes(struct views *views, int control)
{
	struct peerbuf_error error;
	uint64_t *addrs;
	size_t n, nr;
	int ret = peerbuf_devices(control, &addrs, &nr, &error);

	if (ret)
		return failed(&error, NULL, "devices");
	for (n = 0; n < nr; n++) {
		int node = peerbuf_open_addr(addrs[n], O_RDONLY);

		if (node < 0) {
			warning("%s: not shown, no permission", addr_text(addrs[n]));
			continue;
		}
		if (collect(views, node, &error) < 0)
			failed(&error, NULL, "%s", addr_text(addrs[n]));
		peerbuf_close(node);
	}
	free(addrs);
	views_unique(views);
	return EXIT_OK;
}

static int collect_all(struct views *views)
{
	int control = open_control(O_RDONLY);
	struct peerbuf_error error;
	int ret;

	if (control < 0)
		return -control;
	ret = collect(views, control, &error);
	if (ret == -EPERM)
		ret = collect_nodes(views, control);
	else if (ret < 0)
		ret = failed(&error, NULL, "list");
	peerbuf_close(control);
	return ret;
}

static int collect_named(const struct command *self, struct views *views, const char *name)
{
	uint64_t addr = parse_addr(self, name);
	int node = open_node(addr, O_RDONLY);
	struct peerbuf_error error;
	int ret;

	if (node < 0)
		return -node;
	ret = collect(views, node, &error);
	if (ret < 0)
		ret = failed(&error, NULL, "%s", addr_text(addr));
	peerbuf_close(node);
	return ret;
}

/* Every row repeats the export, so that each can be read by itself. */
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

/* The last refusal answers the question that brings most people here. */
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
	json_set_number(object, "dma_addr", importer->dma_addr);
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

static struct json_object *export_json(const struct export_view *view)
{
	const struct peerbuf_export_info *info = &view->info;
	struct json_object *object = json_new(), *importers = json_new_array();
	size_t n;

	json_set_number(object, "id", info->id);
	json_set_addr(object, "function", info->addr);
	json_set_number(object, "size", info->buffer_size);
	json_set_text(object, "state", state_text(info));
	json_set_bool(object, "allow_pinned", info->flags & PEERBUF_EXPORT_F_ALLOW_PINNED);
	json_set_bool(object, "persist", info->flags & PEERBUF_EXPORT_F_PERSIST);
	json_set_bool(object, "fallback", info->flags & PEERBUF_EXPORT_F_FALLBACK);
	json_set_bool(object, "no_cpu", info->flags & PEERBUF_EXPORT_F_NO_CPU);
	json_set_number(object, "system_size", info->system_size);
	json_set_number(object, "hidden_size", info->hidden_size);
	json_set_number(object, "ranges", info->nr_ranges);
	json_set_number(object, "devices", info->nr_devices);
	json_set_text(object, "process", format_text("%.16s", info->comm));
	json_set_number(object, "pid", info->pid);
	json_set_number(object, "pins", info->pins);
	json_set_number(object, "mappings", info->nr_mappings);
	json_set_number(object, "maps", info->maps);
	json_set_number(object, "moves", info->moves);
	json_set_number(object, "fallbacks", info->fallbacks);
	json_set_number(object, "revokes", info->revokes);
	json_set_number(object, "refusals", info->refusals);
	json_set(object, "last_refusal", info->refusals ? refusal_json(info) : NULL);
	for (n = 0; n < view->nr; n++)
		json_append(importers, importer_json(&view->importers[n]));
	json_set(object, "importers", importers);
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

static void views_free(struct views *views)
{
	while (views->nr)
		free(views->view[--views->nr].importers);
	free(views->view);
}

static int ps_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, JSON_OPTION, { 0 } };
	struct views views = { 0 };
	bool json = false;
	int option, ret;

	while ((option = next_option(self, argc, argv, ":hj", options)) != -1)
		json |= option == 'j';
	if (count_arguments(self, argc, 0, 1))
		ret = collect_named(self, &views, argv[optind]);
	else
		ret = collect_all(&views);
	if (!ret && json)
		print_json(&views);
	else if (!ret && views.nr)
		print_text(&views);
	else if (!ret)
		puts("Nothing is exported.");
	views_free(&views);
	return ret;
}

const struct command ps_command = {
	.name = "ps",
	.synopsis = "[-j] [FUNCTION]",
	.summary = "Show what is exported, by whom, and who imports it",
	.help = "  FUNCTION              only exports of this function's memory\n"
		"  -j, --json            print JSON\n",
	.notes = "SYSTEM is how much of it is in system memory, FALLBACKS how often it moved\n"
		"because somebody could not reach it. ROUTE is as in 'peerbuf topo', SEGS counts\n"
		"the DMA segments of the mapping. STATE is live or: revoked, down (device\n"
		"suspended or in reset), dead (for good), pinned (cannot move now), vmapped (the\n"
		"kernel has a CPU mapping), busy (somebody is at work on it, copying it, say: not\n"
		"all is known), shared (it has memory of others, which this node does\n"
		"not show), hidden (only its own device can address it).\n",
	.run = ps_run,
};
