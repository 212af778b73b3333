// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const char kind_warning[] = "warning: ", kind_hint[] = "hint: ";

void out_of_memory(void)
{
	fputs("peerbuf: out of memory (ENOMEM)\n", stderr);
	exit(EXIT_REFUSED);
}

static void message(const char *kind, const char *format, va_list args)
{
	/* Flush stdout first, so that the order is right in a log of both streams. */
	fflush(stdout);
	fprintf(stderr, "peerbuf: %s", kind);
	vfprintf(stderr, format, args);
}

void warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(kind_warning, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void hint(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	message(kind_hint, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void hint_module(void)
{
	hint("load the peerbuf module: modprobe peerbuf; if there is none, 'peerbuf doctor' says "
	     "what to install");
}

struct placeholder {
	const char *word;
	uint64_t addr;
	uint64_t id;
};

static const char *placeholder_value(const struct placeholder *placeholder)
{
	if (placeholder->id)
		return format_text("%" PRIu64, placeholder->id);
	if (placeholder->addr && placeholder->addr != PEERBUF_PCI_NONE)
		return addr_text(placeholder->addr);
	return NULL;
}

/* The placeholder with a value that @text begins with, as a whole word. */
static const char *match(const char *text, const struct placeholder *list, size_t nr,
			 const char **value)
{
	size_t n;

	for (n = 0; n < nr; n++) {
		size_t length = strlen(list[n].word);

		if (strncmp(text, list[n].word, length) || isalpha(text[length]))
			continue;
		*value = placeholder_value(&list[n]);
		return *value ? text + length : NULL;
	}
	return NULL;
}

char *advice(uint32_t reason, const struct subject *subject)
{
	const struct placeholder list[] = {
		{ .word = "FUNCTION", .addr = subject->function },
		{ .word = "PROVIDER", .addr = subject->provider },
		{ .word = "CLIENT", .addr = subject->client },
		{ .word = "BRIDGE", .addr = subject->bridge },
		{ .word = "ID", .id = subject->id },
	};
	const char *from = peerbuf_reason_advice(reason);
	const char *value, *rest;
	char *text = NULL;
	size_t length;
	FILE *to = open_memstream(&text, &length);
	char last = ' ';

	if (!to)
		out_of_memory();
	while (*from) {
		rest = isalpha(last) ? NULL : match(from, list, ARRAY_SIZE(list), &value);
		last = *from;
		if (rest) {
			fputs(value, to);
			from = rest;
		} else {
			fputc(*from++, to);
		}
	}
	if (fclose(to))
		out_of_memory();
	return text;
}

static int fail(const struct peerbuf_error *error, const struct subject *subject,
		const char *what, va_list args)
{
	char sentence[160];
	char *help;

	peerbuf_error_format(error, sentence, sizeof(sentence));
	message("", what, args);
	fprintf(stderr, ": %s\n", sentence);
	if (!subject)
		return EXIT_REFUSED;
	help = advice(error->reason, subject);
	if (*help)
		hint("%s", help);
	free(help);
	return EXIT_REFUSED;
}

int failed(const struct peerbuf_error *error, const struct subject *subject,
	   const char *what, ...)
{
	static const struct subject nobody;
	va_list args;
	int ret;

	va_start(args, what);
	ret = fail(error, subject ? subject : &nobody, what, args);
	va_end(args);
	return ret;
}

int failed_errno(int err, const char *what, ...)
{
	const struct peerbuf_error error = { .error = err };
	va_list args;
	int ret;

	va_start(args, what);
	ret = fail(&error, NULL, what, args);
	va_end(args);
	return ret;
}
