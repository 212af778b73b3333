// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the namespace behind a block device, or why it is not supported.
 *
 * nvme-core has little interface for other modules. This file uses fields of the block layer and of
 * the driver core, and the names that nvme-core gives to its class and its disks, which are visible
 * in sysfs.
 */
#include <linux/blk-integrity.h>
#include <linux/blk-mq.h>
#include <linux/device/class.h>
#include <linux/nvme_ioctl.h>

#include "internal.h"

#define PEERBUF_NVME_CLASS	"nvme"
#define PEERBUF_NVME_SUBSYSTEM	"nvme-subsystem"

static bool peerbuf_nvme_in_class(const struct device *dev, const char *name)
{
	return dev && dev->class && !strcmp(dev->class->name, name);
}

/* The controller's PCI function if @dev is what nvme-core makes for one, or NULL. */
static struct pci_dev *peerbuf_nvme_function(struct device *dev)
{
	if (!peerbuf_nvme_in_class(dev, PEERBUF_NVME_CLASS))
		return NULL;
	if (!dev->parent || !dev_is_pci(dev->parent))
		return NULL;
	return to_pci_dev(dev->parent);
}

/**
 * struct peerbuf_nvme_search - a search for the paths of a multipath head
 * @subsystem: number of the head's subsystem
 * @head: number of the head
 * @path: the first path found; a reference to its device is held
 * @pdev: the function of that path's controller; reference held
 * @found: number of paths found
 */
struct peerbuf_nvme_search {
	unsigned int subsystem;
	unsigned int head;
	struct gendisk *path;
	struct pci_dev *pdev;
	u32 found;
};

/* A path to namespace n of subsystem s by controller c is nvme<s>c<c>n<n>. */
static int peerbuf_nvme_look_at_disk(struct device *dev, void *data)
{
	struct peerbuf_nvme_search *search = data;
	unsigned int subsystem, controller, head;
	char end;

	if (sscanf(dev_name(dev), "nvme%uc%un%u%c", &subsystem, &controller, &head, &end) != 3 ||
	    subsystem != search->subsystem || head != search->head)
		return 0;
	if (!search->found++) {
		get_device(dev);
		search->path = dev_to_disk(dev);
		search->pdev = pci_dev_get(to_pci_dev(dev->parent->parent));
	}
	return 0;
}

static int peerbuf_nvme_look_at_child(struct device *dev, void *data)
{
	if (peerbuf_nvme_function(dev))
		device_for_each_child(dev, data, peerbuf_nvme_look_at_disk);
	return 0;
}

/* Finds the only path of a head. Paths through other transports than PCI are ignored. */
static int peerbuf_nvme_find_path(struct peerbuf_nvme_namespace *ns, struct gendisk *disk,
				  u32 *reason)
{
	struct peerbuf_nvme_search search = {};
	struct pci_dev *pdev = NULL;

	*reason = PEERBUF_REASON_NOT_NVME;
	if (sscanf(disk->disk_name, "nvme%un%u", &search.subsystem, &search.head) != 2)
		return -EOPNOTSUPP;
	while ((pdev = pci_get_class(PCI_CLASS_STORAGE_EXPRESS, pdev)))
		device_for_each_child(&pdev->dev, &search, peerbuf_nvme_look_at_child);
	ns->path = search.path;
	ns->pdev = search.pdev;
	if (search.found == 1)
		return 0;
	if (search.found)
		*reason = PEERBUF_REASON_MULTIPATH;
	return -EOPNOTSUPP;
}

static int peerbuf_nvme_find_disk(struct peerbuf_nvme_namespace *ns, u32 *reason)
{
	struct gendisk *disk = ns->bdev->bd_disk;
	struct device *parent = disk_to_dev(disk)->parent;
	struct pci_dev *pdev;

	if (peerbuf_nvme_in_class(parent, PEERBUF_NVME_SUBSYSTEM))
		return peerbuf_nvme_find_path(ns, disk, reason);
	pdev = peerbuf_nvme_function(parent);
	if (!pdev) {
		*reason = PEERBUF_REASON_NOT_NVME;
		return -EOPNOTSUPP;
	}
	get_device(disk_to_dev(disk));
	ns->path = disk;
	ns->pdev = pci_dev_get(pdev);
	return 0;
}

static int peerbuf_nvme_check_queue(struct peerbuf_nvme_namespace *ns, bool write, u32 *reason)
{
	*reason = PEERBUF_REASON_NOT_NVME;
	if (!queue_is_mq(ns->queue))
		return -EOPNOTSUPP;
	*reason = PEERBUF_REASON_METADATA;
	if (blk_get_integrity(ns->path) || bdev_get_integrity(ns->bdev))
		return -EOPNOTSUPP;
	*reason = PEERBUF_REASON_ZONED;
	if (write && bdev_is_zoned(ns->bdev))
		return -EOPNOTSUPP;
	return 0;
}

/* A multiple of a page, so that what follows a command of full size begins at a page, too. */
static u32 peerbuf_nvme_most(const struct peerbuf_nvme_namespace *ns)
{
	u64 most = (u64)queue_max_hw_sectors(ns->queue) << SECTOR_SHIFT;

	most = min_t(u64, most, PEERBUF_NVME_PRPS * PEERBUF_NVME_PAGE);
	/* The command has 16 bits for the number of blocks less one. */
	most = min_t(u64, most, (u64)U16_MAX * ns->block);
	return max(rounddown(most, max(ns->block, PEERBUF_NVME_PAGE)), ns->block);
}

static int peerbuf_nvme_ask_nsid(struct peerbuf_nvme_namespace *ns, u32 *reason)
{
	const struct block_device_operations *fops = ns->bdev->bd_disk->fops;
	int nsid = fops->ioctl ? fops->ioctl(ns->bdev, 0, NVME_IOCTL_ID, 0) : -ENOTTY;

	if (nsid > 0) {
		ns->nsid = nsid;
		return 0;
	}
	*reason = PEERBUF_REASON_CONTROLLER_GONE;
	return -ENODEV;
}

/*
 * The caller holds @bdev open, and after success calls peerbuf_nvme_namespace_put() before it
 * closes it. May sleep. Returns 0, -EOPNOTSUPP: it is not supported, or -ENODEV: its controller
 * is gone.
 */
int peerbuf_nvme_namespace_get(struct peerbuf_nvme_namespace *ns, struct block_device *bdev,
			       bool write, u32 *reason)
{
	int ret;

	*ns = (struct peerbuf_nvme_namespace){ .bdev = bdev };
	ret = peerbuf_nvme_find_disk(ns, reason);
	if (!ret) {
		ns->queue = ns->path->queue;
		ret = peerbuf_nvme_check_queue(ns, write, reason);
	}
	if (!ret)
		ret = peerbuf_nvme_ask_nsid(ns, reason);
	/* nvme-core sets the size of a dead disk to zero, so check this first. */
	if (!ret && test_bit(GD_DEAD, &ns->path->state)) {
		*reason = PEERBUF_REASON_CONTROLLER_GONE;
		ret = -ENODEV;
	}
	if (ret) {
		peerbuf_nvme_namespace_put(ns);
		return ret;
	}
	*reason = PEERBUF_REASON_NONE;
	ns->block = bdev_logical_block_size(bdev);
	ns->start = (u64)get_start_sect(bdev) << SECTOR_SHIFT;
	ns->size = bdev_nr_bytes(bdev);
	ns->most = peerbuf_nvme_most(ns);
	ns->chunk = ns->queue->limits.chunk_sectors << SECTOR_SHIFT;
	ns->dma_mask = queue_dma_alignment(ns->queue) | 3;
	return 0;
}

/*
 * Is that still a part of the block device, in blocks of the size it had? The block layer asks for
 * each request, as a partition can be made smaller and a drive formatted while it is open; of what
 * we send it knows nothing. Blocks of a file are where the file system's own tables say.
 */
bool peerbuf_nvme_has(const struct peerbuf_nvme_namespace *ns, u64 where, u32 len)
{
	u64 size = bdev_nr_bytes(ns->bdev);

	return where >= ns->start && where - ns->start <= size &&
	       len <= size - (where - ns->start) &&
	       queue_logical_block_size(ns->queue) == ns->block && !blk_get_integrity(ns->path);
}

void peerbuf_nvme_namespace_put(struct peerbuf_nvme_namespace *ns)
{
	if (ns->path)
		put_device(disk_to_dev(ns->path));
	pci_dev_put(ns->pdev);
}
