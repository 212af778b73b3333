/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TABLE_H
#define PEERBUF_TABLE_H

#include <stdbool.h>

struct libscols_table;
struct libscols_line;

/** struct column - @right: numbers, aligned to the right */
struct column {
	const char *name;
	bool right;
};

struct libscols_table *table_new(void);
void table_column(struct libscols_table *table, const char *name, bool right);
/** table_columns() - several at once; @columns ends with a NULL name */
void table_columns(struct libscols_table *table, const struct column *columns);
/** table_row() - a new row; the cells, one string per column, "" becomes "-" */
void table_row(struct libscols_table *table, ...);
struct libscols_line *table_line(struct libscols_table *table);
/** table_cell() - one cell; @color a libsmartcols colour name or NULL */
void table_cell(struct libscols_line *line, unsigned int n, const char *text,
		const char *color);
/** table_print() - to stdout; frees the table */
void table_print(struct libscols_table *table);
/** use_colors() - stdout is a terminal that wants them */
bool use_colors(void);

#endif /* PEERBUF_TABLE_H */
