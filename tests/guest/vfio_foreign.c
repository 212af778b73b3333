// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers in system memory that other exporters made, in the IOVA space of a device owned
 * through VFIO: the kernel's heap, a memfd of a process, a GEM object of a DRM driver. Where
 * type1 could map over them they are kept out, as all system memory is.
 */
#include <drm.h>
#include <drm_mode.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "card.h"
#include "harness.h"
#include "lab.h"
#include "system_buffer.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define SIZE	(256 * 1024ULL)
#define LENGTH	1000
#define READ	PEERBUF_VFIO_MAP_F_READ
#define ACCESS	(READ | PEERBUF_VFIO_MAP_F_WRITE)

static struct vfio_edu edu;

static int gem_buffer(void)
{
	struct drm_mode_create_dumb dumb = { .width = SIZE / 4 / 64, .height = 64, .bpp = 32 };
	int card = card_open("vgem", "vgem"), fd;

	check_sys(ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb));
	check_eq(dumb.size, SIZE);
	fd = card_export(card, dumb.handle);
	check(fd >= 0);
	close(card);
	return fd;
}

static bool exclusive(void)
{
	struct peerbuf_vfio_ioc_info info;

	check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
	return info.flags & PEERBUF_VFIO_INFO_F_EXCLUSIVE;
}

static int map(int fd, __u64 offset, __u64 length, __u32 access, struct peerbuf_error *error)
{
	return peerbuf_vfio_map(edu.fd, fd, offset, length, PEER_IOVA, access, -1, NULL, error);
}

static void check_kept_out(int fd)
{
	struct peerbuf_vfio_ioc_query query;
	struct peerbuf_error error;

	check_fails(map(fd, 0, SIZE, ACCESS, &error), EOPNOTSUPP);
	check_eq(error.reason, PEERBUF_REASON_IOVA_SHARED);
	check_fails(peerbuf_vfio_query(edu.fd, 0, PEERBUF_VFIO_QUERY_F_NEXT, &query, NULL),
		    ENOENT);
}

/* What the device writes the CPU sees, and the other way round. */
static void check_reach(__u8 *cpu, __u64 iova, __u32 seed)
{
	vfio_edu_write(&edu, iova, LENGTH, seed);
	check(pattern_matches(cpu, LENGTH, seed));
	pattern_fill(cpu, LENGTH, seed + 100);
	check(vfio_edu_reads(&edu, iova, LENGTH, seed + 100));
}

static void check_reached(int fd)
{
	struct peerbuf_vfio_ioc_query query;
	__u8 *cpu = buffer_map(fd, SIZE, 0);

	check_ok(map(fd, 0, SIZE, ACCESS, NULL));
	check_ok(peerbuf_vfio_query(edu.fd, PEER_IOVA, 0, &query, NULL));
	check_eq(query.state, PEERBUF_VFIO_STATE_MAPPED);
	check_eq(query.reason, PEERBUF_REASON_NONE);
	check_eq(query.id, 0);
	check_reach(cpu, PEER_IOVA, 1);
	check_reach(cpu + SIZE / 2 - LENGTH / 2, PEER_IOVA + SIZE / 2 - LENGTH / 2, 2);
	check_reach(cpu + SIZE - PAGE, PEER_IOVA + SIZE - PAGE, 3);
	/* The mapping keeps what it needs. */
	close(fd);
	check_reach(cpu, PEER_IOVA, 4);
	check_ok(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL));
	vfio_edu_faults(&edu, PEER_IOVA);
	check(pattern_matches(cpu, LENGTH, 104));
}

static void taken_or_kept_out(int fd)
{
	vfio_edu_open(&edu, vfio_container(), EDU);
	if (exclusive())
		check_reached(fd);
	else
		check_kept_out(fd);
}

TEST(buffer_of_the_system_heap, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int fd = heap_buffer(SIZE);

	/* Debian's kernel 6.1 has no heaps, and no udmabuf. */
	if (fd >= 0)
		taken_or_kept_out(fd);
	else
		check_eq(errno, ENOENT);
}

TEST(buffer_of_a_memfd, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int fd = memfd_buffer(SIZE);

	if (fd >= 0)
		taken_or_kept_out(fd);
	else
		check_eq(errno, ENOENT);
}

TEST(buffer_of_a_drm_driver, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	taken_or_kept_out(gem_buffer());
}

/* A part of it, for reading: neither its neighbours, nor for writing. */
TEST(part_of_a_drm_drivers_buffer, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int fd = gem_buffer();
	__u8 *cpu = buffer_map(fd, SIZE, 0);

	vfio_edu_open(&edu, vfio_container(), EDU);
	if (!exclusive()) {
		check_kept_out(fd);
		return;
	}
	check_ok(map(fd, 3 * PAGE, 2 * PAGE, READ, NULL));
	memset(cpu, 0xee, SIZE);
	/* Before it reads: QEMU's IOTLB refuses what it has seen without a word. */
	vfio_edu_faults(&edu, PEER_IOVA);
	vfio_edu_faults(&edu, PEER_IOVA + 2 * PAGE);
	for (__u64 i = 0; i < SIZE; i++)
		check(cpu[i] == 0xee);
	pattern_fill(cpu + 4 * PAGE, LENGTH, 5);
	check(vfio_edu_reads(&edu, PEER_IOVA + PAGE, LENGTH, 5));
}

/* And it leaves nothing when its user is gone in the middle of it. */
TEST(device_is_closed_with_foreign_buffers_mapped, .flags = TEST_IOMMU_FAULTS, .timeout = 90)
{
	int fd = gem_buffer();

	vfio_edu_open(&edu, vfio_container(), EDU);
	if (!exclusive()) {
		check_kept_out(fd);
		return;
	}
	check_ok(map(fd, 0, SIZE, ACCESS, NULL));
	vfio_edu_start(&edu, PEER_IOVA, FAULT_LENGTH, true);
	vfio_edu_close(&edu);
	vfio_edu_open(&edu, vfio_container(), EDU);
	vfio_edu_faults(&edu, PEER_IOVA);
	check_reached(fd);
}
