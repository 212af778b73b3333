// SPDX-License-Identifier: GPL-2.0
/* The kernel log, from a moment on. */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "kmsg.h"
#include "lockdep.h"
#include "reports.h"

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

/* The same, for what an IOMMU says of an address that is not a device's. */
bool kmsg_has_iommu_fault(int mark)
{
	char line[4096];

	while (kmsg_next(mark, line, sizeof(line)))
		if (report_of_iommu_fault(line))
			return true;
	return false;
}

/*
 * The same, of one address, as Intel's, Arm's and AMD's IOMMU drivers have it. 6.12's of Arm
 * prints an event's words: the third is the address.
 */
bool kmsg_has_iommu_fault_at(int mark, unsigned long long iova)
{
	static const char *const forms[] = {
		"fault addr %#llx ", "iova: %#llx ", "address=%#llx ", "0x%016llx",
	};
	char line[4096], text[64];

	while (kmsg_next(mark, line, sizeof(line))) {
		for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
			snprintf(text, sizeof(text), forms[i], iova);
			if (strstr(line, text))
				return true;
		}
	}
	return false;
}

void kmsg_done(int mark)
{
	close(mark);
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

/* Print what should not be there, and what follows it. True if there is any. */
bool kmsg_scan(int mark, bool faults_allowed)
{
	struct records records = {};
	unsigned int shown = 0;
	bool found = false;

	records_read(&records, mark);
	for (size_t i = 0; i < records.nr; i++) {
		if (report_begins(records.line[i], faults_allowed)) {
			lockdep_look_again();
			if (!report_let_pass(records.line + i, records.nr - i)) {
				found = true;
				shown = 40;
			}
		}
		if (shown) {
			printf("# kernel: %s\n", records.line[i]);
			shown--;
		}
	}
	records_free(&records);
	return found;
}
