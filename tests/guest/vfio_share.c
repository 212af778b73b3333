// SPDX-License-Identifier: GPL-2.0
/*
 * Two devices, both owned by user processes through VFIO, and the BAR of one in the IOVA
 * space of the other. What the second device does there is seen in the host file behind
 * the BAR, and what the host puts there is seen by the device.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "scene.h"
#include "vfio.h"
#include "vfio_exporter.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define FAR_MEM	"far-mem"
#define CMB	"sw-nvme"
#define CMB_BAR	2
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1000
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

/* Both ways, at that distance into the mapping. */
static void check_reach(struct vfio_edu *edu, __u64 iova, const char *id, __u64 offset,
			__u32 seed)
{
	lab_host_fill(id, offset, PAGE, 0xee);
	vfio_edu_write(edu, iova, LENGTH, seed);
	check_host_pattern(id, offset, LENGTH, seed);
	check(vfio_edu_reads(edu, iova, LENGTH, seed));
}

static void import(struct vfio_edu *edu, int dmabuf)
{
	struct peerbuf_route route;

	check_ok(peerbuf_vfio_map(edu->fd, dmabuf, 0, SIZE, PEER_IOVA, ACCESS, -1, &route, NULL));
	check_eq(route.type, PEERBUF_ROUTE_THRU_HOST_BRIDGE);
	check_eq(vfio_state(edu->fd, PEER_IOVA), PEERBUF_VFIO_STATE_MAPPED);
}

TEST(one_process_two_devices)
{
	int container = vfio_container(), mem, dmabuf;
	struct vfio_edu edu;

	mem = vfio_open(container, MEM, VFIO_VARIANT);
	vfio_edu_open(&edu, container, EDU);
	dmabuf = vfio_export_one(mem, MEM_BAR, START, SIZE);
	import(&edu, dmabuf);
	/* The mapping keeps what it needs. */
	close(dmabuf);
	check_reach(&edu, PEER_IOVA, MEM, START, 1);
	check_reach(&edu, PEER_IOVA + SIZE - PAGE, MEM, START + SIZE - PAGE, 2);
}

TEST(two_processes)
{
	struct vfio_exporter exporter;
	struct vfio_edu edu;

	vfio_exporter_start(&exporter, MEM, MEM_BAR, START, SIZE);
	vfio_edu_open(&edu, vfio_container(), EDU);
	vfio_exporter_ready(&exporter);
	import(&edu, exporter.dmabuf);
	check_reach(&edu, PEER_IOVA, MEM, START, 3);
}

/* Each is the other's peer at the same time. */
TEST(nvme_and_memory_lend_each_other_memory)
{
	int container = vfio_container(), mem, nvme;
	struct vfio_edu edu;

	mem = vfio_open(container, MEM, VFIO_VARIANT);
	nvme = vfio_open(container, CMB, VFIO_VARIANT);
	vfio_edu_open(&edu, container, EDU);
	check_ok(peerbuf_vfio_map(edu.fd, vfio_export_one(mem, MEM_BAR, START, SIZE), 0, SIZE,
				  PEER_IOVA, ACCESS, -1, NULL, NULL));
	check_ok(peerbuf_vfio_map(edu.fd, vfio_export_one(nvme, CMB_BAR, 0, SIZE), 0, SIZE,
				  PEER_IOVA + SIZE, ACCESS, -1, NULL, NULL));
	check_reach(&edu, PEER_IOVA, MEM, START, 4);
	vfio_edu_write(&edu, PEER_IOVA + SIZE, LENGTH, 5);
	check(vfio_edu_reads(&edu, PEER_IOVA + SIZE, LENGTH, 5));
	check(pattern_matches(vfio_region_map(nvme, CMB_BAR, NULL), LENGTH, 5));
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 4));
}

#define RANGES	64
#define SEAM	500

/* Every second page, the last one first. */
TEST(any_number_of_ranges)
{
	struct vfio_region_dma_range ranges[RANGES];
	int container = vfio_container(), mem, dmabuf;
	static const int looked_at[] = { 0, 31, RANGES - 1 };
	__u8 data[2 * SEAM];
	struct vfio_edu edu;

	for (int i = 0; i < RANGES; i++)
		ranges[i] = (struct vfio_region_dma_range) {
			.offset = START + (RANGES - 1 - i) * 2 * PAGE, .length = PAGE,
		};
	mem = vfio_open(container, MEM, VFIO_VARIANT);
	vfio_edu_open(&edu, container, EDU);
	dmabuf = peerbuf_vfio_export(mem, MEM_BAR, ranges, RANGES, O_RDWR | O_CLOEXEC);
	check(dmabuf >= 0);
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, 0, RANGES * PAGE, PEER_IOVA, ACCESS, -1, NULL,
				  NULL));
	for (int i = 0; i < 3; i++)
		check_reach(&edu, PEER_IOVA + looked_at[i] * PAGE, MEM,
			    ranges[looked_at[i]].offset, 6 + i);
	/* One transfer over the seam of two ranges. */
	vfio_edu_write(&edu, PEER_IOVA + 11 * PAGE - SEAM, 2 * SEAM, 9);
	lab_host_read(MEM, ranges[10].offset + PAGE - SEAM, data, SEAM);
	lab_host_read(MEM, ranges[11].offset, data + SEAM, SEAM);
	check(pattern_matches(data, 2 * SEAM, 9));
}

/* ---- buffers of a /dev/peerbuf node ---- */

TEST(node_export_moves_under_its_address)
{
	int node = node_open(FAR_MEM), event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct peerbuf_vfio_ioc_query query;
	struct peer_export export;
	struct vfio_edu edu;
	__u64 count;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	vfio_edu_open(&edu, vfio_container(), EDU);
	check_ok(peerbuf_vfio_map(edu.fd, export.fd, 0, SIZE, PEER_IOVA, ACCESS, event, NULL,
				  NULL));
	check_reach(&edu, PEER_IOVA, FAR_MEM, START, 10);
	check_eq(read(event, &count, sizeof(count)), -1);
	lab_host_fill(FAR_MEM, 2 * START, SIZE, 0xee);
	check_ok(peer_move_one(node, export.id, MEM_BAR, 2 * START, SIZE,
			       PEERBUF_MOVE_F_COPY));
	vfio_mapped(edu.fd, PEER_IOVA);
	/* What it wrote is where it is now, at the address it knows. */
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 10));
	lab_host_fill(FAR_MEM, START, SIZE, 0xdd);
	check_reach(&edu, PEER_IOVA, FAR_MEM, 2 * START, 11);
	check_host_bytes(FAR_MEM, START, SIZE, 0xdd);
	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA + SIZE - 1, 0, &query, NULL));
	check(query.changes >= 2);
	check_eq(query.id, export.id);
	check_eq(query.iova, PEER_IOVA);
	check_eq(query.length, SIZE);
	check_eq(read(event, &count, sizeof(count)), sizeof(count));
}

/*
 * Switched off behind the back of the device's owner. Who maps by hand is told why, and the
 * IOVAs it keeps lead nowhere.
 */
TEST(node_export_without_memory_decode_is_refused, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	struct peerbuf_vfio_ioc_query query;
	struct peerbuf_error error;
	struct peer_export export;
	int node = node_open(FAR_MEM), ret;
	struct vfio_edu edu;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	vfio_edu_open(&edu, vfio_container(), EDU);
	memory_decode(FAR_MEM, false);
	ret = peerbuf_vfio_map(edu.fd, export.fd, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL, &error);
	memory_decode(FAR_MEM, true);
	check_eq(ret, -EIO);
	check_eq(error.reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	import(&edu, export.fd);
	check_reach(&edu, PEER_IOVA, FAR_MEM, START, 12);

	/* A reset brings it back as it was: off. */
	memory_decode(FAR_MEM, false);
	check_ok(device_write(FAR_MEM, "reset", "1"));
	eventually(5, vfio_state(edu.fd, PEER_IOVA) == PEERBUF_VFIO_STATE_FAILED);
	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL));
	check_eq(query.error, EIO);
	check_eq(query.reason, PEERBUF_REASON_MEMORY_DECODE_OFF);
	memory_decode(FAR_MEM, true);
	lab_host_fill(FAR_MEM, START, SIZE, 0xee);
	vfio_edu_faults(&edu, PEER_IOVA);
	check_host_bytes(FAR_MEM, START, SIZE, 0xee);
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
	import(&edu, export.fd);
	check_reach(&edu, PEER_IOVA, FAR_MEM, START, 13);
}

TEST(node_export_is_revoked_and_restored, .flags = TEST_IOMMU_FAULTS)
{
	int node = node_open(FAR_MEM), event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	struct peer_export export;
	struct vfio_edu edu;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	vfio_edu_open(&edu, vfio_container(), EDU);
	check_ok(peerbuf_vfio_map(edu.fd, export.fd, 0, SIZE, PEER_IOVA, ACCESS, event, NULL,
				  NULL));
	check_reach(&edu, PEER_IOVA, FAR_MEM, START, 12);
	check_ok(peer_revoke(node, export.id, 0));
	check_eq(poll(&pfd, 1, 2000), 1);
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_AWAY);
	lab_host_fill(FAR_MEM, START, SIZE, 0xee);
	vfio_edu_faults(&edu, PEER_IOVA);
	check_host_bytes(FAR_MEM, START, SIZE, 0xee);
	check_ok(peer_restore(node, export.id));
	vfio_mapped(edu.fd, PEER_IOVA);
	check_reach(&edu, PEER_IOVA, FAR_MEM, START, 14);
}

/* A buffer that is made of two devices' memory is one range of addresses. */
TEST(memory_of_two_devices_in_one_mapping)
{
	int near = node_open(MEM), far = node_open(FAR_MEM);
	struct peerbuf_range ranges[2] = {
		{ .bar = MEM_BAR, .offset = START, .length = PAGE },
		{ .bar = MEM_BAR, .offset = 2 * START, .length = PAGE,
		  .flags = PEERBUF_RANGE_F_DEVICE_FD, .device_fd = far },
	};
	struct peer_export export;
	struct vfio_edu edu;

	check_ok(peer_export(near, ranges, 2, 0, &export));
	vfio_edu_open(&edu, vfio_container(), EDU);
	check_ok(peerbuf_vfio_map(edu.fd, export.fd, 0, 2 * PAGE, PEER_IOVA, ACCESS, -1, NULL,
				  NULL));
	check_reach(&edu, PEER_IOVA, MEM, START, 15);
	check_reach(&edu, PEER_IOVA + PAGE, FAR_MEM, 2 * START, 16);
}

/* Whether nobody else can map there: only then is system memory let in. */
static bool exclusive(const struct vfio_edu *edu)
{
	struct peerbuf_vfio_ioc_info info;

	check_ok(peerbuf_vfio_info(edu->fd, &info, NULL));
	return info.flags & PEERBUF_VFIO_INFO_F_EXCLUSIVE;
}

static void check_kept_out(const struct vfio_edu *edu)
{
	struct peerbuf_vfio_ioc_query query;

	eventually(5, vfio_state(edu->fd, PEER_IOVA) == PEERBUF_VFIO_STATE_FAILED);
	check_ok(peerbuf_vfio_query(edu->fd, PEER_IOVA, 0, &query, NULL));
	check_eq(query.error, EOPNOTSUPP);
	check_eq(query.reason, PEERBUF_REASON_IOVA_SHARED);
}

static void check_reaches_system(struct vfio_edu *edu, volatile __u8 *cpu)
{
	vfio_mapped(edu->fd, PEER_IOVA);
	check(vfio_edu_reads(edu, PEER_IOVA, LENGTH, 19));
	vfio_edu_write(edu, PEER_IOVA + SIZE - PAGE, LENGTH, 20);
	check(pattern_matches(cpu + SIZE - PAGE, LENGTH, 20));
	check_host_bytes(FAR_MEM, START, SIZE, 0xee);
}

/* Out of the BAR and back into it: the device goes on at the address it knows. */
TEST(buffer_migrates_to_system_memory_and_back)
{
	struct peerbuf_range system = { .length = SIZE, .flags = PEERBUF_RANGE_F_SYSTEM };
	int node = node_open(FAR_MEM);
	struct peer_export export;
	struct vfio_edu edu;
	volatile __u8 *cpu;

	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	vfio_edu_open(&edu, vfio_container(), EDU);
	import(&edu, export.fd);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 19);
	check_ok(peer_move(node, export.id, &system, 1, PEERBUF_MOVE_F_COPY));
	lab_host_fill(FAR_MEM, START, SIZE, 0xee);
	if (exclusive(&edu))
		check_reaches_system(&edu, cpu);
	else
		check_kept_out(&edu);
	check_ok(peer_move_one(node, export.id, MEM_BAR, START, SIZE, PEERBUF_MOVE_F_COPY));
	vfio_mapped(edu.fd, PEER_IOVA);
	check_host_pattern(FAR_MEM, START, LENGTH, 19);
	if (exclusive(&edu))
		check_host_pattern(FAR_MEM, START + SIZE - PAGE, LENGTH, 20);
	check_reach(&edu, PEER_IOVA, FAR_MEM, START, 21);
}

TEST(bar_and_system_memory_in_one_mapping)
{
	struct peerbuf_range ranges[3] = {
		{ .length = PAGE, .flags = PEERBUF_RANGE_F_SYSTEM },
		{ .bar = MEM_BAR, .offset = START, .length = PAGE },
		{ .length = 2 * PAGE, .flags = PEERBUF_RANGE_F_SYSTEM },
	};
	int node = node_open(FAR_MEM);
	struct peer_export export;
	struct peerbuf_error error;
	struct vfio_edu edu;
	volatile __u8 *cpu;
	int ret;

	check_ok(peer_export(node, ranges, 3, 0, &export));
	cpu = buffer_map(export.fd, 4 * PAGE, 0);
	vfio_edu_open(&edu, vfio_container(), EDU);
	ret = peerbuf_vfio_map(edu.fd, export.fd, 0, 4 * PAGE, PEER_IOVA, ACCESS, -1, NULL,
			       &error);
	if (!exclusive(&edu)) {
		check_fails(ret, EOPNOTSUPP);
		check_eq(error.reason, PEERBUF_REASON_IOVA_SHARED);
		return;
	}
	check_ok(ret);
	check_reach(&edu, PEER_IOVA + PAGE, FAR_MEM, START, 22);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 23);
	check(pattern_matches(cpu, LENGTH, 23));
	/* Over the seam from the BAR into the rest. */
	vfio_edu_write(&edu, PEER_IOVA + 2 * PAGE - SEAM, 2 * SEAM, 24);
	check(pattern_matches(cpu + 2 * PAGE - SEAM, 2 * SEAM, 24));
	vfio_edu_write(&edu, PEER_IOVA + 3 * PAGE, LENGTH, 25);
	check(pattern_matches(cpu + 3 * PAGE, LENGTH, 25));
}

/* Lent by the administrator, while the device goes on serving its own driver. */
TEST(lent_bar_of_a_device_that_keeps_its_driver)
{
	int control = control_open(), node;
	struct peer_export export;
	struct vfio_edu edu;
	__u8 sector[512];
	FILE *disk;

	device_bind(CMB, "nvme");
	check_ok(peer_lend(control, lab_addr(CMB), 1U << CMB_BAR));
	eventually(5, (node = node_path_open(CMB, O_RDWR)) >= 0);
	check_ok(peer_export_one(node, CMB_BAR, 2 * SIZE, SIZE, 0, &export));
	vfio_edu_open(&edu, vfio_container(), EDU);
	import(&edu, export.fd);
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 18);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 18));
	check(pattern_matches(buffer_map(export.fd, SIZE, 0), LENGTH, 18));
	eventually(10, (disk = fopen("/dev/nvme0n1", "re")));
	check_eq(fread(sector, 1, sizeof(sector), disk), sizeof(sector));
	check(!strncmp((char *)sector, "peerbuf sector 00000000", 23));
	fclose(disk);
	check_ok(peer_unlend(control, lab_addr(CMB), 1U << CMB_BAR));
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_DEAD);
}

/**
 * struct reader - a process that looks at memory all the time
 * @enough: told to stop
 * @wrong: did not find what must be there
 * @reads: how often it looked
 */
struct reader {
	volatile bool enough;
	volatile bool wrong;
	volatile __u64 reads;
};

static pid_t reader_start(struct reader *reader, const __u8 *cpu)
{
	pid_t pid = check_sys(fork());

	if (pid)
		return pid;
	for (; !reader->enough; reader->reads++)
		if (!pattern_matches(cpu, LENGTH, 26))
			reader->wrong = true;
	_exit(0);
}

/* To open a device is to reset it. One that is refused is not touched. */
TEST(open_that_is_refused_leaves_a_lent_device_alone, .timeout = 90)
{
	struct reader *reader = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int control = control_open(), container = vfio_container(), node, group;
	struct peer_export export;
	__u64 before;
	__u8 *cpu;
	pid_t pid;

	check(reader != MAP_FAILED);
	/* Its last user has left memory decode on. */
	close(vfio_open(container, FAR_MEM, VFIO_VARIANT));
	check_ok(peer_lend(control, lab_addr(FAR_MEM), 1U << MEM_BAR));
	eventually(5, (node = node_path_open(FAR_MEM, O_RDWR)) >= 0);
	check_ok(peer_export_one(node, MEM_BAR, START, SIZE, 0, &export));
	cpu = buffer_map(export.fd, SIZE, 0);
	pattern_fill(cpu, LENGTH, 26);
	pid = reader_start(reader, cpu);
	eventually(5, reader->reads);

	eventually(10, (group = peerbuf_vfio_open_group(container, lab_where(FAR_MEM))) >= 0);
	check_fails(peerbuf_vfio_open_device(group, lab_where(FAR_MEM)), EBUSY);
	before = reader->reads;
	eventually(5, reader->reads > before + 1);
	reader->enough = true;
	process_ends_well(pid);
	check(!reader->wrong);
	check_host_pattern(FAR_MEM, START, LENGTH, 26);

	check_ok(peer_unlend(control, lab_addr(FAR_MEM), 1U << MEM_BAR));
	check(peerbuf_vfio_open_device(group, lab_where(FAR_MEM)) >= 0);
}

TEST(same_switch_reaches_by_the_root_complex)
{
	struct vfio_exporter exporter;
	struct vfio_edu edu;

	vfio_exporter_start(&exporter, "sw-mem", MEM_BAR, START, SIZE);
	vfio_edu_open(&edu, vfio_container(), "sw-edu");
	vfio_exporter_ready(&exporter);
	import(&edu, exporter.dmabuf);
	check_reach(&edu, PEER_IOVA, "sw-mem", START, 17);
}
