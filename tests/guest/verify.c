// SPDX-License-Identifier: GPL-2.0
/* peerbuf verify says that a route works where bytes arrive, and nowhere else; bench. */
#include <unistd.h>

#include "harness.h"
#include "rdma.h"
#include "scene.h"
#include "shell.h"

static void prepare(const char *mem, const char *edu)
{
	close(node_open(mem));
	close(edu_open(edu));
}

static int verify(const char *mem, const char *edu, const char *options)
{
	return shell("peerbuf verify %s %s %s", lab_where(mem), lab_where(edu), options);
}

/* Proven, and what was in the memory is there again, the host sees. */
static void proves(const char *mem, const char *edu, const char *options)
{
	prepare(mem, edu);
	lab_host_fill(mem, 0, 64 * 1024, 0x5a);
	check_eq(verify(mem, edu, options), 0);
	check_host_bytes(mem, 0, 64 * 1024, 0x5a);
}

TEST(same_switch_is_proven)
{
	proves("sw-mem", "sw-edu", "");
}

TEST(root_ports_are_proven)
{
	proves("rp-mem", "rp-edu", "");
}

TEST(json_tells_every_trial)
{
	proves("far-mem", "rp-edu", "-j > /tmp/verify.json");
	check_eq(shell("jq -e '.proven and .engine == \"edu\" and (.trials | length == 16) and "
		       "all(.trials[]; .passed) and any(.trials[]; .direction == \"read\") and "
		       ".route.type == \"THRU_HOST_BRIDGE\" and .bytes_per_second == null' "
		       "/tmp/verify.json"), 0);
}

/* The range that was named, its seams, and nothing else. */
TEST(ranges_are_proven_and_left_as_they_were)
{
	prepare("rp-mem", "rp-edu");
	lab_host_fill("rp-mem", 0, 1 << 20, 0x33);
	check_eq(verify("rp-mem", "rp-edu", "-b 2 -r 64K:8K -r 4K:4K --loop 0.5"), 0);
	check_host_bytes("rp-mem", 0, 1 << 20, 0x33);
}

/*
 * A virtual IOMMU sees what a switch would have kept below it, knows nothing of the bus
 * address, and drops it: the engine says it is done all the same.
 */
TEST(writes_that_are_dropped_in_silence_are_found, .flags = TEST_IOMMU_FAULTS)
{
	prepare("sw-mem", "sw-edu");
	lab_host_fill("sw-mem", 0, 64 * 1024, 0x77);
	check_eq(verify("sw-mem", "sw-edu", "> /tmp/said"), 8);
	check_eq(shell("grep 'the device says it is done, and nothing arrived' /tmp/said"), 0);
	check_eq(shell("grep '^NOT PROVEN' /tmp/said"), 0);
	check_eq(verify("sw-mem", "sw-edu", "-j | jq -e '.proven | not' #"), 0);
	check_host_bytes("sw-mem", 0, 64 * 1024, 0x77);
}

TEST(client_without_an_engine_gets_the_plain_answer)
{
	prepare("sw-mem", "sw-edu");
	device_bind("sw-nvme", "nvme");
	check_ok(device_write("sw-nvme", "driver_override", "\n"));
	check_eq(verify("sw-mem", "sw-nvme", "2> /tmp/said"), 6);
	check_eq(shell("grep 'by the rules alone the route is BUS_ADDR' /tmp/said"), 0);
}

TEST(no_route_is_told_before_any_byte)
{
	prepare("far-mem", "rp-edu");
	lab_host_fill("far-mem", 0, 64 * 1024, 0x11);
	check_eq(verify("far-mem", "rp-edu", "2> /tmp/said"), 3);
	check_eq(shell("grep 'not known to forward' /tmp/said"), 0);
	check_host_bytes("far-mem", 0, 64 * 1024, 0x11);
}

/* Interrupted in the middle, it puts the memory back all the same. */
TEST(interrupted_it_puts_the_memory_back)
{
	prepare("rp-mem", "rp-edu");
	lab_host_fill("rp-mem", 0, 64 * 1024, 0x42);
	check_eq(shell("timeout -s INT 0.5 peerbuf verify %s %s 2> /tmp/said", lab_where("rp-mem"),
		       lab_where("rp-edu")), 124);
	check_eq(shell("grep 'nothing is proven' /tmp/said"), 0);
	check_host_bytes("rp-mem", 0, 64 * 1024, 0x42);
}

TEST(rdma_device_proves_it)
{
	rdma_modules();
	prepare("rp-mem", "rp-edu");
	eventually(5, *rdma_name("rp-edu"));
	lab_host_fill("rp-mem", 0, 64 * 1024, 0x5a);
	check_eq(verify("rp-mem", "rp-edu", "--engine verbs -j > /tmp/verify.json"), 0);
	check_eq(shell("jq -e '.engine == \"verbs\" and .proven' /tmp/verify.json"), 0);
	check_host_bytes("rp-mem", 0, 64 * 1024, 0x5a);
}

/* ---- what it costs ---- */

#define FIGURES(name, x) "(." name " | length > 0 and all(.[]; ." x " > 0 and " \
			 ".least_ns > 0 and .least_ns <= .median_ns))"

TEST(bench_measures_by_size_and_by_importers)
{
	prepare("rp-mem", "rp-edu");
	lab_host_fill("rp-mem", 0, 1 << 20, 0x5a);
	check_eq(shell("peerbuf bench -j %s %s > /tmp/bench.json", lab_where("rp-mem"),
		       lab_where("rp-edu")), 0);
	check_eq(shell("jq -e '.engine == \"edu\" and " FIGURES("export", "size") " and "
		       FIGURES("cpu_map", "size") " and " FIGURES("dma_map", "size") " and "
		       FIGURES("revoke", "importers") " and ([.revoke[].importers] == "
		       "[1, 2, 4, 8, 16])' /tmp/bench.json"), 0);
	check_host_bytes("rp-mem", 0, 1 << 20, 0x5a);
}

TEST(bench_needs_no_client)
{
	prepare("rp-mem", "rp-edu");
	check_eq(shell("peerbuf bench %s > /tmp/said", lab_where("rp-mem")), 0);
	check_eq(shell("grep '^cpu_map .* 16M ' /tmp/said"), 0);
	check_eq(shell("grep '^dma_map' /tmp/said"), 1);
	/* No gnuplot in the guest, and no half of a drawing. */
	check_eq(shell("peerbuf bench --plot /tmp/plot.svg %s 2>&1 | grep 'install gnuplot'",
		       lab_where("rp-mem")), 0);
	check_eq(shell("test -e /tmp/plot.svg"), 1);
}
