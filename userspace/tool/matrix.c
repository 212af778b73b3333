// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"
#include "tool.h"
#include "topo.h"

struct verdict *matrix_at(const struct matrix *matrix, size_t provider, size_t client)
{
	return &matrix->verdicts[provider * matrix->nr + client];
}

void matrix_add(struct matrix *matrix, const struct function *function)
{
	matrix->members = reallocarray(matrix->members, matrix->nr + 1,
				       sizeof(*matrix->members));
	if (!matrix->members)
		out_of_memory();
	matrix->members[matrix->nr++] = (struct member) { .function = function, .nr = 1 };
}

void matrix_free(struct matrix *matrix)
{
	free(matrix->members);
	free(matrix->verdicts);
}

/* Both have the same path up, so every answer is the same, unless an override names one. */
static bool is_same(const struct machine *machine, const struct function *a,
		    const struct function *b)
{
	return a->up && a->up == b->up && a->vendor == b->vendor && a->device == b->device &&
	       !strcmp(a->driver, b->driver) && a->numa_node == b->numa_node &&
	       !strcmp(a->iommu_type, b->iommu_type) && a->acs == b->acs &&
	       function_redirects(a) == function_redirects(b) &&
	       !(*machine->overrides && (strstr(machine->overrides, addr_text(a->addr)) ||
					 strstr(machine->overrides, addr_text(b->addr))));
}

void matrix_group(const struct machine *machine, struct matrix *matrix)
{
	size_t n, kept = 0;

	for (n = 0; n < matrix->nr; n++) {
		const struct function *function = matrix->members[n].function;
		size_t m = kept;

		while (m > 0 && !is_same(machine, matrix->members[m - 1].function, function))
			m--;
		if (m > 0) {
			struct member *member = &matrix->members[m - 1];

			if (!member->second)
				member->second = function;
			member->nr++;
			matrix->grouped++;
		} else {
			matrix->members[kept++] = (struct member) {
				.function = function, .nr = 1,
			};
		}
	}
	matrix->nr = kept;
}

static bool is_gone(const struct function *function)
{
	return access(format_text("/sys/bus/pci/devices/%s", addr_text(function->addr)), F_OK);
}

/* Returns whether any function was dropped. */
static bool drop_gone(struct matrix *matrix)
{
	size_t n, kept = 0, nr = matrix->nr;

	for (n = 0; n < nr; n++)
		if (!is_gone(matrix->members[n].function))
			matrix->members[kept++] = matrix->members[n];
	matrix->nr = kept;
	return kept < nr;
}

static int judge_all(const struct judge *who, struct matrix *matrix,
		     struct peerbuf_error *error, struct pair *culprit)
{
	size_t p, c;
	int ret;

	for (p = 0; p < matrix->nr; p++) {
		for (c = 0; c < matrix->nr; c++) {
			const struct member *client = &matrix->members[c];

			culprit->provider = matrix->members[p].function;
			culprit->client = p == c && client->second ? client->second :
					  client->function;
			ret = judge(who, culprit->provider, culprit->client, PEERBUF_ANY_BAR,
				    matrix_at(matrix, p, c), error);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/*
 * A function that was unplugged since the list was made is left out. If one was plugged
 * in again meanwhile, asking again succeeds.
 */
int matrix_judge(struct matrix *matrix, bool strict)
{
	struct peerbuf_error error;
	unsigned int tries = 100;
	struct pair culprit;
	struct judge who;
	int ret = judge_open(&who);

	if (ret)
		return ret;
	do {
		free(matrix->verdicts);
		matrix->verdicts = calloc(matrix->nr * matrix->nr + 1, sizeof(*matrix->verdicts));
		if (!matrix->verdicts)
			out_of_memory();
		ret = judge_all(&who, matrix, &error, &culprit);
		if (!ret || strict || error.reason != PEERBUF_REASON_NO_DEVICE)
			break;
		if (!drop_gone(matrix))
			usleep(10000);
	} while (--tries);
	judge_close(&who);
	if (!ret)
		return EXIT_OK;
	return failed(&error, NULL, "route from %s to %s", addr_text(culprit.client->addr),
		      addr_text(culprit.provider->addr));
}

static const struct link *slower(const struct link *link, const struct link *than)
{
	if (!link->speed || !link->width)
		return than;
	return !than || link_rate(link) < link_rate(than) ? link : than;
}

/* For a port counts its link upwards; the link below belongs to the function below. */
static const struct link *slowest_below(const struct function *function,
					const struct function *end, const struct link *slowest)
{
	for (; function && function != end; function = function->up)
		if (function->pcie != PCIE_ROOT_PORT && function->pcie != PCIE_DOWNSTREAM)
			slowest = slower(&function->link, slowest);
	return slowest;
}

const struct link *pair_link(const struct function *provider, const struct function *client,
			     const struct verdict *verdict)
{
	const struct function *common = functions_common(provider, client);
	const struct link *slowest;

	if (provider == client || verdict->route.type == PEERBUF_ROUTE_NOT_SUPPORTED)
		return NULL;
	/* A route through the root complex goes all the way up. */
	if (verdict->route.type == PEERBUF_ROUTE_THRU_HOST_BRIDGE)
		common = NULL;
	slowest = slowest_below(provider, common, NULL);
	return slowest_below(client, common, slowest);
}

const char *rate_text(unsigned int rate)
{
	return format_text("%u.%u", rate / 1000, rate % 1000 / 100);
}

static void count(const struct matrix *matrix, size_t numbers[4])
{
	size_t p, c;

	for (p = 0; p < matrix->nr; p++) {
		for (c = 0; c < matrix->nr; c++) {
			const struct verdict *verdict = matrix_at(matrix, p, c);
			const struct member *a = &matrix->members[p], *b = &matrix->members[c];
			size_t pairs = p == c ? a->nr * (a->nr - 1) : a->nr * b->nr;
			size_t kind = verdict->certain ? verdict->route.type : 3;

			if (kind < 4)
				numbers[kind] += pairs;
		}
	}
}

static void print_summary(const struct matrix *matrix)
{
	size_t numbers[4] = { 0 }, nr = matrix->nr + matrix->grouped;

	if (nr == 1) {
		puts("There is one function, and so no route.\n");
		return;
	}
	count(matrix, numbers);
	print_wrapped(format_text("Of %zu routes between %zu functions, %zu are direct, %zu go "
				  "through the root complex and %zu do not exist.", nr * (nr - 1),
				  nr, numbers[PEERBUF_ROUTE_BUS_ADDR],
				  numbers[PEERBUF_ROUTE_THRU_HOST_BRIDGE],
				  numbers[PEERBUF_ROUTE_NOT_SUPPORTED]), 0);
	if (numbers[3])
		print_wrapped(format_text("%zu are not known: without privilege nobody can read "
					  "whether ACS redirects.", numbers[3]), 0);
	putchar('\n');
}

static const char *color(const struct verdict *verdict)
{
	switch (verdict->route.type) {
	case PEERBUF_ROUTE_BUS_ADDR:
		return "green";
	case PEERBUF_ROUTE_THRU_HOST_BRIDGE:
		return "yellow";
	case ROUTE_UNKNOWN:
		return "magenta";
	}
	return "red";
}

static const char *label(const struct member *member, bool shorten)
{
	const char *text = addr_label(member->function->addr, shorten);

	return member->nr > 1 ? format_text("%s+%zu", text, member->nr - 1) : text;
}

static const char *cell(const struct matrix *matrix, size_t p, size_t c, bool rates)
{
	const struct verdict *verdict = matrix_at(matrix, p, c);
	const struct member *provider = &matrix->members[p], *client = &matrix->members[c];
	const struct link *link;

	if (p == c && provider->nr == 1)
		return "X";
	if (!rates)
		return verdict_cell(verdict);
	link = pair_link(provider->function, p == c ? client->second : client->function, verdict);
	return link ? rate_text(link_rate(link)) : "-";
}

static void longest(size_t *most, const char *text)
{
	size_t length = strlen(text);

	if (length > *most)
		*most = length;
}

/* How many clients fit beside each other; all of them if there is no terminal. */
static size_t clients_that_fit(const struct matrix *matrix)
{
	size_t owner = strlen("MEMORY_OF"), link = strlen("LINK"), client = 0;
	size_t width = terminal_width(), fixed, n;

	if (width == SIZE_MAX)
		return matrix->nr;
	for (n = 0; n < matrix->nr; n++) {
		longest(&owner, label(&matrix->members[n], false));
		longest(&link, link_text(&matrix->members[n].function->link));
		longest(&client, label(&matrix->members[n], true));
	}
	fixed = owner + strlen(" NUMA ") + link;
	client += strlen(" ");
	return width >= fixed + client ? (width - fixed) / client : 1;
}

/* The clients from @from on, up to @to. */
static void print_cells(const struct matrix *matrix, bool rates, size_t from, size_t to)
{
	struct libscols_table *table = table_new();
	size_t p, c;

	table_column(table, "MEMORY_OF", 0);
	table_column(table, "NUMA", TABLE_RIGHT);
	table_column(table, "LINK", TABLE_RIGHT);
	for (c = from; c < to; c++)
		table_column(table, label(&matrix->members[c], true), TABLE_RIGHT);
	for (p = 0; p < matrix->nr; p++) {
		struct libscols_line *line = table_line(table);
		const struct function *function = matrix->members[p].function;
		int node = function->numa_node;

		table_cell(line, 0, label(&matrix->members[p], false), NULL);
		table_cell(line, 1, node < 0 ? "-" : format_text("%d", node), NULL);
		table_cell(line, 2, link_text(&function->link), NULL);
		for (c = from; c < to; c++)
			table_cell(line, c - from + 3, cell(matrix, p, c, rates),
				   p == c && matrix->members[p].nr == 1 ? NULL :
				   color(matrix_at(matrix, p, c)));
		/*
		 * The table has copied the texts; keeping all of a thousand rows would use too
		 * much.
		 */
		texts_free();
	}
	table_print(table);
}

static bool any_unknown(const struct matrix *matrix)
{
	size_t n;

	for (n = 0; n < matrix->nr * matrix->nr; n++)
		if (!matrix->verdicts[n].certain)
			return true;
	return false;
}

static void explain(const char *sign, const char *meaning)
{
	printf("  %-4s  ", sign);
	print_wrapped(meaning, strlen("  RCn*  "));
}

static void print_legend(const struct matrix *matrix, bool rates)
{
	putchar('\n');
	print_wrapped("A row is the memory's owner, a column the device that reaches for it:", 0);
	if (rates) {
		explain("n.n", "GB/s that the slowest link on the way lets through, one way");
	} else {
		explain("SWn", "directly below a common bridge, by bus address, over n hops");
		explain("RCn", "through the root complex, by IOMMU or CPU address, over n hops");
		explain("RCn*", "the same, because the administrator vouches for it");
	}
	explain("-", rates ?
		"no route, or links whose speed is not known; 'peerbuf why ROW COLUMN' says which" :
		"no route; 'peerbuf why ROW COLUMN' says why not");
	if (any_unknown(matrix))
		explain("?", "not known without privilege; 'peerbuf why ROW COLUMN' says what is");
	explain("X", "the function itself");
	if (matrix->grouped)
		print_wrapped("a+n stands for a and n others of its kind in the same place, whose "
			      "routes are the same; with --group none each is shown by itself.",
			      0);
	if (matrix->hidden)
		print_wrapped(format_text("With --all, %zu more that are built into the root "
					  "complex.", matrix->hidden), 0);
	putchar('\n');
}

void matrix_print(const struct matrix *matrix, bool rates)
{
	size_t step = clients_that_fit(matrix), from, to;

	print_summary(matrix);
	for (from = 0; from < matrix->nr; from += step) {
		to = step < matrix->nr - from ? from + step : matrix->nr;
		if (from)
			putchar('\n');
		print_cells(matrix, rates, from, to);
	}
	print_legend(matrix, rates);
}

static struct json_object *pair_json(const struct matrix *matrix, size_t p, size_t c)
{
	const struct function *provider = matrix->members[p].function;
	const struct function *client = matrix->members[c].function;
	const struct verdict *verdict = matrix_at(matrix, p, c);
	const struct link *link = pair_link(provider, client, verdict);
	struct json_object *item = json_new();

	json_set_addr(item, "provider", provider->addr);
	json_set_addr(item, "client", client->addr);
	json_set(item, "route", verdict_json(verdict));
	if (!link) {
		json_set(item, "bottleneck", NULL);
		json_set(item, "rate", NULL);
		return item;
	}
	json_set_text(item, "bottleneck", link_text(link));
	json_set_number(item, "rate", link_rate(link));
	return item;
}

/* Prints a line for each route as it is found: a thousand functions have a million routes. */
void matrix_print_json(const struct matrix *matrix, const struct columns *columns)
{
	size_t p, c;

	puts("{\n  \"functions\": [");
	for (p = 0; p < matrix->nr; p++) {
		if (p)
			puts(",");
		json_print_item(columns_json(columns, matrix->members[p].function));
	}
	puts("\n  ],\n  \"routes\": [");
	for (p = 0; p < matrix->nr; p++) {
		for (c = 0; c < matrix->nr; c++) {
			if (p || c)
				puts(",");
			json_print_item(pair_json(matrix, p, c));
		}
		texts_free();
	}
	puts("\n  ]\n}");
}
