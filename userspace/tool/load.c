// SPDX-License-Identifier: GPL-2.0-only
/* load: has an NVMe drive move blocks between a file and a buffer, and measures how fast. */
#include <errno.h>
#include <stdlib.h>

#include "file.h"
#include "load.h"
#include "table.h"
#include "tool.h"

#define BLOCK	(128U << 10)
#define SECONDS	10

static const struct permille {
	const char *heading;
	const char *key;
	unsigned int permille;
} permilles[] = {
	{ "P50_US", "p50", 500 }, { "P90_US", "p90", 900 }, { "P99_US", "p99", 990 },
	{ "P99.9_US", "p99_9", 999 },
};

static double per_second(const struct load *load, uint64_t what)
{
	return load->nanoseconds ? what * 1e9 / load->nanoseconds : 0;
}

static const char *time_text(uint64_t nanoseconds)
{
	return format_text("%.1f", nanoseconds / 1000.0);
}

static void print_json(const struct load *load)
{
	struct json_object *top = json_new(), *latency = json_new();
	size_t n;

	json_set_number(top, "id", load->id);
	json_set_text(top, "file", load->file);
	json_set_bool(top, "write", load->write);
	json_set_bool(top, "random", load->random);
	json_set_number(top, "block", load->block);
	json_set_number(top, "depth", load->depth);
	json_set_number(top, "calls", load->latency.nr);
	json_set_number(top, "nanoseconds", load->nanoseconds);
	json_set_number(top, "calls_per_second", per_second(load, load->latency.nr));
	json_set_number(top, "bytes_per_second", per_second(load, load->sum.bytes));
	file_ways_json(top, &load->sum);
	json_set_number(latency, "least", load->latency.least);
	json_set_number(latency, "mean", latency_mean(&load->latency));
	for (n = 0; n < ARRAY_SIZE(permilles); n++)
		json_set_number(latency, permilles[n].key,
				latency_within(&load->latency, permilles[n].permille));
	json_set_number(latency, "most", load->latency.most);
	json_set(top, "latency_ns", latency);
	json_print(top);
}

static void print_table(const struct load *load)
{
	const struct latency *latency = &load->latency;
	struct libscols_table *table = table_new();
	struct libscols_line *line;
	unsigned int column = 0;
	size_t n;

	table_columns(table, (const struct column[]) {
		{ "CALLS", TABLE_RIGHT }, { "SECONDS", TABLE_RIGHT }, { "IOPS", TABLE_RIGHT },
		{ "MIB/S", TABLE_RIGHT }, { "LEAST_US", TABLE_RIGHT }, { "MEAN_US", TABLE_RIGHT },
		{ NULL, 0 },
	});
	for (n = 0; n < ARRAY_SIZE(permilles); n++)
		table_column(table, permilles[n].heading, TABLE_RIGHT);
	table_column(table, "MOST_US", TABLE_RIGHT);
	line = table_line(table);
	table_cell(line, column++, format_text("%" PRIu64, latency->nr), NULL);
	table_cell(line, column++, format_text("%.2f", load->nanoseconds / 1e9), NULL);
	table_cell(line, column++, format_text("%.1f", per_second(load, latency->nr)), NULL);
	table_cell(line, column++,
		   format_text("%.1f", per_second(load, load->sum.bytes) / (1 << 20)), NULL);
	table_cell(line, column++, time_text(latency->least), NULL);
	table_cell(line, column++, time_text(latency_mean(latency)), NULL);
	for (n = 0; n < ARRAY_SIZE(permilles); n++)
		table_cell(line, column++,
			   time_text(latency_within(latency, permilles[n].permille)), NULL);
	table_cell(line, column, time_text(latency->most), NULL);
	table_print(table);
}

void load_print(const struct load *load)
{
	if (load->json) {
		print_json(load);
		return;
	}
	print_table(load);
	fputc('\n', stdout);
	file_explain(&load->sum);
}

/* Each call under way has a block of the buffer, and the part of the file has a block at least. */
static int check_sizes(struct load *load, int control)
{
	struct peerbuf_export_info info;
	struct peerbuf_error error;
	uint64_t size = file_size(load->io.file_fd), need;

	if (peerbuf_query_fd(control, load->io.dmabuf_fd, &info, &error))
		return failed(&error, NULL, "export %" PRIu64, load->id);
	if (__builtin_mul_overflow(load->block, load->depth, &need) ||
	    load->io.offset > info.buffer_size || need > info.buffer_size - load->io.offset)
		return failed_errno(-ERANGE, "load: %" PRIu32 " blocks of %s do not fit into the "
				    "buffer", load->depth, size_text(load->block));
	size = size > load->io.file_offset ? size - load->io.file_offset : 0;
	if (!load->io.length || load->io.length > size)
		load->io.length = size;
	if (load->io.length < load->block)
		return failed_errno(-ERANGE, "load %s: there is no block of %s in that part of it",
				    load->file, size_text(load->block));
	return EXIT_OK;
}

static int measure_all(void *data, int control)
{
	struct load *load = data;
	int ret = check_sizes(load, control);

	if (!ret)
		ret = load_run(load, control);
	if (!ret)
		load_print(load);
	return ret;
}

static uint64_t parse_number(const struct command *self, const char *text)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end || !number || text[0] < '0' || text[0] > '9')
		usage_error(self, "%s: not a number from 1 on", text);
	return number;
}

/* A day is enough, and in nanoseconds fits into 64 bits. */
static uint64_t parse_seconds(const struct command *self, const char *text)
{
	uint64_t seconds = parse_number(self, text);

	if (seconds > 86400)
		usage_error(self, "%s: more than a day's seconds", text);
	return seconds;
}

static const struct option options[] = {
	HELP_OPTION, JSON_OPTION, { "block", required_argument, NULL, 'b' },
	{ "depth", required_argument, NULL, 'd' }, { "time", required_argument, NULL, 't' },
	{ "count", required_argument, NULL, 'c' }, { "offset", required_argument, NULL, 'o' },
	{ "length", required_argument, NULL, 'l' }, { "random", no_argument, NULL, 'r' },
	{ "write", no_argument, NULL, 'w' }, { "strict", no_argument, NULL, 's' },
	{ "fallback", no_argument, NULL, 'f' }, { 0 }
};

static void take_option(const struct command *self, struct load *load, int option)
{
	switch (option) {
	case 'b':
		load->block = parse_size(self, optarg);
		break;
	case 'd':
		load->depth = parse_depth(self, optarg);
		break;
	case 't':
		load->seconds = parse_seconds(self, optarg);
		break;
	case 'c':
		load->calls = parse_number(self, optarg);
		break;
	case 'o':
		load->io.file_offset = parse_size(self, optarg);
		break;
	case 'l':
		load->io.length = parse_size(self, optarg);
		break;
	case 'r':
		load->random = true;
		break;
	case 'w':
		load->write = true;
		break;
	case 's':
		load->io.flags |= PEERBUF_FILE_F_STRICT;
		break;
	case 'f':
		load->io.flags |= PEERBUF_FILE_F_FALLBACK;
		break;
	case 'j':
		load->json = true;
	}
}

static int load_main(const struct command *self, int argc, char **argv)
{
	static struct load load = {
		.block = BLOCK, .depth = 1, .sum.controller = PEERBUF_PCI_NONE,
	};
	int option;

	while ((option = next_option(self, argc, argv, ":hjb:d:t:c:o:l:rwsf", options)) != -1)
		take_option(self, &load, option);
	count_arguments(self, argc, 2, 2);
	if (!load.block)
		usage_error(self, "a block has one byte at least");
	if (load.calls && load.seconds)
		usage_error(self, "either --time or --count");
	if (!load.seconds)
		load.seconds = SECONDS;
	load.file = argv[optind];
	parse_place(self, argv[optind + 1], &load.id, &load.io.offset);
	return file_with(&load.io, load.file, load.write, load.id, measure_all, &load);
}

const struct command load_command = {
	.name = "load",
	.synopsis = "[OPTION]… FILE ID[:OFFSET]",
	.summary = "Measure how fast a drive moves blocks between a file and a buffer",
	.help =
	"  FILE                  an NVMe block device, a partition of one, or a file of\n"
	"                        ext4 or xfs on either\n"
	"  ID                    the export's number, see 'peerbuf ps', and where to\n"
	"                        begin in it\n"
	"  -b, --block N         bytes of a call; without it, 128K\n"
	"  -d, --depth N         calls under way at a time, up to 64; without it, 1. Each\n"
	"                        has a block of the buffer of its own\n"
	"  -t, --time SECONDS    how long; without it, 10\n"
	"  -c, --count N         how many calls, in place of a time\n"
	"  -o, --offset N        where the part of the file begins that is used\n"
	"  -l, --length N        how long that part is; without it, to the end\n"
	"  -r, --random          blocks anywhere in it; without it, one after the other\n"
	"  -w, --write           write: what is in that part of FILE is lost\n"
	"  -s, --strict          fail rather than move anything through system memory\n"
	"  -f, --fallback        go through system memory where the drive has no route\n"
	"  -j, --json            print JSON\n",
	.notes =
	"Takes a descriptor of the buffer: run it below 'peerbuf export … -- COMMAND', or\n"
	"as root. MIB/S are bytes that were moved, times are of whole calls.\n",
	.run = load_main,
};
