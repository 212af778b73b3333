// SPDX-License-Identifier: GPL-2.0
/*
 * Unbinding of a controller's driver. What is mapped for a device through the DMA API has to be
 * unmapped before the device has no driver, and nvme-core does not know of this module's mappings.
 *
 * A transfer enters the list of users with the controller's device locked, after checking that its
 * disk is alive. The bus notifier is called with the same lock held. So it finds every transfer
 * that began before the driver is unbound, and no transfer begins afterwards.
 */
#include <linux/device.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "internal.h"

/* How long unbinding waits for commands of a device that is still present. */
#define PEERBUF_NVME_TIMEOUT	(5 * HZ)

static DEFINE_SPINLOCK(peerbuf_nvme_users_lock);
static LIST_HEAD(peerbuf_nvme_users);
static DECLARE_WAIT_QUEUE_HEAD(peerbuf_nvme_departed);

/* May sleep; the caller holds no lock. Returns 0, -ENODEV: the controller is gone, or -EINTR. */
int peerbuf_nvme_enter(struct peerbuf_nvme_user *user, const struct peerbuf_nvme_namespace *ns,
		       u32 *reason)
{
	struct device *dev = &ns->pdev->dev;
	bool alive;

	user->pdev = ns->pdev;
	user->gone = false;
	if (device_lock_interruptible(dev)) {
		*reason = PEERBUF_REASON_INTERRUPTED;
		return -EINTR;
	}
	alive = dev->driver && !test_bit(GD_DEAD, &ns->path->state);
	if (alive) {
		spin_lock(&peerbuf_nvme_users_lock);
		list_add(&user->node, &peerbuf_nvme_users);
		spin_unlock(&peerbuf_nvme_users_lock);
	}
	device_unlock(dev);
	if (alive)
		return 0;
	*reason = PEERBUF_REASON_CONTROLLER_GONE;
	return -ENODEV;
}

/* The controller has finished this transfer's DMA, and nothing is mapped for it. */
void peerbuf_nvme_leave(struct peerbuf_nvme_user *user)
{
	spin_lock(&peerbuf_nvme_users_lock);
	list_del(&user->node);
	spin_unlock(&peerbuf_nvme_users_lock);
	wake_up_all(&peerbuf_nvme_departed);
}

/* Tells the transfers of @pdev to stop. Returns true if there are none. */
static bool peerbuf_nvme_none_left(struct pci_dev *pdev)
{
	struct peerbuf_nvme_user *user;
	bool none = true;

	spin_lock(&peerbuf_nvme_users_lock);
	list_for_each_entry(user, &peerbuf_nvme_users, node) {
		if (user->pdev != pdev)
			continue;
		WRITE_ONCE(user->gone, true);
		none = false;
	}
	spin_unlock(&peerbuf_nvme_users_lock);
	return none;
}

/*
 * Commands of a device that is present end soon. Those of one that is not present end when its
 * driver gives the device up, which it does between the two events. So after the second event all
 * commands have ended, and the wait is short.
 */
static int peerbuf_nvme_bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_UNBIND_DRIVER && !peerbuf_nvme_none_left(pdev) &&
	    pci_device_is_present(pdev))
		wait_event_timeout(peerbuf_nvme_departed, peerbuf_nvme_none_left(pdev),
				   PEERBUF_NVME_TIMEOUT);
	if (action == BUS_NOTIFY_UNBOUND_DRIVER)
		wait_event(peerbuf_nvme_departed, peerbuf_nvme_none_left(pdev));
	return NOTIFY_DONE;
}

static struct notifier_block peerbuf_nvme_bus_nb = {
	.notifier_call = peerbuf_nvme_bus_event,
};

int peerbuf_nvme_controller_init(void)
{
	return bus_register_notifier(&pci_bus_type, &peerbuf_nvme_bus_nb);
}

void peerbuf_nvme_controller_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &peerbuf_nvme_bus_nb);
}
