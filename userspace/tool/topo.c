// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "tool.h"
#include "topo.h"

/* A matrix with more functions is unreadable: functions of a kind are then shown as one. */
#define GROUP_ABOVE	24

enum output { SHOW_MATRIX, SHOW_FUNCTIONS, SHOW_PAIRS, SHOW_TREE, SHOW_DOT, SHOW_SVG };

/**
 * struct request - the command line's options
 * @filters: KEY=VALUE; a function must match all
 */
struct request {
	enum output output;
	const char *svg;
	const char *columns;
	const char *group;
	const char *filters[16];
	size_t nr_filters;
	bool json;
	bool all;
	bool rates;
	bool headings;
	bool raw;
};

static bool is_below(const struct function *function, uint64_t bridge)
{
	for (; function; function = function->up)
		if (function->addr == bridge)
			return true;
	return false;
}

static bool passes(const struct command *self, const struct function *function,
		   const char *filter)
{
	const char *value = strchr(filter, '=');
	size_t length = value ? (size_t)(value - filter) : 0;

	if (!value)
		usage_error(self, "%s: not a filter like driver=nvme", filter);
	value++;
	if (!strncmp(filter, "driver=", length + 1))
		return !strcmp(function->driver, value);
	if (!strncmp(filter, "vendor=", length + 1))
		return function->vendor == strtoul(value, NULL, 16);
	if (!strncmp(filter, "class=", length + 1))
		return !strncasecmp(format_text("%04x", function->class), value, strlen(value));
	if (!strncmp(filter, "numa=", length + 1))
		return function->numa_node == atoi(value);
	if (!strncmp(filter, "group=", length + 1))
		return function->iommu_group == atoi(value);
	if (!strncmp(filter, "below=", length + 1))
		return is_below(function, parse_addr(self, value));
	usage_error(self, "%s: filters are driver, vendor, class, numa, group and below", filter);
}

static bool passes_all(const struct command *self, const struct function *function,
		       const struct request *request)
{
	size_t n;

	for (n = 0; n < request->nr_filters; n++)
		if (!passes(self, function, request->filters[n]))
			return false;
	return true;
}

static bool any_below_ports(const struct machine *machine)
{
	size_t n;

	for (n = 0; n < machine->nr; n++)
		if (machine->functions[n].shareable && machine->functions[n].below_port)
			return true;
	return false;
}

/*
 * The functions built into the root complex (USB, SATA, …) are many and seldom meant. They are
 * shown if there are no others, as in small virtual machines.
 */
static void choose(const struct command *self, struct matrix *matrix,
		   const struct request *request)
{
	const struct machine *machine = machine_get();
	bool all = request->all || !any_below_ports(machine);
	size_t n;

	for (n = 0; n < machine->nr; n++) {
		const struct function *function = &machine->functions[n];

		if (!function->shareable || !passes_all(self, function, request))
			continue;
		if (all || function->below_port)
			matrix_add(matrix, function);
		else
			matrix->hidden++;
	}
}

static int choose_named(const struct command *self, struct matrix *matrix, int nr, char **names)
{
	const struct function *function;
	int n;

	for (n = 0; n < nr; n++) {
		function = function_find(parse_addr(self, names[n]));
		if (!function)
			return no_function(self, names[n]);
		matrix_add(matrix, function);
	}
	return EXIT_OK;
}

static void group(const struct command *self, struct matrix *matrix,
		  const struct request *request)
{
	const char *how = request->group;

	if (how && strcmp(how, "same") && strcmp(how, "none"))
		usage_error(self, "%s: groups are same or none", how);
	if (how ? !strcmp(how, "same") :
	    matrix->nr > GROUP_ABOVE && !request->json && request->output != SHOW_PAIRS)
		matrix_group(machine_get(), matrix);
}

static void print_rows(const struct columns *columns, const void *const *rows, size_t nr,
		       const char *key, bool json)
{
	struct json_object *top, *list;
	size_t n;

	if (!json) {
		columns_print(columns, rows, nr);
		return;
	}
	top = json_new();
	list = json_new_array();
	for (n = 0; n < nr; n++)
		json_append(list, columns_json(columns, rows[n]));
	json_set(top, key, list);
	json_print(top);
}

static void print_functions(const struct columns *columns, const struct matrix *matrix,
			    bool json)
{
	const void **rows = calloc(matrix->nr + 1, sizeof(*rows));
	size_t n;

	if (!rows)
		out_of_memory();
	for (n = 0; n < matrix->nr; n++)
		rows[n] = matrix->members[n].function;
	print_rows(columns, rows, matrix->nr, "functions", json);
	free(rows);
}

static void print_pairs(const struct columns *columns, const struct matrix *matrix, bool json)
{
	struct pair *pairs = calloc(matrix->nr * matrix->nr + 1, sizeof(*pairs));
	const void **rows = calloc(matrix->nr * matrix->nr + 1, sizeof(*rows));
	size_t p, c, nr = 0;

	if (!pairs || !rows)
		out_of_memory();
	for (p = 0; p < matrix->nr; p++) {
		for (c = 0; c < matrix->nr; c++) {
			if (p == c)
				continue;
			pairs[nr] = (struct pair) {
				.provider = matrix->members[p].function,
				.client = matrix->members[c].function,
				.verdict = matrix_at(matrix, p, c),
			};
			rows[nr] = &pairs[nr];
			nr++;
		}
	}
	print_rows(columns, rows, nr, "routes", json);
	free(rows);
	free(pairs);
}

static int show(const struct command *self, struct matrix *matrix, const struct request *request)
{
	struct columns columns = {
		.infos = request->output == SHOW_PAIRS ? pair_columns : function_columns,
		.headings = request->headings,
		.raw = request->raw,
	};

	columns_choose(self, &columns, request->columns,
		       request->output == SHOW_PAIRS ? PAIR_STANDARD :
		       request->json ? FUNCTION_JSON : FUNCTION_STANDARD);
	switch (request->output) {
	case SHOW_FUNCTIONS:
		print_functions(&columns, matrix, request->json);
		return EXIT_OK;
	case SHOW_PAIRS:
		print_pairs(&columns, matrix, request->json);
		return EXIT_OK;
	case SHOW_DOT:
		return dot_print(matrix, stdout);
	case SHOW_SVG:
		return svg_print(matrix, request->svg);
	default:
		break;
	}
	if (request->json) {
		matrix_print_json(matrix, &columns);
		return EXIT_OK;
	}
	if (!matrix->nr) {
		puts(request->nr_filters ?
		     "No PCI function with a memory BAR to share passes the filters." :
		     "No PCI function here has a memory BAR to share.");
		return EXIT_OK;
	}
	matrix_print(matrix, request->rates);
	print_functions(&columns, matrix, false);
	return EXIT_OK;
}

static const struct option options[] = {
	HELP_OPTION, JSON_OPTION,
	{ "all", no_argument, NULL, 'a' },
	{ "bandwidth", no_argument, NULL, 'b' },
	{ "dot", no_argument, NULL, 'd' },
	{ "filter", required_argument, NULL, 'f' },
	FROM_OPTION,
	{ "group", required_argument, NULL, 'g' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "pairs", no_argument, NULL, 'p' },
	{ "raw", no_argument, NULL, 'r' },
	{ "svg", required_argument, NULL, 's' },
	{ "tree", no_argument, NULL, 't' },
	{ 0 }
};

static void set_output(const struct command *self, struct request *request, enum output output)
{
	if (request->output != SHOW_MATRIX && request->output != output)
		usage_error(self, "only one of --pairs, --tree, --dot and --svg");
	request->output = output;
}

static void add_filter(const struct command *self, struct request *request, const char *filter)
{
	static const struct function nothing;

	if (request->nr_filters == ARRAY_SIZE(request->filters))
		usage_error(self, "too many filters");
	/* Check the filter's syntax even if there are no functions. */
	passes(self, &nothing, filter);
	request->filters[request->nr_filters++] = filter;
}

static int take_option(const struct command *self, struct request *request, int option)
{
	switch (option) {
	case 'F':
		return machine_from(optarg);
	case 'a':
		request->all = true;
		break;
	case 'b':
		request->rates = true;
		break;
	case 'd':
		set_output(self, request, SHOW_DOT);
		break;
	case 'f':
		add_filter(self, request, optarg);
		break;
	case 'g':
		request->group = optarg;
		break;
	case 'j':
		request->json = true;
		break;
	case 'n':
		request->headings = false;
		break;
	case 'o':
		request->columns = optarg;
		break;
	case 'p':
		set_output(self, request, SHOW_PAIRS);
		break;
	case 'r':
		request->raw = true;
		break;
	case 's':
		set_output(self, request, SHOW_SVG);
		request->svg = optarg;
		break;
	case 't':
		set_output(self, request, SHOW_TREE);
		break;
	}
	return EXIT_OK;
}

static int topo_run(const struct command *self, int argc, char **argv)
{
	struct request request = { .headings = true };
	struct matrix matrix = { 0 };
	bool named;
	int option, ret;

	while ((option = next_option(self, argc, argv, ":hjabf:g:no:prt", options)) != -1) {
		ret = take_option(self, &request, option);
		if (ret)
			return ret;
	}
	if (request.output == SHOW_TREE) {
		count_arguments(self, argc, 0, 0);
		if (request.nr_filters || request.json || request.columns || request.raw)
			usage_error(self, "--tree shows all functions, as text");
		tree_print(machine_get());
		return EXIT_OK;
	}
	/* Chosen columns imply the list; the matrix has columns of its own. */
	if (request.output == SHOW_MATRIX && (request.columns || request.raw))
		request.output = SHOW_FUNCTIONS;
	named = optind < argc;
	if (named)
		ret = choose_named(self, &matrix, argc - optind, argv + optind);
	else
		ret = (choose(self, &matrix, &request), EXIT_OK);
	if (!ret)
		group(self, &matrix, &request);
	if (!ret && request.output != SHOW_FUNCTIONS)
		ret = matrix_judge(&matrix, named);
	if (!ret)
		ret = show(self, &matrix, &request);
	matrix_free(&matrix);
	return ret;
}

static void topo_columns(void)
{
	puts("\nColumns of functions:");
	columns_help(function_columns);
	puts("\nColumns of pairs:");
	columns_help(pair_columns);
}

const struct command topo_command = {
	.name = "topo",
	.synopsis = "[-jab] [-f FILTER]… [-g HOW] [--from FILE] [FUNCTION…]\n"
		"-o COLUMNS [-n] [-r] [-p] [FUNCTION…]\n"
		"--tree | --dot | --svg FILE",
	.summary = "Show which device reaches whose memory, and how",
	.help = "  FUNCTION              PCI address; without any, those with memory BARs\n"
		"                        that sit below a port\n"
		"  -a, --all             also those built into the root complex\n"
		"  -b, --bandwidth       what the slowest link between two lets through\n"
		"  -f, --filter KEY=VAL  only functions with that driver, vendor, class, numa\n"
		"                        node, IOMMU group, or below that bridge\n"
		"  -g, --group HOW       same: one for all of a kind in one place; none\n"
		"      --from FILE       of another machine's snapshot ('peerbuf snapshot')\n"
		"  -p, --pairs           a line for each pair instead of the matrix\n"
		"  -o, --output COLUMNS  a list with these columns; +COLUMN adds one\n"
		"  -n, --noheadings      a list without headings\n"
		"  -r, --raw             a list with one blank between words\n"
		"      --tree            all functions and bridges, with ACS, group, BARs\n"
		"      --dot             a drawing in graphviz's language\n"
		"      --svg FILE        a drawing, by graphviz\n"
		"  -j, --json            print JSON\n",
	.columns = topo_columns,
	.notes = "Without the kernel module, or with --from, the same rules are applied to what\n"
		"sysfs or FILE says; '?' cannot be known without privilege.\n",
	.run = topo_run,
};
