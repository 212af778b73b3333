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
	spin_lock_init(&pdevice->audience.lock);
	INIT_LIST_HEAD(&pdevice->audience.listeners);
	INIT_LIST_HEAD(&pdevice->registry_node);
	INIT_LIST_HEAD(&pdevice->claims);
	INIT_LIST_HEAD(&pdevice->kept.node);
	return pdevice;
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

/* A device that sleeps answers only configuration accesses, or none. */
static bool peerbuf_device_asleep(struct pci_dev *pdev)
{
	pci_power_t state = READ_ONCE(pdev->current_state);

	return state == PCI_D1 || state == PCI_D2 || state == PCI_D3hot || state == PCI_D3cold;
}

/*
 * The memory bit of a virtual function is always clear. Its physical function has two bits for all
 * virtual functions: one makes them exist, and a reset of the physical function clears it; the
 * other makes them decode memory.
 */
static bool peerbuf_vf_decodes(struct pci_dev *pdev)
{
	const u16 bits = PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE;
	struct pci_dev *physfn = pci_physfn(pdev);
	u16 cap = pci_find_ext_capability(physfn, PCI_EXT_CAP_ID_SRIOV);
	u16 control;

	if (!cap || pci_read_config_word(physfn, cap + PCI_SRIOV_CTRL, &control) ||
	    PCI_POSSIBLE_ERROR(control))
		return false;
	return (control & bits) == bits;
}

/* Does the function answer memory accesses? */
bool peerbuf_device_decodes(struct pci_dev *pdev)
{
	u16 command;

	if (peerbuf_device_asleep(pdev))
		return false;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command))
		return false;
	if (pdev->is_virtfn)
		return peerbuf_vf_decodes(pdev);
	return pdev->no_command_memory || command & PCI_COMMAND_MEMORY;
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

static void peerbuf_bars_remove(struct peerbuf_device *pdevice, unsigned int mask)
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

/* Makes the device known. Nobody can find it before. */
static int peerbuf_device_publish(struct peerbuf_device *pdevice)
{
	int ret = 0;

	lockdep_assert_held(&peerbuf_registry_lock);

	pdevice->down = peerbuf_power_why();
	if (pdevice->down)
		pdevice->state = PEERBUF_DEVICE_DOWN;
	if (pdevice->has_node)
		ret = peerbuf_chrdev_add(pdevice);
	if (!ret)
		peerbuf_device_enlist(pdevice);
	return ret;
}

/* Under peerbuf_device.lock. Returns whether the state changed; "gone" never does. */
static bool peerbuf_device_set_state(struct peerbuf_device *pdevice, unsigned int state)
{
	lockdep_assert_held(&pdevice->lock);

	if (pdevice->state == state || pdevice->state == PEERBUF_DEVICE_GONE)
		return false;
	WRITE_ONCE(pdevice->state, state);
	return true;
}

/* The device is up if no reason in PEERBUF_DOWN_* is left. */
static bool peerbuf_device_set_down(struct peerbuf_device *pdevice, u32 why, bool down)
{
	bool changed;

	mutex_lock(&pdevice->lock);
	if (down)
		pdevice->down |= why;
	else
		pdevice->down &= ~why;
	changed = peerbuf_device_set_state(pdevice, pdevice->down ? PEERBUF_DEVICE_DOWN :
								    PEERBUF_DEVICE_UP);
	mutex_unlock(&pdevice->lock);
	return changed;
}

static bool peerbuf_device_set_gone(struct peerbuf_device *pdevice)
{
	bool changed;

	mutex_lock(&pdevice->lock);
	changed = peerbuf_device_set_state(pdevice, PEERBUF_DEVICE_GONE);
	peerbuf_bars_remove(pdevice, ~0U);
	mutex_unlock(&pdevice->lock);
	return changed;
}

/*
 * From its return on nobody is given the memory, and importers that have it have been told to
 * unmap, or will be by a work item. @why: PEERBUF_DOWN_*. Does not wait for importers.
 */
void peerbuf_device_tell_down(struct peerbuf_device *pdevice, u32 why)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_down(pdevice, why, true))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_down);
	mutex_unlock(&pdevice->transition);
}

/* Undoes peerbuf_device_tell_down(). */
void peerbuf_device_tell_up(struct peerbuf_device *pdevice, u32 why)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_down(pdevice, why, false))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_up);
	mutex_unlock(&pdevice->transition);
}

static void peerbuf_device_tell_gone(struct peerbuf_device *pdevice)
{
	mutex_lock(&pdevice->transition);
	if (peerbuf_device_set_gone(pdevice))
		peerbuf_device_walk(pdevice, peerbuf_device_buffer_down);
	peerbuf_event_hangup(pdevice);
	mutex_unlock(&pdevice->transition);
}

/*
 * Revokes for good every buffer that has memory of these BARs. Returns 0; -EINPROGRESS or -EINTR:
 * the BARs are withdrawn, but somebody still maps them.
 */
int peerbuf_device_withdraw_bars(struct peerbuf_device *pdevice,
				 unsigned int mask,
				 const struct peerbuf_patience *patience)
{
	mutex_lock(&pdevice->transition);
	mutex_lock(&pdevice->lock);
	peerbuf_bars_remove(pdevice, mask);
	mutex_unlock(&pdevice->lock);
	peerbuf_device_walk(pdevice, peerbuf_device_buffer_withdrawn);
	mutex_unlock(&pdevice->transition);

	return peerbuf_device_drain(pdevice, patience);
}

/* Like peerbuf_device_register(), for any kind of owner. */
struct peerbuf_device *peerbuf_device_register_as(struct pci_dev *pdev,
						  unsigned int bar_mask,
						  unsigned int user_mask,
						  u32 owner, bool has_node)
{
	struct peerbuf_device *pdevice, *other;
	int ret;

	if (bar_mask >> PEERBUF_NR_BARS || user_mask & ~bar_mask)
		return ERR_PTR(-EINVAL);
	if (peerbuf_keeps(pdev, bar_mask))
		return ERR_PTR(-EBUSY);

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
 * @bar_mask: the BARs, bit 0 for BAR 0; each must be a memory BAR of at least a page
 * @user_mask: those of them that userspace may export through the node, in any pieces;
 *	0 for a driver that hands out its memory itself
 *
 * Makes the node /dev/peerbuf/<dddd:bb:dd.f>. Its file permissions are the right to
 * export what @user_mask allows, and to see and revoke what is exported.
 *
 * Context: process context, may sleep; from probe, with the device locked.
 * Return: the device, or an ERR_PTR: -EEXIST it is registered already; -EINVAL a bit past
 * BAR 5, or one in @user_mask only; -ENXIO, -EADDRNOTAVAIL a BAR is absent, has I/O
 * ports or no address; -EBUSY an importer still maps memory that an earlier registration of
 * these BARs exported; -ENOMEM.
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
 * Like peerbuf_device_register(), without a node in /dev/peerbuf: for a driver whose own file is
 * the right to the memory. Its exports are listed by control only.
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

/* For a device that was pulled out, do not wait: only its addresses must not be reused yet. */
static struct peerbuf_patience peerbuf_device_patience(struct peerbuf_device *pdevice)
{
	return peerbuf_patience(pci_device_is_present(pdevice->pdev) ? PEERBUF_CORE_PATIENCE : 0,
				PEERBUF_WAIT_IDLE);
}

/**
 * peerbuf_device_unregister() - withdraw a device for good
 * @pdevice: from peerbuf_device_register(); gone when this returns
 *
 * Revokes everything exported from it and waits until the last importer has unmapped, for five
 * seconds at most, and not at all if the device was pulled out. DMA-BUFs may live on; they are
 * dead. Call this before giving up the BARs.
 *
 * An importer that cannot be revoked (see peerbuf_device_accept_pinned()) may map a BAR for
 * longer. Then the kernel log names it, and the BARs' ranges stay claimed until the last unmap:
 * requesting them, or registering them here, fails with -EBUSY.
 *
 * Context: process context, may sleep; from remove, with the device locked, or when probe fails.
 */
void peerbuf_device_unregister(struct peerbuf_device *pdevice)
{
	struct peerbuf_patience patience = peerbuf_device_patience(pdevice);

	mutex_lock(&peerbuf_registry_lock);
	peerbuf_device_delist(pdevice);
	mutex_unlock(&peerbuf_registry_lock);

	if (pdevice->has_node)
		peerbuf_chrdev_remove(pdevice);
	peerbuf_device_tell_gone(pdevice);
	if (peerbuf_device_drain(pdevice, &patience))
		peerbuf_keep(pdevice);
	else
		peerbuf_bars_free_wc(pdevice);
	peerbuf_device_put(pdevice);
}
EXPORT_SYMBOL_GPL(peerbuf_device_unregister);

/**
 * peerbuf_device_down() - withdraw a device for a while
 * @pdevice: from peerbuf_device_register()
 * @timeout: how long to wait for importers, in jiffies; 0, or MAX_SCHEDULE_TIMEOUT
 *
 * For reset, low power, and everything else that makes the BARs unreachable: everything exported
 * from the device is revoked, and nothing maps it when this returns 0. No export is made
 * until peerbuf_device_up(). Calling it twice is harmless. When the machine goes to sleep, peerbuf
 * takes all registered devices down itself, before processes are frozen. @timeout holds even if
 * others are waiting for the same importers.
 *
 * Context: process context, may sleep. The driver core's callbacks hold locks that others need:
 * they pass a timeout. An importer that cannot be revoked may take any time: a call
 * without a time limit ends when its process is killed.
 * Return: 0, or the device is down, but somebody still has a mapping: -EINPROGRESS (unless @timeout
 * is 0, the kernel log names the importer), or -EINTR the process is being killed.
 */
int peerbuf_device_down(struct peerbuf_device *pdevice, unsigned long timeout)
{
	struct peerbuf_patience patience =
		peerbuf_patience(timeout, timeout == MAX_SCHEDULE_TIMEOUT ?
				 PEERBUF_WAIT_KILLABLE : PEERBUF_WAIT_IDLE);
	int ret;

	peerbuf_device_tell_down(pdevice, PEERBUF_DOWN_OWNER);
	ret = peerbuf_device_drain(pdevice, &patience);
	/* With @timeout 0 importers had no time to unmap, so they are not logged. */
	if (ret && timeout)
		peerbuf_device_say_held(pdevice);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_device_down);

/**
 * peerbuf_device_up() - undo peerbuf_device_down()
 * @pdevice: from peerbuf_device_register()
 *
 * Exports come back at their place, except those that are revoked for another reason. While the
 * machine is asleep, or on its way there, they come back when it is awake again.
 *
 * Context: process context, may sleep.
 */
void peerbuf_device_up(struct peerbuf_device *pdevice)
{
	peerbuf_device_tell_up(pdevice, PEERBUF_DOWN_OWNER);
}
EXPORT_SYMBOL_GPL(peerbuf_device_up);

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
