// SPDX-License-Identifier: GPL-2.0
/* Devices whose BARs may be exported: coming, going, and being away for a while. */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

#include "../../compat/non_mappable_bars.h"

void peerbuf_device_get(struct peerbuf_device *pdevice)
{
	kref_get(&pdevice->ref);
}

/* Once nothing maps them any more: page table entries rely on the reservation. */
static void peerbuf_bars_free_wc(struct peerbuf_device *pdevice)
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

static struct peerbuf_device *peerbuf_device_create(struct pci_dev *pdev, u32 owner)
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
	peerbuf_audience_init(&pdevice->audience);
	INIT_LIST_HEAD(&pdevice->registry_node);
	INIT_LIST_HEAD(&pdevice->claims);
	return pdevice;
}

/**
 * peerbuf_device_memory_bars() - which BARs of a function can be exported at all
 * @pdev: the function
 *
 * Context: any.
 * Return: a bit for each memory BAR that has an address and at least a page; 0 if nobody may map
 * BARs of this function.
 */
unsigned int peerbuf_device_memory_bars(struct pci_dev *pdev)
{
	unsigned int mask = 0;
	int bar;

	if (pci_non_mappable_bars(pdev))
		return 0;
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++) {
		if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM) ||
		    pci_resource_flags(pdev, bar) & IORESOURCE_UNSET)
			continue;
		if (pci_resource_len(pdev, bar) >= PAGE_SIZE)
			mask |= BIT(bar);
	}
	return mask;
}
EXPORT_SYMBOL_GPL(peerbuf_device_memory_bars);

/* Asleep it answers to its configuration space alone, or not at all. */
static bool peerbuf_device_asleep(struct pci_dev *pdev)
{
	pci_power_t state = READ_ONCE(pdev->current_state);

	return state == PCI_D1 || state == PCI_D2 || state == PCI_D3hot || state == PCI_D3cold;
}

/*
 * Does the function answer memory accesses? A virtual function has no say in that: its bit is
 * always clear, and the physical function's decides for all, which enabled them.
 */
bool peerbuf_device_decodes(struct pci_dev *pdev)
{
	u16 command;

	if (peerbuf_device_asleep(pdev))
		return false;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command))
		return false;
	return pdev->no_command_memory || command & PCI_COMMAND_MEMORY;
}

/*
 * Only a device that has no other driver: reserving the range would turn that driver's
 * own later mappings of its registers into write-combined ones.
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

static void peerbuf_bar_remove(struct peerbuf_device *pdevice, int bar)
{
	if (!pdevice->providers[bar])
		return;
	p2p_provider_kill(pdevice->providers[bar]);
	p2p_provider_put(pdevice->providers[bar]);
	pdevice->providers[bar] = NULL;
	pdevice->user_bars &= ~BIT(bar);
}

static void peerbuf_bars_remove(struct peerbuf_device *pdevice, unsigned int mask)
{
	int bar;

	lockdep_assert_held(&pdevice->lock);

	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (mask & BIT(bar))
			peerbuf_bar_remove(pdevice, bar);
}

/* Adds those of @mask that are not there yet; all or none. */
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

/* Nobody finds the device before. */
static int peerbuf_device_publish(struct peerbuf_device *pdevice)
{
	int ret = 0;

	lockdep_assert_held(&peerbuf_registry_lock);

	if (pdevice->has_node)
		ret = peerbuf_chrdev_add(pdevice);
	if (!ret)
		peerbuf_device_enlist(pdevice);
	return ret;
}

/* The next buffer with a claim on the device, visited; NULL at the end of this pass. */
static struct peerbuf *peerbuf_device_next(struct peerbuf_device *pdevice)
{
	struct peerbuf_claim *claim;

	lockdep_assert_held(&pdevice->lock);

	while (!list_empty(&pdevice->claims)) {
		claim = list_first_entry(&pdevice->claims, struct peerbuf_claim,
					 node);
		if (claim->pass == pdevice->pass)
			return NULL;
		claim->pass = pdevice->pass;
		list_move_tail(&claim->node, &pdevice->claims);
		if (peerbuf_visit(claim->pb))
			return claim->pb;
	}
	return NULL;
}

/*
 * Goes to each buffer that has a claim on the device. Those not seen in this pass stay in
 * front: seen ones go to the tail, as do new ones, which carry the number of this pass
 * because they were checked against the state this pass is about.
 */
static void peerbuf_device_walk(struct peerbuf_device *pdevice,
				void (*visit)(struct peerbuf_device *pdevice,
					      struct peerbuf *pb))
{
	struct peerbuf *pb;

	lockdep_assert_held(&pdevice->transition);

	mutex_lock(&pdevice->lock);
	pdevice->pass++;
	while ((pb = peerbuf_device_next(pdevice))) {
		mutex_unlock(&pdevice->lock);
		visit(pdevice, pb);
		peerbuf_put(pb);
		mutex_lock(&pdevice->lock);
	}
	mutex_unlock(&pdevice->lock);
}

/*
 * After everybody was told to let go: waits until they have. Returns 0, -EINPROGRESS if time
 * ran out with somebody left, or -EINTR.
 */
static int peerbuf_device_drain(struct peerbuf_device *pdevice,
				const struct peerbuf_patience *patience)
{
	struct peerbuf *pb;
	int ret = 0;
	u32 reason;

	lockdep_assert_held(&pdevice->transition);

	mutex_lock(&pdevice->lock);
	pdevice->pass++;
	while (ret != -EINTR && (pb = peerbuf_device_next(pdevice))) {
		mutex_unlock(&pdevice->lock);
		ret = peerbuf_drain(pb, patience, &reason) ?: ret;
		peerbuf_put(pb);
		mutex_lock(&pdevice->lock);
	}
	mutex_unlock(&pdevice->lock);
	return ret;
}

/* Returns false if the device is in that state already, or gone. */
static bool peerbuf_device_set_state(struct peerbuf_device *pdevice,
				     unsigned int state)
{
	bool changed = false;

	mutex_lock(&pdevice->lock);
	if (pdevice->state != state && pdevice->state != PEERBUF_DEVICE_GONE) {
		WRITE_ONCE(pdevice->state, state);
		changed = true;
	}
	if (state == PEERBUF_DEVICE_GONE)
		peerbuf_bars_remove(pdevice, ~0U);
	mutex_unlock(&pdevice->lock);
	return changed;
}

static int peerbuf_device_withdraw(struct peerbuf_device *pdevice,
				   unsigned int state,
				   const struct peerbuf_patience *patience)
{
	int ret;

	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_state(pdevice, state))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_down);
	if (state == PEERBUF_DEVICE_GONE)
		peerbuf_event_hangup(pdevice);
	ret = peerbuf_device_drain(pdevice, patience);
	mutex_unlock(&pdevice->transition);
	return ret;
}

/*
 * Revokes for good what has memory of these BARs. Returns 0, or -EINTR: they are withdrawn,
 * but somebody still maps them.
 */
int peerbuf_device_withdraw_bars(struct peerbuf_device *pdevice,
				 unsigned int mask,
				 const struct peerbuf_patience *patience)
{
	int ret;

	mutex_lock(&pdevice->transition);
	mutex_lock(&pdevice->lock);
	peerbuf_bars_remove(pdevice, mask);
	mutex_unlock(&pdevice->lock);

	peerbuf_device_walk(pdevice, peerbuf_device_buffer_withdrawn);
	ret = peerbuf_device_drain(pdevice, patience);
	mutex_unlock(&pdevice->transition);
	return ret;
}

/* As peerbuf_device_register(), for any kind of owner. */
struct peerbuf_device *peerbuf_device_register_as(struct pci_dev *pdev,
						  unsigned int bar_mask,
						  unsigned int user_mask,
						  u32 owner, bool has_node)
{
	struct peerbuf_device *pdevice, *other;
	int ret;

	if (bar_mask >> PEERBUF_NR_BARS || user_mask & ~bar_mask)
		return ERR_PTR(-EINVAL);

	pdevice = peerbuf_device_create(pdev, owner);
	if (!pdevice)
		return ERR_PTR(-ENOMEM);
	pdevice->has_node = has_node;

	ret = peerbuf_device_add_bars(pdevice, bar_mask, user_mask);
	if (ret)
		goto err_put;

	mutex_lock(&peerbuf_registry_lock);
	other = peerbuf_device_find(pdev);
	if (other) {
		peerbuf_device_put(other);
		ret = -EEXIST;
	} else {
		ret = peerbuf_device_publish(pdevice);
	}
	mutex_unlock(&peerbuf_registry_lock);
	if (ret)
		goto err_bars;
	return pdevice;

err_bars:
	mutex_lock(&pdevice->lock);
	peerbuf_bars_remove(pdevice, bar_mask);
	mutex_unlock(&pdevice->lock);
err_put:
	peerbuf_device_put(pdevice);
	return ERR_PTR(ret);
}

/**
 * peerbuf_device_register() - make BARs of a device exportable
 * @pdev: the device; the caller is its driver
 * @bar_mask: which, bit 0 for BAR 0; each must be a memory BAR of a page at least
 * @user_mask: those of them that userspace may export through the node, in any pieces
 *	it likes; 0 for a driver that hands out its memory itself
 *
 * Makes the node /dev/peerbuf/<dddd:bb:dd.f>. Its file permissions are the right to
 * export what @user_mask allows, and to see and revoke what is exported.
 *
 * Context: process context, may sleep; from probe, with the device locked.
 * Return: the device, or an ERR_PTR: -EEXIST it is registered already; -EINVAL a bit past
 * BAR 5, or in @user_mask only; -ENXIO, -EADDRNOTAVAIL a BAR is absent, of I/O
 * ports or has no address; -ENOMEM.
 */
struct peerbuf_device *peerbuf_device_register(struct pci_dev *pdev,
					       unsigned int bar_mask,
					       unsigned int user_mask)
{
	return peerbuf_device_register_as(pdev, bar_mask, user_mask,
					  PEERBUF_OWNER_DRIVER, true);
}
EXPORT_SYMBOL_GPL(peerbuf_device_register);

/**
 * peerbuf_device_register_private() - make BARs exportable by the driver alone
 * @pdev: the device; the caller is its driver
 * @bar_mask: as for peerbuf_device_register(); 0 is no error
 *
 * As peerbuf_device_register(), without a node in /dev/peerbuf: for a driver with a file of
 * its own that is the right to the memory. Its exports are listed by control.
 *
 * Context: process context, may sleep; while the driver is bound.
 * Return: the device, or an ERR_PTR as from peerbuf_device_register(). -EEXIST may also mean
 * that the administrator has lent the device's BARs.
 */
struct peerbuf_device *peerbuf_device_register_private(struct pci_dev *pdev,
						       unsigned int bar_mask)
{
	return peerbuf_device_register_as(pdev, bar_mask, 0,
					  PEERBUF_OWNER_DRIVER, false);
}
EXPORT_SYMBOL_GPL(peerbuf_device_register_private);

/**
 * peerbuf_device_unregister() - withdraw a device for good
 * @pdevice: from peerbuf_device_register(); gone when this returns
 *
 * Revokes everything exported from it and waits until the last importer has unmapped.
 * DMA-BUFs may live on; they are dead. Call it before the BARs are given up.
 *
 * Context: process context, may sleep; from remove, with the device locked. May wait
 * for importers accepted under PEERBUF_EXPORT_F_ALLOW_PINNED as long as they take, and
 * says in the kernel log for whom.
 */
void peerbuf_device_unregister(struct peerbuf_device *pdevice)
{
	struct peerbuf_patience forever =
		peerbuf_patience(MAX_SCHEDULE_TIMEOUT, PEERBUF_WAIT_IDLE);

	mutex_lock(&peerbuf_registry_lock);
	peerbuf_device_delist(pdevice);
	mutex_unlock(&peerbuf_registry_lock);

	if (pdevice->has_node)
		peerbuf_chrdev_remove(pdevice);
	peerbuf_device_withdraw(pdevice, PEERBUF_DEVICE_GONE, &forever);
	peerbuf_bars_free_wc(pdevice);
	peerbuf_device_put(pdevice);
}
EXPORT_SYMBOL_GPL(peerbuf_device_unregister);

/**
 * peerbuf_device_down() - withdraw a device for a while
 * @pdevice: from peerbuf_device_register()
 * @timeout: how long to wait for importers, in jiffies, or MAX_SCHEDULE_TIMEOUT
 *
 * For suspend, reset, and whatever else makes the BARs unreachable: everything exported from
 * the device is revoked, and nothing maps it when this returns 0. No export is made
 * until peerbuf_device_up(). Calling it twice is harmless.
 *
 * Context: process context, may sleep; waits as peerbuf_device_unregister() does. A caller that
 * cannot wait for userspace, as in suspend, gives a timeout.
 * Return: 0, or -EINPROGRESS: the device is down, but somebody still has a mapping.
 */
int peerbuf_device_down(struct peerbuf_device *pdevice, unsigned long timeout)
{
	struct peerbuf_patience patience =
		peerbuf_patience(timeout, PEERBUF_WAIT_IDLE);

	return peerbuf_device_withdraw(pdevice, PEERBUF_DEVICE_DOWN, &patience);
}
EXPORT_SYMBOL_GPL(peerbuf_device_down);

/**
 * peerbuf_device_up() - undo peerbuf_device_down()
 * @pdevice: from peerbuf_device_register()
 *
 * Exports come back at their place, except those that are revoked for another reason.
 *
 * Context: process context, may sleep.
 */
void peerbuf_device_up(struct peerbuf_device *pdevice)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_state(pdevice, PEERBUF_DEVICE_UP))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_up);
	mutex_unlock(&pdevice->transition);
}
EXPORT_SYMBOL_GPL(peerbuf_device_up);

/**
 * peerbuf_device_provider() - the provider of a registered BAR
 * @pdevice: from peerbuf_device_register()
 * @bar: 0..5
 *
 * Context: process context, may sleep.
 * Return: a reference, dropped with p2p_provider_put(), or NULL: the BAR is not among those
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
