// SPDX-License-Identifier: GPL-2.0
/*
 * Controllers whose driver goes. What is mapped for a device through the DMA API has to be
 * unmapped before the device has no driver, and the driver does not know of us.
 *
 * A transfer enters with the controller's device locked, and looks whether its disk is alive.
 * The bus notifier is called with the same lock: so it finds every transfer that began before
 * the driver is unbound, and none begins afterwards.
 */
#include <linux/device.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "internal.h"

/* How long a driver's unbinding waits for commands of a device that is there. */
#define PEERBUF_NVME_PATIENCE	(5 * HZ)

static DEFINE_SPINLOCK(peerbuf_nvme_users_lock);
static LIST_HEAD(peerbuf_nvme_users);
static DECLARE_WAIT_QUEUE_HEAD(peerbuf_nvme_departed);

/* May sleep, no lock held. -ENODEV: the controller is gone; -EINTR. */
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

/* The controller reaches nothing of ours any more, and nothing is mapped for it. */
void peerbuf_nvme_leave(struct peerbuf_nvme_user *user)
{
	spin_lock(&peerbuf_nvme_users_lock);
	list_del(&user->node);
	spin_unlock(&peerbuf_nvme_users_lock);
	wake_up_all(&peerbuf_nvme_departed);
}

/* Tells those that there are. True when there is none. */
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
 * Commands of a device that is there end soon. Those of one that is not end when its driver has
 * given up on it, which is what it is about to do. When the driver has let go, all have ended.
 */
static int peerbuf_nvme_bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action == BUS_NOTIFY_UNBIND_DRIVER && !peerbuf_nvme_none_left(pdev) &&
	    pci_device_is_present(pdev))
		wait_event_timeout(peerbuf_nvme_departed, peerbuf_nvme_none_left(pdev),
				   PEERBUF_NVME_PATIENCE);
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
