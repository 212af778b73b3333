// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
#define COUNTER(n) { #n, offsetof(struct peerbuf_ioc_stats, n) }
	COUNTER(exports), COUNTER(attaches), COUNTER(maps), COUNTER(unmaps), COUNTER(moves),
	COUNTER(revokes), COUNTER(restores), COUNTER(refusals), COUNTER(faults),
	COUNTER(live_exports), COUNTER(live_mappings),
	COUNTER(migrations), COUNTER(fallbacks),
	COUNTER(file_calls), COUNTER(file_commands), COUNTER(file_direct), COUNTER(file_bounced),
};

static uint64_t counter(const struct peerbuf_ioc_stats *stats, size_t n)
{
	__u64 value;

	memcpy(&value, (const char *)stats + counters[n].offset, sizeof(value));
	return value;
}

static void print_json(const struct peerbuf_ioc_stats *stats)
{
	struct json_object *top = json_new();
	size_t n;

	for (n = 0; n < ARRAY_SIZE(counters); n++)
		json_set_number(top, counters[n].name, counter(stats, n));
	json_print(top);
}

static int stats_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, JSON_OPTION, { 0 } };
	struct peerbuf_ioc_stats stats;
	struct peerbuf_error error;
	bool json = false;
	int option, control, ret;
	size_t n;

	while ((option = next_option(self, argc, argv, ":hj", options)) != -1)
		json |= option == 'j';
	count_arguments(self, argc, 0, 0);
	control = open_control(O_RDONLY);
	if (control < 0)
		return -control;
	ret = peerbuf_stats(control, &stats, &error);
	peerbuf_close(control);
	if (ret)
		return failed(&error, NULL, "stats");
	if (json)
		print_json(&stats);
	for (n = 0; !json && n < ARRAY_SIZE(counters); n++)
		printf("%-14s %" PRIu64 "\n", counters[n].name, counter(&stats, n));
	return EXIT_OK;
}

const struct command stats_command = {
	.name = "stats",
	.synopsis = "[-j]",
	.summary = "Print the counters since the module was loaded",
	.help = "  -j, --json            print JSON\n",
	.run = stats_run,
};
