// SPDX-License-Identifier: GPL-2.0-only
/* Prints all of a machine's functions as a tree, one per line, by libsmartcols. */
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "tool.h"
#include "topo.h"

static const char *acs_text(const struct function *function)
{
	switch (function->acs) {
	case ACS_NONE:
		return function->is_bridge ? "none" : "-";
	case ACS_READ:
		return function_redirects(function) ? "redirect" : "off";
	case ACS_GROUPED:
		return "redirect?";
	default:
		return function->is_bridge ? "?" : "-";
	}
}

static const char *bars_text(const struct function *function)
{
	struct value value = { 0 };
	const struct column_info *info;

	for (info = function_columns; info->name; info++)
		if (!strcmp(info->name, "BARS"))
			info->get(function, &value);
	return value.none ? "-" : value.text;
}

static struct libscols_line *add_line(struct libscols_table *table, struct libscols_line *above)
{
	struct libscols_line *line = scols_table_new_line(table, above);

	if (!line)
		out_of_memory();
	return line;
}

static void add_function(struct libscols_table *table, struct libscols_line *above,
			 const struct machine *machine, const struct function *function)
{
	struct libscols_line *line = add_line(table, above);
	int group = function->iommu_group, node = function->numa_node;
	size_t n;

	table_cell(line, 0, addr_text(function->addr), NULL);
	table_cell(line, 1, acs_text(function), function_redirects(function) ? "red" : NULL);
	table_cell(line, 2, group < 0 ? "-" : format_text("%d", group), NULL);
	table_cell(line, 3, node < 0 ? "-" : format_text("%d", node), NULL);
	table_cell(line, 4, link_text(&function->link), NULL);
	table_cell(line, 5, bars_text(function), NULL);
	table_cell(line, 6, function->driver, NULL);
	table_cell(line, 7, device_name(function->vendor, function->device), NULL);
	if (!function->is_bridge)
		return;
	for (n = 0; n < machine->nr; n++)
		if (machine->functions[n].up == function)
			add_function(table, line, machine, &machine->functions[n]);
}

static void add_root(struct libscols_table *table, const struct machine *machine, uint64_t root)
{
	struct libscols_line *line = add_line(table, NULL);
	size_t n;

	table_cell(line, 0, format_text("host:%04x:%02x", (uint32_t)(root >> 16),
					(unsigned int)(root >> 8 & 0xff)), "bold");
	for (n = 1; n < 8; n++)
		table_cell(line, n, "-", NULL);
	for (n = 0; n < machine->nr; n++)
		if (machine->functions[n].root == root && !machine->functions[n].up)
			add_function(table, line, machine, &machine->functions[n]);
}

static bool is_first_of_root(const struct machine *machine, size_t number)
{
	size_t n;

	for (n = 0; n < number; n++)
		if (machine->functions[n].root == machine->functions[number].root)
			return false;
	return true;
}

void tree_print(const struct machine *machine)
{
	struct libscols_table *table = table_new();
	size_t n;

	table_column(table, "FUNCTION", TABLE_TREE);
	table_columns(table, (const struct column[]) {
		{ "ACS", 0 }, { "GROUP", TABLE_RIGHT }, { "NUMA", TABLE_RIGHT },
		{ "LINK", TABLE_RIGHT }, { "BARS", 0 }, { "DRIVER", 0 }, { "NAME", TABLE_CUT },
		{ NULL, 0 },
	});
	for (n = 0; n < machine->nr; n++)
		if (is_first_of_root(machine, n))
			add_root(table, machine, machine->functions[n].root);
	table_print(table);
	putchar('\n');
	print_wrapped("ACS: redirect sends peer traffic up to the root complex, off and none let "
		      "it turn round, ? cannot be read without privilege, redirect? is told by "
		      "IOMMU groups only.", 0);
	print_wrapped("BARS: number and size, * where it can be resized.", 0);
}
