/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_COLUMNS_H
#define PEERBUF_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct json_object;

enum value_type { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL };

/**
 * struct value - the contents of a cell
 * @none: no contents: "-", or null in JSON
 * @text: for a person; may be NULL for a number
 * @number: for VALUE_NUMBER and VALUE_BOOL
 */
struct value {
	bool none;
	const char *text;
	uint64_t number;
};

/**
 * struct column_info - one column: the single source of its name, type, help and contents
 * @name: on the screen; in JSON in small letters
 * @type: its type in JSON
 * @flags: TABLE_*
 * @help: what it shows
 * @get: sets @value, which is all zero before, for a row
 */
struct column_info {
	const char *name;
	enum value_type type;
	unsigned int flags;
	const char *help;
	void (*get)(const void *row, struct value *value);
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
/** columns_help() - print a line for each column to stdout */
void columns_help(const struct column_info *infos);

#endif /* PEERBUF_COLUMNS_H */
