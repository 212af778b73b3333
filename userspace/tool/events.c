// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "trace.h"
#include "tool.h"

#define NS_PER_S	1000000000LL

static const char *type_text(uint32_t type)
{
	static const char *const names[] = {
		[PEERBUF_EVENT_EXPORT] = "export",
		[PEERBUF_EVENT_MOVE] = "move",
		[PEERBUF_EVENT_REVOKE] = "revoke",
		[PEERBUF_EVENT_RESTORE] = "restore",
		[PEERBUF_EVENT_RELEASE] = "release",
		[PEERBUF_EVENT_FALLBACK] = "fallback",
		[PEERBUF_EVENT_DRAINED] = "drained",
	};

	if (type < ARRAY_SIZE(names) && names[type])
		return names[type];
	return format_text("type-%" PRIu32, type);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The kernel's times count from boot, in a clock that does not jump. */
static const char *time_text(uint64_t boot_time)
{
	int64_t wall = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) + (int64_t)boot_time;
	time_t seconds = wall / NS_PER_S;
	struct tm local;
	char text[32];

	localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
	return format_text("%s.%03d", text, (int)(wall % NS_PER_S / (NS_PER_S / 1000)));
}

/* In the form that ps uses, as one word; "-" for the kernel itself. */
static const char *process_text(const struct peerbuf_event *event)
{
	char *word = utf8_word(format_text("%.16s", event->comm));
	const char *text = *word ? format_text("%s/%" PRIu32, word, event->pid) : "-";

	free(word);
	return text;
}

/* Every line has the same number of words. */
static void print_line(const struct peerbuf_event *event)
{
	const char *time = time_text(event->time);
	const char *function = addr_text(event->function);

	if (event->lost)
		printf("%s %s lost %" PRIu32 " - - - -\n", time, function, event->lost);
	printf("%s %s %s %" PRIu64 " %s %s %s %s\n", time, function, type_text(event->type),
	       (uint64_t)event->id, size_text(event->buffer_size), process_text(event),
	       addr_text(event->client),
	       event->reason ? peerbuf_reason_name(event->reason) : "-");
}

static void print_object(const struct peerbuf_event *event)
{
	struct json_object *object = json_new();

	json_set_text(object, "time", time_text(event->time));
	json_set_addr(object, "function", event->function);
	json_set_text(object, "event", type_text(event->type));
	json_set_number(object, "id", event->id);
	json_set_number(object, "lost", event->lost);
	json_set_number(object, "size", event->buffer_size);
	json_set_text(object, "process", format_text("%.16s", event->comm));
	if (event->comm[0])
		json_set_number(object, "pid", event->pid);
	else
		json_set(object, "pid", NULL);
	json_set_addr(object, "client", event->client);
	if (event->reason)
		json_set_text(object, "reason", peerbuf_reason_name(event->reason));
	else
		json_set(object, "reason", NULL);
	json_print_line(object);
}

/* All kinds that this kernel knows; one that cannot be asked tells those that all know. */
static void select_all(int node)
{
	struct peerbuf_ioc_probe probe;

	if (!peerbuf_probe(node, &probe, NULL) && probe.event_types)
		peerbuf_events_select(node, probe.event_types, NULL);
}

static int follow(uint64_t addr, int node, bool json)
{
	struct peerbuf_event events[16];
	ssize_t n, nr;

	select_all(node);
	while ((nr = peerbuf_events(node, events, ARRAY_SIZE(events))) > 0) {
		for (n = 0; n < nr; n++)
			json ? print_object(&events[n]) : print_line(&events[n]);
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
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, { "all", no_argument, NULL, 'a' }, { 0 }
	};
	bool json = false, all = false;
	int option, node, ret;
	uint64_t addr;

	while ((option = next_option(self, argc, argv, ":hja", options)) != -1) {
		json |= option == 'j';
		all |= option == 'a';
	}
	count_arguments(self, argc, !all, !all);
	if (all)
		return trace_follow(json);
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
	.synopsis = "[-j] FUNCTION\n[-j] --all",
	.summary = "Follow what happens to exports",
	.help = "  FUNCTION              PCI address of the function\n"
		"  -a, --all             of all exports, and also who attaches, maps, unmaps,\n"
		"                        detaches and is refused; takes root\n"
		"  -j, --json            print JSON, an object per line\n",
	.notes = "A line is: time, function, event (export, move, revoke, drained, restore,\n"
		"release, fallback), export, its size, the process that caused it, the importer\n"
		"it was done for, and the reason. It ends with the device, or by a signal. With\n"
		"--all it is: time, importer, event, export, process, reason, size. A - stands\n"
		"for nothing. Lost events are told as 'lost', with their number in place of the\n"
		"export's.\n",
	.run = events_run,
};
