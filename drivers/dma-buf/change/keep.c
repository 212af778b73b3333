// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps BARs reserved that are still mapped after their driver has gone.
 *
 * An importer that was accepted although it cannot be revoked may keep its mapping for any time.
 * A driver's remove() cannot wait for that: its caller holds the device's lock, and perhaps the
 * lock of all hot-plugging. So remove() returns after a while, and the importer's device may still
 * write to the BAR. Until it lets go nobody else may get that range:
 *
 *  - A region is inserted between the bridge's window and the BAR, which becomes its child. It
 *    stays when the BAR is removed, so no other device is given the range. When the window itself
 *    is removed the region is taken out before.
 *  - The region becomes busy when the driver has unbound: drivers that request the BAR's region
 *    then get -EBUSY. Not earlier, because a driver releases a region by its range, and would
 *    release a busy region of the same range instead of its own. A driver whose probe fails after
 *    it had registered has not released everything when it unregisters; the region then becomes
 *    busy when the next driver binds.
 *  - To register the BAR with peerbuf fails with -EBUSY, for drivers that request nothing.
 *
 * A work item waits for the last unmap and then removes the region.
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "change/keep.h"
#include "change/transition.h"
#include "core/device.h"
#include "core/wait.h"

/* Protects the list, and the regions' place in the tree. Nests in pci_lock_rescan_remove(). */
static DEFINE_MUTEX(peerbuf_kept_lock);

static LIST_HEAD(peerbuf_kept_devices);
static struct workqueue_struct *peerbuf_keep_wq;

/* Under peerbuf_kept_lock. */
static void peerbuf_region_insert(struct peerbuf_device *pdevice, int bar)
{
	struct resource *region = &pdevice->kept.regions[bar];
	struct resource *resource = &pdevice->pdev->resource[bar];

	pdevice->kept.ranges[bar] = (struct range){ resource->start, resource->end };
	*region = (struct resource){
		.name = "peerbuf: still mapped",
		.start = resource->start,
		.end = resource->end,
		.flags = resource->flags & (IORESOURCE_TYPE_BITS | IORESOURCE_PREFETCH |
					    IORESOURCE_MEM_64),
	};
	if (!resource->parent || insert_resource(resource->parent, region))
		pci_warn(pdevice->pdev, "peerbuf: BAR %d cannot be reserved meanwhile\n", bar);
}

/* Under peerbuf_kept_lock. The PCI core may have removed the region along with its window. */
static void peerbuf_region_remove(struct resource *region)
{
	lockdep_assert_held(&peerbuf_kept_lock);

	if (region->parent)
		remove_resource(region);
}

static void peerbuf_kept_end(struct peerbuf_device *pdevice)
{
	int bar;

	/* The PCI core removes windows under this lock. */
	pci_lock_rescan_remove();
	mutex_lock(&peerbuf_kept_lock);
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		peerbuf_region_remove(&pdevice->kept.regions[bar]);
	list_del_init(&pdevice->kept.node);
	mutex_unlock(&peerbuf_kept_lock);
	pci_unlock_rescan_remove();
}

static void peerbuf_keep_work(struct work_struct *work)
{
	struct peerbuf_device *pdevice =
		container_of(work, struct peerbuf_device, kept.work);
	struct peerbuf_timeout forever =
		peerbuf_timeout(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_IDLE);

	forever.quiet = true;
	peerbuf_device_drain(pdevice, &forever);
	peerbuf_kept_end(pdevice);
	peerbuf_bars_free_wc(pdevice);
	pci_notice(pdevice->pdev, "peerbuf: nothing maps its BARs any more\n");
	peerbuf_device_put(pdevice);
}

/*
 * @pdevice is gone for good, and somebody still maps it: maybe a BAR that is no longer exportable.
 * If a driver's remove() calls, the device is locked, and the driver may not have released its
 * regions yet.
 */
void peerbuf_keep(struct peerbuf_device *pdevice)
{
	int bar;

	peerbuf_device_say_held(pdevice);
	pci_warn(pdevice->pdev, "peerbuf: removed anyway; its BARs stay reserved until the last unmap\n");

	mutex_lock(&peerbuf_kept_lock);
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (pdevice->ever_bars & BIT(bar))
			peerbuf_region_insert(pdevice, bar);
	list_add_tail(&pdevice->kept.node, &peerbuf_kept_devices);
	mutex_unlock(&peerbuf_kept_lock);

	peerbuf_device_get(pdevice);
	INIT_WORK(&pdevice->kept.work, peerbuf_keep_work);
	queue_work(peerbuf_keep_wq, &pdevice->kept.work);
}

static bool peerbuf_kept_overlaps(const struct peerbuf_kept *kept, const struct resource *bar)
{
	int i;

	for (i = 0; i < PEERBUF_NR_BARS; i++)
		if (kept->ranges[i].end && kept->ranges[i].start <= bar->end &&
		    bar->start <= kept->ranges[i].end)
			return true;
	return false;
}

/* Does somebody still map a range that @bars of @pdev occupy now? */
bool peerbuf_keeps(struct pci_dev *pdev, unsigned int bars)
{
	struct peerbuf_device *pdevice;
	bool keeps = false;
	int bar;

	mutex_lock(&peerbuf_kept_lock);
	list_for_each_entry(pdevice, &peerbuf_kept_devices, kept.node)
		for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
			if (bars & BIT(bar) &&
			    peerbuf_kept_overlaps(&pdevice->kept, &pdev->resource[bar]))
				keeps = true;
	mutex_unlock(&peerbuf_kept_lock);
	return keeps;
}

/* The driver has released its regions, and no other driver has requested any. */
static void peerbuf_kept_unbound(struct peerbuf_device *pdevice, struct pci_dev *pdev)
{
	int bar;

	if (pdevice->pdev != pdev)
		return;
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (pdevice->kept.regions[bar].parent)
			pdevice->kept.regions[bar].flags |= IORESOURCE_BUSY;
}

/* The windows of @pdev are about to go, if it is a bridge; or its BARs. */
static void peerbuf_kept_deleted(struct peerbuf_device *pdevice, struct pci_dev *pdev)
{
	const struct resource *first = pdev->resource;
	const struct resource *end = first + ARRAY_SIZE(pdev->resource);
	struct resource *region;
	int bar;

	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		region = &pdevice->kept.regions[bar];
		if (region->parent >= first && region->parent < end)
			peerbuf_region_remove(region);
	}
}

static int peerbuf_keep_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct peerbuf_device *pdevice;

	mutex_lock(&peerbuf_kept_lock);
	list_for_each_entry(pdevice, &peerbuf_kept_devices, kept.node) {
		switch (action) {
		case BUS_NOTIFY_UNBOUND_DRIVER:
		case BUS_NOTIFY_BIND_DRIVER:
			peerbuf_kept_unbound(pdevice, to_pci_dev(data));
			break;
		case BUS_NOTIFY_DEL_DEVICE:
			peerbuf_kept_deleted(pdevice, to_pci_dev(data));
			break;
		}
	}
	mutex_unlock(&peerbuf_kept_lock);
	return NOTIFY_DONE;
}

static struct notifier_block peerbuf_keep_nb = {
	.notifier_call = peerbuf_keep_event,
};

int peerbuf_keep_init(void)
{
	int ret;

	/* Each work item waits as long as its importers keep their mappings. */
	peerbuf_keep_wq = alloc_workqueue("peerbuf_keep", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!peerbuf_keep_wq)
		return -ENOMEM;
	ret = bus_register_notifier(&pci_bus_type, &peerbuf_keep_nb);
	if (ret)
		destroy_workqueue(peerbuf_keep_wq);
	return ret;
}

/* What is mapped has an export, which holds the module: so each work item is about to end. */
void peerbuf_keep_exit(void)
{
	destroy_workqueue(peerbuf_keep_wq);
	bus_unregister_notifier(&pci_bus_type, &peerbuf_keep_nb);
}
