// SPDX-License-Identifier: GPL-2.0
/* See nth.h. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "nth.h"
#include "snapshot.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define FAIL_PAGE	"/sys/kernel/debug/fail_page_alloc/"

static struct snapshot before;
static int nth_fd;

static void setting(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), FAILSLAB "%s", name);
	check_ok(sysfs_write(path, value));
	snprintf(path, sizeof(path), FAIL_PAGE "%s", name);
	check_ok(sysfs_write(path, value));
}

/*
 * DMA debugging switches itself off for want of memory, which is nothing to test: spare
 * what is allocated below that function.
 */
static void spare(const char *function)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	unsigned long long address, start = 0, end = ~0ULL;
	char line[256], name[128], text[32];

	check(symbols);
	while (fgets(line, sizeof(line), symbols)) {
		if (sscanf(line, "%llx %*c %127s", &address, name) != 2)
			continue;
		if (!strcmp(name, function))
			start = address;
	}
	rewind(symbols);
	while (fgets(line, sizeof(line), symbols)) {
		address = strtoull(line, NULL, 16);
		if (address > start && address < end)
			end = address;
	}
	fclose(symbols);
	if (!start)
		return;
	snprintf(text, sizeof(text), "%#llx", end);
	setting("reject-end", text);
	snprintf(text, sizeof(text), "%#llx", start);
	setting("reject-start", text);
	setting("stacktrace-depth", "32");
}

void nth_set_up(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth",
		 syscall(SYS_gettid));
	nth_fd = open(path, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		skip("no fault injection in this kernel");
	setting("ignore-gfp-wait", "N");
	setting("verbose", "0");
	spare("add_dma_entry");
}

void nth_arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	check_eq(pwrite(nth_fd, text, n, 0), n);
}

bool nth_disarm(void)
{
	char text[16] = "";

	check(pread(nth_fd, text, sizeof(text) - 1, 0) > 0);
	nth_arm(0);
	return atoi(text) == 0;
}

/* True when the call ran to its end without the failure having happened. */
static bool attempt(const struct call *call, unsigned int nth,
		    unsigned int *failed)
{
	bool happened;
	int ret;

	if (call->prepare)
		call->prepare();
	snapshot_take(&before);
	nth_arm(nth);
	ret = call->make();
	happened = nth_disarm();
	if (ret) {
		if (!happened)
			fail("%s: %s, with nothing having failed", call->name,
			     strerror(-ret));
		if (ret != -ENOMEM && ret != -EFAULT && ret != -ENFILE)
			fail("%s: %s for want of memory", call->name,
			     strerror(-ret));
		snapshot_unchanged(&before);
		(*failed)++;
	} else if (call->undo) {
		call->undo();
	}
	return !happened;
}

void every_allocation(const struct call *call)
{
	unsigned int nth, failed = 0;

	for (nth = 1; !attempt(call, nth, &failed); nth++)
		check(nth < NTH_MOST);
	printf("%s: %u failing allocations, refused %u times\n", call->name,
	       nth - 1, failed);
}

void every_nth(const char *name, bool (*once)(unsigned int nth))
{
	unsigned int nth;

	for (nth = 1; !once(nth); nth++)
		check(nth < NTH_MOST);
	check(nth > 1);
	printf("%s: %u failing allocations\n", name, nth - 1);
}
