// SPDX-License-Identifier: GPL-2.0
/*
 * Takes all registered devices down when the machine goes to sleep or shuts down.
 *
 * This happens before processes are frozen, because importers may need their processes to let go,
 * and for all devices at once, so that all importers share one time limit. The driver of a device
 * whose BARs are lent does not call peerbuf, and suspends its device later.
 */
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "change/transition.h"
#include "core/device.h"
#include "core/wait.h"
#include "node/power.h"

/* Protected by peerbuf_registry_lock. */
static bool peerbuf_machine_down;

/**
 * struct peerbuf_drained - a wait for the importers of all devices
 * @timeout: shared by all devices
 * @error: the last error, or 0
 */
struct peerbuf_drained {
	struct peerbuf_timeout timeout;
	int error;
};

/*
 * Why a device that is being registered cannot be up. Either peerbuf_all_down() finds the device,
 * or the device sees the flag here, or both.
 */
u32 peerbuf_power_why(void)
{
	lockdep_assert_held(&peerbuf_registry_lock);

	return peerbuf_machine_down ? PEERBUF_DOWN_MACHINE : 0;
}

static void peerbuf_set_machine_down(bool down)
{
	mutex_lock(&peerbuf_registry_lock);
	peerbuf_machine_down = down;
	mutex_unlock(&peerbuf_registry_lock);
}

static void peerbuf_all_devices(void (*fn)(struct peerbuf_device *pdevice, void *data),
				void *data)
{
	struct peerbuf_device *pdevice;
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		pdevice = peerbuf_device_lookup(pdev);
		if (!pdevice)
			continue;
		fn(pdevice, data);
		peerbuf_device_put(pdevice);
	}
}

static void peerbuf_power_down(struct peerbuf_device *pdevice, void *unused)
{
	peerbuf_device_tell_down(pdevice, PEERBUF_DOWN_MACHINE);
}

static void peerbuf_power_up(struct peerbuf_device *pdevice, void *unused)
{
	peerbuf_device_tell_up(pdevice, PEERBUF_DOWN_MACHINE);
}

static void peerbuf_power_drain(struct peerbuf_device *pdevice, void *data)
{
	struct peerbuf_drained *drained = data;

	if (!peerbuf_device_drain(pdevice, &drained->timeout))
		return;
	peerbuf_device_say_held(pdevice);
	drained->error = -EBUSY;
}

/* Returns 0, or -EBUSY: all are down, but somebody still maps one. */
static int peerbuf_all_down(void)
{
	struct peerbuf_drained drained = {
		.timeout = peerbuf_timeout(PEERBUF_CORE_TIMEOUT, PEERBUF_WAIT_IDLE),
	};

	peerbuf_set_machine_down(true);
	peerbuf_all_devices(peerbuf_power_down, NULL);
	peerbuf_all_devices(peerbuf_power_drain, &drained);
	return drained.error;
}

static void peerbuf_all_up(void)
{
	peerbuf_set_machine_down(false);
	peerbuf_all_devices(peerbuf_power_up, NULL);
}

static int peerbuf_pm_event(struct notifier_block *nb, unsigned long action,
			    void *data)
{
	int error;

	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		error = peerbuf_all_down();
		if (error)
			peerbuf_all_up();
		return notifier_from_errno(error);
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		peerbuf_all_up();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block peerbuf_pm_nb = {
	.notifier_call = peerbuf_pm_event,
};

/*
 * Also called before kexec starts another kernel, into whose memory a device must not write. The
 * reboot is not stopped; importers that still have mappings are named in the kernel log.
 */
static int peerbuf_reboot_event(struct notifier_block *nb, unsigned long action,
				void *data)
{
	peerbuf_all_down();
	return NOTIFY_DONE;
}

static struct notifier_block peerbuf_reboot_nb = {
	.notifier_call = peerbuf_reboot_event,
};

int peerbuf_power_init(void)
{
	int ret;

	ret = register_pm_notifier(&peerbuf_pm_nb);
	if (ret)
		return ret;
	ret = register_reboot_notifier(&peerbuf_reboot_nb);
	if (ret)
		unregister_pm_notifier(&peerbuf_pm_nb);
	return ret;
}

void peerbuf_power_exit(void)
{
	unregister_reboot_notifier(&peerbuf_reboot_nb);
	unregister_pm_notifier(&peerbuf_pm_nb);
}
