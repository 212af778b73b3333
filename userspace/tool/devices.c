// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "table.h"
#include "tool.h"

struct device_view {
	uint64_t addr;
	bool readable;
	struct peerbuf_ioc_info info;
};

static const char *kind_text(uint32_t flags)
{
	if (flags & PEERBUF_BAR_F_IO)
		return "io";
	return format_text("mem%s%s", flags & PEERBUF_BAR_F_64BIT ? "64" : "32",
			   flags & PEERBUF_BAR_F_PREFETCHABLE ? "-prefetch" : "");
}

static bool bar_exists(const struct peerbuf_bar *bar)
{
	return bar->flags & (PEERBUF_BAR_F_MEMORY | PEERBUF_BAR_F_IO);
}

/* A node that this user may not open is shown nevertheless, with what is known of it. */
static void look(struct device_view *view, uint64_t addr)
{
	int node = peerbuf_open_addr(addr, O_RDONLY);

	*view = (struct device_view) { .addr = addr };
	if (node < 0)
		return;
	view->readable = !peerbuf_info(node, &view->info, NULL);
	peerbuf_close(node);
}

/* Some machines have pages of 64 KiB, and a BAR may be smaller. */
static bool below_page(const struct peerbuf_bar *bar)
{
	return bar->size < (uint64_t)sysconf(_SC_PAGESIZE);
}

static const char *exportable_text(const struct peerbuf_bar *bar)
{
	if (bar->flags & PEERBUF_BAR_F_EXPORTABLE)
		return "yes";
	return bar->flags & PEERBUF_BAR_F_MEMORY && below_page(bar) ? "too-small" : "no";
}

static void add_rows(struct libscols_table *table, const struct device_view *view)
{
	const struct peerbuf_ioc_info *info = &view->info;
	const char *addr = addr_text(view->addr);
	unsigned int n;

	if (!view->readable) {
		table_row(table, addr, "-", "-", "-", "-", "-", function_driver(view->addr), "-",
			  "no-permission", function_name(view->addr));
		return;
	}
	for (n = 0; n < ARRAY_SIZE(info->bars); n++) {
		const struct peerbuf_bar *bar = &info->bars[n];

		if (!bar_exists(bar))
			continue;
		table_row(table, addr, format_text("%u", n), size_text(bar->size),
			  kind_text(bar->flags),
			  exportable_text(bar),
			  owner_text(info->owner), format_text("%.32s", info->driver),
			  format_text("%" PRIu32, info->nr_exports),
			  info->flags & PEERBUF_INFO_F_DOWN ? "down" : "up",
			  function_name(view->addr));
	}
}

static void print_text(const struct device_view *views, size_t nr)
{
	struct libscols_table *table;
	size_t n;

	if (!nr) {
		puts("No function is exportable; 'peerbuf allow FUNCTION --bar N' lends a BAR.");
		return;
	}
	table = table_new();
	table_columns(table, (const struct column[]) {
		{ "FUNCTION", 0 }, { "BAR", TABLE_RIGHT }, { "SIZE", TABLE_RIGHT }, { "TYPE", 0 },
		{ "EXPORTABLE", 0 }, { "OWNER", 0 }, { "DRIVER", 0 },
		{ "EXPORTS", TABLE_RIGHT }, { "STATE", 0 }, { "NAME", TABLE_CUT }, { NULL, 0 },
	});
	for (n = 0; n < nr; n++)
		add_rows(table, &views[n]);
	table_print(table);
}

static struct json_object *bar_json(const struct peerbuf_bar *bar, unsigned int number)
{
	struct json_object *object = json_new();

	json_set_number(object, "bar", number);
	json_set_number(object, "size", bar->size);
	json_set_number(object, "base", bar->base);
	json_set_text(object, "type", bar->flags & PEERBUF_BAR_F_IO ? "io" : "memory");
	json_set_bool(object, "prefetchable", bar->flags & PEERBUF_BAR_F_PREFETCHABLE);
	json_set_bool(object, "64bit", bar->flags & PEERBUF_BAR_F_64BIT);
	json_set_bool(object, "exportable", bar->flags & PEERBUF_BAR_F_EXPORTABLE);
	json_set_bool(object, "below_page",
		      bar->flags & PEERBUF_BAR_F_MEMORY && below_page(bar));
	return object;
}

static struct json_object *device_json(const struct device_view *view)
{
	struct json_object *object = json_new(), *bars = json_new_array();
	const struct peerbuf_ioc_info *info = &view->info;
	unsigned int n;

	json_set_addr(object, "function", view->addr);
	json_set_text(object, "name", function_name(view->addr));
	json_set_bool(object, "readable", view->readable);
	if (view->readable) {
		json_set_text(object, "owner", owner_text(info->owner));
		json_set_text(object, "driver", format_text("%.32s", info->driver));
		json_set_number(object, "exports", info->nr_exports);
		json_set_bool(object, "down", info->flags & PEERBUF_INFO_F_DOWN);
		json_set_bool(object, "pinned", info->flags & PEERBUF_INFO_F_PINNED);
		json_set_bool(object, "bus_master", info->flags & PEERBUF_INFO_F_BUS_MASTER);
		for (n = 0; n < ARRAY_SIZE(info->bars); n++)
			if (bar_exists(&info->bars[n]))
				json_append(bars, bar_json(&info->bars[n], n));
	}
	json_set(object, "bars", bars);
	return object;
}

static void print_json(const struct device_view *views, size_t nr)
{
	struct json_object *top = json_new(), *devices = json_new_array();
	size_t n;

	for (n = 0; n < nr; n++)
		json_append(devices, device_json(&views[n]));
	json_set(top, "devices", devices);
	json_print(top);
}

static int by_addr(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int show(bool json)
{
	int control = open_control(O_RDONLY);
	struct device_view *views;
	struct peerbuf_error error;
	uint64_t *addrs;
	size_t n, nr;
	int ret;

	if (control < 0)
		return -control;
	ret = peerbuf_devices(control, &addrs, &nr, &error);
	peerbuf_close(control);
	if (ret)
		return failed(&error, NULL, "devices");
	if (nr)
		qsort(addrs, nr, sizeof(*addrs), by_addr);
	views = calloc(nr + 1, sizeof(*views));
	if (!views)
		out_of_memory();
	for (n = 0; n < nr; n++)
		look(&views[n], addrs[n]);
	if (json)
		print_json(views, nr);
	else
		print_text(views, nr);
	free(views);
	free(addrs);
	return EXIT_OK;
}

static int devices_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, JSON_OPTION, { 0 } };
	bool json = false;
	int option;

	while ((option = next_option(self, argc, argv, ":hj", options)) != -1)
		json |= option == 'j';
	count_arguments(self, argc, 0, 0);
	return show(json);
}

#define NOTES	"EXPORTABLE is too-small for a BAR that is smaller than a page of this kernel.\n" \
		"OWNER is stub (bound to the peerbuf driver), lent (by 'peerbuf allow'), or\n" \
		"driver (registered by its own driver).\n"

const struct command devices_command = {
	.name = "devices",
	.synopsis = "[-j]",
	.summary = "List the functions whose memory can be exported, and their BARs",
	.help = "  -j, --json            print JSON\n",
	.notes = NOTES,
	.run = devices_run,
};

const struct command list_command = {
	.name = "list",
	.synopsis = "[-j]",
	.summary = "The same as devices",
	.help = "  -j, --json            print JSON\n",
	.notes = NOTES,
	.run = devices_run,
};
