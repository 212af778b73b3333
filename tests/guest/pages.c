// SPDX-License-Identifier: GPL-2.0
/* See pages.h. */
#include "harness.h"
#include "lab.h"
#include "memory.h"
#include "pages.h"

#define KB_PER_PAGE	4

/* Counters of /proc/vmstat, each in pages. Mlocked pages are unevictable ones. */
static const char *const counters[] = {
	"nr_inactive_anon", "nr_active_anon", "nr_inactive_file", "nr_active_file",
	"nr_unevictable", "nr_isolated_anon", "nr_isolated_file",
	"nr_slab_reclaimable", "nr_slab_unreclaimable", "nr_page_table_pages",
};

static bool is_counter(const char *name)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
		if (!strcmp(name, counters[i]))
			return true;
	return false;
}

/* Of what the kernel counts, the kinds that hold pages, and each page once. */
static long vmstat_sum(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	char name[64];
	long value, sum = 0;

	check(file);
	while (fscanf(file, "%63s %ld", name, &value) == 2)
		if (is_counter(name))
			sum += value;
	fclose(file);
	return sum;
}

/* Kernel stacks that are in vmalloc space are counted there. */
static bool stacks_are_vmalloced(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "re");
	bool found = false;
	char line[512];

	check(file);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, "dup_task_struct") || strstr(line, "copy_process") ||
			strstr(line, "alloc_thread_stack");
	fclose(file);
	return found;
}

/*
 * The instrumented kernel keeps every stack that something was allocated or freed by, each once,
 * in pools of four pages, and gives none back.
 */
#define PAGES_PER_POOL	4

static long stack_pools(void)
{
	FILE *file = fopen("/sys/kernel/debug/stackdepot/stats", "re");
	char line[64];
	long pools = 0;

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "pools: %ld", &pools);
	if (file)
		fclose(file);
	return pools;
}

/* A CPU's own free pages are not among the zone's. */
static void zones_count(struct pages *pages)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	char line[256];
	long value;

	check(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " managed %ld", &value) == 1)
			pages->managed += value;
		else if (sscanf(line, " pages free %ld", &value) == 1 ||
			 sscanf(line, " count: %ld", &value) == 1)
			pages->idle += value;
	}
	fclose(file);
}

void pages_count(struct pages *pages)
{
	long kb = meminfo("Percpu:") + meminfo("VmallocUsed:");

	memset(pages, 0, sizeof(*pages));
	/* What each CPU has counted by itself so far. */
	check_ok(sysfs_write("/proc/sys/vm/stat_refresh", "1"));
	if (!stacks_are_vmalloced())
		kb += meminfo("KernelStack:");
	zones_count(pages);
	pages->counted = vmstat_sum() + kb / KB_PER_PAGE + stack_pools() * PAGES_PER_POOL;
}

static long belonging_to_nothing(const struct pages *pages)
{
	return pages->managed - pages->idle - pages->counted;
}

void pages_compare(const struct pages *before, const struct pages *after,
		   unsigned int count)
{
	long more = belonging_to_nothing(after) - belonging_to_nothing(before);

	printf("pages %+ld, %ld belong to nothing, %+ld in %u rounds\n",
	       before->idle - after->idle, belonging_to_nothing(after), more, count);
	check(more < (long)count / 2);
}
