// SPDX-License-Identifier: GPL-2.0
/* Configuration space, by hand: see lab.h. */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

static int config_open(const char *id)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", lab_where(id));
	return check_sys(open(path, O_RDWR | O_CLOEXEC));
}

void config_read(const char *id, __u64 offset, void *data, size_t length)
{
	int fd = config_open(id);

	check_eq(pread(fd, data, length, offset), length);
	close(fd);
}

void config_write(const char *id, __u64 offset, const void *data, size_t length)
{
	int fd = config_open(id);

	check_eq(pwrite(fd, data, length, offset), length);
	close(fd);
}

void memory_decode(const char *id, bool on)
{
	__u16 command;

	config_read(id, PCI_COMMAND, &command, sizeof(command));
	command = on ? command | PCI_COMMAND_MEMORY : command & ~PCI_COMMAND_MEMORY;
	config_write(id, PCI_COMMAND, &command, sizeof(command));
}
