// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"
#include "tool.h"

/**
 * struct matrix - routes between functions
 * @addrs: the functions
 * @nr: how many
 * @hidden: those left out as built into the root complex
 * @routes: @nr rows of @nr, a row for each provider
 */
struct matrix {
	uint64_t *addrs;
	size_t nr;
	size_t hidden;
	struct peerbuf_route *routes;
};

static struct peerbuf_route *matrix_route(const struct matrix *matrix, size_t provider,
					  size_t client)
{
	return &matrix->routes[provider * matrix->nr + client];
}

static size_t count_below_ports(const struct function *functions, size_t nr)
{
	size_t n, count = 0;

	for (n = 0; n < nr; n++)
		count += functions[n].shareable && functions[n].below_port;
	return count;
}

/*
 * The functions of the root complex (USB, SATA, …) are many and seldom meant.
 * Where there are no others, as in small virtual machines, they are.
 */
static void choose(struct matrix *matrix, bool all)
{
	const struct function *functions;
	size_t n, nr = functions_get(&functions);

	matrix->addrs = calloc(nr + 1, sizeof(*matrix->addrs));
	if (!matrix->addrs)
		out_of_memory();
	all |= !count_below_ports(functions, nr);
	for (n = 0; n < nr; n++) {
		if (!functions[n].shareable)
			continue;
		if (all || functions[n].below_port)
			matrix->addrs[matrix->nr++] = functions[n].addr;
		else
			matrix->hidden++;
	}
}

static void choose_named(const struct command *self, struct matrix *matrix, int nr,
			 char **names)
{
	int n;

	matrix->addrs = calloc(nr, sizeof(*matrix->addrs));
	if (!matrix->addrs)
		out_of_memory();
	for (n = 0; n < nr; n++)
		matrix->addrs[matrix->nr++] = parse_addr(self, names[n]);
}

static int ask(int control, struct matrix *matrix)
{
	struct peerbuf_error error;
	size_t p, c;

	matrix->routes = calloc(matrix->nr * matrix->nr + 1, sizeof(*matrix->routes));
	if (!matrix->routes)
		out_of_memory();
	for (p = 0; p < matrix->nr; p++) {
		for (c = 0; c < matrix->nr; c++) {
			if (peerbuf_route(control, matrix->addrs[p], matrix->addrs[c],
					  PEERBUF_ANY_BAR, matrix_route(matrix, p, c), &error))
				return failed(&error, NULL, "route from %s to %s",
					      addr_text(matrix->addrs[c]),
					      addr_text(matrix->addrs[p]));
		}
	}
	return EXIT_OK;
}

static void print_json(const struct matrix *matrix)
{
	struct json_object *top = json_new(), *functions = json_new_array();
	struct json_object *routes = json_new_array(), *item;
	size_t p, c;

	for (p = 0; p < matrix->nr; p++) {
		item = json_new();
		json_set_addr(item, "function", matrix->addrs[p]);
		json_set_text(item, "driver", function_driver(matrix->addrs[p]));
		json_set_text(item, "name", function_name(matrix->addrs[p]));
		json_append(functions, item);
		for (c = 0; c < matrix->nr; c++) {
			item = json_new();
			json_set_addr(item, "provider", matrix->addrs[p]);
			json_set_addr(item, "client", matrix->addrs[c]);
			json_set_route(item, "route", matrix_route(matrix, p, c));
			json_append(routes, item);
		}
	}
	json_set(top, "functions", functions);
	json_set(top, "routes", routes);
	json_print(top);
}

static void print_summary(const struct matrix *matrix)
{
	size_t count[3] = { 0 }, p, c;

	for (p = 0; p < matrix->nr; p++)
		for (c = 0; c < matrix->nr; c++)
			if (p != c && matrix_route(matrix, p, c)->type < ARRAY_SIZE(count))
				count[matrix_route(matrix, p, c)->type]++;
	printf("Of %zu routes between %zu functions, %zu are direct, %zu go through the\n"
	       "root complex and %zu do not exist.\n\n", matrix->nr * (matrix->nr - 1), matrix->nr,
	       count[PEERBUF_ROUTE_BUS_ADDR], count[PEERBUF_ROUTE_THRU_HOST_BRIDGE],
	       count[PEERBUF_ROUTE_NOT_SUPPORTED]);
}

static const char *color(const struct peerbuf_route *route)
{
	switch (route->type) {
	case PEERBUF_ROUTE_BUS_ADDR:
		return "green";
	case PEERBUF_ROUTE_THRU_HOST_BRIDGE:
		return "yellow";
	}
	return "red";
}

static void print_matrix(const struct matrix *matrix)
{
	struct libscols_table *table = table_new();
	size_t p, c;

	table_column(table, "MEMORY_OF", 0);
	for (c = 0; c < matrix->nr; c++)
		table_column(table, addr_label(matrix->addrs[c], true), TABLE_RIGHT);
	for (p = 0; p < matrix->nr; p++) {
		struct libscols_line *line = table_line(table);

		table_cell(line, 0, addr_text(matrix->addrs[p]), NULL);
		for (c = 0; c < matrix->nr; c++) {
			struct peerbuf_route *route = matrix_route(matrix, p, c);

			if (p == c)
				table_cell(line, c + 1, "X", NULL);
			else
				table_cell(line, c + 1, route_cell(route), color(route));
		}
	}
	table_print(table);
}

static void print_legend(const struct matrix *matrix)
{
	struct libscols_table *table = table_new();
	size_t n;

	puts("\nA row is the memory's owner, a column the device that reaches for it:\n"
	     "  SWn   directly below a common bridge, by bus address, over n hops\n"
	     "  RCn   through the root complex, by IOMMU or CPU address, over n hops\n"
	     "  RCn*  the same, because the administrator vouches for it\n"
	     "  -     no route; 'peerbuf why ROW COLUMN' says why not\n"
	     "  X     the function itself");
	if (matrix->hidden)
		printf("With --all, %zu more that are built into the root complex.\n",
		       matrix->hidden);
	putchar('\n');
	table_columns(table, (const struct column[]) {
		{ "FUNCTION", 0 }, { "DRIVER", 0 }, { "NAME", TABLE_CUT }, { NULL, 0 },
	});
	for (n = 0; n < matrix->nr; n++)
		table_row(table, addr_text(matrix->addrs[n]), function_driver(matrix->addrs[n]),
			  function_name(matrix->addrs[n]));
	table_print(table);
}

static int show(struct matrix *matrix, bool json)
{
	int control = open_control(O_RDONLY);
	int ret;

	if (control < 0)
		return -control;
	ret = ask(control, matrix);
	peerbuf_close(control);
	if (ret)
		return ret;
	if (json) {
		print_json(matrix);
		return EXIT_OK;
	}
	if (!matrix->nr) {
		puts("No PCI function here has a memory BAR to share.");
		return EXIT_OK;
	}
	print_summary(matrix);
	print_matrix(matrix);
	print_legend(matrix);
	return EXIT_OK;
}

static int topo_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, { "all", no_argument, NULL, 'a' }, { 0 }
	};
	bool json = false, all = false;
	struct matrix matrix = { 0 };
	int option, ret;

	while ((option = next_option(self, argc, argv, ":hja", options)) != -1) {
		json |= option == 'j';
		all |= option == 'a';
	}
	if (optind < argc)
		choose_named(self, &matrix, argc - optind, argv + optind);
	else
		choose(&matrix, all);
	ret = show(&matrix, json);
	free(matrix.addrs);
	free(matrix.routes);
	return ret;
}

const struct command topo_command = {
	.name = "topo",
	.synopsis = "[-j] [--all | FUNCTION…]",
	.summary = "Show which device reaches whose memory, and how",
	.help = "  FUNCTION              PCI address; without any, those with memory BARs\n"
		"                        that sit below a port\n"
		"  -a, --all             also those built into the root complex\n"
		"  -j, --json            print JSON\n",
	.run = topo_run,
};
