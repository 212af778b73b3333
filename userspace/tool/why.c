// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

#define LABEL_WIDTH	12

struct question {
	uint64_t provider;
	uint64_t client;
	uint32_t bar;
};

static int ask(int control, const struct question *question, struct peerbuf_route *route)
{
	struct peerbuf_error error;

	if (peerbuf_route(control, question->provider, question->client, question->bar, route,
			  &error))
		return failed(&error, NULL, "route from %s to the memory of %s",
			      addr_text(question->client), addr_text(question->provider));
	return EXIT_OK;
}

/* The kernel looks for an IOMMU only at functions whose driver uses its DMA API. */
static const char *how(uint64_t client, const struct peerbuf_route *route)
{
	switch (route->type) {
	case PEERBUF_ROUTE_BUS_ADDR:
		return "directly by bus address";
	case PEERBUF_ROUTE_THRU_HOST_BRIDGE:
		if (route->flags & PEERBUF_ROUTE_F_IOMMU)
			return "by IOVA through the root complex";
		if (!strcmp(function_driver(client), "-"))
			return "through the root complex";
		return "by CPU address through the root complex";
	}
	return "not at all";
}

static void print_verdict(const struct question *question, const struct peerbuf_route *route)
{
	const char *client = addr_text(question->client);
	const char *provider = addr_text(question->provider);

	if (route->type == PEERBUF_ROUTE_NOT_SUPPORTED)
		printf("No: %s cannot reach the memory of %s.\n\n", client, provider);
	else
		printf("Yes: %s reaches the memory of %s.\n\n", client, provider);
}

/* Columns to break lines at: only for a person, so that grep sees whole sentences. */
static size_t line_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ||
	    size.ws_col <= 2 * LABEL_WIDTH)
		return SIZE_MAX;
	return size.ws_col - LABEL_WIDTH;
}

/* How much of @text goes on a line of @width: up to the last blank that fits. */
static size_t line_length(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width)
		return length;
	for (length = width; length && text[length] != ' '; length--)
		;
	return length ? length : strcspn(text, " ");
}

static void print_field(const char *label, const char *text)
{
	size_t width = line_width();

	do {
		size_t length = line_length(text, width);

		printf("%-*s%.*s\n", LABEL_WIDTH, label, (int)length, text);
		text += length;
		text += *text == ' ';
		label = "";
	} while (*text);
}

static void print_function(const char *label, uint64_t addr)
{
	if (addr != PEERBUF_PCI_NONE)
		print_field(label, format_text("%s  %s", addr_text(addr), function_name(addr)));
}

/* What to change is the library's advice, or how to get from a slow route to a fast one. */
static char *change(const struct question *question, const struct peerbuf_route *route)
{
	const struct subject subject = {
		.provider = question->provider,
		.client = question->client,
		.bridge = route->decider,
	};
	const char *text = "nothing";
	char *copy;

	if (route->type == PEERBUF_ROUTE_NOT_SUPPORTED)
		return advice(route->reason, &subject);
	if (route->flags & PEERBUF_ROUTE_F_ACS_REDIRECT)
		text = format_text("nothing must be; booting with pci=disable_acs_redir=%s could "
				   "make it direct, but ends the isolation below that bridge",
				   addr_text(route->decider));
	else if (route->reason == PEERBUF_REASON_OVERRIDE_PAIR)
		text = format_text("nothing; 'peerbuf deny %s %s' withdraws it",
				   addr_text(question->provider), addr_text(question->client));
	if (asprintf(&copy, "%s", text) < 0)
		out_of_memory();
	return copy;
}

static const char *route_text(uint64_t client, const struct peerbuf_route *route)
{
	const char *name = peerbuf_route_name(route->type);
	bool vouched = route->flags & PEERBUF_ROUTE_F_OVERRIDE;

	if (route->type == PEERBUF_ROUTE_NOT_SUPPORTED)
		return name;
	return format_text("%s, %s, over %" PRIu32 " hops%s", name, how(client, route),
			   route->distance, vouched ? " (override)" : "");
}

static void print_text(const struct question *question, const struct peerbuf_route *there,
		       const struct peerbuf_route *back)
{
	char *text = change(question, there);

	print_verdict(question, there);
	print_function("memory of", question->provider);
	print_function("reached by", question->client);
	print_field("route", route_text(question->client, there));
	print_field("because", format_text("%s, %s", peerbuf_reason_name(there->reason),
					   peerbuf_reason_text(there->reason)));
	print_function("decided by", there->decider);
	print_field("to change", text);
	print_field("reverse", format_text("%s reaches the memory of %s %s",
					   addr_text(question->provider),
					   addr_text(question->client),
					   how(question->provider, back)));
	free(text);
}

static void print_json(const struct question *question, const struct peerbuf_route *there,
		       const struct peerbuf_route *back)
{
	struct json_object *top = json_new();
	char *text = change(question, there);

	json_set_addr(top, "provider", question->provider);
	json_set_addr(top, "client", question->client);
	json_set_route(top, "route", there);
	if (there->decider != PEERBUF_PCI_NONE)
		json_set_text(top, "decider_name", function_name(there->decider));
	json_set_text(top, "advice", text);
	json_set_route(top, "reverse", back);
	json_print(top);
	free(text);
}

static int answer(const struct question *question, bool json)
{
	const struct question reverse = {
		.provider = question->client,
		.client = question->provider,
		.bar = PEERBUF_ANY_BAR,
	};
	struct peerbuf_route there, back;
	int control = open_control(O_RDONLY);
	int ret;

	if (control < 0)
		return -control;
	ret = ask(control, question, &there);
	if (!ret)
		ret = ask(control, &reverse, &back);
	peerbuf_close(control);
	if (ret)
		return ret;
	if (json)
		print_json(question, &there, &back);
	else
		print_text(question, &there, &back);
	return there.type == PEERBUF_ROUTE_NOT_SUPPORTED ? EXIT_NO_ROUTE : EXIT_OK;
}

static int why_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, BAR_OPTION, { 0 }
	};
	struct question question = { .bar = PEERBUF_ANY_BAR };
	bool json = false;
	int option;

	while ((option = next_option(self, argc, argv, ":hjb:", options)) != -1) {
		if (option == 'b')
			question.bar = parse_bar(self, optarg);
		else
			json = true;
	}
	count_arguments(self, argc, 2, 2);
	question.provider = parse_addr(self, argv[optind]);
	question.client = parse_addr(self, argv[optind + 1]);
	return answer(&question, json);
}

const struct command why_command = {
	.name = "why",
	.synopsis = "[-j] [--bar N] PROVIDER CLIENT",
	.summary = "Say whether CLIENT reaches PROVIDER's memory, and what decides",
	.help = "  PROVIDER              PCI address of the function whose memory is meant\n"
		"  CLIENT                PCI address of the function that would do the DMA\n"
		"  -b, --bar N           check the client's DMA mask against this BAR, too\n"
		"  -j, --json            print JSON\n",
	.notes = "The exit code is 0 if there is a route and 3 if there is none.\n",
	.run = why_run,
};
