// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VFIO calls promise without a VFIO device: they return -errno, leave errno alone,
 * and fill errors. tests/guest tests real devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <peerbuf_vfio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define MAGIC_ERRNO	4711
/* A domain that no machine has. */
#define NOWHERE		"fffffff0:ff:1f.7"

static void opening(void)
{
	errno = MAGIC_ERRNO;
	CHECK_INT(peerbuf_vfio_open_group(-1, "no address"), -EINVAL);
	CHECK_INT(peerbuf_vfio_open_group(-1, NOWHERE), -ENODEV);
	CHECK_INT(peerbuf_vfio_open(-1, NOWHERE), -ENODEV);
	CHECK_INT(peerbuf_vfio_open_device(-1, "no address"), -EINVAL);
	CHECK_INT(peerbuf_vfio_open_device(-1, NOWHERE), -EBADF);
	CHECK_INT(peerbuf_vfio_open_cdev(-1, "no address"), -EINVAL);
	CHECK_INT(peerbuf_vfio_open_cdev(-1, NOWHERE), -ENOENT);
	CHECK_INT(errno, MAGIC_ERRNO);
}

static void not_a_device(int fd, int want)
{
	struct vfio_region_dma_range range = { .length = 4096 };
	struct peerbuf_route route = { .type = 9 };
	struct peerbuf_error error = { .reason = 9 };
	struct peerbuf_vfio_ioc_query query;
	struct peerbuf_vfio_region region;
	struct peerbuf_vfio_ioc_info info;

	errno = MAGIC_ERRNO;
	CHECK_INT(peerbuf_vfio_region(fd, 0, &region), want);
	CHECK_INT(peerbuf_vfio_command(fd, 0, 0), want);
	CHECK_INT(peerbuf_vfio_reset(fd), want);
	CHECK_INT(peerbuf_vfio_can_export(fd), want);
	CHECK_INT(peerbuf_vfio_export(fd, 0, &range, 1, O_RDWR), want);
	CHECK_INT(peerbuf_vfio_export(fd, 0, NULL, 0, O_RDWR), want);
	CHECK_INT(peerbuf_vfio_export_bar(fd, 0, O_RDWR), want);
	CHECK_INT(peerbuf_vfio_map_memory(fd, &range, 4096, 0), want);
	CHECK_INT(peerbuf_vfio_unmap_memory(fd, 4096, 0), want);
	CHECK_INT(peerbuf_vfio_info(fd, &info, &error), want);
	CHECK_INT(error.error, want);
	CHECK_INT(error.reason, PEERBUF_REASON_NONE);
	CHECK_INT(peerbuf_vfio_map(fd, 0, 0, 4096, 0, PEERBUF_VFIO_MAP_F_READ, -1, &route, &error),
		  want);
	CHECK_INT(route.type, PEERBUF_ROUTE_NOT_SUPPORTED);
	CHECK_INT(peerbuf_vfio_unmap(fd, 0, 4096, NULL), want);
	CHECK_INT(peerbuf_vfio_query(fd, 0, 0, &query, NULL), want);
	CHECK_INT(errno, MAGIC_ERRNO);
}

static void judged_here(int fd)
{
	/* A count that would be 1 when cut to 32 bits. */
	CHECK_INT(peerbuf_vfio_export(fd, 0, NULL, (1ULL << 32) + 1, O_RDWR), -ENOMEM);
	CHECK_INT(peerbuf_vfio_export_bar(fd, 6, O_RDWR), -ENODEV);
}

static void names(void)
{
	CHECK(!strcmp(peerbuf_vfio_state_name(PEERBUF_VFIO_STATE_MAPPED), "MAPPED"));
	CHECK(!strcmp(peerbuf_vfio_state_name(PEERBUF_VFIO_STATE_FAILED), "FAILED"));
	CHECK(!strcmp(peerbuf_vfio_state_name(0), "UNKNOWN"));
	CHECK(!strcmp(peerbuf_vfio_state_name(~0U), "UNKNOWN"));
}

int main(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	opening();
	not_a_device(null, -ENOTTY);
	not_a_device(-1, -EBADF);
	judged_here(null);
	names();
	close(null);
	return check_result();
}
