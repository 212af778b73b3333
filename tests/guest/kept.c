// SPDX-License-Identifier: GPL-2.0
/* See kept.h. */
#include "harness.h"
#include "kept.h"
#include "lab.h"

bool is_kept(void)
{
	static const char *const words[] = { "peerbuf:", "still", "mapped", NULL };

	return command_prints("cat /proc/iomem", words);
}

int try_bind(const char *id, const char *driver)
{
	char path[64];

	check_ok(device_write(id, "driver_override", driver));
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	return sysfs_write(path, lab_where(id));
}
