// SPDX-License-Identifier: GPL-2.0
/* See quirk.h. */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "quirk.h"

int quirk_begin(const char *quirk, const char *id)
{
	int fd, length, ret = 0;
	char line[64];

	check_eq(module_load("pci_quirk"), 0);
	eventually(5, (fd = open("/dev/pci_quirk", O_WRONLY | O_CLOEXEC)) >= 0);
	length = snprintf(line, sizeof(line), "%s %s", quirk, lab_where(id));
	if (write(fd, line, length) != length)
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}
