// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wraps sentences on a terminal at blanks, with an indent. The wrapped columns of libsmartcols
 * break within words.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

size_t terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return SIZE_MAX;
	return size.ws_col;
}

/* The width to wrap at. Only on a terminal, so that grep sees whole sentences. */
static size_t line_width(unsigned int indent)
{
	size_t width = terminal_width();

	return width == SIZE_MAX || width <= 2 * indent ? SIZE_MAX : width - indent;
}

/* How much of @text fits on a line of @width: up to the last blank that fits. */
static size_t line_length(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width)
		return length;
	for (length = width; length && text[length] != ' '; length--)
		;
	return length ? length : strcspn(text, " ");
}

void print_wrapped(const char *text, unsigned int indent)
{
	size_t width = line_width(indent);
	bool first = true;

	do {
		size_t length = line_length(text, width);

		printf("%*s%.*s\n", first ? 0 : (int)indent, "", (int)length, text);
		text += length;
		text += *text == ' ';
		first = false;
	} while (*text);
}
