// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "tool.h"

static const char *type_text(uint32_t type)
{
	static const char *const names[] = {
		[PEERBUF_EVENT_EXPORT] = "export",
		[PEERBUF_EVENT_MOVE] = "move",
		[PEERBUF_EVENT_REVOKE] = "revoke",
		[PEERBUF_EVENT_RESTORE] = "restore",
		[PEERBUF_EVENT_RELEASE] = "release",
		[PEERBUF_EVENT_FALLBACK] = "fallback",
	};

	if (type < ARRAY_SIZE(names) && names[type])
		return names[type];
	return format_text("type-%" PRIu32, type);
}

static const char *now_text(void)
{
	struct timespec now;
	struct tm local;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
	return format_text("%s.%03ld", text, now.tv_nsec / 1000000);
}

static void print_event(uint64_t addr, const struct peerbuf_event *event, bool json)
{
	struct json_object *object;

	if (!json) {
		if (event->lost)
			printf("%s %s lost %" PRIu32 "\n", now_text(), addr_text(addr),
			       event->lost);
		printf("%s %s %s %" PRIu64 "\n", now_text(), addr_text(addr),
		       type_text(event->type), (uint64_t)event->id);
		return;
	}
	object = json_new();
	json_set_text(object, "time", now_text());
	json_set_addr(object, "function", addr);
	json_set_text(object, "event", type_text(event->type));
	json_set_number(object, "id", event->id);
	json_set_number(object, "lost", event->lost);
	json_print_line(object);
}

static int follow(uint64_t addr, int node, bool json)
{
	struct peerbuf_event events[16];
	ssize_t n, nr;

	while ((nr = peerbuf_events(node, events, ARRAY_SIZE(events))) > 0) {
		for (n = 0; n < nr; n++)
			print_event(addr, &events[n], json);
		texts_free();
		if (fflush(stdout))
			return failed_errno(-errno, "standard output");
	}
	if (nr < 0)
		return failed_errno(nr, "events of %s", addr_text(addr));
	warning("%s is gone", addr_text(addr));
	return EXIT_OK;
}

static int events_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, JSON_OPTION, { 0 } };
	bool json = false;
	int option, node, ret;
	uint64_t addr;

	while ((option = next_option(self, argc, argv, ":hj", options)) != -1)
		json |= option == 'j';
	count_arguments(self, argc, 1, 1);
	addr = parse_addr(self, argv[optind]);
	node = open_node(addr, O_RDONLY);
	if (node < 0)
		return -node;
	ret = follow(addr, node, json);
	peerbuf_close(node);
	return ret;
}

const struct command events_command = {
	.name = "events",
	.synopsis = "[-j] FUNCTION",
	.summary = "Follow what happens to a function's exports",
	.help = "  FUNCTION              PCI address of the function\n"
		"  -j, --json            print JSON, an object per line\n",
	.notes = "A line is: time, function, event (export, move, revoke, restore, release,\n"
		"fallback), export. It ends when the device does, or by a signal.\n",
	.run = events_run,
};
