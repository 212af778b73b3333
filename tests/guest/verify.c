// SPDX-License-Identifier: GPL-2.0
/* peerbuf verify says that a route works where bytes arrive, and nowhere else; bench. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"
#include "harness.h"
#include "lab.h"
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
	check_eq(verify("sw-mem", "rp-mem", "2> /tmp/said"), 6);
	check_eq(shell("grep 'by the rules alone the route is THRU_HOST_BRIDGE' /tmp/said"), 0);
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

/* ---- a drive, which has its own driver and a medium ---- */

static void prepare_drive(const char *mem)
{
	close(node_open(mem));
	close(drive_open(O_RDONLY));
}

/* What it writes is what it has: nothing on it changes, and nobody says that it reads. */
TEST(drive_proves_what_it_writes)
{
	__u8 before[4096], after[4096];

	prepare_drive("rp-mem");
	lab_host_disk(0, before, sizeof(before));
	lab_host_fill("rp-mem", 0, 64 * 1024, 0x5a);
	check_eq(verify("rp-mem", DRIVE, "> /tmp/said"), 9);
	check_eq(shell("grep -x 'engine    nvme %s' /tmp/said", drive_name()), 0);
	check_eq(shell("grep '^write     right, in 6 of 6 places' /tmp/said"), 0);
	check_eq(shell("grep '^read      not tried' /tmp/said"), 0);
	check_eq(shell("grep '^proven in one direction only: .* writes the memory' /tmp/said"), 0);
	check_eq(verify("rp-mem", DRIVE, "-j --loop 0.2 | jq -e '.engine == \"nvme\" and "
			"(.proven | not) and .write_proven and .read_proven == null and "
			".bytes_per_second > 0 and "
			"all(.trials[]; .direction == \"write\" and .length % 512 == 0)' #"), 0);
	check_host_bytes("rp-mem", 0, 64 * 1024, 0x5a);
	lab_host_disk(0, after, sizeof(after));
	check(!memcmp(before, after, sizeof(before)));
}

/* Both ways, and no byte but of the first 64 KiB of the place that it was given. */
TEST(drive_proves_both_ways_with_a_place_to_write_to)
{
	__u8 sector[SECTOR];

	prepare_drive("rp-mem");
	lab_host_fill("rp-mem", 0, 1 << 20, 0x33);
	check_eq(shell("peerbuf verify %s %s -b 2 -r 64K:8K -r 4K:4K --scratch /dev/%s -j "
		       "> /tmp/verify.json", lab_where("rp-mem"), lab_where(DRIVE),
		       drive_name()), 0);
	check_eq(shell("jq -e '.proven and .write_proven and .read_proven and "
		       "([.trials[] | select(.direction == \"read\")] | length) * 2 == "
		       "(.trials | length) and all(.trials[]; .passed)' /tmp/verify.json"), 0);
	check_host_bytes("rp-mem", 0, 1 << 20, 0x33);
	lab_host_disk(64 * 1024, sector, sizeof(sector));
	check_medium(sector, 64 * 1024, sizeof(sector));
	drive_restore(0, 64 * 1024);
}

TEST(drive_is_not_given_what_is_in_use_or_elsewhere)
{
	int fd;

	prepare_drive("rp-mem");
	fd = drive_open(O_RDONLY | O_EXCL);
	check_eq(shell("peerbuf verify %s %s --scratch /dev/%s 2> /tmp/said", lab_where("rp-mem"),
		       lab_where(DRIVE), drive_name()), 6);
	check_eq(shell("grep 'Device or resource busy' /tmp/said"), 0);
	close(fd);
	check_eq(shell("dd if=/dev/zero of=/tmp/scratch bs=64K count=1 2> /dev/null && "
		       "peerbuf verify %s %s --scratch /tmp/scratch 2> /tmp/said",
		       lab_where("rp-mem"), lab_where(DRIVE)), 6);
	check_eq(shell("peerbuf verify %s %s --scratch /tmp/scratch -e edu 2> /tmp/said",
		       lab_where("rp-mem"), lab_where(DRIVE)), 2);
}

TEST(writes_that_are_dropped_of_a_drive_are_found, .flags = TEST_IOMMU_FAULTS)
{
	prepare_drive("sw-mem");
	lab_host_fill("sw-mem", 0, 64 * 1024, 0x77);
	check_eq(verify("sw-mem", DRIVE, "> /tmp/said"), 8);
	check_eq(shell("grep '^NOT PROVEN' /tmp/said"), 0);
	check_host_bytes("sw-mem", 0, 64 * 1024, 0x77);
}

TEST(no_route_is_told_of_a_drive)
{
	prepare_drive("far-mem");
	lab_host_fill("far-mem", 0, 64 * 1024, 0x11);
	check_eq(verify("far-mem", DRIVE, "2> /tmp/said"), 3);
	check_eq(shell("grep 'not known to forward' /tmp/said"), 0);
	check_host_bytes("far-mem", 0, 64 * 1024, 0x11);
}

/* A drive maps for the time of a command: there is nothing to measure. */
TEST(bench_measures_no_drive)
{
	prepare_drive("rp-mem");
	check_eq(shell("peerbuf bench %s %s 2> /tmp/said", lab_where("rp-mem"), lab_where(DRIVE)),
		 6);
	check_eq(shell("grep 'for the time of a command only' /tmp/said"), 0);
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
