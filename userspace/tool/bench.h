/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_BENCH_H
#define PEERBUF_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct figure - what something costs
 * @x: for that many bytes, or importers
 * @least: nanoseconds, the fastest of all rounds
 * @median: nanoseconds
 */
struct figure {
	uint64_t x;
	uint64_t least;
	uint64_t median;
};

#define FIGURES_MOST	48

/**
 * struct series - the same against something that grows
 * @name: in JSON
 * @what: for people
 * @figures: by growing @x
 * @nr: how many
 */
struct series {
	const char *name;
	const char *what;
	struct figure figures[FIGURES_MOST];
	size_t nr;
};

/**
 * struct results - all that was measured
 * @provider: whose memory
 * @client: who mapped it, or PEERBUF_PCI_NONE
 * @engine: how it was driven, or NULL
 * @exporting: making and ending an export, by its size
 * @cpu: mapping and touching it
 * @mapping: until the client can use it
 * @revoking: by importers; the client's
 * @memory: bytes of the kernel's per export; 0: not known
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
/** results_plot() - by gnuplot, an SVG or by its name a PNG or PDF; exit code */
int results_plot(const struct results *results, const char *path);

#endif /* PEERBUF_BENCH_H */
