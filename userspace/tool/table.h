/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TABLE_H
#define PEERBUF_TABLE_H

#include <stdbool.h>

struct libscols_table;
struct libscols_line;

#define TABLE_RIGHT	(1U << 0) /* aligned to the right, as numbers are */
#define TABLE_CUT	(1U << 1) /* may be cut if the terminal is too narrow */
#define TABLE_TREE	(1U << 2) /* the column that shows the tree */

/** struct column - @flags: TABLE_* */
struct column {
	const char *name;
	unsigned int flags;
};

struct libscols_table *table_new(void);
void table_column(struct libscols_table *table, const char *name, unsigned int flags);
/** table_columns() - add several columns; @columns ends with a NULL name */
void table_columns(struct libscols_table *table, const struct column *columns);
/** table_row() - add a row; one string per column, "" becomes "-" */
void table_row(struct libscols_table *table, ...);
struct libscols_line *table_line(struct libscols_table *table);
/** table_cell() - set one cell; @color: a libsmartcols colour name or NULL */
void table_cell(struct libscols_line *line, unsigned int n, const char *text,
		const char *color);
/** table_word() - set one cell that stays a single word even at the end of a line */
void table_word(struct libscols_line *line, unsigned int n, const char *text);
/** table_style() - @headings: print them; @raw: one blank between the cells */
void table_style(struct libscols_table *table, bool headings, bool raw);
/** table_print() - print the table to stdout and free it */
void table_print(struct libscols_table *table);
/** use_colors() - is stdout a terminal that wants colours? */
bool use_colors(void);

#endif /* PEERBUF_TABLE_H */
