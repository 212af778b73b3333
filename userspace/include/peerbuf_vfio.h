/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf: PCI devices used through VFIO, and access between their BARs.
 *
 * The conventions are those of <peerbuf.h>: a negative errno on failure, errno left
 * alone, plain descriptors made close-on-exec, no state kept between calls.
 *
 * @container is a descriptor from peerbuf_vfio_open_container(), @group one from
 * peerbuf_vfio_open_group(), @device one from peerbuf_vfio_open_device(),
 * peerbuf_vfio_open() or peerbuf_vfio_open_cdev(), or one that the program got from
 * VFIO itself. "Using peerbuf with VFIO" in the documentation explains all of it;
 * structures, constants and the errno values of the kernel are in <linux/vfio.h> and
 * <linux/peerbuf_vfio.h>.
 */
#ifndef LIBPEERBUF_VFIO_H
#define LIBPEERBUF_VFIO_H

#include <linux/vfio.h>
#include <linux/peerbuf_vfio.h>
#include <peerbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct peerbuf_vfio_region - a region of a VFIO device
 * @size: bytes, 0 if there is none
 * @offset: its offset for pread(2), pwrite(2) and mmap(2) on the device
 * @flags: VFIO_REGION_INFO_FLAG_*
 */
struct peerbuf_vfio_region {
	uint64_t size;
	uint64_t offset;
	uint32_t flags;
	uint32_t reserved;
};

/* From an address to a device */

/**
 * peerbuf_vfio_open_container() - an IOVA space for devices
 *
 * Return: the container; -ENOENT VFIO is not loaded; -EACCES no permission;
 * -EOPNOTSUPP this library does not know this version of VFIO, or there is no type1 IOMMU.
 */
int peerbuf_vfio_open_container(void);

/**
 * peerbuf_vfio_open_group() - add a device's IOMMU group to a container
 * @container: the container
 * @bdf: PCI address of a device of that group, "0000:01:00.0" or "01:00.0"
 *
 * The container's IOMMU is set up with its first group.
 *
 * Return: the group; -EINVAL @bdf is not a PCI address; -ENODEV there is no such device;
 * -EOPNOTSUPP it is not behind an IOMMU; -ENOENT no device of the group is bound to a VFIO
 * driver; -EACCES no permission; -EBUSY the group is open, here or in another process;
 * -EPERM a device of the group is bound to a driver that is not VFIO's, or interrupts
 * are not remapped and the administrator did not allow that; or another errno of the kernel.
 */
int peerbuf_vfio_open_group(int container, const char *bdf);

/**
 * peerbuf_vfio_open_device() - open a device of a group
 * @group: the group, which may be closed afterwards
 * @bdf: PCI address of the device
 *
 * Return: the device; -EINVAL @bdf is not a PCI address; -ENODEV it is not in this group,
 * or not bound to a VFIO driver; or another errno of the kernel.
 */
int peerbuf_vfio_open_device(int group, const char *bdf);

/**
 * peerbuf_vfio_open() - open the group and the device, for a device that is alone in its group
 * @container: the container
 * @bdf: PCI address of the device
 *
 * Return: the device; otherwise as peerbuf_vfio_open_group() and
 * peerbuf_vfio_open_device().
 */
int peerbuf_vfio_open(int container, const char *bdf);

/**
 * peerbuf_vfio_open_cdev() - open a device by its own node, if the kernel has such nodes
 * @iommufd: /dev/iommu, opened O_RDWR
 * @bdf: PCI address of the device
 *
 * The device is bound to @iommufd, and not yet attached to an address space.
 * peerbuf_vfio_export() works with it; peerbuf_vfio_map() needs a container.
 *
 * Return: the device; -EINVAL @bdf is not a PCI address; -ENOENT it is not bound to a VFIO
 * driver, or the kernel has no such nodes; -EBUSY it is in use; or another errno of the kernel.
 */
int peerbuf_vfio_open_cdev(int iommufd, const char *bdf);

/* Devices */

/**
 * peerbuf_vfio_region() - size and place of a region
 * @device: the device
 * @index: VFIO_PCI_BAR0_REGION_INDEX…, VFIO_PCI_CONFIG_REGION_INDEX
 * @region: out
 *
 * Return: 0; -EINVAL no such region; -ENODEV the device is gone.
 */
int peerbuf_vfio_region(int device, unsigned int index, struct peerbuf_vfio_region *region);

/**
 * peerbuf_vfio_command() - change the device's PCI command register
 * @device: the device
 * @clear: bits to clear, PCI_COMMAND_* of <linux/pci_regs.h>
 * @set: bits to set after that
 *
 * A device starts without memory decode and bus mastering. Without memory decode
 * everything exported from it is revoked.
 *
 * Return: 0; -EIO; or another errno of pread(2) and pwrite(2).
 */
int peerbuf_vfio_command(int device, uint16_t clear, uint16_t set);

/**
 * peerbuf_vfio_reset() - reset a device
 * @device: the device
 *
 * What is exported from it is revoked during the reset.
 *
 * Return: 0; -EINVAL, -ENOTTY it cannot be reset alone; or another errno of the kernel.
 */
int peerbuf_vfio_reset(int device);

/**
 * peerbuf_vfio_map_memory() - map RAM of this process for devices
 * @container: the container
 * @address: its address in this process, page aligned
 * @length: bytes, page aligned
 * @iova: its address for the container's devices, page aligned
 *
 * Return: 0; -EEXIST RAM is mapped there; -EADDRINUSE a dma-buf is; -ENOMEM also if
 * the process may not lock so much memory; or another errno of the kernel.
 */
int peerbuf_vfio_map_memory(int container, void *address, size_t length, uint64_t iova);

/**
 * peerbuf_vfio_unmap_memory() - undo peerbuf_vfio_map_memory()
 * @container: the container
 * @length: bytes
 * @iova: first IOVA
 *
 * The range must not have a dma-buf mapped in it; unmap that first.
 *
 * Return: 0; -ENOENT less than @length was mapped there; or another errno of the kernel.
 */
int peerbuf_vfio_unmap_memory(int container, size_t length, uint64_t iova);

/* A BAR as a dma-buf */

/**
 * peerbuf_vfio_can_export() - does the device have VFIO_DEVICE_FEATURE_DMA_BUF?
 * @device: the device
 *
 * Return: 0; -ENOTTY it does not.
 */
int peerbuf_vfio_can_export(int device);

/**
 * peerbuf_vfio_export() - make a dma-buf of ranges of a BAR
 * @device: the device, bound to peerbuf-vfio-pci, or to vfio-pci of Linux 6.19 or later
 * @bar: 0..5
 * @ranges: the ranges, in the order they have in the buffer, page aligned
 * @nr_ranges: number of ranges
 * @open_flags: O_RDWR, O_RDONLY or O_WRONLY for the dma-buf's descriptor, and O_CLOEXEC
 *	if no child process is to inherit it
 *
 * Return: the dma-buf's descriptor; -ENODEV no such BAR, or the device is being
 * closed; -EINVAL no range, a range that is empty, not page aligned or past the BAR's end,
 * or the BAR is not memory; -EOVERFLOW; -ENOMEM; -ENOTTY, -EOPNOTSUPP the device cannot export.
 */
int peerbuf_vfio_export(int device, unsigned int bar, const struct vfio_region_dma_range *ranges,
			size_t nr_ranges, int open_flags);

/**
 * peerbuf_vfio_export_bar() - make a dma-buf of one whole BAR
 * @device: the device
 * @bar: 0..5
 * @open_flags: as peerbuf_vfio_export()
 *
 * Return: as peerbuf_vfio_export().
 */
int peerbuf_vfio_export_bar(int device, unsigned int bar, int open_flags);

/* A dma-buf in the IOVA space of a device */

/**
 * peerbuf_vfio_info() - what the device can do with dma-bufs
 * @device: the device, bound to peerbuf-vfio-pci
 * @info: out
 * @error: out, or NULL
 *
 * Return: 0; -ENOTTY it is bound to another driver.
 */
int peerbuf_vfio_info(int device, struct peerbuf_vfio_ioc_info *info, struct peerbuf_error *error);

/**
 * peerbuf_vfio_map() - map a dma-buf for a device
 * @device: the device, bound to peerbuf-vfio-pci
 * @dmabuf: the dma-buf, of another device's memory; it may be closed afterwards
 * @offset: first byte in the buffer, page aligned
 * @length: bytes, page aligned
 * @iova: its address for the device, page aligned
 * @access: PEERBUF_VFIO_MAP_F_READ, PEERBUF_VFIO_MAP_F_WRITE
 * @eventfd: signalled whenever the state of the mapping changes, or -1
 * @route: out, the route, or why there is none; may be NULL
 * @error: out, or NULL
 *
 * Return: 0, or -errno as PEERBUF_VFIO_IOC_MAP.
 */
int peerbuf_vfio_map(int device, int dmabuf, uint64_t offset, uint64_t length, uint64_t iova,
		     uint32_t access, int eventfd, struct peerbuf_route *route,
		     struct peerbuf_error *error);

/**
 * peerbuf_vfio_unmap() - undo peerbuf_vfio_map()
 * @device: the device it was made with
 * @iova: as passed to peerbuf_vfio_map()
 * @length: as passed to peerbuf_vfio_map()
 * @error: out, or NULL
 *
 * Return: 0: no DMA of the device reaches the memory by this mapping any more; -ENOENT there is
 * no such mapping; -EINVAL its length differs from @length.
 */
int peerbuf_vfio_unmap(int device, uint64_t iova, uint64_t length, struct peerbuf_error *error);

/**
 * peerbuf_vfio_query() - query a mapping
 * @device: the device it was made with
 * @iova: an address in it
 * @flags: PEERBUF_VFIO_QUERY_F_NEXT: if @iova is in none, the next one above
 * @query: out
 * @error: out, or NULL
 *
 * Return: 0; -ENOENT there is no such mapping.
 */
int peerbuf_vfio_query(int device, uint64_t iova, uint32_t flags,
		       struct peerbuf_vfio_ioc_query *query, struct peerbuf_error *error);

/**
 * peerbuf_vfio_state_name() - the name of a mapping's state, like "AWAY"
 * @state: PEERBUF_VFIO_STATE_*
 *
 * Return: never NULL; "UNKNOWN" for numbers this library does not know.
 */
const char *peerbuf_vfio_state_name(uint32_t state);

#ifdef __cplusplus
}
#endif

#endif /* LIBPEERBUF_VFIO_H */
