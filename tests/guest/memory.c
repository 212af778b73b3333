// SPDX-License-Identifier: GPL-2.0
/* See memory.h. */
#include <glob.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "memory.h"

long meminfo(const char *field)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long value = 0;

	check(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			value = atol(line + strlen(field) + 1);
	fclose(file);
	return value;
}

/* Each CPU's and node's half-empty slabs would count as objects in use. */
static void shrink_caches(void)
{
	glob_t list;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &list))
		return;
	for (size_t i = 0; i < list.gl_pathc; i++)
		sysfs_write(list.gl_pathv[i], "1");
	globfree(&list);
}

/* Objects that RCU, deferred flushes or workers will free are not leaked. */
static void settle(void)
{
	sync();
	for (int i = 0; i < 3; i++) {
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		pause_ms(300 * slowness());
	}
	sysfs_write("/proc/sys/vm/drop_caches", "3");
	shrink_caches();
}

/*
 * The instrumented kernel keeps KASAN's shadow of what was unmapped in vmalloc space (a window of a
 * BAR that was copied, say) until it purges that space: before the memory of a module is freed.
 */
static void purge_shadows(void)
{
	if (!sysfs_exists("/sys/kernel/debug/kmemleak"))
		return;
	check_eq(module_load("pci_quirk"), 0);
	check_ok(module_unload("pci_quirk"));
}

void memory_take(struct memory *memory)
{
	purge_shadows();
	settle();
	slab_count(&memory->slab);
	pages_count(&memory->pages);
}

void memory_compare(const struct memory *before, const struct memory *after,
		    unsigned int count)
{
	slab_compare(&before->slab, &after->slab, count);
	pages_compare(&before->pages, &after->pages, count);
}
