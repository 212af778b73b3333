// SPDX-License-Identifier: GPL-2.0
/*
 * What people type and the kernel prints: sizes, addresses and ranges of libpeerbuf, lines of a
 * trace, names in whatever encoding.
 */
#include <errno.h>
#include <regex.h>
#include <string.h>

#include <peerbuf.h>

#include "tool.h"
#include "trace.h"

#include "fuzz.h"

#define SIZE	"(0[xX][0-9a-fA-F]+|[0-9]+)([KMGTkmgt](iB)?)?"

#define HEX	"[0-9a-fA-F]"

struct language {
	const char *pattern;
	bool ready;
	regex_t regex;
};

static struct language size_language = { "^" SIZE "$" };
static struct language range_language = { "^(system|" SIZE "):" SIZE "$" };
static struct language addr_language = {
	"^" HEX "{1,8}:(" HEX "{1,2}:)?" HEX "{1,2}\\." HEX "$"
};

static bool matches(struct language *language, const char *text)
{
	if (!language->ready)
		PROMISE(!regcomp(&language->regex, language->pattern, REG_EXTENDED | REG_NOSUB));
	language->ready = true;
	return !regexec(&language->regex, text, 0, NULL, 0);
}

/* In 128 bits, which all that is accepted fits into with room to spare. */
static unsigned __int128 value_of(const char *text)
{
	int base = !strncmp(text, "0x", 2) || !strncmp(text, "0X", 2) ? 16 : 10;
	unsigned __int128 value = 0;
	static const char letters[] = "kmgt";
	const char *letter;

	for (text += base == 16 ? 2 : 0; *text; text++) {
		int digit = *text >= '0' && *text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10;

		if (digit < 0 || digit >= base)
			break;
		if (value >> 100)
			return value;
		value = value * base + digit;
	}
	letter = *text ? strchr(letters, *text | 0x20) : NULL;
	return letter ? value << 10 * (letter - letters + 1) : value;
}

static void check_size(const char *text)
{
	uint64_t bytes = 0, again;
	char printed[32];
	int ret = peerbuf_size_parse(text, &bytes);

	if (!matches(&size_language, text)) {
		PROMISE(ret == -EINVAL);
		return;
	}
	PROMISE(ret == (value_of(text) >> 64 ? -ERANGE : 0));
	if (ret)
		return;
	PROMISE(bytes == (uint64_t)value_of(text));
	PROMISE(peerbuf_size_format(bytes, printed, sizeof(printed)) == (int)strlen(printed));
	PROMISE(!peerbuf_size_parse(printed, &again) && again == bytes);
}

static void check_addr(const char *text)
{
	uint64_t addr, again;
	char printed[PEERBUF_ADDR_LEN];
	int ret = peerbuf_addr_parse(text, &addr);

	PROMISE(!ret || ret == -EINVAL || ret == -ERANGE);
	PROMISE((ret != -EINVAL) == matches(&addr_language, text));
	if (ret)
		return;
	peerbuf_addr_format(addr, printed, sizeof(printed));
	PROMISE(!peerbuf_addr_parse(printed, &again) && again == addr);
}

static void check_range(const char *text)
{
	struct peerbuf_range range;
	int ret = peerbuf_range_parse(text, 3, &range);

	if (!matches(&range_language, text)) {
		PROMISE(ret == -EINVAL);
		return;
	}
	PROMISE(!ret || ret == -ERANGE);
	if (ret)
		return;
	PROMISE(range.length == (uint64_t)value_of(strchr(text, ':') + 1));
	PROMISE(range.offset + range.length >= range.offset);
	if (*text == 's')
		PROMISE(range.flags == PEERBUF_RANGE_F_SYSTEM);
	else
		PROMISE(range.bar == 3 && range.offset == (uint64_t)value_of(text));
}

static void check_trace(const char *text)
{
	char *line = strdup(text), value[16];
	struct traced traced;

	if (traced_parse(line, &traced)) {
		PROMISE(traced.name && traced.comm && traced.fields);
		PROMISE(traced.name > traced.comm && traced.fields > traced.name);
		if (traced_field(&traced, "id", value, sizeof(value)))
			PROMISE(!strchr(value, ' '));
	}
	free(line);
}

/* A slow decoder: the value, or -1. */
static long code_point(const unsigned char *text, size_t length)
{
	static const long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	long value = length == 1 ? text[0] : text[0] & (0xff >> (length + 1));
	size_t n;

	for (n = 1; n < length; n++)
		value = value << 6 | (text[n] & 0x3f);
	if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return -1;
	return value;
}

static bool is_utf8(const char *text)
{
	size_t n, length;

	for (; *text; text += length) {
		length = utf8_length(text);
		if (!length || code_point((const unsigned char *)text, length) < 0)
			return false;
		for (n = 1; n < length; n++)
			if ((text[n] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static void check_names(const char *text)
{
	char *valid = utf8_valid(text), *line = utf8_line(text), *word = utf8_word(text);

	PROMISE(is_utf8(valid));
	PROMISE(!strcmp(valid, text) == is_utf8(text));
	PROMISE(!strchr(line, '\n') && !strchr(line, '\033'));
	PROMISE(!strpbrk(word, " \t\n\033"));
	free(valid);
	free(line);
	free(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz fuzz = { data, size };
	char *text = fuzz_text(&fuzz);

	check_size(text);
	check_addr(text);
	check_range(text);
	check_trace(text);
	check_names(text);
	free(text);
	return 0;
}
