// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ps.h"
#include "screen.h"
#include "tool.h"

/* Every row repeats the export, so that each row can be read by itself. */
#define PS_COLUMNS	"ID,MEMORY_OF,SIZE,SYSTEM,FALLBACKS,STATE,EXPORTER,"	\
			"IMPORTER,DRIVER,PROCESS,ROUTE,SEGS,PINS"
#define PS_VFIO_COLUMNS	"ID,DEVICE,PID,IOVA,LENGTH,OFFSET,ACCESS,STATE,CHANGES"

/**
 * struct looking - what to show
 * @name: of a function, or NULL for all
 * @addr: its address
 * @json: print JSON
 * @lines: print a JSON object per line and export
 * @vfio: show the mappings of VFIO devices instead
 * @seconds: time between two updates; 0: print once
 * @columns: of the table
 */
struct looking {
	const char *name;
	uint64_t addr;
	bool json;
	bool lines;
	bool vfio;
	double seconds;
	struct columns columns;
};

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

/**
 * struct rows - the rows of a table
 * @row: an array to free(3)
 * @nr: number of rows
 */
struct rows {
	struct ps_row *row;
	size_t nr;
};

static void add_row(struct rows *rows, const struct ps_row *row)
{
	rows->row = reallocarray(rows->row, rows->nr + 1, sizeof(*row));
	if (!rows->row)
		out_of_memory();
	rows->row[rows->nr++] = *row;
}

/* A row for each importer, and one for an export that has none. */
static void add_importers(struct rows *rows, const struct export_view *view)
{
	size_t n;

	for (n = 0; n < view->nr || !n; n++)
		add_row(rows, &(struct ps_row){
			.info = &view->info,
			.importer = view->nr ? &view->importers[n] : NULL,
		});
}

static void add_vfio(struct rows *rows, const struct export_view *view)
{
	size_t n;

	for (n = 0; n < view->nr_vfio; n++)
		add_row(rows, &(struct ps_row){
			.info = &view->info,
			.mapping = &view->vfio[n],
		});
}

static void print_rows(const struct looking *looking, const struct rows *rows)
{
	const void **pointers = calloc(rows->nr + 1, sizeof(*pointers));
	size_t n;

	if (!pointers)
		out_of_memory();
	for (n = 0; n < rows->nr; n++)
		pointers[n] = &rows->row[n];
	columns_print(&looking->columns, pointers, rows->nr);
	free(pointers);
}

static void print_table(const struct looking *looking, const struct views *views)
{
	struct rows rows = { 0 };
	size_t n;

	for (n = 0; n < views->nr; n++) {
		if (looking->vfio)
			add_vfio(&rows, &views->view[n]);
		else
			add_importers(&rows, &views->view[n]);
	}
	if (looking->vfio && !rows.nr)
		puts("No export is in the IOVA space of a VFIO device.");
	else
		print_rows(looking, &rows);
	free(rows.row);
}

static void print_refusals(const struct views *views)
{
	size_t n;

	for (n = 0; n < views->nr; n++)
		if (views->view[n].info.refusals)
			print_refusal(&views->view[n].info);
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

static struct json_object *row_json(const struct column_info *infos,
				    const void *(*of)(const void *row), const struct ps_row *row)
{
	struct json_object *object = json_new();

	columns_json_of(object, infos, of, row);
	return object;
}

static struct json_object *export_json(const struct export_view *view)
{
	struct json_object *importers = json_new_array(), *vfio = json_new_array();
	struct ps_row row = { .info = &view->info };
	struct json_object *object = row_json(ps_columns, ps_export, &row);
	size_t n;

	json_set(object, "last_refusal",
		 view->info.refusals ? refusal_json(&view->info) : NULL);
	for (n = 0; n < view->nr; n++) {
		row.importer = &view->importers[n];
		json_append(importers, row_json(ps_columns, ps_importer, &row));
	}
	json_set(object, "importers", importers);
	for (n = 0; n < view->nr_vfio; n++) {
		row.mapping = &view->vfio[n];
		json_append(vfio, row_json(ps_vfio_columns, ps_mapping, &row));
	}
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
	else if (!looking->vfio && !views->nr)
		puts("Nothing is exported.");
	else
		print_table(looking, views);
	if (!looking->json && !looking->vfio)
		print_refusals(views);
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
		{ "output", required_argument, NULL, 'o' },
		{ "vfio", no_argument, NULL, 'v' }, { "watch", optional_argument, NULL, 'w' },
		{ 0 }
	};
	struct looking looking = { .columns = { .headings = true } };
	const char *columns = NULL;
	int option;

	while ((option = next_option(self, argc, argv, ":hjJo:vw::", options)) != -1) {
		if (option == 'o')
			columns = optarg;
		if (option == 'w')
			looking.seconds = parse_interval(self, optarg);
		looking.vfio |= option == 'v';
		looking.lines |= option == 'J';
		looking.json |= option == 'j' || option == 'J';
	}
	if (columns && looking.json)
		usage_error(self, "--output chooses columns of the table; JSON has all");
	looking.columns.infos = looking.vfio ? ps_vfio_columns : ps_columns;
	columns_choose(self, &looking.columns, columns,
		       looking.vfio ? PS_VFIO_COLUMNS : PS_COLUMNS);
	/* A program that reads updates gets one line for each. */
	looking.lines |= looking.json && looking.seconds;
	if (count_arguments(self, argc, 0, 1)) {
		looking.name = argv[optind];
		looking.addr = parse_addr(self, looking.name);
	}
	return looking.seconds ? watch(&looking) : look(&looking);
}

static void print_columns(void)
{
	puts("\nColumns:");
	columns_help(ps_columns);
	puts("\nColumns with --vfio:");
	columns_help(ps_vfio_columns);
}

const struct command ps_command = {
	.name = "ps",
	.synopsis = "[-jJv] [-o COLUMNS] [--watch[=SECONDS]] [FUNCTION]",
	.summary = "Show exports, their exporters and their importers",
	.help = "  FUNCTION              only exports of this function's memory\n"
		"  -v, --vfio            where buffers are in the IOVA spaces of VFIO devices\n"
		"  -o, --output COLUMNS  a table with these columns; +COLUMN adds one\n"
		"  -w, --watch[=SECONDS] again and again, every 2 seconds; q ends it\n"
		"  -j, --json            print JSON\n"
		"  -J, --ndjson          print JSON, an object per line and export, with the\n"
		"                        time; so does -j with --watch\n",
	.notes = "STATE is live, or: revoked, down (suspended or in reset), dead (for good),\n"
		"pinned (cannot move now), vmapped (the kernel has a CPU mapping), busy (locked,\n"
		"for example by a copy: not all is known), shared (it also has memory of others,\n"
		"which this node does not show), hidden (only its own device can address it).\n"
		"--vfio looks into processes, which needs the right to trace them.\n",
	.columns = print_columns,
	.run = ps_run,
};
