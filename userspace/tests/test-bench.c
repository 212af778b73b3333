// SPDX-License-Identifier: GPL-2.0-only
/* What "peerbuf bench" makes of its measurements; measuring needs a device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"
#include "tool.h"

static const struct results results = {
	.provider = 0x100,
	.client = PEERBUF_PCI_NONE,
	.exporting = { "export", "export", { { 4096, 100, 200 }, { 16384, 110, 250 } }, 2 },
	.cpu = { "cpu_map", "CPU's mapping", { { 4096, 1000, 2000 } }, 1 },
	.mapping = { "dma_map", "mapping", { { 0 } }, 0 },
	.revoking = { "revoke", "revoke", { { 1, 5, 6 }, { 2, 7, 8 } }, 2 },
};

/* What @print writes to stdout. */
static char *printed(void (*print)(const struct results *results))
{
	char path[] = "/tmp/test-bench-XXXXXX", *text = calloc(1, 8192);
	int fd = mkstemp(path), before = dup(STDOUT_FILENO);

	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	print(&results);
	fflush(stdout);
	dup2(before, STDOUT_FILENO);
	close(before);
	if (pread(fd, text, 8191, 0) < 0)
		*text = '\0';
	close(fd);
	unlink(path);
	return text;
}

static bool has(const char *text, const char *part)
{
	bool found = strstr(text, part);

	if (!found)
		printf("no '%s' in:\n%s\n", part, text);
	return found;
}

static bool starts(const char *path, const char *with)
{
	char text[16] = "";
	FILE *file = fopen(path, "re");

	if (file && !fread(text, 1, sizeof(text) - 1, file))
		text[0] = '\0';
	if (file)
		fclose(file);
	return !strncmp(text, with, strlen(with));
}

/* A quote in a file name must not end gnuplot's string. */
static void check_plots(void)
{
	static const char svg[] = "/tmp/test-bench-it's.svg", png[] = "/tmp/test-bench.png";

	unlink(svg);
	if (system("command -v gnuplot > /dev/null")) {
		CHECK_INT(results_plot(&results, svg), EXIT_REFUSED);
		CHECK_INT(access(svg, F_OK), -1);
		return;
	}
	CHECK_INT(results_plot(&results, svg), EXIT_OK);
	CHECK_INT(starts(svg, "<?xml"), 1);
	CHECK_INT(results_plot(&results, png), EXIT_OK);
	CHECK_INT(starts(png, "\x89PNG"), 1);
	CHECK_INT(results_plot(&results, "/no/such/folder/plot.svg"), EXIT_REFUSED);
	unlink(svg);
	unlink(png);
}

int main(void)
{
	char *text = printed(results_print), *json = printed(results_print_json);

	CHECK_INT(has(text, "export   16K         -     0.11      0.25\n"), 1);
	CHECK_INT(has(text, "revoke     -         2     0.01      0.01\n"), 1);
	CHECK_INT(has(json, "\"client\": null,"), 1);
	CHECK_INT(has(json, "\"median_ns\": 250"), 1);
	CHECK_INT(has(json, "\"importers\": 2,"), 1);
	CHECK_INT(has(json, "\"bytes_per_export\": null"), 1);
	check_plots();
	free(text);
	free(json);
	return check_result();
}
