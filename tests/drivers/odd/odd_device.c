// SPDX-License-Identifier: GPL-2.0
/*
 * PCI functions that lend their BARs.
 *
 * A function is bound to this driver by its driver_override. When it goes, the buffers that lie
 * in a BAR of it are revoked, and remove() waits a while for their last mapping.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "odd.h"

/* How long remove() waits for importers. */
#define ODD_REMOVE_MS	10000

/* The list of all devices, and their lists of buffers. Outside of all other locks. */
static DEFINE_MUTEX(odd_devices_lock);
static LIST_HEAD(odd_devices);

static void odd_device_free(struct kref *ref)
{
	kfree(container_of(ref, struct odd_device, ref));
}

void odd_device_put(struct odd_device *device)
{
	kref_put(&device->ref, odd_device_free);
}

/* With a reference, or NULL. */
struct odd_device *odd_device_get(u32 addr)
{
	struct odd_device *device, *found = NULL;

	mutex_lock(&odd_devices_lock);
	list_for_each_entry(device, &odd_devices, all) {
		if ((pci_domain_nr(device->pdev->bus) << 16 | pci_dev_id(device->pdev)) != addr)
			continue;
		kref_get(&device->ref);
		found = device;
		break;
	}
	mutex_unlock(&odd_devices_lock);
	return found;
}

/* Where the slots are. -ENODEV: the device went meanwhile. */
int odd_device_slots(struct odd_device *device, const struct odd_export *req, phys_addr_t *base)
{
	u64 need, end;
	int ret = 0;

	if (req->bar >= PCI_STD_NUM_BARS || req->slots > BITS_PER_LONG ||
	    !PAGE_ALIGNED(req->offset))
		return -EINVAL;
	mutex_lock(&odd_devices_lock);
	if (device->gone)
		ret = -ENODEV;
	else if (!(pci_resource_flags(device->pdev, req->bar) & IORESOURCE_MEM))
		ret = -EINVAL;
	else if (check_mul_overflow(req->length, (u64)req->slots, &need) ||
		 check_add_overflow(req->offset, need, &end) ||
		 end > pci_resource_len(device->pdev, req->bar))
		ret = -ERANGE;
	else
		*base = pci_resource_start(device->pdev, req->bar) + req->offset;
	mutex_unlock(&odd_devices_lock);
	return ret;
}

void odd_device_link(struct odd_buffer *buffer)
{
	mutex_lock(&odd_devices_lock);
	list_add(&buffer->link, &buffer->device->buffers);
	mutex_unlock(&odd_devices_lock);
}

/* From here on remove() does not know the buffer. */
void odd_device_unlink(struct odd_buffer *buffer)
{
	mutex_lock(&odd_devices_lock);
	list_del(&buffer->link);
	mutex_unlock(&odd_devices_lock);
}

static int odd_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct odd_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	int ret;

	if (!device)
		return -ENOMEM;
	kref_init(&device->ref);
	INIT_LIST_HEAD(&device->buffers);
	device->pdev = pdev;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto err_put;
	ret = pci_request_mem_regions(pdev, "odd_exporter");
	if (ret)
		goto err_disable;
	pci_set_drvdata(pdev, device);
	mutex_lock(&odd_devices_lock);
	list_add(&device->all, &odd_devices);
	mutex_unlock(&odd_devices_lock);
	return 0;

err_disable:
	pci_disable_device(pdev);
err_put:
	odd_device_put(device);
	return ret;
}

/* Has somebody mapped memory of the BAR? */
static bool odd_buffer_in_use(struct odd_buffer *buffer)
{
	struct odd_mapping *mapping;
	bool used = false;

	dma_resv_lock(buffer->dmabuf->resv, NULL);
	list_for_each_entry(mapping, &buffer->mappings, node)
		used |= mapping->place->kind == ODD_IN_BAR;
	dma_resv_unlock(buffer->dmabuf->resv);
	return used;
}

static bool odd_device_in_use(struct odd_device *device)
{
	struct odd_buffer *buffer;

	lockdep_assert_held(&odd_devices_lock);
	list_for_each_entry(buffer, &device->buffers, link)
		if (odd_buffer_in_use(buffer))
			return true;
	return false;
}

/* Nobody has a place in the BAR from here on. A buffer's release waits for the lock. */
static void odd_device_revoke(struct odd_device *device)
{
	struct odd_buffer *buffer;

	lockdep_assert_held(&odd_devices_lock);
	device->gone = true;
	list_for_each_entry(buffer, &device->buffers, link) {
		dma_resv_lock(buffer->dmabuf->resv, NULL);
		if (buffer->kind == ODD_IN_BAR && !buffer->revoked)
			odd_revoke(buffer, true);
		dma_resv_unlock(buffer->dmabuf->resv);
	}
}

static void odd_remove(struct pci_dev *pdev)
{
	struct odd_device *device = pci_get_drvdata(pdev);
	unsigned int waited;

	mutex_lock(&odd_devices_lock);
	list_del(&device->all);
	odd_device_revoke(device);
	for (waited = 0; odd_device_in_use(device) && waited < ODD_REMOVE_MS; waited += 20)
		msleep(20);
	if (waited >= ODD_REMOVE_MS)
		pci_notice(pdev, "goes with a BAR that is still mapped\n");
	mutex_unlock(&odd_devices_lock);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
	odd_device_put(device);
}

/* No ids: only functions whose driver_override names it. */
static struct pci_driver odd_driver = {
	.name = "odd_exporter",
	.probe = odd_probe,
	.remove = odd_remove,
};

int odd_device_init(void)
{
	return pci_register_driver(&odd_driver);
}

void odd_device_exit(void)
{
	pci_unregister_driver(&odd_driver);
}
