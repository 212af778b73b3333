// SPDX-License-Identifier: GPL-2.0-only
/*
 * The drawing: a box for each host bridge and switch, an arrow for each route. Functions
 * of one switch that have the same routes to those of another share one arrow; otherwise a
 * drawing of more than a few functions would be unreadable.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"
#include "topo.h"

/**
 * struct unit - functions that may share arrows
 * @box: the switch's upstream port, or the function itself
 * @first: index of the first one among the matrix's members
 * @nr: number of functions, not necessarily consecutive members
 */
struct unit {
	const struct function *box;
	size_t first;
	size_t nr;
};

struct drawing {
	const struct matrix *matrix;
	struct unit *units;
	size_t nr;
	size_t *unit_of;
	FILE *to;
};

static const struct {
	uint32_t type;
	const char *color;
	const char *style;
	const char *words;
} looks[] = {
	{ PEERBUF_ROUTE_BUS_ADDR, "#1a7f37", "solid", "directly, by bus address" },
	{ PEERBUF_ROUTE_THRU_HOST_BRIDGE, "#bf8700", "solid", "through the root complex" },
	{ PEERBUF_ROUTE_NOT_SUPPORTED, "#cf222e", "dashed", "no route" },
	{ ROUTE_UNKNOWN, "#8250df", "dotted", "not known without privilege" },
};

static size_t look_of(uint32_t type)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(looks) - 1 && looks[n].type != type; n++)
		;
	return n;
}

static const struct function *switch_of(const struct function *function)
{
	const struct function *up;

	for (up = function->up; up; up = up->up)
		if (up->pcie == PCIE_UPSTREAM)
			return up;
	return function;
}

static uint32_t type_at(const struct drawing *drawing, size_t provider, size_t client)
{
	return matrix_at(drawing->matrix, provider, client)->route.type;
}

static void find_units(struct drawing *drawing)
{
	const struct matrix *matrix = drawing->matrix;
	size_t n, u;

	drawing->units = calloc(matrix->nr + 1, sizeof(*drawing->units));
	drawing->unit_of = calloc(matrix->nr + 1, sizeof(*drawing->unit_of));
	if (!drawing->units || !drawing->unit_of)
		out_of_memory();
	for (n = 0; n < matrix->nr; n++) {
		const struct function *box = switch_of(matrix->members[n].function);

		for (u = 0; u < drawing->nr && drawing->units[u].box != box; u++)
			;
		if (u == drawing->nr)
			drawing->units[drawing->nr++] = (struct unit) { .box = box, .first = n };
		drawing->units[u].nr++;
		drawing->unit_of[n] = u;
	}
}

/* Do all routes from @client's functions to @provider's have the same type? Sets *@type. */
static bool uniform(const struct drawing *drawing, size_t provider, size_t client,
		    uint32_t *type)
{
	const struct matrix *matrix = drawing->matrix;
	bool any = false;
	size_t p, c;

	for (p = 0; p < matrix->nr; p++) {
		for (c = 0; c < matrix->nr; c++) {
			if (p == c || drawing->unit_of[p] != provider ||
			    drawing->unit_of[c] != client)
				continue;
			if (any && type_at(drawing, p, c) != *type)
				return false;
			*type = type_at(drawing, p, c);
			any = true;
		}
	}
	return any;
}

static void put_quoted(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		if (*text == '\n')
			fputs("\\n", to);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void put_node(const struct drawing *drawing, size_t n, const char *indent)
{
	const struct member *member = &drawing->matrix->members[n];
	const struct function *function = member->function;
	const char *name = device_name(function->vendor, function->device);
	const char *addr = addr_label(function->addr, true);
	/* Room for a few words. Cut before the check, because the cut may be within a character. */
	char *valid = utf8_valid(format_text("%.40s", name));

	fprintf(drawing->to, "%sf%zu [label=", indent, n);
	put_quoted(format_text("%s%s\n%s\n%s\n%s", addr, member->nr > 1 ?
			       format_text(" and %zu more", member->nr - 1) : "",
			       valid, function->driver, link_text(&function->link)), drawing->to);
	fputs("]\n", drawing->to);
	free(valid);
}

static void put_unit(const struct drawing *drawing, size_t u)
{
	const struct unit *unit = &drawing->units[u];
	const char *indent = "    ";
	bool is_switch = unit->box->pcie == PCIE_UPSTREAM;
	uint32_t type = ROUTE_UNKNOWN;
	size_t n;

	if (is_switch) {
		bool one = unit->nr > 1 && uniform(drawing, u, u, &type);
		const char *color = one ? looks[look_of(type)].color : "#57606a";

		fprintf(drawing->to, "    subgraph cluster_u%zu {\n      label=", u);
		put_quoted(format_text("switch %s%s%s", addr_label(unit->box->addr, true),
				       one ? "\namong its own: " : "",
				       one ? looks[look_of(type)].words : ""), drawing->to);
		fprintf(drawing->to,
			"\n      labelloc=t style=rounded color=\"%s\" fontcolor=\"%s\" "
			"penwidth=2\n", color, color);
		indent = "      ";
	}
	for (n = 0; n < drawing->matrix->nr; n++)
		if (drawing->unit_of[n] == u)
			put_node(drawing, n, indent);
	if (is_switch)
		fputs("    }\n", drawing->to);
}

static void put_hosts(const struct drawing *drawing)
{
	size_t u, v;

	for (u = 0; u < drawing->nr; u++) {
		uint64_t root = drawing->units[u].box->root;

		for (v = 0; v < u && drawing->units[v].box->root != root; v++)
			;
		if (v < u)
			continue;
		fprintf(drawing->to, "  subgraph cluster_h%zu {\n    label=", u);
		put_quoted(format_text("host bridge %04x:%02x", (uint32_t)(root >> 16),
				       (unsigned int)(root >> 8 & 0xff)), drawing->to);
		fputs("\n    labelloc=t style=filled fillcolor=\"#f6f8fa\" color=\"#d0d7de\"\n",
		      drawing->to);
		for (; v < drawing->nr; v++)
			if (drawing->units[v].box->root == root)
				put_unit(drawing, v);
		fputs("  }\n", drawing->to);
	}
}

/* An end of an arrow: a function, or the box around its unit. */
struct end {
	size_t member;
	size_t unit;
	bool box;
};

static void put_arrow(const struct drawing *drawing, const struct end *from,
		      const struct end *to, uint32_t type, bool both)
{
	size_t look = look_of(type);

	fprintf(drawing->to, "  f%zu -> f%zu [color=\"%s\" style=%s", from->member, to->member,
		looks[look].color, looks[look].style);
	if (both)
		fputs(" dir=both", drawing->to);
	if (from->box)
		fprintf(drawing->to, " ltail=cluster_u%zu", from->unit);
	if (to->box)
		fprintf(drawing->to, " lhead=cluster_u%zu", to->unit);
	fputs("]\n", drawing->to);
}

static void put_arrows(const struct drawing *drawing, const struct end *a, const struct end *b,
		       uint32_t a_to_b, uint32_t b_to_a)
{
	put_arrow(drawing, a, b, a_to_b, a_to_b == b_to_a);
	if (a_to_b != b_to_a)
		put_arrow(drawing, b, a, b_to_a, false);
}

static void put_single(const struct drawing *drawing, size_t u, size_t v)
{
	size_t p, c, nr = drawing->matrix->nr;

	for (p = 0; p < nr; p++) {
		for (c = 0; c < nr; c++) {
			const struct end a = { .member = p }, b = { .member = c };

			if (drawing->unit_of[p] != u || drawing->unit_of[c] != v ||
			    (u == v && p >= c))
				continue;
			put_arrows(drawing, &a, &b, type_at(drawing, c, p),
				   type_at(drawing, p, c));
		}
	}
}

static void put_routes(const struct drawing *drawing)
{
	size_t u, v;

	for (u = 0; u < drawing->nr; u++) {
		for (v = u; v < drawing->nr; v++) {
			const struct unit *x = &drawing->units[u], *y = &drawing->units[v];
			const struct end a = { x->first, u, x->box->pcie == PCIE_UPSTREAM };
			const struct end b = { y->first, v, y->box->pcie == PCIE_UPSTREAM };
			uint32_t there, back;

			if (u == v && x->nr == 1)
				continue;
			if (!uniform(drawing, u, v, &there) || !uniform(drawing, v, u, &back))
				put_single(drawing, u, v);
			else if (u != v)
				put_arrows(drawing, &a, &b, back, there);
		}
	}
}

static void put_legend(FILE *to)
{
	size_t n;

	fprintf(to, "  label=<<table border=\"0\" cellspacing=\"6\"><tr><td colspan=\"%zu\">"
		"an arrow goes from who reaches to whose memory it is</td></tr><tr>",
		ARRAY_SIZE(looks));
	for (n = 0; n < ARRAY_SIZE(looks); n++)
		fprintf(to, "<td><font color=\"%s\">%s %s</font></td>", looks[n].color,
			strcmp(looks[n].style, "solid") ? "- -" : "&#8212;", looks[n].words);
	fputs("</tr></table>>\n", to);
}

int dot_print(const struct matrix *matrix, FILE *to)
{
	struct drawing drawing = { .matrix = matrix, .to = to };

	find_units(&drawing);
	fputs("digraph peerbuf {\n  compound=true rankdir=TB nodesep=0.35 ranksep=0.9\n"
	      "  fontname=\"Helvetica\" labelloc=b\n"
	      "  node [shape=box style=\"filled,rounded\" fillcolor=white color=\"#57606a\" "
	      "fontname=\"Helvetica\" fontsize=10]\n"
	      "  edge [penwidth=1.6 arrowsize=0.7]\n", to);
	put_hosts(&drawing);
	put_routes(&drawing);
	put_legend(to);
	fputs("}\n", to);
	free(drawing.units);
	free(drawing.unit_of);
	return EXIT_OK;
}

static int not_drawn(int err, const char *path)
{
	failed_errno(-err, "dot: %s", path);
	if (err == ENOENT)
		hint("install graphviz, or use --dot and draw it elsewhere: dot -Tsvg");
	return EXIT_REFUSED;
}

/* Uses the program "dot" and not its library, so that graphviz is needed only for drawing. */
int svg_print(const struct matrix *matrix, const char *path)
{
	const char *const argv[] = { "dot", "-Tsvg", "-o", path, NULL };
	FILE *to = feed_program(argv, STDOUT_FILENO);
	int err;

	if (!to)
		return not_drawn(errno, path);
	dot_print(matrix, to);
	err = close_fed(to);
	return err ? not_drawn(-err, path) : EXIT_OK;
}
