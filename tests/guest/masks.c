// SPDX-License-Identifier: GPL-2.0
/* Devices that cannot put out every address: what of a BAR, and of system memory, they reach. */
#include <unistd.h>

#include "harness.h"
#include "scene.h"

#define EDU	"sw-edu"
#define MEM	"sw-mem"
#define SIZE	SCENE_SIZE
#define LENGTH	SCENE_LENGTH

static struct scene scene;
static __u64 base, size;

/* The device has no more than these addresses, until everybody_again(). */
static void narrow(__u64 limit)
{
	char text[32];

	base = bar_base(MEM, MEM_BAR);
	size = bar_size(MEM, MEM_BAR);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)limit);
	if (!edu_rebind(EDU, "dma_limit", text, "0")) {
		device_bind(EDU, "edu_dma");
		skip("without a DMA zone this kernel accepts no such mask");
	}
	scene = (struct scene) { .mem = MEM, .node = node_open(MEM), .edu = edu_open(EDU) };
}

static void everybody_again(void)
{
	close(scene.edu);
	device_unbind(EDU);
	device_bind(EDU, "edu_dma");
}

static int attach_at(__u64 offset)
{
	check_ok(peer_export_one(scene.node, MEM_BAR, offset, SIZE, 0, &scene.export));
	return edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle);
}

static void refused_for_the_mask(void)
{
	struct peerbuf_export_info info;

	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.last_refusal, PEERBUF_REASON_NO_ROUTE);
	check_eq(info.last_refusal_route.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	check_eq(info.last_refusal_route.reason, PEERBUF_REASON_DMA_MASK);
	check_eq(info.last_refusal_addr, lab_addr(EDU));
}

static struct peerbuf_route route_to(__u64 offset, __u64 length)
{
	struct peerbuf_route route;

	check_ok(peer_route_range(scene.node, lab_addr(MEM), lab_addr(EDU), MEM_BAR, offset,
				  length, &route));
	return route;
}

TEST(low_end_of_a_bar_is_reached)
{
	struct peerbuf_export_info info;
	__u64 half;
	int high;

	base = bar_base(MEM, MEM_BAR);
	half = bar_size(MEM, MEM_BAR) / 2;
	narrow(base + half - 1);
	lab_host_fill(MEM, half - SIZE, SIZE, SCENE_PAINT);
	check_ok(attach_at(half - SIZE));
	scene_put(&scene, 3);
	scene_write(&scene, SIZE - LENGTH, 3);
	/* A move to where it does not reach is refused, and one to where it does is made. */
	check_fails(peer_move_one(scene.node, scene.export.id, MEM_BAR, half, SIZE, 0),
		    EHOSTUNREACH);
	check_eq(peer_reason, PEERBUF_REASON_NO_ROUTE);
	check_ok(peer_move_one(scene.node, scene.export.id, MEM_BAR, 0, SIZE, 0));
	check_ok(edu_detach(scene.edu, scene.handle));
	check_ok(peer_query(scene.node, scene.export.id, &info));
	high = attach_at(half);
	everybody_again();
	check_host_pattern(MEM, half - LENGTH, LENGTH, 3);
	check_eq(info.refusals, 0);
	check_eq(high, -EHOSTUNREACH);
	refused_for_the_mask();
}

TEST(a_range_of_both_is_refused)
{
	struct peerbuf_range ranges[2] = {
		{ .length = SIZE, .bar = MEM_BAR }, { .length = SIZE, .bar = MEM_BAR },
	};
	int ret;

	base = bar_base(MEM, MEM_BAR);
	ranges[0].offset = bar_size(MEM, MEM_BAR) / 2;
	narrow(base + ranges[0].offset - 1);
	check_ok(peer_export(scene.node, ranges, 2, 0, &scene.export));
	ret = edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle);
	everybody_again();
	check_eq(ret, -EHOSTUNREACH);
	refused_for_the_mask();
}

/* What the call answers is what an export of these bytes meets. */
TEST(route_of_a_range)
{
	struct peerbuf_route low, high, all, rest, none;
	__u64 half;
	int past, empty, without_bar;

	base = bar_base(MEM, MEM_BAR);
	half = bar_size(MEM, MEM_BAR) / 2;
	narrow(base + half - 1);
	low = route_to(0, half);
	high = route_to(half, PAGE);
	all = route_to(0, 0);
	rest = route_to(half - PAGE, 0);
	past = peer_route_range(scene.node, lab_addr(MEM), lab_addr(EDU), MEM_BAR, half,
				half + 1, &none);
	empty = peer_route_range(scene.node, lab_addr(MEM), lab_addr(EDU), MEM_BAR, size, 0,
				 &none);
	without_bar = peer_route_range(scene.node, lab_addr(MEM), lab_addr(EDU),
				       PEERBUF_ANY_BAR, 0, PAGE, &none);
	everybody_again();
	check_eq(low.type, PEERBUF_ROUTE_BUS_ADDR);
	check_eq(high.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	check_eq(high.reason, PEERBUF_REASON_DMA_MASK);
	check_eq(all.reason, PEERBUF_REASON_DMA_MASK);
	check_eq(rest.reason, PEERBUF_REASON_DMA_MASK);
	check_eq(past, -ERANGE);
	check_eq(empty, -ERANGE);
	check_eq(without_bar, -EINVAL);
}

/* The memory that a buffer falls back to is such that who needs it reaches it. */
TEST(fallback_keeps_to_the_mask)
{
	const __u64 limit = (256 << 20) - 1;
	struct edu_dma_segment segments[16];
	struct peerbuf_export_info info;
	__u32 total = 0;
	int ret;

	narrow(limit);
	check_ok(peer_export_one(scene.node, MEM_BAR, SCENE_START, SIZE,
				 PEERBUF_EXPORT_F_FALLBACK, &scene.export));
	scene.cpu = buffer_map(scene.export.fd, SIZE, 0);
	pattern_fill(scene.cpu, SIZE, 6);
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	ret = edu_map(scene.edu, scene.handle);
	if (!ret)
		ret = edu_segments(scene.edu, scene.handle, segments, 16, &total);
	if (!ret)
		scene_read(&scene, 0, 6);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	everybody_again();
	check_ok(ret);
	check(total <= 16);
	for (__u32 s = 0; s < total; s++)
		check(segments[s].addr + segments[s].len - 1 <= limit);
	check_eq(info.fallbacks, 1);
	check_eq(info.system_size, SIZE);
	check(pattern_matches(scene.cpu, SIZE, 6));
}

/* Without that it is told, and counted, and not an I/O error. */
TEST(system_memory_out_of_reach_is_refused)
{
	const struct peerbuf_range range = { .length = 64 << 20, .flags = PEERBUF_RANGE_F_SYSTEM };
	int attached, mapped = 0;

	narrow((32 << 20) - 1);
	check_ok(peer_export(scene.node, &range, 1, 0, &scene.export));
	attached = edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle);
	if (!attached)
		mapped = edu_map(scene.edu, scene.handle);
	everybody_again();
	check_eq(attached, 0);
	check_eq(mapped, -EHOSTUNREACH);
	refused_for_the_mask();
}

/*
 * Below one switch the bus address is the way, and it is out of reach: the IOMMU gives another,
 * and the host bridge forwards.
 */
TEST(iommu_serves_who_cannot_put_out_the_bus_address)
{
	struct peerbuf_attachment_info info;
	struct edu_dma_segment segment;
	struct peerbuf_route route;
	__u32 total, segments;

	narrow(0x7fffffff);
	lab_host_fill(MEM, SCENE_START, SIZE, SCENE_PAINT);
	check_ok(attach_at(SCENE_START));
	check_ok(edu_map(scene.edu, scene.handle));
	check_ok(edu_segments(scene.edu, scene.handle, &segment, 1, &segments));
	scene_put(&scene, 9);
	scene_write(&scene, 0, 9);
	check_ok(peer_attachments(scene.node, scene.export.id, &info, 1, &total));
	route = route_to(0, 0);
	everybody_again();
	check_eq(segments, 1);
	check(segment.addr + segment.len - 1 <= 0x7fffffff);
	check_eq(info.route.type, PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	check(info.route.flags & PEERBUF_ROUTE_F_IOMMU);
	check_eq(route.type, PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	check(route.flags & PEERBUF_ROUTE_F_IOMMU);
	check_host_pattern(MEM, SCENE_START, LENGTH, 9);
}

/* All of a buffer has to fit into what the device can put out; that it does not is told. */
TEST(iommu_without_room_for_the_buffer_is_a_refusal)
{
	struct peerbuf_export_info info;
	int ret;

	narrow(0xffffff);
	check_ok(peer_export_one(scene.node, MEM_BAR, 0, size, 0, &scene.export));
	check_ok(edu_attach(scene.edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &scene.handle));
	ret = edu_map(scene.edu, scene.handle);
	everybody_again();
	check_fails(ret, ENOSPC);
	check_ok(peer_query(scene.node, scene.export.id, &info));
	check_eq(info.refusals, 1);
	check_eq(info.last_refusal, PEERBUF_REASON_IOMMU_REFUSED);
	check_eq(info.last_refusal_errno, ENOSPC);
	check_eq(info.last_refusal_addr, lab_addr(EDU));
	check_eq(info.nr_mappings, 0);
}
