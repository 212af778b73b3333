// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "tool.h"

/**
 * struct request - what to export
 * @addr: the function
 * @args: its ranges
 * @options: options of the export
 * @json: print JSON
 * @command: command to run with the dma-buf, or NULL
 */
struct request {
	uint64_t addr;
	struct range_args args;
	struct peerbuf_export_options options;
	bool json;
	char **command;
};

static int refused(const struct request *request, const struct peerbuf_error *error)
{
	const struct subject subject = { .function = request->addr };

	if (error->range >= request->args.nr)
		return failed(error, &subject, "export %s", addr_text(request->addr));
	return failed(error, &subject, "export %s: %s", addr_text(request->addr),
		      range_text(&request->args.ranges[error->range]));
}

static uint64_t total(const struct request *request)
{
	uint64_t sum = 0;
	size_t n;

	for (n = 0; n < request->args.nr; n++)
		sum += request->args.ranges[n].length;
	return sum;
}

static void print_text(const struct request *request, const struct child_buffer *buffer)
{
	printf("id %" PRIu64 "\nfd %d\npid %d\nfunction %s\nsize %" PRIu64 "\n", buffer->id,
	       buffer->fd, getpid(), addr_text(request->addr), total(request));
}

static void print_json(const struct request *request, const struct child_buffer *buffer)
{
	struct json_object *top = json_new();

	json_set_number(top, "id", buffer->id);
	json_set_number(top, "fd", buffer->fd);
	json_set_number(top, "pid", getpid());
	json_set_addr(top, "function", request->addr);
	json_set_number(top, "size", total(request));
	json_print(top);
}

static int hold(const struct request *request, const struct child_buffer *buffer)
{
	sigset_t signals;
	struct sigaction hangup;
	int signal;

	/* Block them before printing: a reader of the output may send the signal at once. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	/* sigwait() would also return a SIGHUP that nohup(1) has set to be ignored. */
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	if (request->json)
		print_json(request, buffer);
	else
		print_text(request, buffer);
	if (fflush(stdout))
		return failed_errno(-errno, "standard output");
	sigwait(&signals, &signal);
	return EXIT_OK;
}

static int export(struct request *request, struct child_buffer *buffer)
{
	struct peerbuf_error error;
	int ret;

	buffer->node = open_node(request->addr, O_RDWR);
	if (buffer->node < 0)
		return -buffer->node;
	ret = range_args_resolve(buffer->node, &request->args, &error);
	if (!ret)
		ret = peerbuf_export_with(buffer->node, request->args.ranges, request->args.nr,
					  &request->options, &buffer->id, &error);
	if (ret < 0)
		return refused(request, &error);
	buffer->fd = ret;
	return 0;
}

static int export_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, BAR_OPTION,
		{ "range", required_argument, NULL, 'r' },
		{ "persist", no_argument, NULL, 'P' },
		{ "fallback", no_argument, NULL, 'f' },
		{ "no-cpu", no_argument, NULL, 'c' },
		{ "segment-align", required_argument, NULL, 'a' },
		{ "max-segment", required_argument, NULL, 'm' }, { 0 }
	};
	struct request request = {
		.args.bar = -1,
		.options = { .size = sizeof(request.options), .open_flags = O_RDWR | O_CLOEXEC },
	};
	struct child_buffer buffer = { 0 };
	int option, ret;

	if (has_command(argv))
		usage_exits(EXIT_OWN);
	while ((option = next_option(self, argc, argv, ":hjb:r:", options)) != -1) {
		if (option == 'b')
			range_args_bar(self, &request.args, optarg);
		else if (option == 'r')
			range_args_range(self, &request.args, optarg);
		else if (option == 'P')
			request.options.flags |= PEERBUF_EXPORT_F_PERSIST;
		else if (option == 'f')
			request.options.flags |= PEERBUF_EXPORT_F_FALLBACK;
		else if (option == 'c')
			request.options.flags |= PEERBUF_EXPORT_F_NO_CPU;
		else if (option == 'a')
			request.options.segment_align = parse_size(self, optarg);
		else if (option == 'm')
			request.options.max_segment = parse_size(self, optarg);
		else
			request.json = true;
	}
	if (count_arguments(self, argc, 1, argc) > 1)
		request.command = argv + optind + 1;
	request.addr = parse_addr(self, argv[optind]);
	range_args_end(self, &request.args);
	ret = export(&request, &buffer);
	if (!request.command)
		ret = ret ? ret : hold(&request, &buffer);
	else
		ret = ret ? EXIT_OWN : child_run(request.command, &buffer);
	free(request.args.ranges);
	return ret;
}

const struct command export_command = {
	.name = "export",
	.synopsis = "[OPTION…] FUNCTION --bar N [--range RANGE]… [-- COMMAND…]",
	.summary = "Make a dma-buf of BAR memory, for a command or until a signal",
	.help = "  FUNCTION              PCI address of the function\n"
		"  -b, --bar N           its BAR, 0 to 5; the whole of it if no --range follows\n"
		"  -r, --range RANGE     a piece of that BAR, OFFSET:LENGTH, or OFFSET: up to its\n"
		"                        end; bytes, or with K, M, G or T, or 0x; or\n"
		"                        system:LENGTH, system memory of its own; pieces\n"
		"                        follow each other in the buffer\n"
		"      --fallback        move to system memory for importers that do not reach\n"
		"                        the BAR, instead of refusing them\n"
		"      --no-cpu          let no CPU map it\n"
		"      --segment-align SIZE\n"
		"                        cut an importer's DMA segments that have to be cut at\n"
		"                        multiples of SIZE: a power of two, from a page to 2G\n"
		"      --max-segment SIZE\n"
		"                        make no DMA segment longer: a multiple of that, or of a\n"
		"                        page\n"
		"      --persist         do not revoke it when peerbuf ends\n"
		"  -j, --json            print JSON (without COMMAND)\n"
		"  COMMAND               finds the dma-buf's descriptor in PEERBUF_FD and the\n"
		"                        export's number in PEERBUF_ID\n",
	.notes = "The exit code is COMMAND's, or 128 plus the signal that ended it; 125 if there\n"
		"was no export, 126 or 127 if COMMAND could not be run or was not found. SIGINT,\n"
		"SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to it, and it does\n"
		"not outlive peerbuf. Without COMMAND the export is held until SIGINT, SIGTERM or\n"
		"SIGHUP; then it is 0.\n",
	.run = export_run,
};
