// SPDX-License-Identifier: GPL-2.0
/*
 * What a VFIO export costs an importer in the kernel, by peerbuf's driver and by the
 * kernel's own, of one range and of many; and what it costs to map a BAR for another VFIO device,
 * as a dma-buf and as VFIO's type1 does it, through a CPU mapping. Prints lines of JSON for
 * tests/bench/run, see figures.h; the step "refused" has an errno: what a driver cannot.
 */
#include <fcntl.h>
#include <unistd.h>

#include "figures.h"
#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define ROUNDS	101
#define MANY	64

/* Of a BAR that one device maps for another; type1 goes page by page, so fewer rounds. */
#define IMPORT_SMALL	(64 * 1024ULL)
#define IMPORT_LARGE	(256ULL << 20)
#define IMPORT_ROUNDS	7
#define IMPORT_ACCESS	(PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE)

enum step { EXPORT, ATTACH, MAP, UNMAP, DETACH, CLOSE, STEPS };

static const char *const step_names[STEPS] = {
	"export", "attach", "map", "unmap", "detach", "close",
};

static int device, edu;

static int export_ranges(unsigned int nr)
{
	struct vfio_region_dma_range ranges[MANY];

	/* Every second page: nothing can be merged. */
	for (unsigned int i = 0; i < nr; i++)
		ranges[i] = (struct vfio_region_dma_range) { 2 * i * PAGE, PAGE };
	return peerbuf_vfio_export(device, MEM_BAR, ranges, nr, O_RDWR | O_CLOEXEC);
}

/* 0, or why it could not be exported, or the importer could not map it. */
static int measure_once(struct figures *figures)
{
	__u64 at[STEPS + 1];
	__u32 handle;
	int fd, ret;

	figures_calm();
	at[EXPORT] = instructions();
	fd = export_ranges(figures->ranges);
	at[ATTACH] = instructions();
	if (fd < 0)
		return fd;
	check_ok(edu_attach(edu, fd, EDU_DMA_FOREIGN, 0, &handle));
	at[MAP] = instructions();
	ret = edu_map(edu, handle);
	at[UNMAP] = instructions();
	if (!ret)
		check_ok(edu_unmap(edu, handle));
	at[DETACH] = instructions();
	check_ok(edu_detach(edu, handle));
	at[CLOSE] = instructions();
	close(fd);
	at[STEPS] = instructions();
	if (!ret)
		figures_add(figures, at);
	return ret;
}

static void measure(const char *route, const char *driver, unsigned int nr)
{
	struct figures figures = {
		.work = "VFIO export", .who = driver, .route = route, .ranges = nr,
		.bytes = nr * PAGE, .steps = step_names, .nr_steps = STEPS,
	};
	int ret = 0;

	for (int i = 0; i < ROUNDS && !ret; i++)
		ret = measure_once(&figures);
	if (ret)
		figure_print(&figures, "refused", -ret);
	else
		figures_print(&figures);
}

static void compare_drivers(const char *route, const char *mem, const char *edu_id)
{
	static const char *const drivers[] = { VFIO_STOCK, VFIO_VARIANT };
	int container = vfio_container();

	edu = edu_open(edu_id);
	figures_settle();
	for (int d = 0; d < 2; d++) {
		device = vfio_open(container, mem, drivers[d]);
		measure(route, drivers[d], 1);
		measure(route, drivers[d], MANY);
		close(device);
	}
}

/* The harness runs these as if they were tests. */
TEST(iommu, .timeout = 300)
{
	compare_drivers("iommu", "rp-mem", "rp-edu");
}

TEST(bus, .timeout = 300)
{
	compare_drivers("bus", "sw-mem", "sw-edu");
}

enum import_step { IMPORT_MAP, IMPORT_UNMAP, IMPORT_STEPS };

static const char *const import_names[IMPORT_STEPS] = { "map", "unmap" };

static struct figures import_figures(const char *who, __u64 bytes)
{
	return (struct figures) {
		.work = "VFIO import", .who = who, .route = "iommu", .ranges = 1, .bytes = bytes,
		.steps = import_names, .nr_steps = IMPORT_STEPS,
	};
}

static void import_by_type1(int container, __u8 *mapping, __u64 bytes)
{
	struct figures figures = import_figures("type1", bytes);
	__u64 at[IMPORT_STEPS + 1];

	for (int i = 0; i < IMPORT_ROUNDS; i++) {
		figures_calm();
		at[IMPORT_MAP] = instructions();
		check_ok(peerbuf_vfio_map_memory(container, mapping, bytes, PEER_IOVA));
		at[IMPORT_UNMAP] = instructions();
		check_ok(peerbuf_vfio_unmap_memory(container, bytes, PEER_IOVA));
		at[IMPORT_STEPS] = instructions();
		figures_add(&figures, at);
	}
	figures_print(&figures);
}

static void import_by_dma_buf(int importer, int dmabuf, __u64 bytes)
{
	struct figures figures = import_figures("peerbuf-vfio-pci", bytes);
	__u64 at[IMPORT_STEPS + 1];

	for (int i = 0; i < IMPORT_ROUNDS; i++) {
		figures_calm();
		at[IMPORT_MAP] = instructions();
		check_ok(peerbuf_vfio_map(importer, dmabuf, 0, bytes, PEER_IOVA, IMPORT_ACCESS, -1,
					  NULL, NULL));
		at[IMPORT_UNMAP] = instructions();
		check_ok(peerbuf_vfio_unmap(importer, PEER_IOVA, bytes, NULL));
		at[IMPORT_STEPS] = instructions();
		figures_add(&figures, at);
	}
	figures_print(&figures);
}

TEST(import, .timeout = 600)
{
	int container = vfio_container(), importer, dmabuf;
	__u8 *mapping;
	__u64 size;

	device = vfio_open(container, "rp-mem", VFIO_VARIANT);
	importer = vfio_open(container, "rp-edu", VFIO_VARIANT);
	mapping = vfio_region_map(device, MEM_BAR, &size);
	figures_settle();
	for (__u64 bytes = IMPORT_SMALL; bytes <= IMPORT_LARGE && bytes <= size; bytes *= 64) {
		import_by_type1(container, mapping, bytes);
		dmabuf = vfio_export_one(device, MEM_BAR, 0, bytes);
		import_by_dma_buf(importer, dmabuf, bytes);
		close(dmabuf);
	}
}
