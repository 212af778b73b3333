// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Internal flag of peerbuf_range.flags, never passed to the kernel: up to the end of the BAR. */
#define TO_THE_END	(1U << 31)

static void print_synopsis(const struct command *self, FILE *to)
{
	const char *line = self->synopsis;
	const char *lead = "Usage:";

	while (*line) {
		size_t length = strcspn(line, "\n");

		fprintf(to, "%s peerbuf %s %.*s\n", lead, self->name, (int)length, line);
		line += length + (line[length] == '\n');
		lead = "      ";
	}
}

void print_usage(const struct command *self)
{
	print_synopsis(self, stdout);
	printf("\n%s.\n", self->summary);
	printf("\n%s  -h, --help            print this\n", self->help);
	if (self->notes)
		printf("\n%s", self->notes);
	if (self->columns)
		self->columns();
}

static int usage_code = EXIT_USAGE;

void usage_exits(int code)
{
	usage_code = code;
}

bool has_command(char **argv)
{
	for (; *argv; argv++)
		if (!strcmp(*argv, "--"))
			return true;
	return false;
}

void usage_error(const struct command *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "peerbuf %s: ", self->name);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	print_synopsis(self, stderr);
	exit(usage_code);
}

int next_option(const struct command *self, int argc, char **argv, const char *letters,
		const struct option *options)
{
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, letters, options, NULL);
	switch (option) {
	case 'h':
		print_usage(self);
		exit(finish(EXIT_OK));
	case '?':
		if (optopt && strncmp(argv[optind - 1], "--", 2))
			usage_error(self, "unknown option -%c", optopt);
		usage_error(self, "unknown option %s", argv[optind - 1]);
	case ':':
		usage_error(self, "option %s needs an argument", argv[optind - 1]);
	}
	return option;
}

int count_arguments(const struct command *self, int argc, int min, int max)
{
	int nr = argc - optind;

	if (nr < min)
		usage_error(self, "argument missing");
	if (nr > max)
		usage_error(self, "too many arguments");
	return nr;
}

uint64_t parse_addr(const struct command *self, const char *text)
{
	uint64_t addr;

	if (peerbuf_addr_parse(text, &addr))
		usage_error(self, "%s: not a PCI address like 0000:01:00.0 or 01:00.0", text);
	return addr;
}

uint64_t parse_id(const struct command *self, const char *text)
{
	char *end;
	uint64_t id;

	errno = 0;
	id = strtoull(text, &end, 10);
	if (errno || *end || !id || text[0] < '0' || text[0] > '9')
		usage_error(self, "%s: not an export's number; 'peerbuf ps' lists them", text);
	return id;
}

uint64_t parse_size(const struct command *self, const char *text)
{
	uint64_t size;
	int ret = peerbuf_size_parse(text, &size);

	if (ret == -ERANGE)
		usage_error(self, "%s: too large for 64 bits", text);
	if (ret)
		usage_error(self, "%s: not a size like 4096, 0x1000, 64K or 1G", text);
	return size;
}

unsigned int parse_bar(const struct command *self, const char *text)
{
	if (text[0] < '0' || text[0] > '5' || text[1])
		usage_error(self, "%s: not a BAR, which are 0 to 5", text);
	return text[0] - '0';
}

/* Parses "OFFSET:", up to the end of the BAR; range_args_resolve() finds its size. */
static int open_range_parse(const char *text, unsigned int bar, struct peerbuf_range *range)
{
	const char *colon = strchr(text, ':');
	uint64_t offset = 0;
	int ret;

	if (!colon || colon[1])
		return -EINVAL;
	ret = peerbuf_size_parse(format_text("%.*s", (int)(colon - text), text), &offset);
	*range = (struct peerbuf_range) { .offset = offset, .bar = bar, .flags = TO_THE_END };
	return ret;
}

struct peerbuf_range parse_range(const struct command *self, const char *text,
				 unsigned int bar)
{
	struct peerbuf_range range;
	int ret = peerbuf_range_parse(text, bar, &range);

	if (ret == -EINVAL)
		ret = open_range_parse(text, bar, &range);
	if (ret == -ERANGE)
		usage_error(self, "%s: too large for 64 bits", text);
	if (ret)
		usage_error(self,
			    "%s: not a range like 0:64K, 1M:0x1000 (OFFSET:LENGTH), 1M: or system:64K",
			    text);
	return range;
}

static void range_args_append(struct range_args *args, const struct peerbuf_range *range)
{
	args->ranges = reallocarray(args->ranges, args->nr + 1, sizeof(*range));
	if (!args->ranges)
		out_of_memory();
	args->ranges[args->nr++] = *range;
}

static void range_args_whole(struct range_args *args)
{
	const struct peerbuf_range whole = { .bar = args->bar, .flags = TO_THE_END };

	if (args->bar >= 0 && !args->bar_used)
		range_args_append(args, &whole);
}

void range_args_bar(const struct command *self, struct range_args *args, const char *text)
{
	range_args_whole(args);
	args->bar = parse_bar(self, text);
	args->bar_used = false;
}

void range_args_range(const struct command *self, struct range_args *args, const char *text)
{
	struct peerbuf_range range;

	range = parse_range(self, text, args->bar);
	if (range.flags & PEERBUF_RANGE_F_SYSTEM)
		range_args_whole(args);
	else if (args->bar < 0)
		usage_error(self, "--range needs a --bar before it");
	range_args_append(args, &range);
	args->bar_used = true;
}

void range_args_end(const struct command *self, struct range_args *args)
{
	range_args_whole(args);
	if (!args->nr)
		usage_error(self, "--bar is missing");
}

uint32_t range_args_bars(struct range_args *args)
{
	size_t n, kept = 0;
	uint32_t mask = 0;

	for (n = 0; n < args->nr; n++) {
		const struct peerbuf_range *range = &args->ranges[n];

		if (range->flags & TO_THE_END && !range->offset)
			mask |= 1U << range->bar;
		else
			args->ranges[kept++] = *range;
	}
	args->nr = kept;
	return mask;
}

/*
 * A range that begins at the BAR's end or beyond gets a valid length nevertheless, so that the
 * kernel names the true reason.
 */
void range_args_sizes(struct range_args *args, const uint64_t sizes[6])
{
	size_t n;

	for (n = 0; n < args->nr; n++) {
		struct peerbuf_range *range = &args->ranges[n];

		if (!(range->flags & TO_THE_END))
			continue;
		range->flags = 0;
		range->length = range->offset < sizes[range->bar] ?
				sizes[range->bar] - range->offset :
				(uint64_t)sysconf(_SC_PAGESIZE);
	}
}

int range_args_resolve(int node, struct range_args *args, struct peerbuf_error *error)
{
	struct peerbuf_ioc_info info;
	uint64_t sizes[6] = { 0 };
	size_t n;
	int ret = peerbuf_info(node, &info, error);

	if (ret)
		return ret;
	for (n = 0; n < ARRAY_SIZE(sizes); n++)
		if (info.bars[n].flags & PEERBUF_BAR_F_MEMORY)
			sizes[n] = info.bars[n].size;
	range_args_sizes(args, sizes);
	return 0;
}
