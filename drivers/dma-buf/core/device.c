// SPDX-License-Identifier: GPL-2.0
/* Devices whose BARs may be exported: the list of them, and the BARs of each. */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/device.h"
#include "core/refusal.h"

/* Held to register or unregister a device, so that none is registered twice. */
DEFINE_MUTEX(peerbuf_registry_lock);

/* Protects the list of devices: a buffer that moves searches it under its resv. */
static DEFINE_SPINLOCK(peerbuf_devices_lock);

static LIST_HEAD(peerbuf_devices);

/* Returns with a reference to the device. */
struct peerbuf_device *peerbuf_device_find(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice, *found = NULL;

	spin_lock(&peerbuf_devices_lock);
	list_for_each_entry(pdevice, &peerbuf_devices, registry_node) {
		if (pdevice->pdev == pdev) {
			peerbuf_device_get(pdevice);
			found = pdevice;
			break;
		}
	}
	spin_unlock(&peerbuf_devices_lock);
	return found;
}

/*
 * The same, after any registration or unregistration under way: a device that is being unregistered
 * is not found.
 */
struct peerbuf_device *peerbuf_device_lookup(struct pci_dev *pdev)
{
	struct peerbuf_device *pdevice;

	mutex_lock(&peerbuf_registry_lock);
	pdevice = peerbuf_device_find(pdev);
	mutex_unlock(&peerbuf_registry_lock);
	return pdevice;
}

void peerbuf_device_enlist(struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&peerbuf_registry_lock);
	spin_lock(&peerbuf_devices_lock);
	list_add_tail(&pdevice->registry_node, &peerbuf_devices);
	spin_unlock(&peerbuf_devices_lock);
}

void peerbuf_device_delist(struct peerbuf_device *pdevice)
{
	lockdep_assert_held(&peerbuf_registry_lock);
	spin_lock(&peerbuf_devices_lock);
	list_del_init(&pdevice->registry_node);
	spin_unlock(&peerbuf_devices_lock);
}

/* Stores the first @room addresses. Returns how many devices have a node. */
u32 peerbuf_device_addrs(u64 *addrs, u32 room)
{
	struct peerbuf_device *pdevice;
	u32 nr = 0;

	lockdep_assert_held(&peerbuf_registry_lock);

	list_for_each_entry(pdevice, &peerbuf_devices, registry_node) {
		if (!pdevice->has_node)
			continue;
		if (nr < room)
			addrs[nr] = p2p_pci_addr(pdevice->pdev);
		nr++;
	}
	return nr;
}

void peerbuf_device_get(struct peerbuf_device *pdevice)
{
	kref_get(&pdevice->ref);
}

/* Call it when nothing maps the BARs any more: page table entries rely on the reservation. */
void peerbuf_bars_free_wc(struct peerbuf_device *pdevice)
{
	struct pci_dev *pdev = pdevice->pdev;
	int bar;

	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (pdevice->wc_bars & BIT(bar))
			arch_io_free_memtype_wc(pci_resource_start(pdev, bar),
						pci_resource_len(pdev, bar));
	pdevice->wc_bars = 0;
}

static void peerbuf_device_free(struct kref *ref)
{
	struct peerbuf_device *pdevice =
		container_of(ref, struct peerbuf_device, ref);

	WARN_ON(!list_empty(&pdevice->claims));
	peerbuf_bars_free_wc(pdevice);
	pci_dev_put(pdevice->pdev);
	mutex_destroy(&pdevice->lock);
	mutex_destroy(&pdevice->transition);
	kfree(pdevice);
}

void peerbuf_device_put(struct peerbuf_device *pdevice)
{
	kref_put(&pdevice->ref, peerbuf_device_free);
}

struct peerbuf_device *peerbuf_device_create(struct pci_dev *pdev, u32 owner)
{
	struct peerbuf_device *pdevice;

	pdevice = kzalloc(sizeof(*pdevice), GFP_KERNEL);
	if (!pdevice)
		return NULL;

	kref_init(&pdevice->ref);
	pdevice->pdev = pci_dev_get(pdev);
	pdevice->owner = owner;
	mutex_init(&pdevice->transition);
	mutex_init(&pdevice->lock);
	spin_lock_init(&pdevice->audience.lock);
	INIT_LIST_HEAD(&pdevice->audience.listeners);
	INIT_LIST_HEAD(&pdevice->registry_node);
	INIT_LIST_HEAD(&pdevice->claims);
	INIT_LIST_HEAD(&pdevice->kept.node);
	return pdevice;
}

/*
 * Only for a device that has no other driver: the reservation would make that driver's own later
 * mappings of its registers write-combined.
 */
static void peerbuf_bar_reserve_wc(struct peerbuf_device *pdevice, int bar)
{
	struct pci_dev *pdev = pdevice->pdev;

	if (pdevice->owner != PEERBUF_OWNER_STUB ||
	    !(pci_resource_flags(pdev, bar) & IORESOURCE_PREFETCH))
		return;
	if (!arch_io_reserve_memtype_wc(pci_resource_start(pdev, bar),
					pci_resource_len(pdev, bar)))
		pdevice->wc_bars |= BIT(bar);
}

/* Under peerbuf_device.lock. */
static void peerbuf_lent_drop(struct peerbuf_device *pdevice, u32 bar)
{
	lockdep_assert_held(&pdevice->lock);

	peerbuf_lent_forget(&pdevice->lent, bar);
}

static void peerbuf_bar_remove(struct peerbuf_device *pdevice, int bar)
{
	if (!pdevice->providers[bar])
		return;
	p2p_provider_kill(pdevice->providers[bar]);
	p2p_provider_put(pdevice->providers[bar]);
	pdevice->providers[bar] = NULL;
	pdevice->user_bars &= ~BIT(bar);
	peerbuf_lent_drop(pdevice, bar);
}

void peerbuf_bars_remove(struct peerbuf_device *pdevice, unsigned int mask)
{
	int bar;

	lockdep_assert_held(&pdevice->lock);

	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (mask & BIT(bar))
			peerbuf_bar_remove(pdevice, bar);
}

/* Adds those BARs of @mask that are not registered yet; all or none. */
int peerbuf_device_add_bars(struct peerbuf_device *pdevice, unsigned int mask,
			    unsigned int user_mask)
{
	struct p2p_provider *provider;
	unsigned int added = 0;
	int ret = 0;
	int bar;

	mutex_lock(&pdevice->lock);
	for (bar = 0; bar < PEERBUF_NR_BARS && !ret; bar++) {
		if (!(mask & BIT(bar)) || pdevice->providers[bar])
			continue;
		provider = p2p_provider_create(pdevice->pdev, bar, pdevice);
		if (IS_ERR(provider)) {
			ret = PTR_ERR(provider);
			break;
		}
		pdevice->providers[bar] = provider;
		pdevice->ever_bars |= BIT(bar);
		peerbuf_bar_reserve_wc(pdevice, bar);
		added |= BIT(bar);
	}
	if (ret)
		peerbuf_bars_remove(pdevice, added);
	else
		pdevice->user_bars |= user_mask;
	mutex_unlock(&pdevice->lock);
	return ret;
}

/**
 * peerbuf_device_provider() - the provider of a registered BAR
 * @pdevice: from peerbuf_device_register()
 * @bar: 0..5
 *
 * Context: process context, may sleep.
 * Return: a reference, dropped with p2p_provider_put(), or NULL: the BAR is not
 * registered, or the device is gone.
 */
struct p2p_provider *peerbuf_device_provider(struct peerbuf_device *pdevice,
					     int bar)
{
	struct p2p_provider *provider = NULL;

	if (bar < 0 || bar >= PEERBUF_NR_BARS)
		return NULL;

	mutex_lock(&pdevice->lock);
	if (pdevice->providers[bar])
		provider = p2p_provider_get(pdevice->providers[bar]);
	mutex_unlock(&pdevice->lock);
	return provider;
}
EXPORT_SYMBOL_GPL(peerbuf_device_provider);

/* Does @bar have memory to offer? Returns 0, -ENXIO or -EADDRNOTAVAIL. */
int peerbuf_bar_check(struct pci_dev *pdev, unsigned int bar, struct peerbuf_refusal *why)
{
	u32 reason;
	int ret = p2p_bar_check(pdev, bar, &reason);

	return ret ? peerbuf_fail(why, ret, reason) : 0;
}

/*
 * The same for memory that is to be mapped. If a BAR is smaller than a page, the rest of the page
 * may belong to another device.
 */
int peerbuf_bar_check_pages(struct pci_dev *pdev, unsigned int bar, struct peerbuf_refusal *why)
{
	int ret = peerbuf_bar_check(pdev, bar, why);

	if (!ret && pci_resource_len(pdev, bar) < PAGE_SIZE)
		return peerbuf_fail(why, -EADDRNOTAVAIL, PEERBUF_REASON_BAR_SMALL);
	return ret;
}

/**
 * peerbuf_device_memory_bars() - which BARs of a function can be exported at all
 * @pdev: the function
 *
 * Context: any.
 * Return: a bit for each memory BAR that has an address and at least a page; 0 if nobody may map
 * the BARs of this function.
 */
unsigned int peerbuf_device_memory_bars(struct pci_dev *pdev)
{
	unsigned int mask = 0;
	struct peerbuf_refusal why;
	int bar;

	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (!peerbuf_bar_check_pages(pdev, bar, &why))
			mask |= BIT(bar);
	return mask;
}
EXPORT_SYMBOL_GPL(peerbuf_device_memory_bars);

void peerbuf_lent_forget(struct peerbuf_lent *lent, u32 bar)
{
	u32 i, kept = 0;

	for (i = 0; i < lent->nr; i++)
		if (lent->ranges[i].bar != bar)
			lent->ranges[kept++] = lent->ranges[i];
	lent->nr = kept;
	lent->part_bars &= ~BIT(bar);
}
