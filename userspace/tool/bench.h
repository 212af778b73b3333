/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_BENCH_H
#define PEERBUF_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct figure - one measurement
 * @x: bytes, or number of importers
 * @least: nanoseconds of the fastest round
 * @median: nanoseconds
 */
struct figure {
	uint64_t x;
	uint64_t least;
	uint64_t median;
};

#define FIGURES_MOST	48

/**
 * struct series - measurements with growing @x
 * @name: its key in JSON
 * @what: its heading
 * @figures: ordered by @x
 * @nr: number of figures
 */
struct series {
	const char *name;
	const char *what;
	struct figure figures[FIGURES_MOST];
	size_t nr;
};

/**
 * struct results - all measurements
 * @provider: the function whose memory was exported
 * @client: the function that mapped it, or PEERBUF_PCI_NONE
 * @engine: the kind of the client's engine, or NULL
 * @exporting: time to make and end an export, by size
 * @cpu: time to map and touch it by the CPU, by size
 * @mapping: time until the client can use it, by size
 * @revoking: time to revoke it, by number of importers, all of them the client
 * @memory: kernel memory per export, in bytes; 0: not known
 */
struct results {
	uint64_t provider;
	uint64_t client;
	const char *engine;
	struct series exporting;
	struct series cpu;
	struct series mapping;
	struct series revoking;
	uint64_t memory;
};

void results_print(const struct results *results);
void results_print_json(const struct results *results);
/** results_plot() - draw by gnuplot: an SVG, or by the name a PNG or PDF; returns an exit code */
int results_plot(const struct results *results, const char *path);

#endif /* PEERBUF_BENCH_H */
