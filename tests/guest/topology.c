// SPDX-License-Identifier: GPL-2.0
/* The command's own verdicts, from sysfs, against the kernel's. */
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "quirk.h"
#include "shell.h"

#define VERDICTS "peerbuf topo --all --pairs --raw --noheadings -o PROVIDER,CLIENT,ROUTE,HOPS," \
		 "DECIDER,REASON,REDIRECT,OVERRIDE,IOMMU"
/* Lines side by side: of the same pair, and equal or not known. */
#define GUESSED "paste -d ' ' /tmp/kernel /tmp/sysfs | awk '$1 != $10 || $2 != $11 || " \
		"($3 != $12 && $12 != \"UNKNOWN\") { print; wrong = 1 } END { exit wrong }'"
#define PLUGGING "(for i in 1 2; do lab-host unplug far-edu; sleep 1; " \
		 "lab-host plug far-edu; sleep 1; done; touch /tmp/plugged) > /dev/null 2>&1 &"
/* One document of JSON, and nothing else. */
#define VALID	" && jq -es 'length == 1' /tmp/answer > /dev/null"

/* Modules are loaded, so the kernel is asked about this machine, and not about a file. */
static void compare(void)
{
	check_eq(shell(VERDICTS " > /tmp/kernel"), 0);
	check_eq(shell("peerbuf snapshot > /tmp/machine"), 0);
	check_eq(shell(VERDICTS " --from /tmp/machine > /tmp/sysfs"), 0);
	check_eq(shell("test $(wc -l < /tmp/kernel) -ge 42"), 0);
	check_eq(shell("diff /tmp/kernel /tmp/sysfs"), 0);
}

TEST(sysfs_says_what_the_kernel_says)
{
	compare();
}

TEST(sysfs_says_what_the_kernel_says_of_an_override)
{
	check_eq(shell("peerbuf allow %s %s", lab_where("sw-mem"), lab_where("far-edu")), 0);
	compare();
	check_eq(shell("peerbuf deny %s %s", lab_where("sw-mem"), lab_where("far-edu")), 0);
	check_eq(shell("peerbuf allow --host-bridge 0000:80"), 0);
	compare();
	check_eq(shell("peerbuf deny --host-bridge 0000:80"), 0);
}

/* ACS of a switch's ports cannot be had here; that of the ports above it counts as little. */
TEST(sysfs_says_what_the_kernel_says_of_redirects_by_hand)
{
	const char *port = lab_where("rp0");

	check_eq(shell("setpci -s %s ECAP_ACS+6.w > /tmp/before", port), 0);
	check_eq(shell("setpci -s %s ECAP_ACS+6.w=1d", port), 0);
	check_eq(shell("echo 1 > /sys/module/p2p/parameters/flush_routes"), 0);
	compare();
	check_eq(shell("setpci -s %s ECAP_ACS+6.w=$(cat /tmp/before)", port), 0);
	check_eq(shell("echo 1 > /sys/module/p2p/parameters/flush_routes"), 0);
}

/* Of what a driver has enabled: bridges above the others may never have been switched on. */
TEST(sysfs_says_what_the_kernel_says_of_bridges_that_are_off)
{
	int down, up;

	close(node_open("rp-mem"));
	close(edu_open("sw-edu"));
	down = quirk_begin("no_memory", "rp2");
	up = quirk_begin("no_master", "dp-edu");
	check(down >= 0 && up >= 0);
	compare();
	check_eq(shell("grep -c BRIDGE_OFF /tmp/sysfs > /tmp/answer"), 0);
	check_sys(close(down));
	check_sys(close(up));
	compare();
	check(shell("grep -q BRIDGE_OFF /tmp/sysfs"));
}

/* Who cannot read ACS says the same, or that it is not known. */
TEST(without_privilege_nothing_is_guessed)
{
	check_eq(shell(VERDICTS " > /tmp/kernel"), 0);
	check_eq(shell(SOMEBODY "peerbuf snapshot > /tmp/machine"), 0);
	check_eq(shell(VERDICTS " --from /tmp/machine > /tmp/sysfs"), 0);
	check_eq(shell(GUESSED), 0);
}

/* From the kernel with the module, from sysfs as anybody, and JSON in any case. */
TEST(why_and_doctor_give_an_answer)
{
	const char *memory = lab_where("sw-mem"), *engine = lab_where("sw-edu");

	check_eq(shell("peerbuf why %s %s", memory, engine), 0);
	check_eq(shell("peerbuf why -j %s %s > /tmp/answer" VALID, memory, engine), 0);
	check_eq(shell("peerbuf doctor"), 0);
	check_eq(shell("peerbuf doctor -j > /tmp/answer" VALID), 0);
	check_eq(shell("peerbuf topo --tree"), 0);
	check_eq(shell("peerbuf snapshot > /tmp/machine"), 0);
	check_eq(shell("peerbuf snapshot --diff /tmp/machine /tmp/machine"), 0);
	check_eq(shell("peerbuf topo --dot | grep '^digraph peerbuf {'"), 0);
}

TEST(topo_while_unplugging)
{
	unsigned int asked = 0;

	check_eq(shell(PLUGGING), 0);
	while (access("/tmp/plugged", F_OK)) {
		check_eq(shell("peerbuf topo -j > /tmp/answer" VALID), 0);
		check_eq(shell("peerbuf topo --tree > /tmp/answer"), 0);
		asked++;
		pause_ms(300);
	}
	check(asked >= 3);
	unlink("/tmp/plugged");
}
