// SPDX-License-Identifier: GPL-2.0
/* The command, where more than its library stands between a person and the kernel. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "shell.h"

#define SIZE	(64 * 1024)
#define DISK	"/dev/$(cd /sys/bus/pci/devices/%s/nvme/nvme* && echo nvme*n*)"

static void check_driver(const char *id, const char *driver)
{
	char name[64], override[64];

	device_driver(id, name, sizeof(name));
	if (strcmp(name, driver))
		fail("%s is bound to '%s' instead of '%s'", id, name, driver);
	device_read(id, "driver_override", override, sizeof(override));
	check(!strcmp(override, "(null)"));
}

/* Its driver serves everything below, and unbinding the stub would stop their DMA. */
TEST(bridge_is_left_to_its_driver)
{
	int control = control_open();
	char name[64];

	check_driver("rp2", "pcieport");
	check_eq(shell("peerbuf bind %s", lab_where("rp2")), 1);
	check_driver("rp2", "pcieport");
	check_fails(peer_lend(control, lab_addr("rp2"), 1), ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_NO_DEVICE);

	check_ok(device_write("rp2", "driver_override", "peerbuf"));
	device_unbind("rp2");
	sysfs_write("/sys/bus/pci/drivers_probe", lab_where("rp2"));
	device_driver("rp2", name, sizeof(name));
	check(!*name);
	check_ok(device_write("rp2", "driver_override", "\n"));
	sysfs_write("/sys/bus/pci/drivers_probe", lab_where("rp2"));
	check_driver("rp2", "pcieport");
}

TEST(function_without_memory_is_not_bound)
{
	char override[64];

	check_eq(shell("peerbuf bind 0000:00:00.0"), 1);
	sysfs_read("/sys/bus/pci/devices/0000:00:00.0/driver_override", override,
		   sizeof(override));
	check(!strcmp(override, "(null)"));
}

/* The stub does not get to probe it: there is nothing behind drivers_probe. */
TEST(bind_that_fails_is_undone)
{
	static const char nothing[] = "mount --bind /dev/null /sys/bus/pci/drivers_probe";

	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(shell("unshare -m sh -c '%s && exec peerbuf bind %s'", nothing,
		       lab_where("sw-nvme")), 1);
	sysfs_write("/sys/bus/pci/drivers_probe", lab_where("sw-nvme"));
	check_driver("sw-nvme", "nvme");
}

/* The right to a node is the right to do all of this, for the command's user as well. */
TEST(who_may_write_to_the_node_needs_no_capability)
{
	int node = node_open("rp-mem"), control = control_open();
	struct peerbuf_export_info info;
	struct peer_export export;
	char path[64];

	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where("rp-mem"));
	check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &export));
	check_eq(shell(SOMEBODY "peerbuf revoke %llu", export.id), 1);
	check_sys(chmod(path, 0644));
	check_eq(shell(SOMEBODY "peerbuf revoke %llu", export.id), 1);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, 0);

	check_sys(chmod(path, 0666));
	check_eq(shell(SOMEBODY "peerbuf revoke %llu", export.id), 0);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, PEERBUF_STATE_F_REVOKED);
	check_eq(shell(SOMEBODY "peerbuf restore %llu", export.id), 0);
	check_eq(shell(SOMEBODY "peerbuf move %llu --bar 2 --range 1M:64K", export.id), 0);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.state, 0);
	check_eq(info.moves, 1);
	/* What the administrator revoked is not theirs to give back. */
	check_eq(shell("peerbuf revoke %llu", export.id), 0);
	check_eq(shell(SOMEBODY "peerbuf restore %llu", export.id), 1);
	check_eq(shell("peerbuf restore %llu", export.id), 0);
	check_fails(peer_restore(control, export.id), EALREADY);
}

/* Two nodes list it; the person sees one export. */
TEST(export_of_two_functions_is_shown_once)
{
	int near = node_open("rp-mem"), far = node_open("far-mem");
	const struct peerbuf_range ranges[] = {
		{ .length = SIZE, .bar = MEM_BAR },
		{ .length = SIZE, .bar = MEM_BAR, .device_fd = far,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD },
	};
	struct peer_export export;
	char near_path[64], far_path[64];

	snprintf(near_path, sizeof(near_path), "/dev/peerbuf/%s", lab_where("rp-mem"));
	snprintf(far_path, sizeof(far_path), "/dev/peerbuf/%s", lab_where("far-mem"));
	check_ok(peer_export(near, ranges, 2, 0, &export));
	check_sys(chmod(near_path, 0644));
	check_sys(chmod(far_path, 0644));
	check_eq(shell("test $(" SOMEBODY "peerbuf ps | grep -c '^ *%llu ') = 1", export.id), 0);
	check_eq(shell("test $(" SOMEBODY "peerbuf ps -j | grep -c '\"id\": %llu,') = 1",
		       export.id), 0);
	check_eq(shell("test $(peerbuf ps | grep -c '^ *%llu ') = 1", export.id), 0);
}

static pid_t holder_start(const char *output)
{
	pid_t pid = check_sys(fork());

	if (!pid) {
		signal(SIGHUP, SIG_IGN);
		check_sys(dup2(check_sys(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600)), 1));
		execlp("peerbuf", "peerbuf", "export", lab_where("rp-mem"), "--bar", "2",
		       "--range", "0:64K", NULL);
		_exit(127);
	}
	return pid;
}

TEST(ignored_hangup_does_not_end_an_export)
{
	char output[] = "/tmp/command-XXXXXX";
	struct stat printed;
	int status;
	pid_t pid;

	close(check_sys(mkstemp(output)));
	close(node_open("rp-mem"));
	pid = holder_start(output);
	eventually(10, !stat(output, &printed) && printed.st_size);
	check_sys(kill(pid, SIGHUP));
	pause_ms(500);
	check_eq(check_sys(waitpid(pid, &status, WNOHANG)), 0);
	check_sys(kill(pid, SIGTERM));
	check_sys(waitpid(pid, &status, 0));
	check_eq(status_of(status), 0);
	unlink(output);
}

/* The processes that hold exports call themselves what they like. */
TEST(names_of_processes_keep_output_in_shape)
{
	enum { NAMES = 3 };
	static const char *const names[NAMES] = { "x\350\241", "a b", "tab\there" };
	int node = node_open("rp-mem");
	struct peer_export exports[NAMES];
	size_t n;

	for (n = 0; n < NAMES; n++) {
		check_sys(prctl(PR_SET_NAME, names[n]));
		check_ok(peer_export_one(node, MEM_BAR, 0, SIZE, 0, &exports[n]));
	}
	check_eq(shell("peerbuf ps -j > /tmp/ps.json"), 0);
	check_eq(shell("iconv -f UTF-8 -t UTF-8 /tmp/ps.json > /dev/null"), 0);
	check_eq(shell("test $(peerbuf ps | awk '{ print NF }' | sort -u | wc -l) = 1"), 0);
	check_eq(shell("test $(LC_ALL=C.UTF-8 peerbuf ps | wc -l) = %d", NAMES + 1), 0);
}

TEST(bind_refuses_a_disk_in_use)
{
	const char *where = lab_where("sw-nvme");

	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check(shell_in_time(10, "test -b " DISK, where));
	/* Other tests know what is on it. */
	check_eq(shell("dd if=" DISK " of=/tmp/head bs=4K count=1", where), 0);
	check_eq(shell("mkswap " DISK " && swapon " DISK, where, where), 0);
	check_eq(shell("peerbuf bind %s 2> /tmp/refusal", where), 1);
	check_eq(shell("grep 'is swap space' /tmp/refusal"), 0);
	check_driver("sw-nvme", "nvme");
	check_eq(shell("swapoff -a"), 0);
	check_eq(shell("peerbuf bind %s", where), 0);
	check_eq(shell("peerbuf unbind %s", where), 0);
	check_driver("sw-nvme", "nvme");
	check(shell_in_time(10, "swapon " DISK, where));
	check_eq(shell("peerbuf bind --force %s", where), 0);
	check_eq(shell("swapoff -a; peerbuf unbind %s", where), 0);
	check_driver("sw-nvme", "nvme");
	check(shell_in_time(10, "dd if=/tmp/head of=" DISK " oflag=sync", where));
}

/* The override may name another driver than the one that is bound: it was set later. */
TEST(unbind_gives_back_override_and_driver)
{
	char name[64], override[64];
	const char *where = lab_where("sw-nvme");

	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "vfio-pci"));
	check_eq(shell("peerbuf bind %s && peerbuf unbind %s", where, where), 0);
	device_driver("sw-nvme", name, sizeof(name));
	device_read("sw-nvme", "driver_override", override, sizeof(override));
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check(!strcmp(name, "nvme"));
	check(!strcmp(override, "vfio-pci"));
}

/* Nobody had it before, and nobody has it afterwards, though the nvme driver would. */
TEST(unbind_leaves_alone_what_had_no_driver)
{
	const char *where = lab_where("sw-nvme");
	char name[64];

	device_bind("sw-nvme", "nvme");
	device_unbind("sw-nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(shell("peerbuf bind %s && peerbuf unbind %s", where, where), 0);
	device_driver("sw-nvme", name, sizeof(name));
	check(!*name);
	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
}
