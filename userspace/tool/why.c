// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"
#include "topo.h"
#include "why.h"

#define LABEL_WIDTH	12

struct question {
	const struct function *provider;
	const struct function *client;
	uint32_t bar;
};

struct answer {
	struct verdict there;
	struct verdict back;
	struct bridges bridges;
};

/* The kernel checks for an IOMMU only if the function's driver uses the DMA API. */
static const char *how(const struct function *client, const struct peerbuf_route *route)
{
	if (route->type == PEERBUF_ROUTE_BUS_ADDR)
		return "directly by bus address";
	if (route->flags & PEERBUF_ROUTE_F_IOMMU)
		return "by IOVA through the root complex";
	if (!strcmp(client->driver, "-"))
		return "through the root complex";
	return "by CPU address through the root complex";
}

static void print_verdict(const struct question *question, const struct verdict *verdict)
{
	const char *client = addr_text(question->client->addr);
	const char *provider = addr_text(question->provider->addr);

	const char *format = "Yes: %s reaches the memory of %s.";

	if (!verdict->certain)
		format = "Unknown: whether %s reaches the memory of %s.";
	else if (verdict->route.type == PEERBUF_ROUTE_NOT_SUPPORTED)
		format = "No: %s cannot reach the memory of %s.";
	print_wrapped(format_text(format, client, provider), 0);
	putchar('\n');
}

static void print_field(const char *label, const char *text)
{
	printf("%-*s", LABEL_WIDTH, label);
	print_wrapped(text, LABEL_WIDTH);
}

static void print_function(const char *label, uint64_t addr)
{
	if (addr != PEERBUF_PCI_NONE)
		print_field(label, format_text("%s  %s", addr_text(addr), function_name(addr)));
}

/* What to change: the library's advice, or how to get from a slow route to a fast one. */
static char *change(const struct question *question, const struct answer *answer)
{
	const struct peerbuf_route *route = &answer->there.route;
	const char *redirecting = bridges_redirecting(&answer->bridges);
	const struct subject subject = {
		.provider = question->provider->addr,
		.client = question->client->addr,
		.bridge = route->decider,
	};
	const char *text = "nothing";
	char *copy;

	if (!answer->there.certain)
		text = "run it as root, who can read the bridges' ACS";
	else if (*redirecting && route->reason == PEERBUF_REASON_ACS_REDIRECT)
		text = format_text("boot with pci=disable_acs_redir=%s, or vouch for the pair with "
				   "'peerbuf allow %s %s'", redirecting,
				   addr_text(subject.provider), addr_text(subject.client));
	else if (*redirecting && route->flags & PEERBUF_ROUTE_F_ACS_REDIRECT)
		text = format_text("nothing must be; booting with pci=disable_acs_redir=%s would "
				   "make it direct", redirecting);
	else if (route->type == PEERBUF_ROUTE_NOT_SUPPORTED)
		return advice(route->reason, &subject);
	else if (route->reason == PEERBUF_REASON_OVERRIDE_PAIR)
		text = format_text("nothing; 'peerbuf deny %s %s' withdraws it",
				   addr_text(subject.provider), addr_text(subject.client));
	if (asprintf(&copy, "%s", text) < 0)
		out_of_memory();
	return copy;
}

/* Says what isolation is lost, if the change is to switch redirects off. */
static const char *cost(const struct answer *answer)
{
	if (!(answer->there.route.flags & PEERBUF_ROUTE_F_ACS_REDIRECT))
		return NULL;
	return isolation_cost(machine_get(), &answer->bridges);
}

static const char *route_text(const struct function *client, const struct verdict *verdict)
{
	const struct peerbuf_route *route = &verdict->route;
	const char *name = peerbuf_route_name(route->type);
	bool vouched = route->flags & PEERBUF_ROUTE_F_OVERRIDE;

	if (!verdict->certain)
		return format_text("%s if no bridge on the way redirects, %s if one does",
				   peerbuf_route_name(verdict->without.type),
				   peerbuf_route_name(verdict->with.type));
	if (route->type == PEERBUF_ROUTE_NOT_SUPPORTED)
		return name;
	return format_text("%s, %s, over %" PRIu32 " hops%s", name, how(client, route),
			   route->distance, vouched ? " (override)" : "");
}

/* The same of the two with their parts exchanged. */
static const char *reverse_text(const struct question *question, const struct verdict *verdict)
{
	const char *client = addr_text(question->provider->addr);
	const char *provider = addr_text(question->client->addr);

	if (!verdict->certain)
		return "not known either";
	if (verdict->route.type == PEERBUF_ROUTE_NOT_SUPPORTED)
		return format_text("%s cannot reach the memory of %s", client, provider);
	return format_text("%s reaches the memory of %s %s", client, provider,
			   how(question->provider, &verdict->route));
}

static const char *reason_text(const struct verdict *verdict)
{
	if (!verdict->certain)
		return "ACS_UNREADABLE, without privilege the bridges' ACS cannot be read";
	return format_text("%s, %s", peerbuf_reason_name(verdict->route.reason),
			   peerbuf_reason_text(verdict->route.reason));
}

static void print_bridges(const struct answer *answer)
{
	const char *label = "on the way";
	size_t n;

	for (n = 0; n < answer->bridges.nr; n++) {
		const struct function *hop = answer->bridges.hop[n];

		/* Shows an end only if it has ACS registers: most functions have none. */
		if (!hop->is_bridge && hop->acs != ACS_READ)
			continue;
		print_field(label, format_text("%s  %s", addr_text(hop->addr), acs_words(hop)));
		label = "";
	}
}

static void print_text(const struct question *question, const struct answer *answer)
{
	const struct function *provider = question->provider, *client = question->client;
	const struct link *link = pair_link(provider, client, &answer->there);
	char *text = change(question, answer);

	print_verdict(question, &answer->there);
	print_function("memory of", provider->addr);
	print_function("reached by", client->addr);
	print_field("route", route_text(client, &answer->there));
	print_field("because", reason_text(&answer->there));
	print_function("decided by", answer->there.route.decider);
	print_bridges(answer);
	if (link)
		print_field("bottleneck", format_text("%s, %s GB/s one way", link_text(link),
						      rate_text(link_rate(link))));
	print_field("to change", text);
	if (cost(answer))
		print_field("cost", format_text("with the redirects off, %s", cost(answer)));
	print_field("reverse", reverse_text(question, &answer->back));
	free(text);
}

static struct json_object *bridge_json(const struct function *hop)
{
	static const char *const states[] = {
		[ACS_UNKNOWN] = "unknown", [ACS_NONE] = "none", [ACS_READ] = "read",
		[ACS_GROUPED] = "grouped",
	};
	struct json_object *object = json_new();

	json_set_addr(object, "function", hop->addr);
	json_set_text(object, "acs", states[hop->acs]);
	if (hop->acs == ACS_READ) {
		json_set_number(object, "acs_capability", hop->acs_capability);
		json_set_number(object, "acs_control", hop->acs_control);
	}
	if (hop->acs == ACS_UNKNOWN)
		json_set(object, "redirects", NULL);
	else
		json_set_bool(object, "redirects", function_redirects(hop));
	return object;
}

static void print_json(const struct question *question, const struct answer *answer)
{
	struct json_object *top = json_new(), *hops = json_new_array();
	uint64_t decider = answer->there.route.decider;
	const char *redirecting = bridges_redirecting(&answer->bridges);
	char *text = change(question, answer);
	size_t n;

	json_set_addr(top, "provider", question->provider->addr);
	json_set_addr(top, "client", question->client->addr);
	json_set(top, "route", verdict_json(&answer->there));
	if (decider != PEERBUF_PCI_NONE)
		json_set_text(top, "decider_name", function_name(decider));
	for (n = 0; n < answer->bridges.nr; n++)
		json_append(hops, bridge_json(answer->bridges.hop[n]));
	json_set(top, "hops", hops);
	if (*redirecting)
		json_set_text(top, "disable_acs_redir", redirecting);
	else
		json_set(top, "disable_acs_redir", NULL);
	json_set_text(top, "advice", text);
	if (cost(answer))
		json_set_text(top, "cost", cost(answer));
	else
		json_set(top, "cost", NULL);
	json_set(top, "reverse", verdict_json(&answer->back));
	json_print(top);
	free(text);
}

static int ask(const struct question *question, struct answer *answer)
{
	struct peerbuf_error error;
	struct judge who;
	int ret = judge_open(&who);

	if (ret)
		return ret;
	ret = judge(&who, question->provider, question->client, question->bar, &answer->there,
		    &error);
	if (!ret)
		ret = judge(&who, question->client, question->provider, PEERBUF_ANY_BAR,
			    &answer->back, &error);
	judge_close(&who);
	if (ret)
		return failed(&error, NULL, "route from %s to the memory of %s",
			      addr_text(question->client->addr),
			      addr_text(question->provider->addr));
	return EXIT_OK;
}

static int answer_it(const struct question *question, bool json)
{
	struct answer answer;
	int ret = ask(question, &answer);

	if (ret)
		return ret;
	bridges_between(&answer.bridges, question->provider, question->client);
	if (json)
		print_json(question, &answer);
	else
		print_text(question, &answer);
	bridges_free(&answer.bridges);
	if (!answer.there.certain)
		return EXIT_UNKNOWN;
	return answer.there.route.type == PEERBUF_ROUTE_NOT_SUPPORTED ? EXIT_NO_ROUTE : EXIT_OK;
}

static int why_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, BAR_OPTION, FROM_OPTION, { 0 }
	};
	struct question question = { .bar = PEERBUF_ANY_BAR };
	const struct function **ends[] = { &question.provider, &question.client };
	bool json = false;
	int option, ret;
	size_t n;

	while ((option = next_option(self, argc, argv, ":hjb:", options)) != -1) {
		if (option == 'b')
			question.bar = parse_bar(self, optarg);
		json |= option == 'j';
		ret = option == 'F' ? machine_from(optarg) : EXIT_OK;
		if (ret)
			return ret;
	}
	count_arguments(self, argc, 2, 2);
	/* Parse both before searching for either. */
	for (n = 0; n < ARRAY_SIZE(ends); n++)
		parse_addr(self, argv[optind + n]);
	for (n = 0; n < ARRAY_SIZE(ends); n++) {
		*ends[n] = function_find(parse_addr(self, argv[optind + n]));
		if (!*ends[n])
			return no_function(self, argv[optind + n]);
	}
	return answer_it(&question, json);
}

const struct command why_command = {
	.name = "why",
	.synopsis = "[-j] [--bar N] [--from FILE] PROVIDER CLIENT",
	.summary = "Say whether CLIENT reaches PROVIDER's memory, and what decides",
	.help = "  PROVIDER              PCI address of the function whose memory is meant\n"
		"  CLIENT                PCI address of the function that would do the DMA\n"
		"  -b, --bar N           check the client's DMA mask against this BAR, too\n"
		"      --from FILE       of another machine's snapshot ('peerbuf snapshot')\n"
		"  -j, --json            print JSON\n",
	.notes = "The exit code is 0 if there is a route, 3 if there is none, and 6 if it cannot\n"
		"be known without privilege.\n",
	.run = why_run,
};
