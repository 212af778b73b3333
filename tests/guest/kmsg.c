// SPDX-License-Identifier: GPL-2.0
/* The kernel log: what must not be in it. */
#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "harness.h"
#include "kmsg.h"

/* Each says that something is broken, whoever caused it. */
static const char *const reports[] = {
	"BUG: ", "kernel BUG at", "WARNING: ", "Oops", "general protection fault",
	"Unable to handle kernel", "unable to handle page fault",
	"possible recursive locking", "possible circular locking",
	"possible irq lock inversion", "inconsistent lock state",
	"bad unlock balance", "held lock freed", "suspicious RCU usage",
	"trying to register non-static key", "KASAN: ", "UBSAN: ", "KFENCE: ",
	"DMA-API: ", "ODEBUG: ", "refcount_t: ", "list_add corruption",
	"list_del corruption", "blocked for more than", "self-detected stall",
	"detected stalls", "detected expedited stalls", "soft lockup",
	"scheduling while atomic", "stack-protector: ", "Bad page state",
	"sleeping function called", "turning off the locking correctness",
};

/* What an IOMMU says when a device uses an address it does not have. */
static const char *const iommu_faults[] = {
	"DMAR: [DMA ", "DMAR: DRHD: handling fault status", "fault addr",
};

static const char *const harmless[] = {
	"DMA-API: preallocated", "DMA-API: debugging enabled",
	"DMA-API: disabled by",
};

static bool has_any(const char *line, const char *const *list, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (strstr(line, list[i]))
			return true;
	return false;
}

#define HAS_ANY(line, list)	has_any(line, list, sizeof(list) / sizeof(*(list)))

int kmsg_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* The next record's text, without its header; false at the end. */
static bool kmsg_next(int fd, char *line, size_t size)
{
	char record[8192];
	const char *text;
	ssize_t n;

	do {
		n = read(fd, record, sizeof(record) - 1);
	} while (n < 0 && (errno == EPIPE || errno == EINTR));
	if (n <= 0)
		return false;
	record[n] = '\0';
	text = strchr(record, ';');
	snprintf(line, size, "%.*s", (int)size - 1, text ? text + 1 : record);
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* Has it been logged since the mark, or since the last call with it? */
bool kmsg_has(int mark, const char *text)
{
	char line[4096];

	while (kmsg_next(mark, line, sizeof(line)))
		if (strstr(line, text))
			return true;
	return false;
}

void kmsg_done(int mark)
{
	close(mark);
}

static bool offends(const char *line, bool faults_allowed)
{
	if (HAS_ANY(line, harmless))
		return false;
	if (!faults_allowed && HAS_ANY(line, iommu_faults))
		return true;
	return HAS_ANY(line, reports);
}

/* What was logged since the mark. */
struct records {
	char **line;
	size_t nr;
};

static void records_read(struct records *records, int mark)
{
	char line[4096];
	char **more;

	while (kmsg_next(mark, line, sizeof(line))) {
		more = realloc(records->line,
			       (records->nr + 1) * sizeof(*more));
		if (!more)
			abort();
		records->line = more;
		records->line[records->nr++] = strdup(line);
	}
}

static void records_free(struct records *records)
{
	for (size_t i = 0; i < records->nr; i++)
		free(records->line[i]);
	free(records->line);
}

/*
 * On every hot-unplug Linux 7.2's pciehp lets go of its reset_lock and takes it again
 * under pci_rescan_remove_lock. Lockdep says so, in either order of the two; nobody but the
 * PCI core is in it.
 */
static bool is_pciehp(const struct records *records, size_t i)
{
	size_t end = i + 14 < records->nr ? i + 14 : records->nr;
	bool reset = false, rescan = false;

	if (!strstr(records->line[i], "possible circular locking"))
		return false;
	for (; i < end; i++) {
		reset |= !!strstr(records->line[i], "&ctrl->reset_lock");
		rescan |= !!strstr(records->line[i], "pci_rescan_remove_lock");
	}
	return reset && rescan;
}

/* Is the lock this line of a report names one of VFIO's or pciehp's? */
static bool is_theirs(const char *line)
{
	static const char *const locks[] = {
		"(&vfio.group_lock)", "(&group->group_lock)", "dev_set->lock)",
		"(&ctrl->reset_lock", "(pci_rescan_remove_lock)",
	};

	for (size_t i = 0; i < sizeof(locks) / sizeof(*locks); i++) {
		if (strstr(line, locks[i]))
			return true;
	}
	return false;
}

/*
 * A VFIO device that is unplugged leaves its group under pci_rescan_remove_lock; one that
 * is opened is reset through its hot-plug port under VFIO's locks. It is upstream's cycle
 * alone if no other lock takes part.
 */
static bool is_vfio_unplug(const struct records *records, size_t i)
{
	bool group = false, rescan = false;
	unsigned int chain = 0;

	if (!strstr(records->line[i], "possible circular locking"))
		return false;
	for (; i < records->nr && !strstr(records->line[i], "stack backtrace"); i++) {
		const char *line = records->line[i];

		if (strstr(line, "-> #")) {
			chain++;
			if (!is_theirs(line))
				return false;
		} else if (!chain) {
			group |= !!strstr(line, "(&vfio.group_lock)");
			rescan |= !!strstr(line, "(pci_rescan_remove_lock)");
		}
	}
	return group && rescan && chain;
}

/* Print what should not be there, and what follows it. True if there is any. */
bool kmsg_scan(int mark, bool faults_allowed)
{
	struct records records = {};
	unsigned int shown = 0;
	bool found = false;

	records_read(&records, mark);
	for (size_t i = 0; i < records.nr; i++) {
		if (offends(records.line[i], faults_allowed) &&
		    !is_pciehp(&records, i) && !is_vfio_unplug(&records, i)) {
			found = true;
			shown = 40;
		}
		if (shown) {
			printf("# kernel: %s\n", records.line[i]);
			shown--;
		}
	}
	records_free(&records);
	return found;
}
