// SPDX-License-Identifier: GPL-2.0-only
/* Columns that the user chooses. One table of them drives text, JSON and help. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "table.h"
#include "tool.h"

static int find(const struct column_info *infos, const char *name, size_t length)
{
	int n;

	for (n = 0; infos[n].name; n++)
		if (!strncasecmp(infos[n].name, name, length) && !infos[n].name[length])
			return n;
	return -1;
}

static void add(const struct command *self, struct columns *columns, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, ",");
		int number = find(columns->infos, names, length);

		if (number < 0)
			usage_error(self, "%.*s: no such column; --help lists them", (int)length,
				    names);
		if (columns->nr == ARRAY_SIZE(columns->chosen))
			usage_error(self, "too many columns");
		columns->chosen[columns->nr++] = number;
		names += length;
		names += *names == ',';
	}
}

void columns_choose(const struct command *self, struct columns *columns, const char *text,
		    const char *standard)
{
	columns->nr = 0;
	if (!text || *text == '+')
		add(self, columns, standard);
	if (text)
		add(self, columns, text + (*text == '+'));
	if (!columns->nr)
		usage_error(self, "no columns given");
}

static const char *text_of(const struct value *value)
{
	if (value->none)
		return "";
	if (value->text)
		return value->text;
	return format_text("%" PRIu64, value->number);
}

void columns_print(const struct columns *columns, const void *const *rows, size_t nr)
{
	struct libscols_table *table = table_new();
	size_t r, c;

	table_style(table, columns->headings, columns->raw);
	for (c = 0; c < columns->nr; c++) {
		const struct column_info *info = &columns->infos[columns->chosen[c]];

		/* A column may be cut only if it is the last one. */
		table_column(table, info->name,
			     c + 1 == columns->nr ? info->flags : info->flags & ~TABLE_CUT);
	}
	for (r = 0; r < nr; r++) {
		struct libscols_line *line = table_line(table);

		for (c = 0; c < columns->nr; c++) {
			struct value value = { 0 };

			columns->infos[columns->chosen[c]].get(rows[r], &value);
			if (columns->raw)
				table_word(line, c, text_of(&value));
			else
				table_cell(line, c, text_of(&value), NULL);
		}
	}
	table_print(table);
}

struct json_object *columns_json(const struct columns *columns, const void *row)
{
	struct json_object *object = json_new();
	size_t c, n;

	for (c = 0; c < columns->nr; c++) {
		const struct column_info *info = &columns->infos[columns->chosen[c]];
		struct value value = { 0 };
		char key[32];

		for (n = 0; n < sizeof(key) - 1 && info->name[n]; n++)
			key[n] = tolower(info->name[n]);
		key[n] = '\0';
		info->get(row, &value);
		if (value.none)
			json_set(object, key, NULL);
		else if (info->type == VALUE_NUMBER)
			json_set_number(object, key, value.number);
		else if (info->type == VALUE_BOOL)
			json_set_bool(object, key, value.number);
		else
			json_set_text(object, key, text_of(&value));
	}
	return object;
}

void columns_help(const struct column_info *infos)
{
	for (; infos->name; infos++)
		printf("  %-14s %s\n", infos->name, infos->help);
}
