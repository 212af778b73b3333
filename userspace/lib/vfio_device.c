// SPDX-License-Identifier: LGPL-2.1-or-later
/* A VFIO device's registers, its reset, and its BARs as dma-bufs. */
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <peerbuf_vfio.h>

#include "internal.h"

int peerbuf_vfio_region(int device, unsigned int index, struct peerbuf_vfio_region *region)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };
	int ret = KEEP_ERRNO(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info));

	if (ret)
		return ret;
	*region = (struct peerbuf_vfio_region) {
		.size = info.size,
		.offset = info.offset,
		.flags = info.flags,
	};
	return 0;
}

int peerbuf_vfio_command(int device, uint16_t clear, uint16_t set)
{
	struct peerbuf_vfio_region config;
	uint16_t command;
	off_t place;
	ssize_t n;
	int ret;

	ret = peerbuf_vfio_region(device, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (ret)
		return ret;
	place = config.offset + PCI_COMMAND;
	n = KEEP_ERRNO(pread(device, &command, sizeof(command), place));
	if (n != sizeof(command))
		return n < 0 ? n : -EIO;
	command = htole16((le16toh(command) & ~clear) | set);
	n = KEEP_ERRNO(pwrite(device, &command, sizeof(command), place));
	if (n != sizeof(command))
		return n < 0 ? n : -EIO;
	return 0;
}

int peerbuf_vfio_reset(int device)
{
	return KEEP_ERRNO(ioctl(device, VFIO_DEVICE_RESET));
}

int peerbuf_vfio_can_export(int device)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF,
	};

	return KEEP_ERRNO(ioctl(device, VFIO_DEVICE_FEATURE, &feature));
}

int peerbuf_vfio_export(int device, unsigned int bar, const struct vfio_region_dma_range *ranges,
			size_t nr_ranges, int open_flags)
{
	size_t length = nr_ranges * sizeof(*ranges);
	struct vfio_device_feature_dma_buf *request;
	struct vfio_device_feature *feature;
	int before = errno, ret;

	/* The field is 32 bits wide: a larger count would be cut to a small one. */
	if (nr_ranges > (UINT32_MAX - sizeof(*feature) - sizeof(*request)) / sizeof(*ranges))
		return -ENOMEM;
	feature = calloc(1, sizeof(*feature) + sizeof(*request) + length);
	if (!feature) {
		errno = before;
		return -ENOMEM;
	}
	feature->argsz = sizeof(*feature) + sizeof(*request) + length;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	request = (void *)feature->data;
	request->region_index = bar;
	request->open_flags = open_flags;
	request->nr_ranges = nr_ranges;
	if (length)
		memcpy(request->dma_ranges, ranges, length);
	ret = KEEP_ERRNO(ioctl(device, VFIO_DEVICE_FEATURE, feature));
	free(feature);
	return ret;
}

int peerbuf_vfio_export_bar(int device, unsigned int bar, int open_flags)
{
	struct peerbuf_vfio_region region;
	struct vfio_region_dma_range range = { 0 };
	int ret;

	if (bar > VFIO_PCI_BAR5_REGION_INDEX)
		return -ENODEV;
	ret = peerbuf_vfio_region(device, bar, &region);
	if (ret)
		return ret;
	range.length = region.size;
	return peerbuf_vfio_export(device, bar, &range, 1, open_flags);
}

int peerbuf_vfio_map_memory(int container, void *address, size_t length, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)address,
		.iova = iova,
		.size = length,
	};

	return KEEP_ERRNO(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
}

int peerbuf_vfio_unmap_memory(int container, size_t length, uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};
	int ret = KEEP_ERRNO(ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap));

	if (ret)
		return ret;
	/* If nothing is mapped there, the kernel reports no error, but this call does. */
	return unmap.size == length ? 0 : -ENOENT;
}
