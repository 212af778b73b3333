// SPDX-License-Identifier: GPL-2.0
/*
 * What an export costs: time and memory of large against small, through an IOMMU and
 * without, and how long a revoke takes with many importers. Prints lines of
 * "NAME VALUE"; tests/bench/run makes sense of them. Times are medians in
 * microseconds, and say nothing outside of this emulated machine: only their
 * ratios count.
 *
 * The three parts run as tests: "bench cost", "bench iommu", "bench revoke".
 */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define REPEAT		101
#define HELD		128
#define IMPORTERS_MOST	64

enum step { EXPORT, ATTACH, MAP, UNMAP, DETACH, CLOSE, STEPS };

static const char *const step_names[STEPS] = {
	"export", "attach", "map", "unmap", "detach", "close",
};

static int node, edu;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t nr)
{
	qsort(values, nr, sizeof(*values), compare);
	return values[nr / 2];
}

static double microseconds(void)
{
	return now() * 1e6;
}

static void measure_once(__u64 length, double *took)
{
	double at[STEPS + 1];
	struct peer_export export;
	__u32 handle;

	at[EXPORT] = microseconds();
	check_ok(peer_export_one(node, MEM_BAR, 0, length, 0, &export));
	at[ATTACH] = microseconds();
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	at[MAP] = microseconds();
	check_ok(edu_map(edu, handle));
	at[UNMAP] = microseconds();
	check_ok(edu_unmap(edu, handle));
	at[DETACH] = microseconds();
	check_ok(edu_detach(edu, handle));
	at[CLOSE] = microseconds();
	close(export.fd);
	at[STEPS] = microseconds();
	for (int i = 0; i < STEPS; i++)
		took[i] = at[i + 1] - at[i];
}

/* Small and large take turns, so that whatever else happens hits both. */
static void measure_time(const char *name, const __u64 *length)
{
	static double took[2][STEPS][REPEAT];
	double once[STEPS], total;

	for (int i = 0; i < REPEAT; i++) {
		for (int size = 0; size < 2; size++) {
			measure_once(length[size], once);
			for (int step = 0; step < STEPS; step++)
				took[size][step][i] = once[step];
		}
	}
	for (int size = 0; size < 2; size++) {
		total = 0;
		for (int step = 0; step < STEPS; step++) {
			double m = median(took[size][step], REPEAT);

			printf("%s.%s.%s %.1f\n", name, size ? "large" : "small",
			       step_names[step], m);
			total += m;
		}
		printf("%s.%s.total %.1f\n", name, size ? "large" : "small",
		       total);
	}
}

static void shrink_caches(void)
{
	if (system("for c in /sys/kernel/slab/*/shrink; do echo 1 > $c; done 2> /dev/null"))
		return;
	pause_ms(300);
}

/* Bytes of slab in use, once everything deferred has happened. */
static double slab_bytes(void)
{
	char line[512], name[64];
	long objects, all, size;
	double bytes = 0;
	FILE *file;

	pause_ms(500);
	shrink_caches();
	shrink_caches();
	file = fopen("/proc/slabinfo", "re");
	check(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %ld %ld %ld", name, &objects, &all,
			   &size) == 4)
			bytes += (double)objects * size;
	fclose(file);
	return bytes;
}

#define MEMINFO	"/proc/meminfo"

static double meminfo(const char *field)
{
	FILE *file = fopen(MEMINFO, "re");
	double value = 0;
	char line[128];

	check(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			value = atof(line + strlen(field) + 1) * 1024;
	fclose(file);
	return value;
}

static double memory_of_one(__u64 length)
{
	static struct peer_export exports[HELD];
	static __u32 handles[HELD];
	double slab = slab_bytes(), vmalloc = meminfo("VmallocUsed:");
	double used;

	for (int i = 0; i < HELD; i++) {
		check_ok(peer_export_one(node, MEM_BAR, 0, length, 0,
					 &exports[i]));
		check_ok(edu_attach(edu, exports[i].fd, EDU_DMA_DYNAMIC, 0,
				    &handles[i]));
		check_ok(edu_map(edu, handles[i]));
	}
	used = slab_bytes() - slab + meminfo("VmallocUsed:") - vmalloc;
	for (int i = 0; i < HELD; i++) {
		check_ok(edu_detach(edu, handles[i]));
		close(exports[i].fd);
	}
	return used / HELD;
}

static void measure_memory(const char *name, const __u64 *length)
{
	double bytes[2] = { 0, 0 };

	/* The first time brings in what stays. */
	memory_of_one(length[0]);
	for (int size = 0; size < 2; size++) {
		bytes[size] = memory_of_one(length[size]);
		printf("%s.%s.memory %.0f\n", name, size ? "large" : "small",
		       bytes[size]);
	}
}

static void open_pair(const char *edu_id, const char *mem)
{
	node = node_open(mem);
	edu = edu_open(edu_id);
	printf("bar %llu\n", (unsigned long long)bar_size(mem, MEM_BAR));
}

static void bench_cost(void)
{
	__u64 length[2] = { 64 * 1024 };

	open_pair("sw-edu", "sw-mem");
	length[1] = bar_size("sw-mem", MEM_BAR);
	measure_time("bus", length);
	measure_memory("bus", length);
}

static void bench_iommu(void)
{
	__u64 length[2] = { 64 * 1024, 1ULL << 30 };

	open_pair("rp-edu", "rp-mem");
	if (length[1] > bar_size("rp-mem", MEM_BAR))
		length[1] = bar_size("rp-mem", MEM_BAR);
	measure_time("iommu", length);
}

/* From the call to its return, every importer having unmapped. */
static void revoke_with(unsigned int importers)
{
	double took[REPEAT / 4], start;
	__u32 handles[IMPORTERS_MOST];
	struct peer_export export;

	check_ok(peer_export_one(node, MEM_BAR, 0, 64 * 1024, 0, &export));
	for (unsigned int i = 0; i < importers; i++)
		check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0,
				    &handles[i]));
	for (unsigned int i = 0; i < REPEAT / 4; i++) {
		for (unsigned int h = 0; h < importers; h++)
			check_ok(edu_map(edu, handles[h]));
		start = microseconds();
		check_ok(peer_revoke(node, export.id, PEERBUF_WAIT_FOREVER));
		took[i] = microseconds() - start;
		check_ok(peer_restore(node, export.id));
	}
	printf("revoke.%u %.1f\n", importers, median(took, REPEAT / 4));
	for (unsigned int i = 0; i < importers; i++)
		check_ok(edu_detach(edu, handles[i]));
	close(export.fd);
}

static void bench_revoke(void)
{
	open_pair("rp-edu", "rp-mem");
	for (unsigned int importers = 1; importers <= IMPORTERS_MOST;
	     importers *= 4)
		revoke_with(importers);
}

/* The harness runs these as if they were tests, each in its own process. */
TEST(cost, .timeout = 300)
{
	bench_cost();
}

TEST(iommu, .timeout = 300)
{
	bench_iommu();
}

TEST(revoke, .timeout = 300)
{
	bench_revoke();
}
