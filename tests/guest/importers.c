// SPDX-License-Identifier: GPL-2.0
/* Refusals of importers: who may attach, to what, and what is said to whom. */
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

TEST(static_importer)
{
	not_revocable(EDU_DMA_STATIC, PEERBUF_REASON_STATIC_IMPORTER);
}

TEST(pinned_importer)
{
	not_revocable(EDU_DMA_PINNED, PEERBUF_REASON_PINNED_IMPORTER);
}

TEST(helper_pinned_importer)
{
	not_revocable(EDU_DMA_HELPER_PINNED, PEERBUF_REASON_PINNED_IMPORTER);
}

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
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_ALLOW_PINNED);
	check_ok(attach_and_map(mode));
}

TEST(flag_accepts_importers_that_pin)
{
	accepted(EDU_DMA_PINNED);
	accepted(EDU_DMA_HELPER_PINNED);
	accepted(EDU_DMA_DYNAMIC);
	accepted(EDU_DMA_FOREIGN);
}

/* It has no way to take memory without pages, whatever the export says. */
TEST(flag_gives_no_bar_to_a_static_importer)
{
	open_all("rp-edu", "rp-mem", PEERBUF_EXPORT_F_ALLOW_PINNED);
	check_fails(attach_and_map(EDU_DMA_STATIC), EOPNOTSUPP);
	check_refused("rp-edu", PEERBUF_REASON_STATIC_IMPORTER, EOPNOTSUPP);
	check_fails(attach_and_map(EDU_DMA_PAGES), EOPNOTSUPP);
	check_refused("rp-edu", PEERBUF_REASON_NO_PEER2PEER, EOPNOTSUPP);
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

	open_all(edu_id, mem, PEERBUF_EXPORT_F_ALLOW_PINNED);
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
