// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names come from others: a process may choose any name, and so may a device.
 * JSON must be UTF-8 nevertheless, and a cell of a table one word.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "tool.h"

#define REPLACEMENT	"\xef\xbf\xbd" /* U+FFFD */

static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	if (lead >= 0xf0 && lead < 0xf5)
		return 4;
	return 0;
}

size_t utf8_length(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t n, length = sequence_length(bytes[0]);

	for (n = 1; n < length; n++)
		if ((bytes[n] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and code points beyond Unicode. */
	if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
	    (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
		return 0;
	return length;
}

/* Can the terminal show it? In the C locale only ASCII can be shown. */
static bool is_shown(const char *text, size_t length)
{
	wchar_t character;

	return mbtowc(&character, text, length) == (int)length && iswprint(character);
}

/*
 * @hex: write invalid and unprintable characters as \xNN; otherwise only invalid UTF-8 is
 * replaced, by U+FFFD. @blanks: also treat characters so that would end a word.
 */
static char *rewrite(const char *text, bool blanks, bool hex)
{
	char *copy = NULL;
	size_t size;
	FILE *to = open_memstream(&copy, &size);

	if (!to)
		out_of_memory();
	while (*text) {
		size_t length = utf8_length(text);
		bool escape = !length || (hex && !is_shown(text, length)) ||
			      (blanks && (*text == ' ' || *text == '\\'));

		if (!escape) {
			fwrite(text, 1, length, to);
			text += length;
			continue;
		}
		length += !length;
		for (; length; length--, text++) {
			if (hex)
				fprintf(to, "\\x%02x", (unsigned char)*text);
			else
				fputs(REPLACEMENT, to);
		}
	}
	if (fclose(to))
		out_of_memory();
	return copy;
}

char *utf8_valid(const char *text)
{
	return rewrite(text, false, false);
}

char *utf8_word(const char *text)
{
	return rewrite(text, true, true);
}

char *utf8_line(const char *text)
{
	return rewrite(text, false, true);
}
