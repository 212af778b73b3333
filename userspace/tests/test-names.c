// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names chosen by others: JSON stays UTF-8 and has null for none, and a row stays one line of one
 * word per column.
 */
#include <json-c/json.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "table.h"
#include "tool.h"

static const struct {
	const char *name;
	const char *valid;
	const char *word;
} names[] = {
	{ "plain", "plain", "plain" },
	{ "", NULL, "" },
	{ "a b", "a b", "a\\x20b" },
	{ "a\\b", "a\\b", "a\\x5cb" },
	{ "a\nb\tc", "a\nb\tc", "a\\x0ab\\x09c" },
	{ "x\350\241", "x\357\277\275\357\277\275", "x\\xe8\\xa1" },
	{ "gr\303\274n", "gr\303\274n", "gr\303\274n" },
	{ "\360\237\246\200", "\360\237\246\200", "\360\237\246\200" },
	{ "\302\205", "\302\205", "\\xc2\\x85" },			/* a control character */
	{ "\300\200", "\357\277\275\357\277\275", "\\xc0\\x80" },	/* overlong */
	{ "\340\200\200", "\357\277\275\357\277\275\357\277\275", "\\xe0\\x80\\x80" },
	{ "\355\240\200", "\357\277\275\357\277\275\357\277\275", "\\xed\\xa0\\x80" },
	{ "\364\220\200\200", "\357\277\275\357\277\275\357\277\275\357\277\275",
	  "\\xf4\\x90\\x80\\x80" },
	{ "cut\303", "cut\357\277\275", "cut\\xc3" },
};

static void json_is_utf8(void)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(names); n++) {
		struct json_object *object = json_new(), *value;

		json_set_text(object, "name", names[n].name);
		value = json_object_object_get(object, "name");
		if (names[n].valid)
			CHECK_TEXT(json_object_get_string(value), names[n].valid);
		else
			CHECK(!value);
		json_object_put(object);
	}
}

/* Returns what @table prints, by redirecting stdout to a file. */
static char *printed(struct libscols_table *table)
{
	static char text[4096];
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	size_t length;

	fflush(stdout);
	CHECK(file && saved >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
	table_print(table);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void cell_is_ascii_in_the_c_locale(void)
{
	struct libscols_table *table = table_new();

	table_columns(table, (const struct column[]) { { "A", 0 }, { "B", 0 }, { NULL, 0 } });
	table_row(table, "gr\303\274n", "gr\303\274n b");
	CHECK(strstr(printed(table), "gr\\xc3\\xbcn gr\\xc3\\xbcn b\n"));
}

static void cell_is_one_word(void)
{
	static const char blanks[] = { ' ', '\n', '\0' };
	size_t n;

	for (n = 0; n < ARRAY_SIZE(names); n++) {
		struct libscols_table *table = table_new();
		char *text, *word;

		table_columns(table, (const struct column[]) {
			{ "A", 0 }, { "B", 0 }, { "C", 0 }, { NULL, 0 },
		});
		table_row(table, "1", names[n].name, "the end");
		text = printed(table);
		CHECK(strtok(text, blanks) && strtok(NULL, blanks) && strtok(NULL, blanks));
		word = strtok(NULL, blanks);
		CHECK_TEXT(word, "1");
		word = strtok(NULL, blanks);
		CHECK_TEXT(word, *names[n].word ? names[n].word : "-");
		word = strtok(NULL, "\n");
		CHECK_TEXT(word + strspn(word, " "), "the end");
	}
}

int main(void)
{
	json_is_utf8();
	cell_is_ascii_in_the_c_locale();
	CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
	cell_is_one_word();
	return check_result();
}
