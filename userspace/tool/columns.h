/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_COLUMNS_H
#define PEERBUF_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct json_object;
struct peerbuf_route;

enum value_type { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_ROUTE };

/* Besides TABLE_*: JSON has the same in other words. */
#define COLUMN_TEXT_ONLY	(1U << 8)

/**
 * struct value - the contents of a cell
 * @none: no contents: "-", or null in JSON
 * @text: for a person; may be NULL for a number
 * @number: for VALUE_NUMBER and VALUE_BOOL
 * @route: for VALUE_ROUTE
 */
struct value {
	bool none;
	const char *text;
	uint64_t number;
	const struct peerbuf_route *route;
};

void value_addr(struct value *value, uint64_t addr);
void value_flag(struct value *value, bool flag);

/**
 * struct column_info - one column: the single source of its name, type, help and contents
 * @name: on the screen
 * @type: its type in JSON
 * @flags: TABLE_*, COLUMN_*
 * @help: what it shows
 * @get: sets @value, which is all zero before
 * @of: returns what of a row @get is called with, or NULL: the cell is empty. Without it @get is
 *	called with the row
 * @key: in JSON; NULL: @name in small letters
 */
struct column_info {
	const char *name;
	enum value_type type;
	unsigned int flags;
	const char *help;
	void (*get)(const void *part, struct value *value);
	const void *(*of)(const void *row);
	const char *key;
};

/**
 * struct columns - the chosen columns
 * @infos: all columns; ends with a NULL name
 * @chosen: indexes into @infos
 * @nr: number of chosen columns
 * @headings: print headings
 * @raw: one blank between cells; cells that are not a word are escaped
 */
struct columns {
	const struct column_info *infos;
	unsigned int chosen[32];
	size_t nr;
	bool headings;
	bool raw;
};

/** columns_choose() - parse "A,B", or "+C" for C in addition to @standard; exits on bad usage */
void columns_choose(const struct command *self, struct columns *columns, const char *text,
		    const char *standard);
/** columns_print() - print a table with a row for each of @nr pointers */
void columns_print(const struct columns *columns, const void *const *rows, size_t nr);
/** columns_json() - return the chosen columns of a row */
struct json_object *columns_json(const struct columns *columns, const void *row);
/** columns_json_of() - add all columns that are about @of, chosen or not, to @object */
void columns_json_of(struct json_object *object, const struct column_info *infos,
		     const void *(*of)(const void *row), const void *row);
/** columns_help() - print a line for each column to stdout */
void columns_help(const struct column_info *infos);

#endif /* PEERBUF_COLUMNS_H */
