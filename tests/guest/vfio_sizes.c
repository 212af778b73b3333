// SPDX-License-Identifier: GPL-2.0
/* All of a large BAR in the IOVA space of a VFIO device, and a window of it. */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "large.h"
#include "scene.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define LENGTH	600
#define ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

/* Clear of what the platform reserves below 4 GiB. */
#define LARGE_IOVA	(1ULL << 40)

static int container, mem;
static struct vfio_edu edu;

static void scene(void)
{
	container = vfio_container();
	mem = vfio_open(container, MEM, VFIO_VARIANT);
	vfio_edu_open(&edu, container, EDU);
}

/* Both ways. */
static void reaches(__u64 iova, __u64 offset, __u32 seed)
{
	lab_host_fill(MEM, offset, LENGTH, 0xee);
	vfio_edu_write(&edu, iova, LENGTH, seed);
	check_host_pattern(MEM, offset, LENGTH, seed);
	check(vfio_edu_reads(&edu, iova, LENGTH, seed));
}

TEST(import_of_all_of_it)
{
	__u64 size = large_bar(MEM);
	struct large_spots spots;
	int dmabuf;

	scene();
	dmabuf = vfio_export_one(mem, MEM_BAR, 0, size);
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, 0, size, LARGE_IOVA, ACCESS, -1, NULL, NULL));
	vfio_mapped(edu.fd, LARGE_IOVA);
	large_spots(size, LENGTH, &spots);
	for (unsigned int i = 0; i < spots.nr; i++)
		reaches(LARGE_IOVA + spots.at[i], spots.at[i], i + 1);
}

/* Only what is behind 4 GiB of the buffer. */
TEST(import_from_behind_4_gib_on)
{
	const __u64 from = FOUR_GIB + 3 * PAGE, size = large_bar(MEM);
	int dmabuf;

	scene();
	dmabuf = vfio_export_one(mem, MEM_BAR, 0, size);
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, from, size - from, LARGE_IOVA, ACCESS, -1,
				  NULL, NULL));
	vfio_mapped(edu.fd, LARGE_IOVA);
	reaches(LARGE_IOVA, from, 1);
	reaches(LARGE_IOVA + size - from - LENGTH, size - LENGTH, 2);
}

/* The export's ranges: five GiB, and a page from elsewhere behind them. */
TEST(import_with_a_seam_behind_4_gib)
{
	struct vfio_region_dma_range ranges[2] = {
		{ .offset = ONE_GIB, .length = 5 * ONE_GIB },
		{ .offset = 0, .length = PAGE },
	};
	__u8 host[LENGTH];
	int dmabuf;

	large_bar(MEM);
	scene();
	dmabuf = peerbuf_vfio_export(mem, MEM_BAR, ranges, 2, O_RDWR | O_CLOEXEC);
	check(dmabuf >= 0);
	check_ok(peerbuf_vfio_map(edu.fd, dmabuf, 0, 5 * ONE_GIB + PAGE, LARGE_IOVA, ACCESS, -1,
				  NULL, NULL));
	vfio_mapped(edu.fd, LARGE_IOVA);
	vfio_edu_write(&edu, LARGE_IOVA + 5 * ONE_GIB - LENGTH / 2, LENGTH, 3);
	lab_host_read(MEM, 6 * ONE_GIB - LENGTH / 2, host, LENGTH / 2);
	lab_host_read(MEM, 0, host + LENGTH / 2, LENGTH / 2);
	check(pattern_matches(host, LENGTH, 3));
	check(vfio_edu_reads(&edu, LARGE_IOVA + 5 * ONE_GIB - LENGTH / 2, LENGTH, 3));
}
