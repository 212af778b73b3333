// SPDX-License-Identifier: GPL-2.0
/*
 * What a VFIO export costs an importer in the kernel, by peerbuf's driver and by the
 * kernel's own, of one range and of many. Both have the same device in turns, so that
 * whatever else happens hits both. Prints "NAME VALUE", medians in microseconds, for
 * tests/bench/run; "NAME.refused ERRNO" where a driver cannot.
 */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define TURNS	5
#define REPEAT	41
#define SAMPLES	(TURNS * REPEAT)
#define MANY	64

enum step { EXPORT, ATTACH, MAP, UNMAP, DETACH, CLOSE, STEPS };

static const char *const step_names[STEPS] = {
	"export", "attach", "map", "unmap", "detach", "close",
};

static const struct {
	const char *name;
	const char *driver;
} drivers[2] = {
	{ "stock", VFIO_STOCK },
	{ "variant", VFIO_VARIANT },
};

/* One driver's figures for one number of ranges. */
struct figures {
	double took[STEPS][SAMPLES];
	unsigned int nr;
	int refused;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), compare);
	return values[nr / 2];
}

static int export_ranges(int device, unsigned int nr)
{
	struct vfio_region_dma_range ranges[MANY];
	int fd;

	/* Every second page: nothing can be merged. */
	for (unsigned int i = 0; i < nr; i++)
		ranges[i] = (struct vfio_region_dma_range) { 2 * i * PAGE, PAGE };
	fd = peerbuf_vfio_export(device, MEM_BAR, ranges, nr, O_RDWR | O_CLOEXEC);
	check(fd >= 0);
	return fd;
}

/* 0, or why the importer could not map it. */
static int measure_once(int device, int edu, unsigned int nr, double *took)
{
	double at[STEPS + 1];
	__u32 handle;
	int fd, ret;

	at[EXPORT] = now();
	fd = export_ranges(device, nr);
	at[ATTACH] = now();
	check_ok(edu_attach(edu, fd, EDU_DMA_FOREIGN, 0, &handle));
	at[MAP] = now();
	ret = edu_map(edu, handle);
	at[UNMAP] = now();
	if (!ret)
		check_ok(edu_unmap(edu, handle));
	at[DETACH] = now();
	check_ok(edu_detach(edu, handle));
	at[CLOSE] = now();
	close(fd);
	at[STEPS] = now();
	for (int i = 0; i < STEPS; i++)
		took[i] = (at[i + 1] - at[i]) * 1e6;
	return ret;
}

static void measure(int device, int edu, unsigned int nr, struct figures *figures)
{
	double took[STEPS];

	for (int i = 0; i < REPEAT && !figures->refused; i++) {
		figures->refused = measure_once(device, edu, nr, took);
		for (int step = 0; step < STEPS; step++)
			figures->took[step][figures->nr] = took[step];
		figures->nr += !figures->refused;
	}
}

static void print(const char *route, const char *driver, unsigned int nr,
		  struct figures *figures)
{
	double total = 0;

	if (figures->refused) {
		printf("%s.%s.%u.refused %d\n", route, driver, nr, -figures->refused);
		return;
	}
	for (int step = 0; step < STEPS; step++) {
		double m = median(figures->took[step], figures->nr);

		printf("%s.%s.%u.%s %.1f\n", route, driver, nr, step_names[step], m);
		total += m;
	}
	printf("%s.%s.%u.total %.1f\n", route, driver, nr, total);
}

static void compare_drivers(const char *route, const char *mem, const char *edu_id)
{
	static const unsigned int ranges[2] = { 1, MANY };
	static struct figures figures[2][2];
	int container = vfio_container(), edu = edu_open(edu_id), device;

	for (int turn = 0; turn < TURNS; turn++) {
		for (int d = 0; d < 2; d++) {
			device = vfio_open(container, mem, drivers[d].driver);
			for (int r = 0; r < 2; r++)
				measure(device, edu, ranges[r], &figures[d][r]);
			close(device);
		}
	}
	for (int d = 0; d < 2; d++)
		for (int r = 0; r < 2; r++)
			print(route, drivers[d].name, ranges[r], &figures[d][r]);
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
