// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Export a piece of a BAR through its node, watch what happens to it, take it back and give
 * it back.
 *
 *	node-watch 0000:01:00.0 2 0:64K
 *
 * Then type "revoke", "restore" or "who"; end of input ends the program. A real program would give
 * the export's descriptor to an importer: ibv_reg_dmabuf_mr(), a VMM, another process.
 *
 *	cc node-watch.c $(pkg-config --cflags --libs libpeerbuf) -o node-watch
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <peerbuf.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a revoke waits for importers before it says who they are. */
#define PATIENCE_MS	5000

static void complain(const char *what, const struct peerbuf_error *error)
{
	char text[128];

	peerbuf_error_format(error, text, sizeof(text));
	fprintf(stderr, "%s: %s. %s\n", what, text, peerbuf_reason_advice(error->reason));
}

static const char *event_name(uint32_t type)
{
	switch (type) {
	case PEERBUF_EVENT_EXPORT:
		return "exported";
	case PEERBUF_EVENT_MOVE:
		return "moved";
	case PEERBUF_EVENT_REVOKE:
		return "revoked";
	case PEERBUF_EVENT_RESTORE:
		return "restored";
	case PEERBUF_EVENT_RELEASE:
		return "released";
	case PEERBUF_EVENT_FALLBACK:
		return "moved to system memory for an importer";
	case PEERBUF_EVENT_DRAINED:
		return "mapped by nobody any more";
	}
	/* A newer kernel may have more event types. */
	return "something else";
}

/* Selects all events the kernel has: by default there are only those of its first version. */
static void select_events(int node)
{
	struct peerbuf_ioc_probe kernel;

	if (!peerbuf_probe(node, &kernel, NULL))
		peerbuf_events_select(node, kernel.event_types, NULL);
}

/* Returns false when the device is gone. */
static bool show_events(int node)
{
	struct peerbuf_event events[16];
	ssize_t n = peerbuf_events(node, events, 16), i;

	for (i = 0; i < n; i++) {
		if (events[i].lost)
			printf("%" PRIu32 " events were lost\n", (uint32_t)events[i].lost);
		printf("export %" PRIu64 ": %s\n", (uint64_t)events[i].id,
		       event_name(events[i].type));
	}
	fflush(stdout);
	return n > 0 || n == -EAGAIN || n == -EINTR;
}

static void withdraw(int node, uint64_t id)
{
	struct peerbuf_error error;

	if (!peerbuf_revoke(node, id, PATIENCE_MS, &error))
		printf("nothing reaches the memory any more\n");
	else if (error.error == -EINPROGRESS)
		printf("in force, but %" PRIu32 " importers still map it, such as %s\n",
		       error.blockers, error.blocker_name);
	else
		complain("revoke", &error);
}

static void show_importers(int node, uint64_t id)
{
	struct peerbuf_attachment_info *importers;
	struct peerbuf_error error;
	size_t n, i;

	if (peerbuf_attachments(node, id, &importers, &n, &error)) {
		complain("who", &error);
		return;
	}
	for (i = 0; i < n; i++)
		printf("%s (%s): %u mappings\n", importers[i].device, importers[i].driver,
		       importers[i].nr_mappings);
	printf("%zu importers\n", n);
	free(importers);
}

static void obey(int node, uint64_t id, const char *command)
{
	struct peerbuf_error error;

	if (!strcmp(command, "revoke\n"))
		withdraw(node, id);
	else if (!strcmp(command, "restore\n") && peerbuf_restore(node, id, &error))
		complain("restore", &error);
	else if (!strcmp(command, "who\n"))
		show_importers(node, id);
	fflush(stdout);
}

static void serve(int node, uint64_t id)
{
	struct pollfd sources[] = {
		{ .fd = node, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	char command[32];
	bool going = true;

	/* Unbuffered: poll() does not see what stdio has read already. */
	setvbuf(stdin, NULL, _IONBF, 0);
	while (going && poll(sources, 2, -1) >= 0) {
		if (sources[0].revents)
			going = show_events(node);
		if (sources[1].revents) {
			if (!fgets(command, sizeof(command), stdin))
				break;
			obey(node, id, command);
		}
	}
	show_events(node);
}

int main(int argc, char **argv)
{
	struct peerbuf_error error;
	struct peerbuf_range range;
	int node, dmabuf;
	uint64_t id;

	if (argc != 4 || peerbuf_range_parse(argv[3], atoi(argv[2]), &range)) {
		fprintf(stderr, "usage: %s ADDRESS BAR OFFSET:LENGTH\n", argv[0]);
		return 2;
	}
	node = peerbuf_open(argv[1], O_RDWR | O_NONBLOCK);
	if (node < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-node));
		return 1;
	}
	select_events(node);
	dmabuf = peerbuf_export(node, &range, 1, 0, O_RDWR | O_CLOEXEC, &id, &error);
	if (dmabuf < 0) {
		complain(argv[1], &error);
		return 1;
	}
	serve(node, id);
	/*
	 * This ends the export even if somebody has the descriptor, because it is not persistent.
	 */
	close(dmabuf);
	peerbuf_close(node);
	return 0;
}
