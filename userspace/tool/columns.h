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
 * struct value - what stands in a cell
 * @none: nothing: "-", or null
 * @text: for a person; of a number may be NULL
 * @number: of VALUE_NUMBER and VALUE_BOOL
 */
struct value {
	bool none;
	const char *text;
	uint64_t number;
};

/**
 * struct column_info - one column: the single source of its name, type, help and contents
 * @name: on the screen; in JSON in small letters
 * @type: in JSON
 * @flags: TABLE_*
 * @help: what it shows
 * @get: of a row; @value is all zero before
 */
struct column_info {
	const char *name;
	enum value_type type;
	unsigned int flags;
	const char *help;
	void (*get)(const void *row, struct value *value);
};

/**
 * struct columns - those that were chosen
 * @infos: all there are; ends with a NULL name
 * @chosen: numbers of infos
 * @nr: how many
 * @headings: print them
 * @raw: one blank between cells, whatever is no word escaped
 */
struct columns {
	const struct column_info *infos;
	unsigned int chosen[32];
	size_t nr;
	bool headings;
	bool raw;
};

/** columns_choose() - "A,B", or "+C" besides @standard; ends the program on bad usage */
void columns_choose(const struct command *self, struct columns *columns, const char *text,
		    const char *standard);
/** columns_print() - a row for each of @nr pointers, as a table */
void columns_print(const struct columns *columns, const void *const *rows, size_t nr);
/** columns_json() - the chosen columns of a row */
struct json_object *columns_json(const struct columns *columns, const void *row);
/** columns_help() - a line for each there is, to stdout */
void columns_help(const struct column_info *infos);

#endif /* PEERBUF_COLUMNS_H */
