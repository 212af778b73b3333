// SPDX-License-Identifier: GPL-2.0
/* Refusals of importers: who may attach, to what, and what is said to whom. */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "snapshot.h"

#define SIZE	SCENE_SIZE

static struct snapshot before;
static struct scene scene;

static void open_all(const char *edu, const char *mem, __u32 flags)
{
	scene_open(&scene, edu, mem, flags);
	snapshot_take(&before);
}

/* Attaching or, where the kernel cannot know earlier, mapping fails. */
static int attach_and_map(__u32 mode)
{
	__u32 handle;
	int ret;

	ret = edu_attach(scene.edu, scene.export.fd, mode, 0, &handle);
	if (ret)
		return ret;
	ret = edu_map(scene.edu, handle);
	check_ok(edu_detach(scene.edu, handle));
	return ret;
}

static void check_refused(const char *edu_id, __u32 reason, __u32 error)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(scene.node, scene.export.id, &info));
	check(info.refusals >= 1);
	check_eq(info.last_refusal, reason);
	check_eq(info.last_refusal_errno, error);
	check_eq(info.last_refusal_addr, lab_addr(edu_id));
	check_eq(info.nr_attachments, 0);
	check_eq(info.nr_mappings, 0);
	check_eq(info.pins, 0);
	check_eq(info.state, 0);
}

static void not_revocable(__u32 mode, __u32 reason)
{
	open_all("rp-edu", "rp-mem", 0);
	check_fails(attach_and_map(mode), EOPNOTSUPP);
	check_refused("rp-edu", reason, EOPNOTSUPP);
	/* The buffer is as good as new. */
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, 0, SIZE, 0));
	check_ok(attach_and_map(EDU_DMA_DYNAMIC));
	check_ok(peer_revoke(scene.node, scene.export.id, 0));
}

TEST_VARIANT(static_importer, not_revocable, EDU_DMA_STATIC, PEERBUF_REASON_STATIC_IMPORTER)
TEST_VARIANT(pinned_importer, not_revocable, EDU_DMA_PINNED, PEERBUF_REASON_PINNED_IMPORTER)

TEST_VARIANT(helper_pinned_importer, not_revocable, EDU_DMA_HELPER_PINNED,
	     PEERBUF_REASON_PINNED_IMPORTER)

TEST(refused_importer_is_counted)
{
	struct peerbuf_ioc_stats stats;
	__u64 refusals;

	open_all("rp-edu", "rp-mem", 0);
	check_ok(peer_stats(&stats));
	refusals = stats.refusals;
	check_fails(attach_and_map(EDU_DMA_STATIC), EOPNOTSUPP);
	check_ok(peer_stats(&stats));
	check_eq(stats.refusals, refusals + 1);
	snapshot_unchanged(&before);
}

static void accepted(__u32 mode)
{
	open_all("rp-edu", "rp-mem", 0);
	accept_pinned("rp-mem");
	check_ok(attach_and_map(mode));
}

TEST(policy_accepts_importers_that_pin)
{
	accepted(EDU_DMA_PINNED);
	accepted(EDU_DMA_HELPER_PINNED);
	accepted(EDU_DMA_DYNAMIC);
	accepted(EDU_DMA_FOREIGN);
}

/* It has no way to take memory without pages, whatever the policy says. */
TEST(policy_gives_no_bar_to_a_static_importer)
{
	open_all("rp-edu", "rp-mem", 0);
	accept_pinned("rp-mem");
	check_fails(attach_and_map(EDU_DMA_STATIC), EOPNOTSUPP);
	check_refused("rp-edu", PEERBUF_REASON_STATIC_IMPORTER, EOPNOTSUPP);
	check_fails(attach_and_map(EDU_DMA_PAGES), EOPNOTSUPP);
	check_refused("rp-edu", PEERBUF_REASON_NO_PEER2PEER, EOPNOTSUPP);
}

/* Bit 0 of the flags once did that for whoever exported. */
TEST(exporter_has_no_say_in_pins)
{
	struct peer_export export;
	int node = node_open("rp-mem");

	check_fails(peer_export_one(node, MEM_BAR, 0, SIZE, 1U << 0, &export), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_FLAGS);
}

/* Of a buffer with memory of two functions, each must accept them. */
TEST(every_function_has_to_accept_pins)
{
	int near = node_open("rp-mem"), far = node_open("far-mem"), edu = edu_open("rp-edu");
	const __s32 rights[] = { far };
	const struct peerbuf_range ranges[] = {
		{ .length = SIZE, .bar = MEM_BAR },
		{ .length = SIZE, .bar = MEM_BAR, .flags = PEERBUF_RANGE_F_DEVICE_FD,
		  .device_fd = far },
	}, elsewhere = { .length = 2 * SIZE, .bar = MEM_BAR };
	struct peer_export export;
	__u32 handle;

	check_ok(peer_export(near, ranges, 2, 0, &export));
	accept_pinned("rp-mem");
	check_fails(edu_attach(edu, export.fd, EDU_DMA_HELPER_PINNED, 0, &handle), EOPNOTSUPP);
	accept_pinned("far-mem");
	check_ok(edu_attach(edu, export.fd, EDU_DMA_HELPER_PINNED, 0, &handle));
	check_ok(edu_map(edu, handle));
	/* What is mapped stays so, and is not mapped anew where they are not accepted any more. */
	close(node_open("rp-mem"));
	check_ok(edu_unmap(edu, handle));
	check_fails(edu_map(edu, handle), EOPNOTSUPP);
	check_fails(peer_move_with(near, export.id, &elsewhere, 1, 0, rights, 1), EBUSY);
	check_eq(peer_reason, PEERBUF_REASON_PINNED);
	check_ok(edu_detach(edu, handle));
	check_ok(peer_move_with(near, export.id, &elsewhere, 1, 0, rights, 1));
}

TEST(policy_ends_with_the_registration)
{
	struct peerbuf_ioc_info info;
	int node = node_open("rp-mem");

	accept_pinned("rp-mem");
	check_ok(peer_info(node, &info));
	check_eq(info.flags, PEERBUF_INFO_F_PINNED);
	close(node);
	device_unbind("rp-mem");
	device_bind("rp-mem", "peerbuf");
	eventually(5, (node = node_path_open("rp-mem", O_RDWR)) >= 0);
	check_ok(peer_info(node, &info));
	check_eq(info.flags, 0);
}

/* Not on control that was opened by somebody, nor for what a driver registered. */
TEST(policy_is_the_administrators)
{
	int control = control_open(), owner = owner_open("far-mem");
	__u64 far = lab_addr("far-mem");

	check_fails(peer_policy(control, far, PEERBUF_POLICY_F_PINNED, 0), EOPNOTSUPP);
	check_eq(peer_reason, PEERBUF_REASON_DRIVER_DECIDES);
	close(owner);
	device_unbind("far-mem");
	check_fails(peer_policy(control, far, PEERBUF_POLICY_F_PINNED, 0), ENOENT);
	check_eq(peer_reason, PEERBUF_REASON_NO_DEVICE);
	close(node_open("far-mem"));
	check_fails(peer_policy(control, far, PEERBUF_POLICY_F_PINNED, PEERBUF_POLICY_F_PINNED),
		    EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_FLAGS);
	check_sys(setresuid(65534, 65534, 65534));
	check_fails(peer_policy(control, far, PEERBUF_POLICY_F_PINNED, 0), EPERM);
	check_eq(peer_reason, PEERBUF_REASON_CAPABILITY);
}

/* A dynamic importer that pins for a while, and says how to be told, is welcome. */
TEST(dynamic_importers_are_accepted)
{
	open_all("rp-edu", "rp-mem", 0);
	check_ok(attach_and_map(EDU_DMA_DYNAMIC));
	check_ok(attach_and_map(EDU_DMA_FOREIGN));
}

static void no_route(const char *edu_id, const char *mem, __u32 mode)
{
	struct peerbuf_export_info info;
	struct peerbuf_route route;
	__u32 handle;

	open_all(edu_id, mem, 0);
	accept_pinned(mem);
	check_fails(edu_attach(scene.edu, scene.export.fd, mode, 0, &handle), EHOSTUNREACH);
	check_refused(edu_id, PEERBUF_REASON_NO_ROUTE, EHOSTUNREACH);
	snapshot_unchanged(&before);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.last_refusal_route.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	check_eq(info.last_refusal_route.reason,
		 PEERBUF_REASON_HOST_BRIDGE_UNKNOWN);
	check_ok(peer_route(scene.node, lab_addr(mem), lab_addr(edu_id), MEM_BAR,
			    &route));
	check_eq(route.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	check_eq(route.reason, info.last_refusal_route.reason);
	check_eq(route.decider, info.last_refusal_route.decider);
}

TEST(no_route_across_root_ports)
{
	no_route("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(no_route_across_host_bridges)
{
	no_route("far-edu", "rp-mem", EDU_DMA_FOREIGN);
}

TEST(no_move_to_where_an_importer_has_no_route)
{
	struct peerbuf_range range = {
		.length = SIZE, .bar = MEM_BAR,
		.flags = PEERBUF_RANGE_F_DEVICE_FD,
	};
	__u32 handle;

	range.device_fd = node_open("rp-mem");
	open_all("sw-edu", "sw-mem", 0);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	snapshot_take(&before);
	check_fails(peer_move(scene.node, scene.export.id, &range, 1, 0), EHOSTUNREACH);
	check_eq(peer_reason, PEERBUF_REASON_NO_ROUTE);
	snapshot_unchanged(&before);
}

TEST(dma_mask_too_small)
{
	struct peerbuf_export_info info;
	__u32 handle;
	int ret;

	check(bar_base("sw-mem", MEM_BAR) >> 31);
	if (!edu_rebind("sw-edu", "dma_bits", "31", "64")) {
		device_bind("sw-edu", "edu_dma");
		skip("without a DMA zone this kernel accepts no such mask");
	}
	open_all("sw-edu", "sw-mem", 0);
	ret = edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &handle);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	snapshot_unchanged(&before);
	close(scene.edu);
	device_unbind("sw-edu");
	device_bind("sw-edu", "edu_dma");
	check_eq(ret, -EHOSTUNREACH);
	check_eq(info.last_refusal, PEERBUF_REASON_NO_ROUTE);
	check_eq(info.last_refusal_route.reason, PEERBUF_REASON_DMA_MASK);
}
