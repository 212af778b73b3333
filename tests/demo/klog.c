// SPDX-License-Identifier: GPL-2.0
/* The kernel log, for what only the IOMMU can say. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

static int kmsg = -1;

/* Look only at what is logged from now on. */
void klog_mark(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	expect(kmsg >= 0 && lseek(kmsg, 0, SEEK_END) >= 0, "/dev/kmsg: %s", strerror(errno));
}

/* Copies the text of a fault report for this address, if there is one. */
static bool read_fault(const char *wanted, char *line, size_t room)
{
	char record[1024];
	ssize_t length;
	char *text;

	while ((length = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[length] = '\0';
		text = strchr(record, ';');
		if (!text || !strstr(text, "DMAR") || !strstr(text, wanted))
			continue;
		snprintf(line, room, "%.*s", (int)strcspn(text + 1, "\n"), text + 1);
		return true;
	}
	return false;
}

/* The report comes from an interrupt thread: give it two seconds. */
bool klog_iommu_fault(uint64_t address, char *line, size_t room)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	char wanted[40];

	snprintf(wanted, sizeof(wanted), "fault addr 0x%" PRIx64, address);
	for (int i = 0; i < 40; i++) {
		if (read_fault(wanted, line, room))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}
