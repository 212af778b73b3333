// SPDX-License-Identifier: GPL-2.0
/* See slab.h. */
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "memory.h"
#include "slab.h"

static void count_caches(struct slab *slab)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	char line[512];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file) && slab->nr < SLAB_MOST) {
		if (*line == '#' || !strncmp(line, "slabinfo", 8))
			continue;
		if (sscanf(line, "%39s %ld %*d %*d %ld", slab->name[slab->nr],
			   &slab->objects[slab->nr], &slab->in_a_slab[slab->nr]) == 3)
			slab->nr++;
	}
	fclose(file);
}

void slab_count(struct slab *slab)
{
	memset(slab, 0, sizeof(*slab));
	count_caches(slab);
	slab->unreclaimable = meminfo("SUnreclaim:");
	slab->vmalloc = meminfo("VmallocUsed:");
}

static long objects_of(const struct slab *slab, const char *name)
{
	for (unsigned int i = 0; i < slab->nr; i++)
		if (!strcmp(slab->name[i], name))
			return slab->objects[i];
	return 0;
}

void slab_compare(const struct slab *before, const struct slab *after,
		  unsigned int count)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool grown = false;

	/* KASAN keeps what was freed for a while, and kmemleak looks for itself. */
	if (sysfs_exists("/sys/kernel/debug/kmemleak")) {
		printf("left to kmemleak\n");
		return;
	}
	for (unsigned int i = 0; i < after->nr; i++) {
		long more = after->objects[i] -
			    objects_of(before, after->name[i]);
		/* The slab a CPU allocates from counts as full again at once. */
		long limit = count / 2 + cpus * after->in_a_slab[i];

		/* Freed lazily; the space that is in use is looked at below. */
		if (!strcmp(after->name[i], "vmap_area"))
			continue;
		if (more > limit / 2)
			printf("%s: %ld objects more\n", after->name[i], more);
		grown = grown || more > limit;
	}
	printf("slab %+ld kB, vmalloc %+ld kB\n",
	       after->unreclaimable - before->unreclaimable,
	       after->vmalloc - before->vmalloc);
	check(!grown);
	/* 64 bytes, or a page of vmalloc space, every second round. */
	check(after->unreclaimable - before->unreclaimable <
	      (long)(count / 2 * 64 / 1024 + 512));
	check(after->vmalloc - before->vmalloc < (long)(count / 2 * 4));
}
