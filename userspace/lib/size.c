// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const char suffixes[] = "KMGT";

static int digit(char c, unsigned int base)
{
	int value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value < (int)base ? value : -1;
}

/* Read digits up to @end; -ERANGE on overflow, but only if all characters are digits. */
static int read_number(const char **text, const char *end, uint64_t *number)
{
	unsigned int base = 10;
	bool overflow = false;
	const char *start;

	if (end - *text > 2 && (*text)[0] == '0' && ((*text)[1] | 0x20) == 'x') {
		base = 16;
		*text += 2;
	}
	*number = 0;
	for (start = *text; *text < end && digit(**text, base) >= 0; (*text)++) {
		overflow |= __builtin_mul_overflow(*number, base, number);
		overflow |= __builtin_add_overflow(*number, (uint64_t)digit(**text, base), number);
	}
	if (*text == start)
		return -EINVAL;
	return overflow ? -ERANGE : 0;
}

/* Returns by how many bits "", "K", "KiB", … shift; -EINVAL for anything else. */
static int read_suffix(const char *text, const char *end)
{
	const char *found;

	if (text == end)
		return 0;
	found = strchr(suffixes, *text >= 'a' ? *text - 0x20 : *text);
	if (!found || !*found)
		return -EINVAL;
	if (end - text != 1 && !(end - text == 3 && !strncmp(text + 1, "iB", 2)))
		return -EINVAL;
	return 10 * (found - suffixes + 1);
}

static int parse_size(const char *text, const char *end, uint64_t *bytes)
{
	uint64_t number;
	int ret, shift;

	ret = read_number(&text, end, &number);
	if (ret == -EINVAL)
		return ret;
	shift = read_suffix(text, end);
	if (shift < 0)
		return shift;
	if (ret || number > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = number << shift;
	return 0;
}

int peerbuf_size_parse(const char *text, uint64_t *bytes)
{
	return parse_size(text, text + strlen(text), bytes);
}

int peerbuf_size_format(uint64_t bytes, char *text, size_t length)
{
	int saved_errno = errno;
	char suffix[2] = "";
	unsigned int n;
	int ret;

	for (n = 0; n < strlen(suffixes) && bytes && !(bytes & 1023); n++) {
		suffix[0] = suffixes[n];
		bytes >>= 10;
	}
	ret = snprintf(text, length, "%" PRIu64 "%s", bytes, suffix);
	errno = saved_errno;
	return (size_t)ret < length ? ret : -ENOSPC;
}

static const char system_prefix[] = "system:";

static int parse_system(const char *text, struct peerbuf_range *range)
{
	uint64_t length;
	int ret = peerbuf_size_parse(text, &length);

	if (!ret)
		*range = (struct peerbuf_range) {
			.length = length, .flags = PEERBUF_RANGE_F_SYSTEM
		};
	return ret;
}

int peerbuf_range_parse(const char *text, unsigned int bar, struct peerbuf_range *range)
{
	const char *colon = strchr(text, ':');
	uint64_t offset, length;
	int begin, size;

	if (!colon)
		return -EINVAL;
	if (!strncmp(text, system_prefix, strlen(system_prefix)))
		return parse_system(colon + 1, range);
	begin = parse_size(text, colon, &offset);
	size = peerbuf_size_parse(colon + 1, &length);
	if (begin == -EINVAL || size == -EINVAL)
		return -EINVAL;
	if (begin || size || offset + length < offset)
		return -ERANGE;
	*range = (struct peerbuf_range) { .offset = offset, .length = length, .bar = bar };
	return 0;
}
