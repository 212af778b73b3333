// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes: a device's own DMA engine writes into and reads from another device's BAR.
 * Three witnesses: the device, the CPU through the dma-buf's mmap, and the file on
 * the host that is the BAR's memory.
 */
#include "harness.h"
#include "scene.h"

#define SIZE	SCENE_SIZE
#define START	SCENE_START
#define AT	0x3100
#define LENGTH	1500

static void open_all(struct scene *scene, const char *edu, const char *mem, __u32 mode)
{
	scene_open(scene, edu, mem, 0);
	scene_attach(scene, mode, 0);
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
	struct scene scene;

	open_all(&scene, edu, mem, mode);
	pattern_fill(inner, LENGTH, 1);
	check_ok(edu_put(scene.edu, 64, inner, LENGTH));
	check_ok(edu_copy(scene.edu, scene.handle, AT, 64, LENGTH,
			  EDU_DMA_TO_BUFFER, 0));
	check(pattern_matches(scene.cpu + AT, LENGTH, 1));
	lab_host_read(mem, START, host, SIZE);
	check(pattern_matches(host + AT, LENGTH, 1));
	check_around(host);
}

static void device_reads(const char *edu, const char *mem, __u32 mode)
{
	struct scene scene;
	__u8 inner[LENGTH];

	open_all(&scene, edu, mem, mode);
	pattern_fill(scene.cpu + AT, LENGTH, 2);
	check_host_pattern(mem, START + AT, LENGTH, 2);
	memset(inner, 0, LENGTH);
	check_ok(edu_put(scene.edu, 64, inner, LENGTH));
	check_ok(edu_copy(scene.edu, scene.handle, AT, 64, LENGTH,
			  EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(scene.edu, 64, inner, LENGTH));
	check(pattern_matches(inner, LENGTH, 2));
}

/* What the host puts into its file, a device reads from the BAR. */
static void device_reads_host(const char *edu, const char *mem)
{
	__u8 inner[16];
	struct scene scene;

	open_all(&scene, edu, mem, EDU_DMA_DYNAMIC);
	lab_host_fill(mem, START + AT, sizeof(inner), 0x5a);
	check_ok(edu_copy(scene.edu, scene.handle, AT, 0, sizeof(inner),
			  EDU_DMA_FROM_BUFFER, 0));
	check_ok(edu_get(scene.edu, 0, inner, sizeof(inner)));
	for (size_t i = 0; i < sizeof(inner); i++)
		check_eq(inner[i], 0x5a);
}

TEST_VARIANT(same_switch_write, device_writes, "sw-edu", "sw-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(same_switch_read, device_reads, "sw-edu", "sw-mem", EDU_DMA_DYNAMIC)

TEST(same_switch_read_of_host_data)
{
	device_reads_host("sw-edu", "sw-mem");
}

TEST_VARIANT(same_switch_foreign_importer, device_writes, "sw-edu", "sw-mem", EDU_DMA_FOREIGN)
TEST_VARIANT(root_ports_write, device_writes, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)

TEST_VARIANT(root_ports_read, device_reads, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(root_ports_foreign_importer, device_writes, "rp-edu", "rp-mem", EDU_DMA_FOREIGN)

TEST_VARIANT(switch_to_root_port_write, device_writes, "sw-edu", "rp-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(host_bridges_write, device_writes, "rp-edu", "far-mem", EDU_DMA_DYNAMIC)

TEST_VARIANT(host_bridges_read, device_reads, "rp-edu", "far-mem", EDU_DMA_DYNAMIC)
TEST_VARIANT(host_bridges_backwards_write, device_writes, "far-edu", "sw-mem", EDU_DMA_DYNAMIC)

TEST_VARIANT(host_bridges_backwards_read, device_reads, "far-edu", "rp-mem", EDU_DMA_DYNAMIC)

/* Two devices, one buffer: what one writes the other reads. */
TEST(two_importers_of_one_buffer)
{
	__u8 inner[LENGTH];
	struct scene scene;
	__u32 other;
	int edu;

	open_all(&scene, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	edu = edu_open("far-edu");
	check_ok(edu_attach(edu, scene.export.fd, EDU_DMA_DYNAMIC, 0, &other));
	pattern_fill(inner, LENGTH, 3);
	check_ok(edu_put(scene.edu, 0, inner, LENGTH));
	check_ok(edu_copy(scene.edu, scene.handle, AT, 0, LENGTH,
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
	__u8 inner[LENGTH];
	struct scene scene;
	__u32 other;

	open_all(&scene, "rp-edu", "rp-mem", EDU_DMA_DYNAMIC);
	check_ok(peer_export_one(scene.node, MEM_BAR, START + SIZE, SIZE, 0,
				 &second));
	check_ok(edu_attach(scene.edu, second.fd, EDU_DMA_DYNAMIC, 0, &other));
	pattern_fill(inner, LENGTH, 4);
	check_ok(edu_put(scene.edu, 0, inner, LENGTH));
	check_ok(edu_copy(scene.edu, scene.handle, AT, 0, LENGTH,
			  EDU_DMA_TO_BUFFER, 0));
	check_ok(edu_copy(scene.edu, other, AT, 0, LENGTH, EDU_DMA_TO_BUFFER, 0));
	check_host_pattern("rp-mem", START + AT, LENGTH, 4);
	check_host_pattern("rp-mem", START + SIZE + AT, LENGTH, 4);
}
