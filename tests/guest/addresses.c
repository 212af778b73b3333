// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses: what a device is told for a piece of a BAR, on each route, and that
 * ranges keep their order however many there are.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(64 * 1024)
#define START	(128 * 1024)
#define MOST	4096

static struct edu_dma_segment segments[MOST];

/* Exports, attaches and maps; returns the number of segments. */
static __u32 map_one(const char *edu, const char *mem, __u32 mode,
		     struct peer_export *export, int *node, int *edu_fd,
		     __u32 *handle)
{
	__u32 total;

	*node = node_open(mem);
	*edu_fd = edu_open(edu);
	check_ok(peer_export_one(*node, MEM_BAR, START, SIZE, 0, export));
	check_ok(edu_attach(*edu_fd, export->fd, mode, 0, handle));
	check_ok(edu_map(*edu_fd, *handle));
	check_ok(edu_segments(*edu_fd, *handle, segments, MOST, &total));
	return total;
}

static void check_accounted(int node, __u64 id, __u64 addr, __u32 route)
{
	struct peerbuf_attachment_info info;
	__u32 total;

	check_ok(peer_attachments(node, id, &info, 1, &total));
	check_eq(total, 1);
	check_eq(info.dma_addr, addr);
	check_eq(info.route.type, route);
	check_eq(info.nr_mappings, 1);
	check_eq(info.nr_segments, 1);
	check_eq(info.mapped_ranges, 1);
}

static void physical_address(const char *edu, const char *mem, __u32 mode,
			     __u32 route)
{
	struct peer_export export;
	int node, edu_fd;
	__u32 handle;

	check_eq(map_one(edu, mem, mode, &export, &node, &edu_fd, &handle), 1);
	check_eq(segments[0].addr, bar_base(mem, MEM_BAR) + START);
	check_eq(segments[0].len, SIZE);
	check_accounted(node, export.id, segments[0].addr, route);
}

static void iova(const char *edu, const char *mem, __u32 mode)
{
	struct peer_export export;
	__u64 base = bar_base(mem, MEM_BAR);
	int node, edu_fd;
	__u32 handle;

	check_eq(map_one(edu, mem, mode, &export, &node, &edu_fd, &handle), 1);
	check_eq(segments[0].len, SIZE);
	check(segments[0].addr != base + START);
	check(segments[0].addr + SIZE <= base ||
	      segments[0].addr >= base + bar_size(mem, MEM_BAR));
	check_accounted(node, export.id, segments[0].addr,
			PEERBUF_ROUTE_THRU_HOST_BRIDGE);
}

TEST(same_switch_gives_bus_address)
{
	physical_address("sw-edu", "sw-mem", EDU_DMA_DYNAMIC,
			 PEERBUF_ROUTE_BUS_ADDR);
}

TEST(same_switch_gives_bus_address_to_foreign_importer)
{
	physical_address("sw-edu", "sw-mem", EDU_DMA_FOREIGN,
			 PEERBUF_ROUTE_BUS_ADDR);
}

TEST(host_bridge_gives_cpu_address_without_iommu)
{
	physical_address("rp-edu", "rp-mem", EDU_DMA_DYNAMIC,
			 PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	physical_address("far-edu", "rp-mem", EDU_DMA_FOREIGN,
			 PEERBUF_ROUTE_THRU_HOST_BRIDGE);
}

/*
 * All below one host bridge: the kernel keeps that one's windows out of the device's
 * IOVA space, so there is no being equal by chance.
 */
TEST(iommu_gives_iova_that_is_not_physical)
{
	iova("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	iova("sw-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(iommu_gives_iova_to_foreign_importer)
{
	iova("rp-edu", "sw-mem", EDU_DMA_FOREIGN);
}

/* ---- many ranges ---- */

/* The i-th of nr single pages: every other page, or with too many, from the end. */
static __u64 place(__u32 i, __u32 nr)
{
	return nr > MOST / 2 ? (MOST - 1 - i) * PAGE : (2 * i + 1) * PAGE;
}

static void export_pages(int node, __u32 nr, struct peer_export *export)
{
	struct peerbuf_range *ranges = calloc(nr, sizeof(*ranges));

	check(ranges);
	for (__u32 i = 0; i < nr; i++) {
		ranges[i].offset = place(i, nr);
		ranges[i].length = PAGE;
		ranges[i].bar = MEM_BAR;
	}
	check_ok(peer_export(node, ranges, nr, 0, export));
	check_eq(export->size, nr * PAGE);
	free(ranges);
}

/* Without translation, every byte's address follows from its range. */
static void check_addresses(const char *mem, __u32 nr, __u32 total)
{
	__u64 base = bar_base(mem, MEM_BAR), offset = 0;

	for (__u32 s = 0; s < total; s++) {
		for (__u64 at = 0; at < segments[s].len; at += PAGE) {
			check(offset / PAGE < nr);
			check_eq(segments[s].addr + at,
				 base + place(offset / PAGE, nr));
			offset += PAGE;
		}
	}
}

static void check_sum(__u32 nr, __u32 total)
{
	__u64 sum = 0;

	check(total >= 1 && total <= nr);
	for (__u32 s = 0; s < total; s++)
		sum += segments[s].len;
	check_eq(sum, nr * PAGE);
}

/* The page's number, written by the device into one range, arrives in that range. */
static void check_bytes(const char *mem, int edu, __u32 handle, __u8 *cpu,
			__u32 i, __u32 nr)
{
	__u64 value = 0x1122334455660000ULL + i, seen;

	check_ok(edu_put(edu, 8, &value, sizeof(value)));
	check_ok(edu_copy(edu, handle, i * PAGE + 24, 8, sizeof(value),
			  EDU_DMA_TO_BUFFER, 0));
	memcpy(&seen, cpu + i * PAGE + 24, sizeof(seen));
	check_eq(seen, value);
	lab_host_read(mem, place(i, nr) + 24, &seen, sizeof(seen));
	check_eq(seen, value);
	/* And back, from a number that the CPU has put there. */
	value = 0x7700000000000000ULL + i;
	memcpy(cpu + i * PAGE + 512, &value, sizeof(value));
	check_ok(edu_copy(edu, handle, i * PAGE + 512, 64, sizeof(value),
			  EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(edu, 64, &seen, sizeof(seen)));
	check_eq(seen, value);
}

/* First, last, and some between; each transfer takes a tenth of a second. */
static void check_samples(const char *mem, int edu, __u32 handle, __u8 *cpu,
			  __u32 nr)
{
	__u32 step = nr > 4 ? nr / 4 + 1 : 1, i;

	for (i = 0; i < nr; i += step)
		check_bytes(mem, edu, handle, cpu, i, nr);
	if (i - step != nr - 1)
		check_bytes(mem, edu, handle, cpu, nr - 1, nr);
}

static void ranges(const char *edu_id, const char *mem, __u32 nr, __u32 mode,
		   bool translated)
{
	int node = node_open(mem), edu = edu_open(edu_id);
	struct peerbuf_export_info info;
	struct peer_export export;
	__u32 handle, total;
	__u8 *cpu;

	check(bar_size(mem, MEM_BAR) >= MOST * PAGE);
	export_pages(node, nr, &export);
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.nr_ranges, nr);
	check_ok(edu_attach(edu, export.fd, mode, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, segments, MOST, &total));
	check_sum(nr, total);
	if (!translated)
		check_addresses(mem, nr, total);
	cpu = buffer_map(export.fd, export.size, 0);
	check_samples(mem, edu, handle, cpu, nr);
}

#define RANGES(nr)							\
	TEST(same_switch_ranges_##nr, .timeout = 120)			\
	{								\
		ranges("sw-edu", "sw-mem", nr, EDU_DMA_DYNAMIC, false);	\
	}								\
	TEST(root_ports_ranges_##nr, .timeout = 120)			\
	{								\
		ranges("rp-edu", "rp-mem", nr, EDU_DMA_DYNAMIC, false);	\
	}								\
	TEST(iommu_ranges_##nr, .timeout = 120)				\
	{								\
		ranges("rp-edu", "rp-mem", nr, EDU_DMA_DYNAMIC, true);	\
	}								\
	TEST(iommu_ranges_##nr##_foreign_importer, .timeout = 120)	\
	{								\
		ranges("far-edu", "rp-mem", nr, EDU_DMA_FOREIGN, true);	\
	}

RANGES(1)
RANGES(2)
RANGES(4)
RANGES(64)
RANGES(4096)

/* ---- the shape of segments ---- */

TEST(touching_ranges_are_one)
{
	struct peerbuf_range parts[3] = {
		{ .offset = START, .length = PAGE, .bar = MEM_BAR },
		{ .offset = START + PAGE, .length = 2 * PAGE, .bar = MEM_BAR },
		{ .offset = START + 3 * PAGE, .length = PAGE, .bar = MEM_BAR },
	};
	int node = node_open("sw-mem"), edu = edu_open("sw-edu");
	struct peerbuf_export_info info;
	struct peer_export export;
	__u32 handle, total;

	check_ok(peer_export(node, parts, 3, 0, &export));
	check_ok(peer_query(node, export.id, &info));
	check_eq(info.nr_ranges, 1);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_FOREIGN, 0, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, segments, MOST, &total));
	check_eq(total, 1);
	check_eq(segments[0].len, 4 * PAGE);
}

TEST(copy_across_ranges)
{
	int node = node_open("rp-mem"), edu = edu_open("rp-edu");
	__u8 inner[2048], host[1024];
	struct peer_export export;
	__u32 handle;

	export_pages(node, 2, &export);
	check_ok(edu_attach(edu, export.fd, EDU_DMA_DYNAMIC, 0, &handle));
	pattern_fill(inner, sizeof(inner), 9);
	check_ok(edu_put(edu, 0, inner, sizeof(inner)));
	check_ok(edu_copy(edu, handle, PAGE - 1024, 0, 2048, EDU_DMA_TO_BUFFER,
			  0));
	lab_host_read("rp-mem", place(0, 2) + PAGE - 1024, host, 1024);
	check(!memcmp(host, inner, 1024));
	lab_host_read("rp-mem", place(1, 2), host, 1024);
	check(!memcmp(host, inner + 1024, 1024));
}

static void max_segment(const char *edu_id, const char *mem, __u32 mode)
{
	struct peer_export export;
	__u32 handle, total;
	int node, edu;

	check(edu_rebind(edu_id, "max_segment", "16384", "4294967295"));
	total = map_one(edu_id, mem, mode, &export, &node, &edu, &handle);
	check_ok(edu_detach(edu, handle));
	close(edu);
	device_unbind(edu_id);
	device_bind(edu_id, "edu_dma");
	check_eq(total, SIZE / 16384);
	for (__u32 s = 0; s < total; s++) {
		check_eq(segments[s].len, 16384);
		check_eq(segments[s].addr, segments[0].addr + s * 16384);
	}
}

TEST(segments_respect_the_devices_limit)
{
	max_segment("rp-edu", "rp-mem", EDU_DMA_FOREIGN);
}

TEST(segments_respect_the_devices_limit_same_switch)
{
	max_segment("sw-edu", "sw-mem", EDU_DMA_DYNAMIC);
}

/* Attaches, maps and detaches; returns the number of segments of 1 MiB. */
static __u32 segments_of_a_mib(int edu, int dmabuf, __u32 mode, __u32 flags)
{
	__u32 handle, total;

	check_ok(edu_attach(edu, dmabuf, mode, flags, &handle));
	check_ok(edu_map(edu, handle));
	check_ok(edu_segments(edu, handle, segments, MOST, &total));
	check_ok(edu_detach(edu, handle));
	return total;
}

/* 65,536 is what the PCI core sets for every device: only a driver that says so means it. */
static void nobodys_limit(const char *edu_id, const char *mem)
{
	static const struct { const char *limit; __u32 total; } limits[] = {
		{ "65536", 1 }, { "61440", 18 }, { "69632", 16 }, { "4294967295", 1 },
	};
	int node = node_open(mem), edu;
	struct peer_export export;

	check_ok(peer_export_one(node, MEM_BAR, 0, 1 << 20, 0, &export));
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		check(edu_rebind(edu_id, "max_segment", limits[i].limit, "4294967295"));
		edu = edu_open(edu_id);
		check_eq(segments_of_a_mib(edu, export.fd, EDU_DMA_DYNAMIC, 0), limits[i].total);
		check_eq(segments_of_a_mib(edu, export.fd, EDU_DMA_FOREIGN, 0), limits[i].total);
		check_eq(segments_of_a_mib(edu, export.fd, EDU_DMA_DYNAMIC, EDU_DMA_ATTACH_F_SHORT),
			 limits[i].total == 18 ? 18 : 16);
		close(edu);
	}
	device_unbind(edu_id);
	device_bind(edu_id, "edu_dma");
}

TEST(limit_nobody_chose)
{
	nobodys_limit("rp-edu", "rp-mem");
}

TEST(limit_nobody_chose_same_switch)
{
	nobodys_limit("sw-edu", "sw-mem");
}

/* ---- what an export asks for ---- */

#define ALIGN_K	(64 * 1024ULL)
#define MOST_K	(256 * 1024ULL)

/* Cut at multiples of ALIGN_K, none longer than MOST_K; short are the first and the last. */
static void check_cut(__u32 total, __u64 size, bool short_first)
{
	__u64 sum = 0;

	for (__u32 s = 0; s < total; s++) {
		check(segments[s].len <= MOST_K);
		if (s) {
			check_eq(segments[s].addr % ALIGN_K, 0);
			check_eq(segments[s].addr, segments[s - 1].addr + segments[s - 1].len);
		}
		sum += segments[s].len;
	}
	check_eq(sum, size);
	if (short_first)
		check(segments[0].len < MOST_K);
}

static void cut_segments(const char *edu_id, const char *mem)
{
	static const __u32 modes[] = { EDU_DMA_DYNAMIC, EDU_DMA_FOREIGN };
	struct peerbuf_range range = { .length = 1 << 20, .bar = MEM_BAR };
	int node = node_open(mem), edu = edu_open(edu_id);
	struct peerbuf_export_info info;
	struct peer_export export;
	__u32 total;

	/* From the BAR's beginning, and from a page after it. */
	for (range.offset = 0; range.offset <= PAGE; range.offset += PAGE) {
		check_ok(peer_export_cut(node, &range, ALIGN_K, MOST_K, &export));
		for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
			total = segments_of_a_mib(edu, export.fd, modes[i], 0);
			check(total == 4 || total == 5);
			check_cut(total, 1 << 20, segments[0].addr % ALIGN_K);
		}
		/* The driver's own limit counts as well. */
		total = segments_of_a_mib(edu, export.fd, EDU_DMA_DYNAMIC, EDU_DMA_ATTACH_F_SHORT);
		check(total == 16 || total == 17);
		check_ok(peer_query(node, export.id, &info));
		check_eq(info.segment_align, ALIGN_K);
		check_eq(info.max_segment, MOST_K);
		close(export.fd);
	}
	close(edu);
}

TEST(export_asks_for_segments)
{
	cut_segments("rp-edu", "rp-mem");
}

TEST(export_asks_for_segments_same_switch)
{
	cut_segments("sw-edu", "sw-mem");
}

/* Here somebody means it. */
TEST(export_means_65536)
{
	struct peerbuf_range range = { .length = 1 << 20, .bar = MEM_BAR };
	int node = node_open("rp-mem"), edu = edu_open("rp-edu");
	struct peer_export export;

	check_ok(peer_export_cut(node, &range, 0, 65536, &export));
	check_eq(segments_of_a_mib(edu, export.fd, EDU_DMA_DYNAMIC, 0), 16);
	check_eq(segments_of_a_mib(edu, export.fd, EDU_DMA_FOREIGN, 0), 16);
}

TEST(segment_limits_that_are_none)
{
	static const struct { __u64 align, most; } limits[] = {
		{ PAGE / 2, 0 }, { 3 * PAGE, 0 }, { PEERBUF_MAX_SEGMENT_ALIGN * 2ULL, 0 },
		{ ~0ULL, 0 }, { 1, 0 }, { 0, PAGE + 1 }, { 0, 1 }, { 2 * PAGE, 3 * PAGE },
		{ 2 * PAGE, PAGE }, { 0, ~0ULL },
	};
	struct peerbuf_range range = { .length = 1 << 20, .bar = MEM_BAR };
	int node = node_open("rp-mem");
	struct peer_export export;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		check_fails(peer_export_cut(node, &range, limits[i].align, limits[i].most,
					    &export), EINVAL);
		check_eq(peer_reason, PEERBUF_REASON_SEGMENT_LIMITS);
	}
	check_ok(peer_export_cut(node, &range, PEERBUF_MAX_SEGMENT_ALIGN,
				 4ULL * PEERBUF_MAX_SEGMENT_ALIGN, &export));
}

/* ---- the mapper, range by range ---- */

static void map_check(int owner, const char *edu, __u32 nr, bool translated)
{
	struct bar_owner_map_check req = {
		.size = sizeof(req), .nr = nr, .client = lab_addr(edu),
	};

	close(edu_open(edu));
	check_ok(peer_ioctl(owner, BAR_OWNER_IOC_MAP_CHECK, &req));
	if (req.line)
		fail("owner_map_check.c:%u, error %d", req.line, req.error);
	check_eq(req.translated, translated);
	check_eq(req.relinked, nr / 2);
}

static void map_checks(const char *mem, const char *edu, bool translated)
{
	int owner = owner_open(mem);

	map_check(owner, edu, 1, translated);
	map_check(owner, edu, 2, translated);
	map_check(owner, edu, 64, translated);
	map_check(owner, edu, MOST, translated);
	close(owner);
}

TEST_VARIANT(mapper_relinks_ranges_same_switch, map_checks, "sw-mem", "sw-edu", false)
TEST_VARIANT(mapper_relinks_ranges_without_iommu, map_checks, "rp-mem", "rp-edu", false)

TEST_VARIANT(iommu_mapper_relinks_ranges, map_checks, "rp-mem", "far-edu", true)
