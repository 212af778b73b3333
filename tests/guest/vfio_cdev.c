// SPDX-License-Identifier: GPL-2.0
/*
 * Devices used by their own nodes and iommufd, where the kernel has those: exporting works
 * as ever, importing is for containers and says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "iommufd.h"
#include "lab.h"
#include "vfio.h"

#define EDU	"rp-edu"
#define MEM	"rp-mem"
#define START	(32 * PAGE)
#define SIZE	(16 * PAGE)
#define LENGTH	1000
#define READ	PEERBUF_VFIO_MAP_F_READ
#define ACCESS	(READ | PEERBUF_VFIO_MAP_F_WRITE)

/* <linux/vfio.h> has it since Linux 6.6. */
#ifndef VFIO_DEVICE_ATTACH_IOMMUFD_PT
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT	_IO(VFIO_TYPE, VFIO_BASE + 19)

struct vfio_device_attach_iommufd_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
};
#endif

/* iommufd wants the administrator's word on unremapped interrupts for itself. */
static int iommufd_open(void)
{
	sysfs_write("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "1");
	return open("/dev/iommu", O_RDWR | O_CLOEXEC);
}

static int node_device(int iommufd, const char *id)
{
	int device;

	vfio_prepare(id, VFIO_VARIANT);
	device = peerbuf_vfio_open_cdev(iommufd, lab_where(id));
	if (device < 0)
		fail("%s by its own node: %s", id, strerror(-device));
	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
	return device;
}

/* An address space of iommufd's. */
static __u32 ioas_alloc(int iommufd)
{
	struct ioas_alloc alloc = { .size = sizeof(alloc) };

	check_sys(ioctl(iommufd, IOAS_ALLOC, &alloc));
	return alloc.ioas;
}

static void attach(int device, __u32 ioas)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach), .pt_id = ioas,
	};

	check_sys(ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
}

static __u8 *ram_map(int iommufd, __u32 ioas)
{
	__u8 *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct ioas_map map = {
		.size = sizeof(map),
		.flags = IOAS_FIXED | IOAS_READ | IOAS_WRITE,
		.ioas = ioas, .address = (unsigned long)ram, .length = RAM_SIZE,
		.iova = RAM_IOVA,
	};

	check(ram != MAP_FAILED);
	check_sys(ioctl(iommufd, IOAS_MAP, &map));
	return ram;
}

TEST(device_node_exports, .timeout = 90)
{
	int iommufd = check_sys(iommufd_open()), device = node_device(iommufd, MEM), fd;
	struct vfio_edu edu;
	__u8 data[LENGTH];

	check_ok(peerbuf_vfio_can_export(device));
	fd = vfio_export_one(device, MEM_BAR, START, SIZE);
	/* For a device in a container it is a buffer like any other. */
	vfio_edu_open(&edu, vfio_container(), EDU);
	check_ok(peerbuf_vfio_map(edu.fd, fd, 0, SIZE, PEER_IOVA, ACCESS, -1, NULL, NULL));
	vfio_edu_write(&edu, PEER_IOVA, LENGTH, 1);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 1));
	lab_host_read(MEM, START, data, sizeof(data));
	check(pattern_matches(data, sizeof(data), 1));
	check_ok(peerbuf_vfio_reset(device));
	check_ok(peerbuf_vfio_command(device, 0, PCI_COMMAND_MEMORY));
	vfio_mapped(edu.fd, PEER_IOVA);
	check(vfio_edu_reads(&edu, PEER_IOVA, LENGTH, 1));
	close(device);
	check_eq(vfio_state(edu.fd, PEER_IOVA), PEERBUF_VFIO_STATE_DEAD);
}

/* Bound to iommufd, and then attached to an address space: neither is a container. */
TEST(device_node_does_not_import)
{
	int iommufd = check_sys(iommufd_open()), mem = node_device(iommufd, MEM), fd;
	struct peerbuf_vfio_ioc_info info;
	struct peerbuf_error error;
	struct vfio_edu edu = { .fd = node_device(iommufd, EDU) };
	__u32 ioas = ioas_alloc(iommufd);

	fd = vfio_export_one(mem, MEM_BAR, START, SIZE);
	for (int attached = 0; attached < 2; attached++) {
		check_ok(peerbuf_vfio_info(edu.fd, &info, NULL));
		check(info.flags & PEERBUF_VFIO_INFO_F_EXPORT);
		check(!(info.flags & PEERBUF_VFIO_INFO_F_IMPORT));
		check_eq(info.reason, PEERBUF_REASON_IOMMUFD);
		check_fails(peerbuf_vfio_map(edu.fd, fd, 0, SIZE, PEER_IOVA, READ, -1, NULL,
					     &error), EOPNOTSUPP);
		check_eq(error.reason, PEERBUF_REASON_IOMMUFD);
		check_fails(peerbuf_vfio_unmap(edu.fd, PEER_IOVA, SIZE, NULL), ENOENT);
		if (!attached)
			attach(edu.fd, ioas);
	}
	/* In that space it works as with any driver. */
	edu.ram = ram_map(iommufd, ioas);
	edu.regs = vfio_region_map(edu.fd, 0, NULL);
	vfio_edu_write(&edu, RAM_IOVA + SIZE, LENGTH, 2);
	check(pattern_matches(edu.ram + SIZE, LENGTH, 2));
}

/* iommufd has a call of its own for that, and takes the stock driver's buffers only. */
TEST(iommufd_does_not_map_our_exports)
{
	int iommufd = check_sys(iommufd_open()), mem = node_device(iommufd, MEM);
	struct ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOAS_FIXED | IOAS_READ,
		.ioas = ioas_alloc(iommufd),
		.fd = vfio_export_one(mem, MEM_BAR, START, SIZE),
		.length = SIZE, .iova = PEER_IOVA,
	};

	attach(node_device(iommufd, EDU), map.ioas);
	check_eq(ioctl(iommufd, IOAS_MAP_FILE, &map), -1);
	check_eq(errno, EHOSTUNREACH);
}

/* Where the kernel has no such nodes the library says so. */
TEST(no_nodes_no_device)
{
	vfio_prepare(MEM, VFIO_VARIANT);
	check_eq(iommufd_open(), -1);
	check_fails(peerbuf_vfio_open_cdev(-1, lab_where(MEM)), ENOENT);
	check_fails(peerbuf_vfio_open_cdev(-1, "nonsense"), EINVAL);
}
