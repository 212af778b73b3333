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

void value_addr(struct value *value, uint64_t addr)
{
	value->none = addr == PEERBUF_PCI_NONE;
	value->text = addr_text(addr);
}

void value_flag(struct value *value, bool flag)
{
	value->number = flag;
	value->text = flag ? "yes" : "no";
}

static struct value value_of(const struct column_info *info, const void *row)
{
	struct value value = { 0 };
	const void *part = info->of ? info->of(row) : row;

	if (part)
		info->get(part, &value);
	else
		value.none = true;
	return value;
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
			struct value value = value_of(&columns->infos[columns->chosen[c]],
						      rows[r]);

			if (columns->raw)
				table_word(line, c, text_of(&value));
			else
				table_cell(line, c, text_of(&value), NULL);
		}
	}
	table_print(table);
}

static void set_json(struct json_object *object, const struct column_info *info,
		     const void *row)
{
	struct value value = value_of(info, row);
	const char *key = info->key;
	char small[32];
	size_t n;

	if (info->flags & COLUMN_TEXT_ONLY)
		return;
	if (!key) {
		for (n = 0; n < sizeof(small) - 1 && info->name[n]; n++)
			small[n] = tolower(info->name[n]);
		small[n] = '\0';
		key = small;
	}
	if (value.none)
		json_set(object, key, NULL);
	else if (info->type == VALUE_NUMBER)
		json_set_number(object, key, value.number);
	else if (info->type == VALUE_BOOL)
		json_set_bool(object, key, value.number);
	else if (info->type == VALUE_ROUTE)
		json_set_route(object, key, value.route);
	else
		json_set_text(object, key, text_of(&value));
}

struct json_object *columns_json(const struct columns *columns, const void *row)
{
	struct json_object *object = json_new();
	size_t c;

	for (c = 0; c < columns->nr; c++)
		set_json(object, &columns->infos[columns->chosen[c]], row);
	return object;
}

void columns_json_of(struct json_object *object, const struct column_info *infos,
		     const void *(*of)(const void *row), const void *row)
{
	for (; infos->name; infos++)
		if (infos->of == of)
			set_json(object, infos, row);
}

void columns_help(const struct column_info *infos)
{
	for (; infos->name; infos++)
		printf("  %-14s %s\n", infos->name, infos->help);
}
