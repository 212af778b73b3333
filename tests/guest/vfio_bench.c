// SPDX-License-Identifier: GPL-2.0
/*
 * What a VFIO export costs an importer in the kernel, by peerbuf's driver and by the
 * kernel's own, of one range and of many. Prints lines of JSON for tests/bench/run, see
 * figures.h; the step "refused" has an errno: what a driver cannot.
 */
#include <fcntl.h>
#include <unistd.h>

#include "figures.h"
#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define ROUNDS	101
#define MANY	64

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
