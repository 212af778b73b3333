// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes: a device's own DMA engine writes into and reads from another device's BAR.
 * Three witnesses: the device, the CPU through the dma-buf's mmap, and the file on
 * the host that is the BAR's memory.
 */
#include <sys/mman.h>

#include "harness.h"
#include "lab.h"

#define SIZE	(64 * 1024)
#define START	(128 * 1024)
#define AT	0x3100
#define LENGTH	1500

/* One pair of devices, one exported buffer, attached. */
struct pair {
	const char *mem;
	int node;
	int edu;
	struct peer_export export;
	__u32 handle;
	__u8 *cpu;
};

static void pair_open(struct pair *pair, const char *edu, const char *mem,
		      __u32 mode)
{
	pair->mem = mem;
	pair->node = node_open(mem);
	pair->edu = edu_open(edu);
	lab_host_fill(mem, START, SIZE, 0xee);
	check_ok(peer_export_one(pair->node, MEM_BAR, START, SIZE, 0,
				 &pair->export));
	check_ok(edu_attach(pair->edu, pair->export.fd, mode, 0, &pair->handle));
	pair->cpu = buffer_map(pair->export.fd, SIZE, 0);
}

/* Nothing but [AT, AT + LENGTH) has changed. */
static void check_around(const __u8 *data)
{
	for (size_t i = 0; i < SIZE; i++)
		if ((i < AT || i >= AT + LENGTH) && data[i] != 0xee)
			fail("byte %zu has changed to %#x", i, data[i]);
}

static void device_writes(const char *edu, const char *mem, __u32 mode)
{
	__u8 inner[LENGTH], host[SIZE];
	struct pair pair;

	pair_open(&pair, edu, mem, mode);
	pattern_fill(inner, LENGTH, 1);
	check_ok(edu_put(pair.edu, 64, inner, LENGTH));
	check_ok(edu_copy(pair.edu, pair.handle, AT, 64, LENGTH,
			  EDU_DMA_TO_BUFFER, 0));
	check(pattern_matches(pair.cpu + AT, LENGTH, 1));
	lab_host_read(mem, START, host, SIZE);
	check(pattern_matches(host + AT, LENGTH, 1));
	check_around(host);
}

static void device_reads(const char *edu, const char *mem, __u32 mode)
{
	__u8 inner[LENGTH], host[LENGTH];
	struct pair pair;

	pair_open(&pair, edu, mem, mode);
	pattern_fill(pair.cpu + AT, LENGTH, 2);
	lab_host_read(mem, START + AT, host, LENGTH);
	check(pattern_matches(host, LENGTH, 2));
	memset(inner, 0, LENGTH);
	check_ok(edu_put(pair.edu, 64, inner, LENGTH));
	check_ok(edu_copy(pair.edu, pair.handle, AT, 64, LENGTH,
			  EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(pair.edu, 64, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, 2));
}

/* What the host puts into its file, a device reads from the BAR. */
static void device_reads_host(const char *edu, const char *mem)
{
	__u8 inner[16];
	struct pair pair;

	pair_open(&pair, edu, mem, EDU_DMA_DYNAMIC);
	lab_host_fill(mem, START + AT, sizeof(inner), 0x5a);
	check_ok(edu_copy(pair.edu, pair.handle, AT, 0, sizeof(inner),
			  EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(pair.edu, 0, inner, sizeof(inner)));
	for (size_t i = 0; i < sizeof(inner); i++)
		check_eq(inner[i], 0x5a);
}

TEST(same_switch_write)
{
	device_writes("sw-edu", "sw-mem", EDU_DMA_DYNAMIC);
}

TEST(same_switch_read)
{
	device_reads("sw-edu", "sw-mem", EDU_DMA_DYNAMIC);
}

TEST(same_switch_read_of_host_data)
{
	device_reads_host("sw-edu", "sw-mem");
}

TEST(same_switch_foreign_importer)
{
	device_writes("sw-edu", "sw-mem", EDU_DMA_FOREIGN);
}

TEST(root_ports_write)
{
	device_writes("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(root_ports_read)
{
	device_reads("rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(root_ports_foreign_importer)
{
	device_writes("rp-edu", "rp-mem", EDU_DMA_FOREIGN);
}

TEST(switch_to_root_port_write)
{
	device_writes("sw-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

TEST(host_bridges_write)
{
	device_writes("rp-edu", "far-mem", EDU_DMA_DYNAMIC);
}

TEST(host_bridges_read)
{
	device_reads("rp-edu", "far-mem", EDU_DMA_DYNAMIC);
}

TEST(host_bridges_backwards_write)
{
	device_writes("far-edu", "sw-mem", EDU_DMA_DYNAMIC);
}

TEST(host_bridges_backwards_read)
{
	device_reads("far-edu", "rp-mem", EDU_DMA_DYNAMIC);
}

/* Two devices, one buffer: what one writes the other reads. */
TEST(two_importers_of_one_buffer)
{
	__u8 inner[LENGTH];
	struct pair pair;
	__u32 other;
	int edu;

	pair_open(&pair, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	edu = edu_open("far-edu");
	check_ok(edu_attach(edu, pair.export.fd, EDU_DMA_DYNAMIC, 0, &other));
	pattern_fill(inner, LENGTH, 3);
	check_ok(edu_put(pair.edu, 0, inner, LENGTH));
	check_ok(edu_copy(pair.edu, pair.handle, AT, 0, LENGTH,
			  EDU_DMA_TO_BUFFER, EDU_DMA_COPY_F_NOWAIT));
	/* Its fence makes the reader wait for the writer. */
	check_ok(edu_copy(edu, other, AT, 0, LENGTH, EDU_DMA_FROM_BUFFER, 0));
	memset(inner, 0, LENGTH);
	check_ok(edu_get(edu, 0, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, 3));
}

/* The importer may write through one buffer and another at once. */
TEST(two_buffers_of_one_importer)
{
	struct peer_export second;
	__u8 inner[LENGTH], host[LENGTH];
	struct pair pair;
	__u32 other;

	pair_open(&pair, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	check_ok(peer_export_one(pair.node, MEM_BAR, START + SIZE, SIZE, 0,
				 &second));
	check_ok(edu_attach(pair.edu, second.fd, EDU_DMA_DYNAMIC, 0, &other));
	pattern_fill(inner, LENGTH, 4);
	check_ok(edu_put(pair.edu, 0, inner, LENGTH));
	check_ok(edu_copy(pair.edu, pair.handle, AT, 0, LENGTH,
			  EDU_DMA_TO_BUFFER, 0));
	check_ok(edu_copy(pair.edu, other, AT, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	lab_host_read("rp-mem", START + AT, host, LENGTH);
	check(pattern_matches(host, LENGTH, 4));
	lab_host_read("rp-mem", START + SIZE + AT, host, LENGTH);
	check(pattern_matches(host, LENGTH, 4));
}
