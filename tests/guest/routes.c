// SPDX-License-Identifier: GPL-2.0
/* Routes: who reaches whom, why, how far, who decides, and who may say otherwise. */
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "quirk.h"
#include "scene.h"

static void route(const char *provider, const char *client,
		  struct peerbuf_route *out)
{
	int control = control_open();

	check_ok(peer_route(control, lab_addr(provider), lab_addr(client),
			    PEERBUF_ANY_BAR, out));
	close(control);
}

static void expect(const char *provider, const char *client, __u32 type,
		   __u32 reason)
{
	struct peerbuf_route there, back;

	printf("%s -> %s\n", client, provider);
	route(provider, client, &there);
	check_eq(there.type, type);
	check_eq(there.reason, reason);
	/* It is the same the other way round. */
	route(client, provider, &back);
	check_eq(back.type, type);
	check_eq(back.reason, reason);
	check_eq(back.distance, there.distance);
}

static void same_switch(__u32 flags)
{
	struct peerbuf_route found;

	expect("sw-mem", "sw-edu", PEERBUF_ROUTE_BUS_ADDR,
	       PEERBUF_REASON_COMMON_BRIDGE);
	expect("sw-mem", "sw-nvme", PEERBUF_ROUTE_BUS_ADDR,
	       PEERBUF_REASON_COMMON_BRIDGE);
	route("sw-mem", "sw-edu", &found);
	check_eq(found.distance, 4);
	check_eq(found.decider, lab_addr("sw"));
	check_eq(found.flags & ~PEERBUF_ROUTE_F_IOMMU, 0);
	check_eq(found.flags & PEERBUF_ROUTE_F_IOMMU, flags);
}

TEST(same_switch_is_bus_address)
{
	same_switch(0);
}

TEST(same_switch_is_bus_address_with_iommu)
{
	/* Whether an IOMMU translates for it shows while it has a driver. */
	close(edu_open("sw-edu"));
	same_switch(PEERBUF_ROUTE_F_IOMMU);
}

TEST(root_ports_go_through_the_host_bridge)
{
	struct peerbuf_route found;

	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_CPU_FORWARDS);
	expect("rp-mem", "sw-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_CPU_FORWARDS);
	expect("far-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_CPU_FORWARDS);
	expect("far-mem", "far-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_CPU_FORWARDS);
	route("rp-mem", "rp-edu", &found);
	check_eq(found.flags & PEERBUF_ROUTE_F_OVERRIDE, 0);
}

TEST(unknown_host_bridge_is_no_route)
{
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
	expect("far-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
	expect("rp-mem", "sw-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
}

TEST(function_reaches_itself)
{
	struct peerbuf_route found;

	route("rp-mem", "rp-mem", &found);
	check_eq(found.type, PEERBUF_ROUTE_BUS_ADDR);
	check_eq(found.reason, PEERBUF_REASON_SAME_FUNCTION);
	check_eq(found.distance, 0);
}

TEST(no_such_function_or_bar)
{
	struct peerbuf_route found;
	int control = control_open();

	check_fails(peer_route(control, PEERBUF_PCI_ADDR(0, 0x77, 0, 0),
			       lab_addr("rp-edu"), PEERBUF_ANY_BAR, &found),
		    ENODEV);
	check_eq(peer_reason, PEERBUF_REASON_NO_DEVICE);
	check_fails(peer_route(control, lab_addr("rp-mem"), PEERBUF_PCI_NONE,
			       PEERBUF_ANY_BAR, &found), ENODEV);
	check_fails(peer_route(control, lab_addr("rp-mem"), lab_addr("rp-edu"),
			       1, &found), ENXIO);
	check_fails(peer_route(control, lab_addr("rp-mem"), lab_addr("rp-edu"),
			       6, &found), ENXIO);
	check_fails(peer_route(control, lab_addr("io-dev"), lab_addr("rp-edu"),
			       1, &found), ENXIO);
}

#define OVERRIDE	"/sys/module/p2p/parameters/override"

static void override_pair(const char *sign, const char *a, const char *b)
{
	char text[128], first[32], second[32];

	snprintf(first, sizeof(first), "%s", lab_where(a));
	snprintf(second, sizeof(second), "%s", lab_where(b));
	snprintf(text, sizeof(text), "%s%s-%s", sign, first, second);
	check_ok(sysfs_write(OVERRIDE, text));
}

/* What an administrator vouches for works, is logged, and shows. */
TEST(override_of_a_pair)
{
	struct peerbuf_route found;
	int mark = kmsg_mark();

	override_pair("+", "rp-mem", "rp-edu");
	check(kmsg_has(mark, "override"));
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_OVERRIDE_PAIR);
	route("rp-mem", "rp-edu", &found);
	check(found.flags & PEERBUF_ROUTE_F_OVERRIDE);
	/* Only that pair. */
	expect("far-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
	override_pair("-", "rp-mem", "rp-edu");
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
}

TEST(override_lets_bytes_through)
{
	int node = node_open("rp-mem"), edu = edu_open("rp-edu");
	__u64 value = 0x1234567890abcdefULL, seen;
	struct peer_export export;
	__u32 handle;

	check_ok(peer_export_one(node, MEM_BAR, 0, PAGE, 0, &export));
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle),
		    EHOSTUNREACH);
	override_pair("+", "rp-mem", "rp-edu");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	check_ok(edu_put(edu, 0, &value, sizeof(value)));
	check_ok(edu_copy(edu, handle, 64, 0, sizeof(value), EDU_DMA_TO_BUFFER,
			  0));
	lab_host_read("rp-mem", 64, &seen, sizeof(seen));
	check_eq(seen, value);
	check_ok(edu_detach(edu, handle));
	override_pair("-", "rp-mem", "rp-edu");
	check_fails(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle),
		    EHOSTUNREACH);
}

TEST(override_of_host_bridges)
{
	check_ok(sysfs_write(OVERRIDE, "host:0000:00,host:0000:80"));
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_OVERRIDE_HOST_BRIDGE);
	expect("far-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_OVERRIDE_HOST_BRIDGE);
	/* A better route stays what it is. */
	same_switch(0);
	check_ok(sysfs_write(OVERRIDE, "-host:0000:00,host:0000:80"));
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
}

#define VOUCHED		"host:0000:00,host:0000:80"

/* QEMU's board virt, whose host bridges the lab's command line vouches for. */
TEST(vouched_for_host_bridges_are_unknown_otherwise)
{
	expect("far-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_OVERRIDE_HOST_BRIDGE);
	check_ok(sysfs_write(OVERRIDE, "-" VOUCHED));
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
	expect("far-mem", "rp-edu", PEERBUF_ROUTE_NOT_SUPPORTED,
	       PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
	check_ok(sysfs_write(OVERRIDE, "+" VOUCHED));
	expect("rp-mem", "rp-edu", PEERBUF_ROUTE_THRU_HOST_BRIDGE,
	       PEERBUF_REASON_OVERRIDE_HOST_BRIDGE);
}

TEST(override_that_makes_no_sense)
{
	check_fails(sysfs_write(OVERRIDE, "+nonsense"), EINVAL);
	check_fails(sysfs_write(OVERRIDE, "+0000:00:02.0"), EINVAL);
	check_fails(sysfs_write(OVERRIDE, "+0000:00:02.0-0000:00:03.9"), EINVAL);
	check_fails(sysfs_write(OVERRIDE, "+host:0000"), EINVAL);
}

/* ---- ways that change under those who use them ---- */

static struct scene scene;
static int port;

/* The port above sw-edu gets an ACS control register, and the buffer is mapped. */
static void redirect_begin(__u32 flags)
{
	port = quirk_begin("acs_port", "dp-edu");
	check(port >= 0);
	scene_open(&scene, "sw-edu", "sw-mem", flags);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	scene_write(&scene, 0, 1);
	check_host_pattern("sw-mem", SCENE_START, SCENE_LENGTH, 1);
}

/* By hand: nobody is told. */
static void redirect(bool on)
{
	__u8 control = on ? PCI_ACS_RR : 0;

	config_write("dp-edu", PCI_INTERRUPT_LINE, &control, sizeof(control));
}

static void redirect_end(void)
{
	check_sys(close(port));
}

static __u64 invalidations(void)
{
	struct edu_dma_state state;

	check_ok(edu_state(scene.edu, scene.handle, &state));
	return state.invalidations;
}

/* What a mapping uses, as the administrator sees it. */
static __u32 used(void)
{
	struct peerbuf_attachment_info info;
	int control = control_open();
	__u32 total;

	check_ok(peer_attachments(control, scene.export.id, &info, 1, &total));
	check_eq(total, 1);
	close(control);
	return info.route.type;
}

static __u32 said(void)
{
	struct peerbuf_route found;

	route("sw-mem", "sw-edu", &found);
	return found.type;
}

/* Who asks reads the registers, and what is mapped follows. */
TEST(redirect_set_by_hand_is_found_by_who_asks)
{
	int mark = kmsg_mark();

	redirect_begin(0);
	check_eq(used(), PEERBUF_ROUTE_BUS_ADDR);
	redirect(true);
	check_eq(invalidations(), 0);
	check_eq(said(), PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	check(kmsg_has(mark, "has changed"));
	eventually(5, invalidations() == 1);
	check(!scene_mapped(&scene));
	scene_write(&scene, 0, 2);
	check_host_pattern("sw-mem", SCENE_START, SCENE_LENGTH, 2);
	check_eq(used(), PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	/* And back. Who asks once more changes nothing. */
	redirect(false);
	check_eq(said(), PEERBUF_ROUTE_BUS_ADDR);
	eventually(5, invalidations() == 2);
	scene_write(&scene, 0, 3);
	check_eq(used(), PEERBUF_ROUTE_BUS_ADDR);
	check_eq(said(), PEERBUF_ROUTE_BUS_ADDR);
	pause_ms(100);
	check_eq(invalidations(), 2);
	check(scene_mapped(&scene));
	redirect_end();
}

TEST(redirect_set_by_hand_is_found_by_an_attach)
{
	__u32 another;

	redirect_begin(0);
	redirect(true);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &another));
	eventually(5, invalidations() == 1);
	scene_write(&scene, 0, 2);
	check_host_pattern("sw-mem", SCENE_START, SCENE_LENGTH, 2);
	check_ok(edu_detach(scene.edu, another));
	check_eq(used(), PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	redirect_end();
}

TEST(redirect_set_by_hand_is_found_by_a_restore)
{
	redirect_begin(0);
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
	redirect(true);
	check_ok(peer_restore(scene.node, scene.export.id));
	scene_write(&scene, 0, 2);
	check_host_pattern("sw-mem", SCENE_START, SCENE_LENGTH, 2);
	check_eq(used(), PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	redirect_end();
}

/* Without a route to follow the mapping is gone, and comes back with the route. */
TEST(unknown_host_bridge_behind_a_new_redirect_takes_the_mapping)
{
	redirect_begin(0);
	redirect(true);
	check_eq(said(), PEERBUF_ROUTE_NOT_SUPPORTED);
	eventually(5, !scene_mapped(&scene));
	check_fails(edu_map(scene.edu, scene.handle), EHOSTUNREACH);
	redirect(false);
	check_eq(said(), PEERBUF_ROUTE_BUS_ADDR);
	check_ok(edu_map(scene.edu, scene.handle));
	scene_write(&scene, 0, 2);
	check_host_pattern("sw-mem", SCENE_START, SCENE_LENGTH, 2);
	redirect_end();
}

/* The port that redirects is to blame, not the host bridge that does not forward. */
TEST(unknown_host_bridge_behind_a_new_redirect_names_the_port)
{
	struct peerbuf_route found;

	redirect_begin(0);
	redirect(true);
	route("sw-mem", "sw-edu", &found);
	check_eq(found.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	check_eq(found.reason, PEERBUF_REASON_ACS_REDIRECT);
	check(found.flags & PEERBUF_ROUTE_F_ACS_REDIRECT);
	check_eq(found.decider, lab_addr("dp-edu"));
	redirect_end();
}

/* A buffer that may fall back does so, with what is in it. */
TEST(unknown_host_bridge_behind_a_new_redirect_makes_it_fall_back)
{
	struct peerbuf_export_info info;

	redirect_begin(PEERBUF_EXPORT_F_FALLBACK);
	redirect(true);
	check_eq(said(), PEERBUF_ROUTE_NOT_SUPPORTED);
	eventually(5, !scene_mapped(&scene));
	scene_read(&scene, 0, 1);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.system_size, SCENE_SIZE);
	scene_write(&scene, 0, 2);
	check(pattern_matches(scene.cpu, SCENE_LENGTH, 2));
	check_host_pattern("sw-mem", SCENE_START, SCENE_LENGTH, 1);
	redirect_end();
}

/* ---- bridges that somebody switches off ---- */

/* @quirk of @bridge is in the way of the scene's importer, until it is undone. */
static void switched_off(const char *quirk, const char *bridge)
{
	struct peerbuf_route found;
	int off;

	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	scene_write(&scene, 0, 1);
	off = quirk_begin(quirk, bridge);
	check(off >= 0);
	check(scene_mapped(&scene));
	route(scene.mem, scene.edu_id, &found);
	check_eq(found.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	check_eq(found.reason, PEERBUF_REASON_BRIDGE_OFF);
	check_eq(found.decider, lab_addr(bridge));
	eventually(5, !scene_mapped(&scene));
	check_fails(edu_map(scene.edu, scene.handle), EHOSTUNREACH);
	check_sys(close(off));
	route(scene.mem, scene.edu_id, &found);
	check(found.type != PEERBUF_ROUTE_NOT_SUPPORTED);
	scene_write(&scene, 0, 2);
	check_host_pattern(scene.mem, SCENE_START, SCENE_LENGTH, 2);
}

TEST(bridge_above_the_importer_is_no_master)
{
	scene_open(&scene, "rp-edu", "rp-mem", 0);
	switched_off("no_master", "rp1");
}

TEST(bridge_above_the_memory_decodes_none)
{
	scene_open(&scene, "rp-edu", "rp-mem", 0);
	switched_off("no_memory", "rp2");
}

TEST(port_of_a_switch_is_no_master)
{
	scene_open(&scene, "sw-edu", "sw-mem", 0);
	switched_off("no_master", "dp-edu");
}

/* Requests do not come there: they go up on the one side and down on the other. */
TEST(bridges_the_other_way_are_no_matter)
{
	struct peerbuf_route found;
	int off;

	scene_open(&scene, "rp-edu", "rp-mem", 0);
	off = quirk_begin("no_master", "rp2");
	check(off >= 0);
	route("rp-mem", "rp-edu", &found);
	check(found.type != PEERBUF_ROUTE_NOT_SUPPORTED);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	scene_write(&scene, 0, 1);
	check_host_pattern("rp-mem", SCENE_START, SCENE_LENGTH, 1);
	check_sys(close(off));
}

/* What was allowed and is not any more is not used any more, either. */
TEST(override_of_a_pair_taken_back_takes_the_mapping)
{
	override_pair("+", "rp-mem", "rp-edu");
	scene_open(&scene, "rp-edu", "rp-mem", 0);
	scene_attach(&scene, EDU_DMA_DYNAMIC, 0);
	scene_write(&scene, 0, 1);
	check_host_pattern("rp-mem", SCENE_START, SCENE_LENGTH, 1);
	override_pair("-", "rp-mem", "rp-edu");
	eventually(5, !scene_mapped(&scene));
	check_fails(edu_map(scene.edu, scene.handle), EHOSTUNREACH);
	override_pair("+", "rp-mem", "rp-edu");
	check_ok(edu_map(scene.edu, scene.handle));
	check_eq(invalidations(), 1);
	override_pair("-", "rp-mem", "rp-edu");
}

/* The cache must not remember a device that has gone. */
TEST(routes_follow_hot_plug, .timeout = 120)
{
	struct peerbuf_route found;
	int control = control_open();
	__u64 mem = lab_addr("sw-mem");

	route("sw-mem", "sw-edu", &found);
	check_eq(found.type, PEERBUF_ROUTE_BUS_ADDR);
	check_eq(lab_host("unplug sw-mem"), 0);
	check_fails(peer_route(control, mem, lab_addr("sw-edu"),
			       PEERBUF_ANY_BAR, &found), ENODEV);
	check_eq(lab_host("plug sw-mem"), 0);
	eventually(20, !peer_route(control, mem, lab_addr("sw-edu"),
				   PEERBUF_ANY_BAR, &found));
	check_eq(found.type, PEERBUF_ROUTE_BUS_ADDR);
}

#define ASKERS	10

static volatile bool *enough;

static void ask_as_somebody(int asked)
{
	struct peerbuf_route route;
	__u64 times = 0;

	check_sys(setresuid(65534, 65534, 65534));
	while (!*enough) {
		check_ok(peer_route(asked, lab_addr("far-mem"), lab_addr("far-edu"),
				    PEERBUF_ANY_BAR, &route));
		check_ok(peer_route(asked, lab_addr("far-mem"), lab_addr("far-edu"), MEM_BAR,
				    &route));
		times++;
	}
	check(times);
	_exit(0);
}

/*
 * Anybody may ask, and nobody who asks keeps a domain from going that the administrator
 * changes: the flag says what is so while a driver is bound.
 */
TEST(asked_while_drivers_and_group_types_change_with_iommu, .timeout = 120)
{
	int asked = control_open(), status;
	unsigned int nr = rounds(20);
	struct peerbuf_route route;
	pid_t pids[ASKERS];

	enough = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(enough != MAP_FAILED);
	close(node_open("far-mem"));
	close(edu_open("far-edu"));
	check_ok(peer_route(asked, lab_addr("far-mem"), lab_addr("far-edu"), MEM_BAR, &route));
	check(route.flags & PEERBUF_ROUTE_F_IOMMU);
	for (unsigned int i = 0; i < ASKERS; i++) {
		pids[i] = check_sys(fork());
		if (!pids[i])
			ask_as_somebody(asked);
	}
	for (unsigned int i = 0; i < nr; i++) {
		device_unbind("far-edu");
		/* Refused where the group has more members than this kernel changes. */
		device_write("far-edu", "iommu_group/type", i % 2 ? "DMA" : "identity");
		close(edu_open("far-edu"));
	}
	*enough = true;
	for (unsigned int i = 0; i < ASKERS; i++) {
		check_eq(waitpid(pids[i], &status, 0), pids[i]);
		check_eq(status, 0);
	}
	device_unbind("far-edu");
	check_ok(peer_route(asked, lab_addr("far-mem"), lab_addr("far-edu"), MEM_BAR, &route));
	check(!(route.flags & PEERBUF_ROUTE_F_IOMMU));
	device_write("far-edu", "iommu_group/type", "auto");
	close(edu_open("far-edu"));
}
