// SPDX-License-Identifier: GPL-2.0
/*
 * An NVMe controller, owned through VFIO, and blocks of its disk: to RAM, and straight
 * into another device's BAR and back, with no RAM in between.
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <unistd.h>

#include "drive.h"
#include "harness.h"
#include "lab.h"
#include "nvme.h"
#include "vfio.h"
#include "vfio_exporter.h"

#define DISK	"sw-nvme"
#define MEM	"rp-mem"
#define START	(256 * 1024ULL)
#define SIZE	(256 * 1024ULL)
#define SAVED	(16 * 1024ULL)
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

static void check_mem_sectors(__u64 offset, __u64 first, __u64 nr)
{
	check_host_medium(MEM, offset, first * SECTOR, nr * SECTOR);
}

/* Before blocks are written, and after: what others look for is on the medium again. */
static void save(struct nvme *nvme, __u64 offset)
{
	check_eq(nvme_read(nvme, offset, SAVED, RAM_IOVA + NVME_DATA + NVME_DATA_SIZE / 2), 0);
}

static void put_back(struct nvme *nvme, __u64 offset)
{
	check_eq(nvme_write(nvme, offset, SAVED, RAM_IOVA + NVME_DATA + NVME_DATA_SIZE / 2), 0);
	check_eq(nvme_flush(nvme), 0);
}

/* Nothing but the stock driver and RAM: the driver in these tests is sound. */
TEST(disk_to_ram_and_back)
{
	int container = vfio_container();
	struct nvme nvme;
	__u8 *data, disk[4096];

	nvme_open(&nvme, container, DISK, VFIO_STOCK);
	data = nvme.ram + NVME_DATA;
	check(!strcmp(nvme.serial, "lab"));
	check_eq(nvme.block, 512);
	check_eq(nvme.blocks, DRIVE_SIZE / SECTOR);
	/* One page, two, more than a list of one entry; not page aligned. */
	check_eq(nvme_read(&nvme, 0, 512, RAM_IOVA + NVME_DATA), 0);
	check_sectors(data, 0, 1);
	check_eq(nvme_read(&nvme, 10 * 512, 8192, RAM_IOVA + NVME_DATA), 0);
	check_sectors(data, 10, 16);
	check_eq(nvme_read(&nvme, 40 * 512, 128 * 1024, RAM_IOVA + NVME_DATA + 512), 0);
	check_sectors(data + 512, 40, 256);
	save(&nvme, 1 << 20);
	pattern_fill(data, sizeof(disk), 1);
	check_eq(nvme_write(&nvme, 1 << 20, sizeof(disk), RAM_IOVA + NVME_DATA), 0);
	check_eq(nvme_flush(&nvme), 0);
	lab_host_disk(1 << 20, disk, sizeof(disk));
	check(pattern_matches(disk, sizeof(disk), 1));
	put_back(&nvme, 1 << 20);
	/* Past its end: refused by the controller, which stays usable. */
	check(nvme_read(&nvme, DRIVE_SIZE, 512, RAM_IOVA + NVME_DATA));
	check_eq(nvme_read(&nvme, 7 * 512, 512, RAM_IOVA + NVME_DATA), 0);
	check_sectors(data, 7, 1);
}

static void import(struct nvme *nvme, int dmabuf)
{
	check_ok(peerbuf_vfio_map(nvme->fd, dmabuf, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL, NULL));
}

static void disk_and_bar(struct nvme *nvme)
{
	__u8 disk[8192];

	lab_host_fill(MEM, START, SIZE, 0xee);
	check_eq(nvme_read(nvme, 100 * 512, 512, PEER_IOVA), 0);
	check_mem_sectors(START, 100, 1);
	/* By a PRP list. */
	check_eq(nvme_read(nvme, 200 * 512, 64 * 1024, PEER_IOVA + 8192), 0);
	check_mem_sectors(START + 8192, 200, 128);
	/* And back: what is in the BAR comes to be on the disk. */
	save(nvme, 2 << 20);
	lab_host_fill(MEM, START + 4096, sizeof(disk), 0x5a);
	check_eq(nvme_write(nvme, 2 << 20, sizeof(disk), PEER_IOVA + 4096), 0);
	check_eq(nvme_flush(nvme), 0);
	lab_host_disk(2 << 20, disk, sizeof(disk));
	for (size_t i = 0; i < sizeof(disk); i++)
		check_eq(disk[i], 0x5a);
	lab_host_disk((2 << 20) + sizeof(disk), disk, 512);
	check_sectors(disk, (2 << 20) / 512 + 16, 1);
	put_back(nvme, 2 << 20);
}

TEST(disk_to_bar_and_back)
{
	int container = vfio_container(), mem;
	struct nvme nvme;

	mem = vfio_open(container, MEM, VFIO_VARIANT);
	nvme_open(&nvme, container, DISK, VFIO_VARIANT);
	import(&nvme, vfio_export_one(mem, MEM_BAR, START, SIZE));
	disk_and_bar(&nvme);
}

TEST(disk_to_bar_of_another_process)
{
	struct vfio_exporter exporter;
	struct nvme nvme;

	vfio_exporter_start(&exporter, MEM, MEM_BAR, START, SIZE);
	nvme_open(&nvme, vfio_container(), DISK, VFIO_VARIANT);
	vfio_exporter_ready(&exporter);
	import(&nvme, exporter.dmabuf);
	disk_and_bar(&nvme);
}

/* The buffer moves between two reads, which use the same address. */
TEST(disk_to_bar_that_moves)
{
	int node = node_open("far-mem");
	struct peer_export export;
	struct nvme nvme;
	__u8 *data = malloc(4096);

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	nvme_open(&nvme, vfio_container(), DISK, VFIO_VARIANT);
	import(&nvme, export.fd);
	lab_host_fill("far-mem", 0, 2 * START + SIZE, 0xee);
	check_eq(nvme_read(&nvme, 300 * 512, 4096, PEER_IOVA), 0);
	lab_host_read("far-mem", START, data, 4096);
	check_sectors(data, 300, 8);
	check_ok(peer_move_one(node, export.id, MEM_BAR, 2 * START, SIZE, 0));
	vfio_mapped(nvme.fd, PEER_IOVA);
	check_eq(nvme_read(&nvme, 400 * 512, 4096, PEER_IOVA), 0);
	lab_host_read("far-mem", 2 * START, data, 4096);
	check_sectors(data, 400, 8);
	lab_host_read("far-mem", START, data, 4096);
	check_sectors(data, 300, 8);
	free(data);
}

/* Taken back while a controller uses it: the disk's blocks go nowhere. */
TEST(disk_does_not_reach_a_revoked_bar, .flags = TEST_IOMMU_FAULTS)
{
	struct vfio_exporter exporter;
	struct nvme nvme;
	int mark;

	vfio_exporter_start(&exporter, MEM, MEM_BAR, START, SIZE);
	nvme_open(&nvme, vfio_container(), DISK, VFIO_VARIANT);
	vfio_exporter_ready(&exporter);
	import(&nvme, exporter.dmabuf);
	check_eq(nvme_read(&nvme, 0, 4096, PEER_IOVA), 0);
	check_ok(vfio_exporter_order(&exporter, ORDER_MEMORY_OFF));
	lab_host_fill(MEM, START, SIZE, 0xee);
	mark = kmsg_mark();
	/* The controller's status does not tell, the IOMMU does; not each time, though. */
	eventually(10, (nvme_read(&nvme, 0, 512, PEER_IOVA), kmsg_has_iommu_fault(mark)));
	check_host_bytes(MEM, START, 4096, 0xee);
	check_ok(vfio_exporter_order(&exporter, ORDER_MEMORY_ON));
	vfio_mapped(nvme.fd, PEER_IOVA);
	check_eq(nvme_read(&nvme, 500 * 512, 4096, PEER_IOVA), 0);
	check_mem_sectors(START, 500, 8);
}
