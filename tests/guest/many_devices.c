// SPDX-License-Identifier: GPL-2.0
/*
 * A buffer with memory of many devices: of two that the stub has, and of whatever else has a
 * memory BAR and a driver that can be lent from, the lab's own devices included. The memory is
 * never accessed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "snapshot.h"

#define DEVICES		"/sys/bus/pci/devices"
#define RESOURCE_MEM	0x200
#define WANTED		(PEERBUF_MAX_DEVICES + 1)

static struct peerbuf_range ranges[WANTED];
static __u64 lent[WANTED];
static __u32 bars[WANTED];
static unsigned int found;
static int control;

static void add(int node, unsigned int bar)
{
	ranges[found++] = (struct peerbuf_range){
		.length = PAGE, .bar = bar,
		.flags = PEERBUF_RANGE_F_DEVICE_FD, .device_fd = node,
	};
}

/* The memory BARs of a page or more, a bit each. */
static unsigned int memory_bars(const char *bdf)
{
	unsigned long long start, end, flags;
	unsigned int bars = 0;
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/resource", bdf);
	file = fopen(path, "re");
	check(file);
	for (int bar = 0; bar < 6; bar++) {
		if (fscanf(file, "%llx %llx %llx", &start, &end, &flags) != 3)
			break;
		if (flags & RESOURCE_MEM && start && end - start + 1 >= PAGE)
			bars |= 1U << bar;
	}
	fclose(file);
	return bars;
}

/* An MSI-X table is never lent, and may be all there is in the first page. */
static bool may_export(int node, __u32 bar)
{
	struct peerbuf_range range = { .length = PAGE, .bar = bar };
	struct peer_export export;

	if (peer_export(node, &range, 1, 0, &export))
		return false;
	close(export.fd);
	return true;
}

static bool lend_bar(const char *bdf, __u64 addr, unsigned int bar)
{
	char path[300];
	int node;

	/* No driver, or one that exports by itself: leave it alone. */
	if (peer_lend(control, addr, 1U << bar))
		return false;
	snprintf(path, sizeof(path), "/dev/peerbuf/%s", bdf);
	node = check_sys(open(path, O_RDWR | O_CLOEXEC));
	if (!may_export(node, bar)) {
		close(node);
		check_ok(peer_unlend(control, addr, 1U << bar));
		return false;
	}
	lent[found] = addr;
	bars[found] = bar;
	add(node, bar);
	return true;
}

static void lend(const char *bdf)
{
	unsigned int domain, bus, dev, fn, memory = memory_bars(bdf);

	if (sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return;
	for (unsigned int bar = 0; bar < 6; bar++)
		if (memory & 1U << bar &&
		    lend_bar(bdf, PEERBUF_PCI_ADDR(domain, bus, dev, fn), bar))
			return;
}

static void lend_all(void)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;

	check(dir);
	while (found < WANTED && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			lend(entry->d_name);
	closedir(dir);
}

static void deny_all(void)
{
	for (unsigned int i = 0; i < found; i++) {
		close(ranges[i].device_fd);
		if (lent[i])
			check_ok(peer_unlend(control, lent[i], 1U << bars[i]));
	}
}

TEST(as_many_devices_as_allowed_and_one_more)
{
	struct peerbuf_export_info info;
	struct peer_export export;
	struct snapshot before;
	int node = node_open("rp-mem");

	control = control_open();
	add(node_open("sw-mem"), MEM_BAR);
	add(node_open("far-mem"), MEM_BAR);
	/* With a driver they can be lent from. */
	close(edu_open("sw-edu"));
	close(edu_open("rp-edu"));
	close(edu_open("far-edu"));
	lend_all();
	check_eq(found, WANTED);
	snapshot_take(&before);
	check_fails(peer_export(node, ranges, WANTED, 0, &export), EMSGSIZE);
	check_eq(peer_reason, PEERBUF_REASON_TOO_MANY_DEVICES);
	snapshot_unchanged(&before);
	check_ok(peer_export(node, ranges, WANTED - 1, 0, &export));
	check_ok(peer_query(control, export.id, &info));
	check_eq(info.nr_devices, PEERBUF_MAX_DEVICES);
	/* Any one of them takes the whole buffer with it. */
	check_ok(peer_unlend(control, lent[WANTED - 2], 1U << bars[WANTED - 2]));
	check_ok(peer_query(control, export.id, &info));
	check(info.state & PEERBUF_STATE_F_DEAD);
	close(export.fd);
	check_ok(peer_lend(control, lent[WANTED - 2], 1U << bars[WANTED - 2]));
	deny_all();
}

/* Minors are the nodes' own: other drivers do not use them up. */
TEST(node_when_misc_devices_are_used_up)
{
	struct peerbuf_ioc_info info;
	struct stat node;
	char path[64];

	device_unbind("far-mem");
	check_eq(module_load("misc_hog"), 0);
	device_bind("far-mem", "peerbuf");
	check_ok(peer_info(node_open("far-mem"), &info));
	check_eq(info.addr, lab_addr("far-mem"));
	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where("far-mem"));
	check_sys(stat(path, &node));
	check(S_ISCHR(node.st_mode));
	check_eq(node.st_mode & 07777, 0600);
	check_eq(node.st_uid, 0);
	snprintf(path, sizeof(path), "/sys/class/peerbuf/peerbuf!%s/device/vendor",
		 lab_where("far-mem"));
	check(sysfs_exists(path));
	check_ok(module_unload("misc_hog"));
}
