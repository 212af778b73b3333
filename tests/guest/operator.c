// SPDX-License-Identifier: GPL-2.0
/* What the command does for whoever runs the machine. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "shell.h"

#define SIZE	(64 * 1024)
#define RULE	"/etc/udev/rules.d/61-peerbuf-%s-%s.rules"
/* What a udev rule runs, and asks: its words between quotation marks. */
#define RUN	"$(sed -n 's/.*RUN+=\"\\([^\"]*\\)\".*/\\1/p' " RULE ")"
#define PROGRAM	"$(sed -n 's/.*PROGRAM==\"\\([^\"]*\\)\".*/\\1/p' " RULE ")"

static void check_bound(const char *id, const char *driver)
{
	char name[64];

	device_driver(id, name, sizeof(name));
	if (strcmp(name, driver))
		fail("%s is bound to '%s' instead of '%s'", id, name, driver);
}

static void check_state(int node, __u64 id, __u32 state)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(node, id, &info));
	check_eq(info.state & PEERBUF_STATE_F_REVOKED, state);
}

/* ---- exports ---- */

TEST(revoke_all_of_a_function)
{
	struct peer_export other;
	struct scene scene;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	check_ok(peer_export_one(scene.node, MEM_BAR, 0, SIZE, 0, &other));
	check_eq(shell("peerbuf revoke --all-of %s", lab_where("rp-mem")), 0);
	check_state(scene.node, scene.export.id, PEERBUF_STATE_F_REVOKED);
	check_state(scene.node, other.id, PEERBUF_STATE_F_REVOKED);
	check_eq(shell("peerbuf restore %llu && peerbuf restore %llu", scene.export.id, other.id),
		 0);
	check_state(scene.node, other.id, 0);
}

/* Whoever holds on to one of them keeps nothing of the others. */
TEST(revoke_all_of_waits_for_none_before_all_are_withdrawn)
{
	struct peer_export other;
	struct scene scene;

	scene_open_pinned(&scene, "rp-edu", "rp-mem");
	check_ok(peer_export_one(scene.node, MEM_BAR, 0, SIZE, 0, &other));
	check_eq(shell("peerbuf revoke -t 0.1 --all-of %s 2> /tmp/said", lab_where("rp-mem")), 5);
	check_state(scene.node, scene.export.id, PEERBUF_STATE_F_REVOKED);
	check_state(scene.node, other.id, PEERBUF_STATE_F_REVOKED);
	check_eq(shell("grep '%s still maps the buffer' /tmp/said", lab_where("rp-edu")), 0);
	check_ok(edu_unmap(scene.edu, scene.handle));
	check_eq(shell("peerbuf revoke --wait --all-of %s", lab_where("rp-mem")), 0);
}

/* It says whom it waits for, and is done when that one is. */
TEST(revoke_wait_names_whom_it_waits_for)
{
	struct scene scene;
	int status;
	pid_t pid;

	scene_open_pinned(&scene, "rp-edu", "rp-mem");
	check_eq(shell("rm -f /tmp/said"), 0);
	pid = check_sys(fork());
	if (!pid)
		_exit(shell("peerbuf revoke --wait %llu 2> /tmp/said", scene.export.id));
	check(shell_in_time(10, "grep -s 'waiting for .*%s to unmap' /tmp/said",
			    lab_where("rp-edu")));
	check_eq(check_sys(waitpid(pid, &status, WNOHANG)), 0);
	check_ok(edu_unmap(scene.edu, scene.handle));
	check_sys(waitpid(pid, &status, 0));
	check_eq(status_of(status), 0);
}

TEST(range_without_a_length_goes_to_the_end)
{
	const char *where = lab_where("rp-mem");
	struct peerbuf_ioc_info info;
	int node = node_open("rp-mem");

	check_ok(peer_info(node, &info));
	check_eq(shell("peerbuf export %s -b 2 -r 1M: -- sh -c 'peerbuf ps -j > /tmp/ps.json'",
		       where), 0);
	check_eq(shell("test $(jq '.exports[0].size' /tmp/ps.json) = %llu",
		       info.bars[MEM_BAR].size - (1 << 20)), 0);
	/* Nothing is left of it there, which is the kernel's to say. */
	check_eq(shell("peerbuf export %s -b 2 -r %llu: 2> /tmp/said < /dev/null", where,
		       info.bars[MEM_BAR].size), 1);
	check_eq(shell("grep ERANGE /tmp/said"), 0);
	check_eq(shell("peerbuf export %s -b 2 -r %llu: -- true", where, info.bars[MEM_BAR].size),
		 125);
}

/* It has no node yet to ask for the size of its BAR. */
TEST(lent_range_without_a_length_goes_to_the_end)
{
	const char *where = lab_where("sw-nvme");

	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(shell("peerbuf allow %s -b 2 -r 1M:", where), 0);
	check_eq(shell("peerbuf export %s -b 2 -r 1M: -- true", where), 0);
	check_eq(shell("peerbuf export %s -b 2 -r 1020K: -- true 2> /tmp/said", where), 125);
	check_eq(shell("peerbuf deny %s", where), 0);
	check_eq(shell("peerbuf allow %s -b 2 -r 1G: 2> /tmp/said", where), 1);
	check_eq(shell("grep ERANGE /tmp/said"), 0);
}

TEST(export_says_how_segments_are_cut)
{
	const char *where = lab_where("rp-mem");

	close(node_open("rp-mem"));
	check_eq(shell("peerbuf export %s -b 2 --segment-align 64K --max-segment 256K -- "
		       "sh -c 'peerbuf ps -j > /tmp/ps.json'", where), 0);
	check_eq(shell("test $(jq '.exports[0].segment_align' /tmp/ps.json) = 65536"), 0);
	check_eq(shell("test $(jq '.exports[0].max_segment' /tmp/ps.json) = 262144"), 0);
	check_eq(shell("peerbuf export %s -b 2 --segment-align 64K --max-segment 96K -- true "
		       "2> /tmp/said", where), 125);
	check_eq(shell("grep 'DMA segments' /tmp/said"), 0);
}

/* Who waits for it, if anybody, is no matter. */
#define ALIVE	"grep -qs 'State:.[^ZX]' /proc/$(cat /tmp/command)/status"

/* Killed, it leaves neither its export nor a command that goes on without one. */
TEST(command_of_an_export_does_not_outlive_it)
{
	pid_t pid;

	close(node_open("rp-mem"));
	check_eq(shell("rm -f /tmp/command"), 0);
	pid = check_sys(fork());
	if (!pid) {
		execlp("peerbuf", "peerbuf", "export", lab_where("rp-mem"), "-b", "2", "--", "sh",
		       "-c", "echo $$ > /tmp/command; exec sleep 1000", NULL);
		_exit(127);
	}
	check(shell_in_time(10, ALIVE));
	process_kill(pid);
	check(shell_in_time(10, "! " ALIVE));
	check(shell_in_time(10, "test $(peerbuf ps -j | jq '.exports | length') = 0"));
}

/* ---- containers ---- */

#define CDI	"peerbuf cdi | jq -e "

TEST(container_specification_names_nodes_and_groups)
{
	char path[64];

	close(node_open("rp-mem"));
	snprintf(path, sizeof(path), "/dev/peerbuf/%s", lab_where("rp-mem"));
	check_sys(chmod(path, 0660));
	check_sys(chown(path, 0, 0));
	check_eq(shell(CDI "'.cdiVersion == \"0.5.0\" and "
		       "(.devices[] | select(.name == \"all\") | .containerEdits | "
		       "has(\"additionalGids\") | not)'"), 0);
	check_sys(chown(path, 0, 77));
	check_eq(shell(CDI "'.cdiVersion == \"0.7.0\" and .kind == \"peerbuf.local/function\" and "
		       "(.devices[] | select(.name == \"all\") | .containerEdits | "
		       "(.additionalGids == [77]) and "
		       "any(.deviceNodes[]; .path == \"%s\" and .permissions == \"rw\"))'", path),
		 0);
	/* No name has a colon, which engines take for the end of it. */
	check_eq(shell(CDI "'all(.devices[].name; contains(\":\") | not)'"), 0);
	check_sys(chown(path, 0, 0));
	check_sys(chmod(path, 0600));
}

/* As in a container that was given nothing but the name without colons. */
TEST(node_is_found_by_its_name_without_colons)
{
	char alias[64];

	snprintf(alias, sizeof(alias), "by-path/pci-%s", lab_where("rp-mem"));
	for (char *c = alias; *c; c++)
		if (strchr(":.", *c))
			*c = '_';
	close(node_open("rp-mem"));
	check_eq(shell("unshare -m sh -e -c 'mkdir -p /tmp/nodes; "
		       "mount --bind /dev/peerbuf /tmp/nodes; "
		       "mount -t tmpfs none /dev/peerbuf; mkdir /dev/peerbuf/by-path; "
		       "cp -a /tmp/nodes/%s /dev/peerbuf/%s; "
		       "cp -a /tmp/nodes/control /dev/peerbuf; "
		       "peerbuf export %s -b 2 -- true'", lab_where("rp-mem"), alias,
		       lab_where("rp-mem")), 0);
}

/* ---- after a restart ---- */

TEST(binding_lasts_for_this_card_only)
{
	const char *where = lab_where("sw-nvme");

	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(shell("peerbuf bind --persist %s", where), 0);
	check_bound("sw-nvme", "peerbuf");
	check_eq(shell("peerbuf persist -j | jq -e '.rules[0] | .kind == \"bind\" and "
		       ".present == \"yes\" and .functions[0].function == \"%s\"'", where), 0);
	check_eq(shell(PROGRAM, "bind", where), 0);

	/* As after a restart: its own driver has it, and udev finds the rule. */
	check_eq(shell("peerbuf unbind %s 2> /tmp/said", where), 0);
	check_eq(shell("grep 'so again after a restart' /tmp/said"), 0);
	check_bound("sw-nvme", "nvme");
	check_eq(shell(RUN, "bind", where), 0);
	check_bound("sw-nvme", "peerbuf");

	/* Another card in its place is another identity. */
	check_eq(shell("sed -i 's/1b36:0010/1b36:0011/g' " RULE, "bind", where), 0);
	check_eq(shell(PROGRAM, "bind", where), 1);
	check_eq(shell("peerbuf persist | grep ' other '"), 0);

	check_eq(shell("peerbuf persist --remove %s", where), 0);
	check_eq(shell("test -e " RULE, "bind", where), 1);
	check_eq(shell("peerbuf persist --remove %s", where), 1);
	check_eq(shell("peerbuf unbind %s 2>&1 | grep -q restart", where), 1);
	check_bound("sw-nvme", "nvme");
}

TEST(lending_lasts_and_ends)
{
	const char *where = lab_where("sw-nvme");

	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(shell("peerbuf allow --persist %s --bar 2", where), 0);
	check_eq(shell("grep 'ACTION==\"bind\".*KERNEL==\"%s\"' " RULE, where, "allow", where), 0);
	check_eq(shell("peerbuf deny %s 2>&1 | grep 'so again after a restart'", where), 0);
	check_eq(shell("test -e /dev/peerbuf/%s", where), 1);
	check_eq(shell(RUN, "allow", where), 0);
	check_eq(shell("test -c /dev/peerbuf/%s", where), 0);
	check_eq(shell("peerbuf deny --persist %s", where), 0);
	check_eq(shell("test -e " RULE, "allow", where), 1);
}

TEST(vouching_lasts_and_ends)
{
	const char *mem = lab_where("rp-mem"), *edu = lab_where("far-edu");
	char pair[64];

	snprintf(pair, sizeof(pair), "%s-%s", mem, edu);
	check_eq(shell("peerbuf allow --persist %s %s", mem, edu), 0);
	check_eq(shell("peerbuf deny %s %s", mem, edu), 0);
	check_eq(shell("grep -c 'PROGRAM==.*PROGRAM==' " RULE, "allow", pair), 0);
	check_eq(shell(RUN, "allow", pair), 0);
	check_eq(shell("grep '%s' /sys/module/p2p/parameters/override", pair), 0);
	check_eq(shell("peerbuf deny --persist %s %s", mem, edu), 0);
	check_eq(shell("test -e " RULE, "allow", pair), 1);
	check_eq(shell("peerbuf allow --persist --host-bridge 0000:80"), 0);
	check_eq(shell("peerbuf persist | grep 'allow --host-bridge 0000:80'"), 0);
	check_eq(shell("peerbuf deny --persist --host-bridge 0000:80"), 0);
	check_eq(shell("test $(peerbuf persist -j | jq '.rules | length') = 0"), 0);
}

/* ---- VFIO ---- */

TEST(binding_to_vfio_without_an_iommu_is_refused)
{
	check_ok(module_load("peerbuf_vfio_pci"));
	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(shell("peerbuf bind --vfio %s 2> /tmp/said", lab_where("sw-nvme")), 1);
	check_eq(shell("grep 'no IOMMU group' /tmp/said"), 0);
	check_bound("sw-nvme", "nvme");
}

/* Its driver would wait for the program, and the command with it. */
TEST(vfio_device_that_a_program_has_is_left_to_it)
{
	const char *where = lab_where("rp-mem");
	char link[64];
	int group;

	check_ok(module_load("peerbuf_vfio_pci"));
	device_unbind("rp-mem");
	check_eq(shell("peerbuf bind --vfio %s > /tmp/said", where), 0);
	check_eq(shell("ln -sf $(sed -n 's/.* can be used: //p' /tmp/said) /tmp/group"), 0);
	link[check_sys(readlink("/tmp/group", link, sizeof(link) - 1))] = '\0';
	group = check_sys(open(link, O_RDWR | O_CLOEXEC));
	check_eq(shell("timeout 20 peerbuf bind %s 2> /tmp/said", where), 1);
	check_eq(shell("grep 'process %d (.*) has its VFIO device or group open' /tmp/said",
		       getpid()), 0);
	check_bound("rp-mem", "peerbuf-vfio-pci");
	close(group);
	check_eq(shell("peerbuf bind %s && peerbuf unbind %s", where, where), 0);
}

TEST(vfio_group_is_explained)
{
	const char *where = lab_where("rp-mem");

	check_ok(module_load("peerbuf_vfio_pci"));
	device_unbind("rp-mem");
	check_eq(shell("peerbuf bind --vfio %s > /tmp/said", where), 0);
	check_bound("rp-mem", "peerbuf-vfio-pci");
	check_eq(shell("test -c $(sed -n 's/.* can be used: //p' /tmp/said)"), 0);
	/* From one of ours to the other, and back to what was there first: nothing. */
	check_eq(shell("peerbuf bind %s", where), 0);
	check_bound("rp-mem", "peerbuf");
	check_eq(shell("peerbuf unbind %s", where), 0);
	check_bound("rp-mem", "");
}
