// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opens a VFIO device by its PCI address: through container and group, or by its own node. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <peerbuf_vfio.h>

#include "internal.h"

#define DEVICES	"/sys/bus/pci/devices/"

/* Not in <linux/vfio.h> before Linux 6.6. */
#ifndef VFIO_DEVICE_BIND_IOMMUFD
#define VFIO_DEVICE_BIND_IOMMUFD	_IO(VFIO_TYPE, VFIO_BASE + 18)

struct vfio_device_bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
};
#endif

static int call(int fd, unsigned long request, const void *arg)
{
	return KEEP_ERRNO(ioctl(fd, request, arg));
}

/* Close @fd after a failed call, and return that call's error. */
static int close_failed(int fd, int ret)
{
	peerbuf_close(fd);
	return ret;
}

/* Writes the address in its full form, "0000:01:00.0". */
static int canonical(const char *bdf, char *text)
{
	uint64_t addr;

	if (peerbuf_addr_parse(bdf, &addr) ||
	    peerbuf_addr_format(addr, text, PEERBUF_ADDR_LEN) < 0)
		return -EINVAL;
	return 0;
}

/* Finds the number of the device's IOMMU group. */
static int group_number(const char *bdf, unsigned int *number)
{
	char path[sizeof(DEVICES) + PEERBUF_ADDR_LEN + 16], target[PATH_MAX], *last;
	char name[PEERBUF_ADDR_LEN];
	ssize_t length;
	int ret;

	ret = canonical(bdf, name);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), DEVICES "%s", name);
	if (KEEP_ERRNO(access(path, F_OK)))
		return -ENODEV;
	strcat(path, "/iommu_group");
	length = KEEP_ERRNO(readlink(path, target, sizeof(target) - 1));
	if (length < 0)
		return -EOPNOTSUPP;
	target[length] = '\0';
	last = strrchr(target, '/');
	if (!last || sscanf(last, "/%u", number) != 1)
		return -EOPNOTSUPP;
	return 0;
}

int peerbuf_vfio_open_container(void)
{
	int fd = KEEP_ERRNO(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));

	if (fd < 0)
		return fd;
	if (call(fd, VFIO_GET_API_VERSION, NULL) != VFIO_API_VERSION ||
	    call(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU) <= 0)
		return close_failed(fd, -EOPNOTSUPP);
	return fd;
}

static bool container_is_enabled(int container)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	return !call(container, VFIO_IOMMU_GET_INFO, &info);
}

/*
 * The container gets its IOMMU with its first group. A container that has one reports that
 * extension, and refuses to set another. If two threads add the first groups, both may find it
 * without an IOMMU: the one that is refused checks again.
 */
static int container_enable(int container)
{
	int ret;

	if (container_is_enabled(container))
		return 0;
	ret = call(container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	return ret && container_is_enabled(container) ? 0 : ret;
}

int peerbuf_vfio_open_group(int container, const char *bdf)
{
	unsigned int number;
	char path[32];
	int fd, ret;

	ret = group_number(bdf, &number);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/dev/vfio/%u", number);
	fd = KEEP_ERRNO(open(path, O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return fd;
	ret = call(fd, VFIO_GROUP_SET_CONTAINER, &container);
	if (!ret)
		ret = container_enable(container);
	/* Closing the group takes it out of the container. */
	return ret < 0 ? close_failed(fd, ret) : fd;
}

int peerbuf_vfio_open_device(int group, const char *bdf)
{
	char name[PEERBUF_ADDR_LEN];
	int ret = canonical(bdf, name);

	return ret ? ret : call(group, VFIO_GROUP_GET_DEVICE_FD, name);
}

int peerbuf_vfio_open(int container, const char *bdf)
{
	int group = peerbuf_vfio_open_group(container, bdf), device;

	if (group < 0)
		return group;
	/* The device keeps its group open, and the group keeps the container. */
	device = peerbuf_vfio_open_device(group, bdf);
	peerbuf_close(group);
	return device;
}

/* Finds the name of the device's own node, "vfio0". */
static int cdev_name(const char *bdf, char *name, size_t size)
{
	char path[sizeof(DEVICES) + PEERBUF_ADDR_LEN + 16], address[PEERBUF_ADDR_LEN];
	struct dirent *entry;
	DIR *dir;
	int ret;

	ret = canonical(bdf, address);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), DEVICES "%s/vfio-dev", address);
	dir = opendir(path);
	if (!dir)
		return -errno;
	ret = -ENOENT;
	while (ret && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(name, size, "%s", entry->d_name);
		ret = 0;
	}
	closedir(dir);
	return ret;
}

int peerbuf_vfio_open_cdev(int iommufd, const char *bdf)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	char name[NAME_MAX + 1], path[NAME_MAX + 32];
	int before = errno, fd, ret;

	ret = cdev_name(bdf, name, sizeof(name));
	errno = before;
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	fd = KEEP_ERRNO(open(path, O_RDWR | O_CLOEXEC));
	if (fd < 0)
		return fd;
	ret = call(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	return ret ? close_failed(fd, ret) : fd;
}
