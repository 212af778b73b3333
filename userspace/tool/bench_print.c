// SPDX-License-Identifier: GPL-2.0-only
/* Prints the results of bench as a table and as JSON, and draws them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "table.h"
#include "tool.h"

static const char *time_text(uint64_t nanoseconds)
{
	return format_text("%.2f", nanoseconds / 1000.0);
}

static void add_rows(struct libscols_table *table, const struct series *series, bool bytes)
{
	size_t n;

	for (n = 0; n < series->nr; n++) {
		const struct figure *figure = &series->figures[n];

		table_row(table, series->name,
			  bytes ? size_text(figure->x) : "-",
			  bytes ? "-" : format_text("%" PRIu64, figure->x),
			  time_text(figure->least), time_text(figure->median));
	}
}

void results_print(const struct results *results)
{
	struct libscols_table *table = table_new();

	table_columns(table, (const struct column[]) {
		{ "COST_OF", 0 }, { "SIZE", TABLE_RIGHT }, { "IMPORTERS", TABLE_RIGHT },
		{ "LEAST_US", TABLE_RIGHT }, { "MEDIAN_US", TABLE_RIGHT }, { NULL, 0 },
	});
	add_rows(table, &results->exporting, true);
	add_rows(table, &results->cpu, true);
	add_rows(table, &results->mapping, true);
	add_rows(table, &results->revoking, false);
	table_print(table);
	if (results->memory)
		printf("\nThe kernel keeps about %" PRIu64 " bytes for an export.\n",
		       results->memory);
}

static struct json_object *series_json(const struct series *series, const char *x)
{
	struct json_object *array = json_new_array();
	size_t n;

	for (n = 0; n < series->nr; n++) {
		struct json_object *object = json_new();

		json_set_number(object, x, series->figures[n].x);
		json_set_number(object, "least_ns", series->figures[n].least);
		json_set_number(object, "median_ns", series->figures[n].median);
		json_append(array, object);
	}
	return array;
}

void results_print_json(const struct results *results)
{
	struct json_object *top = json_new();

	json_set_addr(top, "provider", results->provider);
	json_set_addr(top, "client", results->client);
	if (results->engine)
		json_set_text(top, "engine", results->engine);
	else
		json_set(top, "engine", NULL);
	json_set(top, results->exporting.name, series_json(&results->exporting, "size"));
	json_set(top, results->cpu.name, series_json(&results->cpu, "size"));
	json_set(top, results->mapping.name, series_json(&results->mapping, "size"));
	json_set(top, results->revoking.name, series_json(&results->revoking, "importers"));
	if (results->memory)
		json_set_number(top, "bytes_per_export", results->memory);
	else
		json_set(top, "bytes_per_export", NULL);
	json_print(top);
}

static void put_data(FILE *to, const struct series *series)
{
	size_t n;

	if (!series->nr)
		return;
	fprintf(to, "$%s << EOD\n", series->name);
	for (n = 0; n < series->nr; n++)
		fprintf(to, "%" PRIu64 " %f %f\n", series->figures[n].x,
			series->figures[n].least / 1000.0, series->figures[n].median / 1000.0);
	fputs("EOD\n", to);
}

/* In gnuplot's strings a quote has to be doubled. */
static void put_quoted(FILE *to, const char *text)
{
	fputc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', to);
		fputc(*text, to);
	}
	fputc('\'', to);
}

static void put_curves(FILE *to, const struct series *const *series, size_t nr)
{
	const char *lead = "plot";
	size_t n;

	for (n = 0; n < nr; n++) {
		if (!series[n]->nr)
			continue;
		fprintf(to, "%s $%s using 1:3 with linespoints title ", lead, series[n]->name);
		put_quoted(to, series[n]->what);
		lead = ", \\\n     ";
	}
	fputc('\n', to);
}

static const char *terminal(const char *path)
{
	const char *end = strrchr(path, '.');

	if (end && !strcmp(end, ".png"))
		return "pngcairo size 900,700";
	if (end && !strcmp(end, ".pdf"))
		return "pdfcairo size 9in,7in";
	return "svg size 900,700 dynamic background '#ffffff'";
}

static void put_script(FILE *to, const struct results *results, const char *path)
{
	const struct series *by_size[] = { &results->exporting, &results->cpu, &results->mapping };
	const struct series *by_number[] = { &results->revoking };

	put_data(to, &results->exporting);
	put_data(to, &results->cpu);
	put_data(to, &results->mapping);
	put_data(to, &results->revoking);
	fprintf(to, "set terminal %s\n", terminal(path));
	fprintf(to, "set multiplot layout %d,1\nset key left top\nset grid\n"
		"set ylabel 'microseconds, median'\n", results->revoking.nr ? 2 : 1);
	fputs("set logscale x 2\nset logscale y 10\nset xlabel 'bytes'\n", to);
	put_curves(to, by_size, ARRAY_SIZE(by_size));
	if (results->revoking.nr) {
		fputs("unset logscale\nset yrange [0:*]\nset xlabel 'importers'\n", to);
		put_curves(to, by_number, ARRAY_SIZE(by_number));
	}
	fputs("unset multiplot\n", to);
}

/* gnuplot writes to an open file, because its own file names have a syntax. */
static int plot(const struct results *results, const char *path, int output)
{
	const char *const argv[] = { "gnuplot", "-", NULL };
	FILE *to = feed_program(argv, output);

	if (!to)
		return -errno;
	put_script(to, results, path);
	return close_fed(to);
}

int results_plot(const struct results *results, const char *path)
{
	const char *draft = format_text("%s.new", path);
	int output = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), err;

	if (output < 0)
		return failed_errno(-errno, "bench: %s", path);
	err = plot(results, path, output);
	close(output);
	if (!err && rename(draft, path))
		err = -errno;
	if (!err)
		return EXIT_OK;
	unlink(draft);
	failed_errno(err, "bench: %s: gnuplot", path);
	if (err == -ENOENT)
		hint("install gnuplot, or draw what --json prints elsewhere");
	return EXIT_REFUSED;
}
