// SPDX-License-Identifier: GPL-2.0
/* See sleep.h. */
#include "harness.h"
#include "lab.h"
#include "sleep.h"

int machine_sleep(void)
{
	int ret;

	check_ok(sysfs_write("/sys/module/suspend/parameters/pm_test_delay", "0"));
	check_ok(sysfs_write("/sys/power/pm_test", "freezer"));
	ret = sysfs_write("/sys/power/state", "freeze");
	check_ok(sysfs_write("/sys/power/pm_test", "none"));
	return ret;
}
