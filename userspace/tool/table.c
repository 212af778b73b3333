// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables by libsmartcols: every cell is filled and, except the last of a line, is one word,
 * so that awk counts columns correctly.
 */
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "tool.h"

bool use_colors(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

struct libscols_table *table_new(void)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		out_of_memory();
	scols_table_enable_colors(table, use_colors());
	/* utf8.c has escaped the text already. */
	scols_table_enable_noencoding(table, 1);
	return table;
}

void table_column(struct libscols_table *table, const char *name, unsigned int flags)
{
	int how = 0;

	if (flags & TABLE_RIGHT)
		how |= SCOLS_FL_RIGHT;
	if (flags & TABLE_CUT)
		how |= SCOLS_FL_TRUNC;
	if (flags & TABLE_TREE)
		how |= SCOLS_FL_TREE;
	if (!scols_table_new_column(table, name, 0, how))
		out_of_memory();
}

void table_columns(struct libscols_table *table, const struct column *columns)
{
	for (; columns->name; columns++)
		table_column(table, columns->name, columns->flags);
}

struct libscols_line *table_line(struct libscols_table *table)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (!line)
		out_of_memory();
	return line;
}

static bool is_last(struct libscols_line *line, unsigned int n)
{
	return n + 1 == scols_line_get_ncells(line);
}

static void set_cell(struct libscols_line *line, unsigned int n, char *text)
{
	if (scols_line_set_data(line, n, *text ? text : "-"))
		out_of_memory();
	free(text);
}

void table_cell(struct libscols_line *line, unsigned int n, const char *text,
		const char *color)
{
	set_cell(line, n, is_last(line, n) ? utf8_line(text) : utf8_word(text));
	if (color)
		scols_cell_set_color(scols_line_get_cell(line, n), color);
}

void table_word(struct libscols_line *line, unsigned int n, const char *text)
{
	set_cell(line, n, utf8_word(text));
}

void table_style(struct libscols_table *table, bool headings, bool raw)
{
	scols_table_enable_noheadings(table, !headings);
	scols_table_enable_raw(table, raw);
}

void table_row(struct libscols_table *table, ...)
{
	struct libscols_line *line = table_line(table);
	size_t n, columns = scols_table_get_ncols(table);
	va_list cells;

	va_start(cells, table);
	for (n = 0; n < columns; n++)
		table_cell(line, n, va_arg(cells, const char *), NULL);
	va_end(cells);
}

void table_print(struct libscols_table *table)
{
	if (scols_print_table(table))
		out_of_memory();
	scols_unref_table(table);
}
