// SPDX-License-Identifier: GPL-2.0-only
/* bench: measures exporting, mapping and revoking on this machine. Writes to no memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "engine.h"
#include "progress.h"
#include "tool.h"

#define ROUNDS		21
#define ROUNDS_LEAST	3
#define ENOUGH		UINT64_C(1000000000) /* nanoseconds; then ROUNDS_LEAST rounds suffice */
#define MANY		256 /* exports made, to compute the memory that one takes */
#define IMPORTERS_MOST	16

/**
 * struct bench - what is measured
 * @node: of the provider, open for writing
 * @bar: the BAR that is exported
 * @bar_size: its size in bytes
 * @kind: the client's engine, NULL for any
 * @results: results so far
 */
struct bench {
	int node;
	unsigned int bar;
	uint64_t bar_size;
	const char *kind;
	struct results results;
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

/* Is another round wanted? */
static bool wanted(unsigned int round, uint64_t start)
{
	return round < ROUNDS_LEAST || (round < ROUNDS && now() - start < ENOUGH);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void add_figure(struct series *series, uint64_t x, uint64_t *times, size_t nr)
{
	if (!nr || series->nr == FIGURES_MOST)
		return;
	qsort(times, nr, sizeof(*times), by_value);
	series->figures[series->nr++] = (struct figure) {
		.x = x, .least = times[0], .median = times[nr / 2],
	};
}

static int export(const struct bench *bench, uint64_t size, uint64_t *id,
		  struct peerbuf_error *error)
{
	const struct peerbuf_range range = { .bar = bench->bar, .length = size };

	return peerbuf_export(bench->node, &range, 1, 0, O_RDWR | O_CLOEXEC, id, error);
}

static int export_failed(const struct bench *bench, const struct peerbuf_error *error)
{
	const struct subject subject = { .function = bench->results.provider };

	return failed(error, &subject, "bench: BAR %u of %s", bench->bar,
		      addr_text(bench->results.provider));
}

static int measure_export(struct bench *bench, uint64_t size)
{
	uint64_t times[ROUNDS], start = now();
	struct peerbuf_error error;
	unsigned int n;
	int fd;

	for (n = 0; wanted(n, start); n++) {
		uint64_t began = now();

		fd = export(bench, size, NULL, &error);
		if (fd < 0)
			return export_failed(bench, &error);
		close(fd);
		times[n] = now() - began;
	}
	add_figure(&bench->results.exporting, size, times, n);
	return EXIT_OK;
}

/* Maps the buffer and reads one byte of each page. */
static void measure_cpu(struct bench *bench, int fd, uint64_t size)
{
	uint64_t times[ROUNDS], page = sysconf(_SC_PAGESIZE), start = now(), at;
	volatile const char *memory;
	void *address;
	unsigned int n;

	for (n = 0; wanted(n, start); n++) {
		uint64_t began = now();

		if (peerbuf_mmap(fd, 0, size, PROT_READ, &address))
			return;
		memory = address;
		for (at = 0; at < size; at += page)
			(void)memory[at];
		times[n] = now() - began;
		peerbuf_munmap(address, size);
	}
	add_figure(&bench->results.cpu, size, times, n);
}

static int not_taken(const struct bench *bench, int err, uint64_t size)
{
	const char *client = addr_text(bench->results.client);

	failed_errno(err, "bench: %s does not take %s", client, size_text(size));
	hint("'peerbuf verify %s %s' says why", addr_text(bench->results.provider), client);
	return EXIT_REFUSED;
}

static int measure_mapping(struct bench *bench, struct engine *engine, int fd, uint64_t size)
{
	uint64_t times[ROUNDS], start = now();
	unsigned int n;
	int ret;

	for (n = 0; wanted(n, start); n++) {
		uint64_t began = now();

		ret = engine->attach(engine, fd, size);
		if (ret)
			return not_taken(bench, ret, size);
		times[n] = now() - began;
		engine->detach(engine);
	}
	add_figure(&bench->results.mapping, size, times, n);
	return EXIT_OK;
}

static int measure_size(struct bench *bench, struct engine *engine, uint64_t size)
{
	struct peerbuf_error error;
	int fd, ret = measure_export(bench, size);

	if (ret)
		return ret;
	fd = export(bench, size, NULL, &error);
	if (fd < 0)
		return export_failed(bench, &error);
	measure_cpu(bench, fd, size);
	if (engine)
		ret = measure_mapping(bench, engine, fd, size);
	close(fd);
	return ret;
}

/* Sizes: one page, then four times as much each time, up to the whole BAR. */
static int measure_sizes(struct bench *bench, struct engine *engine)
{
	uint64_t page = sysconf(_SC_PAGESIZE), size;
	size_t all = 1, done = 0;
	int ret = EXIT_OK;

	for (size = page; size < bench->bar_size; size *= 4)
		all++;
	for (size = page; !ret && done < all; size *= 4) {
		progress("bench: sizes", done++, all);
		ret = measure_size(bench, engine, size < bench->bar_size ? size : bench->bar_size);
	}
	progress("bench: sizes", all, all);
	return ret;
}

/* Opens each importer as an engine of its own, with its own file of the engine's driver. */
static int open_importers(const struct bench *bench, struct engine **engines, size_t nr, int fd,
			  uint64_t size)
{
	size_t n;
	int ret = 0;

	for (n = 0; n < nr && !ret; n++) {
		engines[n] = engine_open(bench->results.client, bench->kind, NULL);
		ret = engines[n] ? engines[n]->attach(engines[n], fd, size) : -ENODEV;
	}
	return ret;
}

static void close_importers(struct engine **engines)
{
	size_t n;

	for (n = 0; n < IMPORTERS_MOST; n++)
		if (engines[n])
			engines[n]->close(engines[n]);
}

static int revoke_once(const struct bench *bench, size_t nr, uint64_t *took)
{
	struct engine *engines[IMPORTERS_MOST] = { NULL };
	uint64_t size = sysconf(_SC_PAGESIZE), id, began;
	struct peerbuf_error error;
	int fd = export(bench, size, &id, &error), ret;

	if (fd < 0)
		return export_failed(bench, &error);
	ret = open_importers(bench, engines, nr, fd, size);
	if (ret) {
		ret = failed_errno(ret, "bench: %zu importers of %s", nr,
				   addr_text(bench->results.client));
	} else {
		began = now();
		ret = peerbuf_revoke(bench->node, id, 5000, &error);
		*took = now() - began;
		if (ret)
			ret = failed(&error, NULL, "bench: revoke");
	}
	close_importers(engines);
	close(fd);
	return ret;
}

static int measure_revokes(struct bench *bench)
{
	uint64_t times[ROUNDS];
	size_t nr, n, done = 0;
	int ret = EXIT_OK;

	for (nr = 1; nr <= IMPORTERS_MOST && !ret; nr *= 2) {
		for (n = 0; n < ROUNDS && !ret; n++) {
			progress("bench: revokes", done++, 5 * ROUNDS);
			ret = revoke_once(bench, nr, &times[n]);
		}
		if (!ret)
			add_figure(&bench->results.revoking, nr, times, ROUNDS);
	}
	progress("bench: revokes", 1, 1);
	return ret;
}

/* Kernel memory that cannot be reclaimed, in bytes: slab and others. */
static uint64_t kernel_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib, sum = 0;
	char line[128], name[32];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31[^:]: %llu", name, &kib) == 2 &&
		    (!strcmp(name, "SUnreclaim") || !strcmp(name, "Percpu")))
			sum += kib;
	if (file)
		fclose(file);
	return sum << 10;
}

static void measure_memory(struct bench *bench)
{
	uint64_t page = sysconf(_SC_PAGESIZE), before, after;
	int fds[MANY];
	size_t n, nr;

	before = kernel_memory();
	for (nr = 0; nr < MANY; nr++) {
		fds[nr] = export(bench, page, NULL, NULL);
		if (fds[nr] < 0)
			break;
	}
	after = kernel_memory();
	for (n = 0; n < nr; n++)
		close(fds[n]);
	if (nr == MANY && after > before)
		bench->results.memory = (after - before) / MANY;
}

/* One that has what is attached to it until it is detached. */
static struct engine *client_engine(const struct bench *bench)
{
	const char *client = addr_text(bench->results.client);
	struct engine *engine = engine_open(bench->results.client, bench->kind, NULL);

	if (!engine) {
		failed_errno(-EOPNOTSUPP, "bench: %s has no engine that peerbuf can use", client);
		hint("leave it out, and see what does not depend on it");
		return NULL;
	}
	if (!engine->passing)
		return engine;
	engine->close(engine);
	failed_errno(-EOPNOTSUPP, "bench: %s maps a buffer for the time of a command only", client);
	hint("'peerbuf verify --loop' says how fast a drive is");
	return NULL;
}

static int measure(struct bench *bench)
{
	bool has_client = bench->results.client != PEERBUF_PCI_NONE;
	struct engine *engine = NULL;
	int ret;

	if (has_client) {
		engine = client_engine(bench);
		if (!engine)
			return EXIT_UNKNOWN;
		bench->results.engine = engine->kind;
	}
	measure_memory(bench);
	ret = measure_sizes(bench, engine);
	if (engine)
		engine->close(engine);
	return !ret && has_client ? measure_revokes(bench) : ret;
}

/* Chooses the largest exportable BAR without read side effects, unless one was named. */
static int choose(struct bench *bench, int bar)
{
	const uint32_t usual = PEERBUF_BAR_F_EXPORTABLE | PEERBUF_BAR_F_PREFETCHABLE;
	struct peerbuf_ioc_info info;
	struct peerbuf_error error;
	unsigned int n;

	if (peerbuf_info(bench->node, &info, &error))
		return export_failed(bench, &error);
	for (n = 0; n < ARRAY_SIZE(info.bars); n++) {
		if ((bar >= 0 && n != (unsigned int)bar) ||
		    !(info.bars[n].flags & PEERBUF_BAR_F_MEMORY) ||
		    (bar < 0 && (info.bars[n].flags & usual) != usual) ||
		    info.bars[n].size <= bench->bar_size)
			continue;
		bench->bar = n;
		bench->bar_size = info.bars[n].size;
	}
	if (bench->bar_size)
		return EXIT_OK;
	failed_errno(-ENXIO, "bench: %s has no such memory BAR",
		     addr_text(bench->results.provider));
	hint("'peerbuf devices' lists the BARs that may be exported");
	return EXIT_REFUSED;
}

static int bench_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, BAR_OPTION,
		{ "engine", required_argument, NULL, 'e' },
		{ "plot", required_argument, NULL, 'p' }, { 0 }
	};
	struct bench bench = {
		.results = {
			.client = PEERBUF_PCI_NONE,
			.exporting = { .name = "export", .what = "export, and its end" },
			.cpu = { .name = "cpu_map", .what = "CPU mapping, touched" },
			.mapping = { .name = "dma_map", .what = "the client's mapping" },
			.revoking = { .name = "revoke", .what = "revoke" },
		},
	};
	const char *plot = NULL;
	bool json = false;
	int option, ret, bar = -1;

	while ((option = next_option(self, argc, argv, ":hjb:e:p:", options)) != -1) {
		if (option == 'b')
			bar = parse_bar(self, optarg);
		else if (option == 'e')
			bench.kind = engine_kind(self, optarg);
		else if (option == 'p')
			plot = optarg;
		else
			json = true;
	}
	if (count_arguments(self, argc, 1, 2) == 2)
		bench.results.client = parse_addr(self, argv[optind + 1]);
	bench.results.provider = parse_addr(self, argv[optind]);
	bench.node = open_node(bench.results.provider, O_RDWR);
	if (bench.node < 0)
		return -bench.node;
	ret = choose(&bench, bar);
	if (!ret)
		ret = measure(&bench);
	peerbuf_close(bench.node);
	if (!ret)
		(json ? results_print_json : results_print)(&bench.results);
	return !ret && plot ? results_plot(&bench.results, plot) : ret;
}

const struct command bench_command = {
	.name = "bench",
	.synopsis = "[OPTION…] PROVIDER [CLIENT]",
	.summary = "Measure what exporting, mapping and revoking cost here",
	.help = "  PROVIDER              PCI address of the function whose memory is exported;\n"
		"                        it is read, not written to\n"
		"  CLIENT                PCI address of a device that maps it: an RDMA device, or\n"
		"                        edu in the lab\n"
		"  -b, --bar N           which BAR; without it, the largest prefetchable one\n"
		"  -e, --engine KIND     edu or verbs, where the client has both\n"
		"  -p, --plot FILE       draw it as well, with gnuplot: .svg, .png or .pdf\n"
		"  -j, --json            print JSON\n",
	.notes = "Times are in microseconds, of 21 rounds. dma_map is until the client can use\n"
		"the buffer, revoke until no importer has it any more. Reading some registers\n"
		"has side effects: name a BAR that is memory.\n",
	.run = bench_run,
};
