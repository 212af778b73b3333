// SPDX-License-Identifier: GPL-2.0-only
/* top: shows what happens to exports now, the busiest first, with their importers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "screen.h"
#include "table.h"
#include "tool.h"
#include "views.h"

#define LINES_ABOVE	4 /* the total, a blank line, headings, and the cursor's own */

/**
 * struct busy - an export, and what happened to it since the last update
 * @view: the export
 * @maps: mappings made
 * @moves: moves made
 * @refusals: importers refused
 */
struct busy {
	const struct export_view *view;
	uint64_t maps;
	uint64_t moves;
	uint64_t refusals;
};

/**
 * struct sample - the data of one update
 * @views: the exports
 * @stats: counters of all exports together
 * @when: time in seconds
 */
struct sample {
	struct views views;
	struct peerbuf_ioc_stats stats;
	double when;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static int take(struct sample *sample)
{
	int control = open_control(O_RDONLY), ret;
	struct peerbuf_error error;

	if (control < 0)
		return -control;
	ret = peerbuf_stats(control, &sample->stats, &error);
	peerbuf_close(control);
	if (ret)
		return failed(&error, NULL, "top");
	sample->when = now();
	return views_collect(&sample->views);
}

static const struct peerbuf_export_info *info_before(const struct sample *before, uint64_t id)
{
	size_t n;

	for (n = 0; n < before->views.nr; n++)
		if (before->views.view[n].info.id == id)
			return &before->views.view[n].info;
	return NULL;
}

/* A new export counts from zero. */
static struct busy busy_of(const struct sample *before, const struct export_view *view)
{
	static const struct peerbuf_export_info nothing;
	const struct peerbuf_export_info *old = info_before(before, view->info.id);

	if (!old)
		old = &nothing;
	return (struct busy) {
		.view = view,
		.maps = view->info.maps - old->maps,
		.moves = view->info.moves - old->moves,
		.refusals = view->info.refusals - old->refusals,
	};
}

static int by_business(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;
	uint64_t mine = x->maps + x->moves + x->refusals;
	uint64_t theirs = y->maps + y->moves + y->refusals;

	if (mine != theirs)
		return mine < theirs ? 1 : -1;
	return (x->view->info.id > y->view->info.id) - (x->view->info.id < y->view->info.id);
}

static const char *rate_text(uint64_t nr, double seconds)
{
	return format_text("%.1f", seconds > 0 ? nr / seconds : 0);
}

static void add_row(struct libscols_table *table, const struct busy *busy, double seconds,
		    const struct peerbuf_attachment_info *importer)
{
	const struct peerbuf_export_info *info = &busy->view->info;
	const char *id = format_text("%" PRIu64, (uint64_t)info->id);
	const char *maps = rate_text(busy->maps, seconds), *moves = rate_text(busy->moves, seconds);
	const char *refusals = rate_text(busy->refusals, seconds);

	if (!importer) {
		table_row(table, id, addr_text(info->addr), size_text(info->buffer_size),
			  state_text(info), maps, moves, refusals, "-", "-", "-", "-", "-",
			  format_text("%.16s", info->comm));
		return;
	}
	table_row(table, id, addr_text(info->addr), size_text(info->buffer_size),
		  state_text(info), maps, moves, refusals, format_text("%.32s", importer->device),
		  route_cell(&importer->route), format_text("%" PRIu32, importer->nr_mappings),
		  format_text("%" PRIu32, importer->nr_segments),
		  format_text("%" PRIu32, importer->pins), format_text("%.16s", importer->comm));
}

static void print_total(const struct sample *before, const struct sample *after)
{
	double seconds = after->when - before->when;
	const struct peerbuf_ioc_stats *x = &before->stats, *y = &after->stats;

	printf("%" PRIu64 " export%s, %" PRIu64 " mapping%s; in a second %s maps, %s unmaps, "
	       "%s moves, %s revokes, %s refusals, %s faults\n\n", (uint64_t)y->live_exports,
	       plural(y->live_exports), (uint64_t)y->live_mappings, plural(y->live_mappings),
	       rate_text(y->maps - x->maps, seconds),
	       rate_text(y->unmaps - x->unmaps, seconds), rate_text(y->moves - x->moves, seconds),
	       rate_text(y->revokes - x->revokes, seconds),
	       rate_text(y->refusals - x->refusals, seconds),
	       rate_text(y->faults - x->faults, seconds));
}

static void add_rows(struct libscols_table *table, const struct busy *busy, size_t nr,
		     double seconds)
{
	unsigned int room = screen_lines();
	size_t n, i;

	room = room > LINES_ABOVE ? room - LINES_ABOVE : 1;
	for (n = 0; n < nr; n++) {
		for (i = 0; i < busy[n].view->nr && room; i++, room--)
			add_row(table, &busy[n], seconds, &busy[n].view->importers[i]);
		if (busy[n].view->nr || !room)
			continue;
		add_row(table, &busy[n], seconds, NULL);
		room--;
	}
}

static void print(const struct sample *before, const struct sample *after)
{
	struct libscols_table *table = table_new();
	struct busy *busy = calloc(after->views.nr + 1, sizeof(*busy));
	size_t n;

	if (!busy)
		out_of_memory();
	for (n = 0; n < after->views.nr; n++)
		busy[n] = busy_of(before, &after->views.view[n]);
	qsort(busy, n, sizeof(*busy), by_business);
	print_total(before, after);
	table_columns(table, (const struct column[]) {
		{ "ID", TABLE_RIGHT }, { "MEMORY_OF", 0 }, { "SIZE", TABLE_RIGHT }, { "STATE", 0 },
		{ "MAPS/S", TABLE_RIGHT }, { "MOVES/S", TABLE_RIGHT },
		{ "REFUSED/S", TABLE_RIGHT }, { "IMPORTER", 0 }, { "ROUTE", 0 },
		{ "MAPPINGS", TABLE_RIGHT }, { "SEGS", TABLE_RIGHT }, { "PINS", TABLE_RIGHT },
		{ "PROCESS", TABLE_CUT }, { NULL, 0 },
	});
	add_rows(table, busy, n, after->when - before->when);
	table_print(table);
	free(busy);
}

static int top(double seconds, unsigned long rounds)
{
	struct sample before = { 0 }, after = { 0 };
	unsigned long n;
	int ret = take(&before);

	screen_begin();
	for (n = 0; !ret && screen_wait(n ? seconds : 0.5); n++) {
		ret = take(&after);
		if (ret)
			break;
		screen_clear();
		print(&before, &after);
		texts_free();
		views_free(&before.views);
		before = after;
		after = (struct sample) { 0 };
		if (n + 1 == rounds)
			break;
	}
	views_free(&before.views);
	return ret;
}

static int top_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, { "delay", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'n' }, { 0 }
	};
	unsigned long rounds = 0;
	double seconds = 2;
	int option;
	char *end;

	while ((option = next_option(self, argc, argv, ":hd:n:", options)) != -1) {
		if (option == 'd')
			seconds = strtod(optarg, &end);
		else
			rounds = strtoul(optarg, &end, 10);
		if (end == optarg || *end || !(seconds >= 0.1 && seconds <= 86400) ||
		    (option == 'n' && (!rounds || *optarg == '-')))
			usage_error(self, "%s: not a number that makes sense here", optarg);
	}
	count_arguments(self, argc, 0, 0);
	return top(seconds, rounds);
}

const struct command top_command = {
	.name = "top",
	.synopsis = "[--delay SECONDS] [--rounds N]",
	.summary = "Show what happens to exports just now, the busiest first",
	.help = "  -d, --delay SECONDS   between two looks, 2 if nothing is said\n"
		"  -n, --rounds N        look so many times and end; without it q ends it\n",
	.notes = "MAPS/S, MOVES/S and REFUSED/S are the export's, over the time since the last\n"
		"look. Where the output is no terminal, one table follows the other.\n",
	.run = top_run,
};
