// SPDX-License-Identifier: GPL-2.0
/*
 * What each command prints, to the letter, on the machines of the lab. What the same commands print
 * of machines that are not here is in userspace/tests/snapshots.
 */
#include "drive.h"
#include "harness.h"
#include "lab.h"
#include "page.h"

/* As after the boot: who was here before has bound devices. */
static void as_it_was(void)
{
	static const char *const ids[] = {
		"sw-edu", "sw-mem", "rp-edu", "rp-mem", "io-dev", "far-edu", "far-mem",
	};

	for (unsigned int n = 0; n < sizeof(ids) / sizeof(ids[0]); n++)
		device_unbind(ids[n]);
	device_bind(DRIVE, "nvme");
	check_ok(device_write(DRIVE, "driver_override", "\n"));
	eventually(30, drive_name()[0]);
}

static void check_page(const char *name)
{
	as_it_was();
	check_ok(module_load("peerbuf-nvme"));
	page_check(name);
	as_it_was();
}

/* Exporting, looking, taking back: the same wherever it is. */
TEST(commands)
{
	check_page("printed/commands");
}

TEST(topology_without_an_iommu)
{
	check_page("printed/plain");
}

/* What a device below a switch writes to its neighbour is lost there, and verify says so. */
TEST(topology_behind_an_iommu, .flags = TEST_IOMMU_FAULTS)
{
	check_page("printed/vtd");
}

TEST(topology_of_bridges_that_do_not_forward)
{
	check_page("printed/intel");
}
