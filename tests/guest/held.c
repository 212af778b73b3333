// SPDX-License-Identifier: GPL-2.0
/* See held.h. */
#include <fcntl.h>
#include <linux/membarrier.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "held.h"
#include "lab.h"

/* An instance of the tracer's, of our own: it starts empty, and nothing of it stays. */
#define INSTANCE	"/sys/kernel/tracing/instances/held"
#define OBJECTS_MOST	4096

/* kfree_rcu() collects for five seconds. An idle guest's clock skips them. */
#define DEFERRED_MS	6000

static const char *const allocating[] = {
	/* Linux 6.1 tells those that name a node apart. */
	"kmalloc", "kmalloc_node", "kmem_cache_alloc", "kmem_cache_alloc_node",
};

static const char *const freeing[] = { "kfree", "kmem_cache_free" };

static struct object {
	unsigned long long address;
	__u64 bytes;
} objects[OBJECTS_MOST];

static size_t nr_objects;
static __u64 vmalloc_before;

/* The switch, open all the while: to open it takes memory as well. */
static int tracing;

static void event_on(const char *event, const char *filter)
{
	char path[128];

	snprintf(path, sizeof(path), INSTANCE "/events/kmem/%s", event);
	if (!sysfs_exists(path))
		return;
	snprintf(path, sizeof(path), INSTANCE "/events/kmem/%s/filter", event);
	check_ok(sysfs_write(path, filter));
	snprintf(path, sizeof(path), INSTANCE "/events/kmem/%s/enable", event);
	check_ok(sysfs_write(path, "1"));
}

static __u64 vmalloc_bytes(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "re");
	unsigned long bytes;
	char line[256];
	__u64 sum = 0;

	check(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "0x%*x-0x%*x %lu", &bytes) == 1)
			sum += bytes;
	fclose(file);
	return sum;
}

void held_start(void)
{
	char filter[64];

	snprintf(filter, sizeof(filter), "common_pid == %d", getpid());
	check_sys(mkdir(INSTANCE, 0700));
	tracing = check_sys(open(INSTANCE "/tracing_on", O_RDWR | O_CLOEXEC));
	check_eq(write(tracing, "0", 1), 1);
	check_ok(sysfs_write(INSTANCE "/buffer_size_kb", "8192"));
	for (size_t i = 0; i < sizeof(allocating) / sizeof(*allocating); i++)
		event_on(allocating[i], filter);
	/* Whoever frees it: no filter. */
	for (size_t i = 0; i < sizeof(freeing) / sizeof(*freeing); i++)
		event_on(freeing[i], "0");
	vmalloc_before = vmalloc_bytes();
	check_eq(write(tracing, "1", 1), 1);
}

static void object_freed(unsigned long long address)
{
	for (size_t i = 0; i < nr_objects; i++)
		if (objects[i].address == address)
			objects[i] = objects[--nr_objects];
}

static void object_allocated(unsigned long long address, __u64 bytes)
{
	if (nr_objects == OBJECTS_MOST)
		fail("more than %u objects", OBJECTS_MOST);
	objects[nr_objects++] = (struct object) { address, bytes };
}

static void trace_line(const char *line)
{
	const char *ptr = strstr(line, " ptr="), *size = strstr(line, " bytes_alloc=");
	unsigned long long address;

	if (strstr(line, "LOST"))
		fail("the trace is not complete: %s", line);
	if (*line == '#' || !ptr || sscanf(ptr, " ptr=%llx", &address) != 1)
		return;
	if (size)
		object_allocated(address, strtoull(size + strlen(" bytes_alloc="), NULL, 10));
	else
		object_freed(address);
}

__u64 held_bytes(void)
{
	char line[1024];
	__u64 bytes;
	FILE *file;

	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	pause_ms(DEFERRED_MS);
	check_eq(write(tracing, "0", 1), 1);
	close(tracing);
	bytes = vmalloc_bytes() - vmalloc_before;
	file = fopen(INSTANCE "/trace", "re");
	check(file);
	nr_objects = 0;
	while (fgets(line, sizeof(line), file))
		trace_line(line);
	fclose(file);
	check_sys(rmdir(INSTANCE));
	for (size_t i = 0; i < nr_objects; i++)
		bytes += objects[i].bytes;
	return bytes;
}
