// SPDX-License-Identifier: GPL-2.0
/*
 * Devices used through their own node and iommufd, where the kernel has those: exporting
 * works as ever, importing is for containers and says so.
 */
#include <fcntl.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "vfio.h"

#define MEM	"rp-mem"
#define START	(128 * 1024ULL)
#define SIZE	(64 * 1024ULL)

static int iommufd_open(void)
{
	module_load("iommufd");
	return open("/dev/iommu", O_RDWR | O_CLOEXEC);
}

TEST(device_node_exports_and_does_not_import)
{
	int iommufd = iommufd_open(), container = vfio_container(), device, fd;
	struct peerbuf_vfio_ioc_info info;
	struct peerbuf_error error;
	struct vfio_edu edu;

	vfio_prepare(MEM, VFIO_VARIANT);
	device = peerbuf_vfio_open_cdev(iommufd, lab_where(MEM));
	if (iommufd < 0) {
		/* Nothing to bind to, and no such node either. */
		check(device < 0);
		return;
	}
	check(device >= 0);
	check_ok(peerbuf_vfio_command(device, 0, 2));
	check_ok(peerbuf_vfio_info(device, &info, NULL));
	check(info.flags & PEERBUF_VFIO_INFO_F_EXPORT);
	check(!(info.flags & PEERBUF_VFIO_INFO_F_IMPORT));
	check_eq(info.reason, PEERBUF_REASON_IOMMUFD);
	fd = vfio_export_one(device, MEM_BAR, START, SIZE);
	check_fails(peerbuf_vfio_map(device, fd, 0, SIZE, PEER_IOVA, PEERBUF_VFIO_MAP_F_READ, -1,
				     NULL, &error), EOPNOTSUPP);
	check_eq(error.reason, PEERBUF_REASON_IOMMUFD);
	/* For a device in a container it is a buffer like any other. */
	vfio_edu_open(&edu, container, "rp-edu");
	check_ok(peerbuf_vfio_map(edu.fd, fd, 0, SIZE, PEER_IOVA,
				  PEERBUF_VFIO_MAP_F_READ | PEERBUF_VFIO_MAP_F_WRITE, -1, NULL,
				  NULL));
	vfio_edu_write(&edu, PEER_IOVA, 1000, 1);
	check(vfio_edu_reads(&edu, PEER_IOVA, 1000, 1));
	close(device);
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_DEAD);
}
