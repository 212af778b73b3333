// SPDX-License-Identifier: GPL-2.0
/*
 * What emulated PCI functions do not have, for tests. Each parameter takes the address of a
 * function, dddd:bb:dd.f, and nothing, or a blank, to give it back what it had.
 *
 * acs_port: an ACS control register. It is the interrupt line register, whose bits mean nothing
 * to a port of a switch, and are as free to be written as those of a real one. Only the low
 * byte counts:
 *
 *	echo 0000:02:00.0 > /sys/module/pci_quirk/parameters/acs_port
 *	setpci -s 0000:02:00.0 INTERRUPT_LINE=4		# redirects requests
 *
 * unmappable: its BARs are said to be for nobody but its driver.
 *
 * claimed: its BAR 2 belongs to somebody else.
 */
#include <linux/mutex.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "../../compat/non_mappable_bars.h"

#define ACS_CAP		(PCI_INTERRUPT_LINE - PCI_ACS_CTRL)
#define CLAIMED_BAR	2

/**
 * struct quirk - a function and what was done to it
 * @take: does it; 0 or an errno, and then nothing was done
 * @give_back: undoes it
 * @pdev: the function, or NULL; reference held; quirk_lock
 * @before: for @give_back; quirk_lock
 */
struct quirk {
	int (*take)(struct quirk *quirk);
	void (*give_back)(struct quirk *quirk);
	struct pci_dev *pdev;
	u32 before;
};

static DEFINE_MUTEX(quirk_lock);

static int acs_take(struct quirk *quirk)
{
	quirk->before = quirk->pdev->acs_cap;
	pci_write_config_byte(quirk->pdev, PCI_INTERRUPT_LINE, 0);
	quirk->pdev->acs_cap = ACS_CAP;
	return 0;
}

static void acs_give_back(struct quirk *quirk)
{
	pci_write_config_byte(quirk->pdev, PCI_INTERRUPT_LINE, 0);
	quirk->pdev->acs_cap = quirk->before;
}

static int unmappable_take(struct quirk *quirk)
{
	return pci_set_non_mappable_bars(quirk->pdev, true);
}

static void unmappable_give_back(struct quirk *quirk)
{
	pci_set_non_mappable_bars(quirk->pdev, false);
}

static int claimed_take(struct quirk *quirk)
{
	return pci_request_region(quirk->pdev, CLAIMED_BAR, "pci_quirk");
}

static void claimed_give_back(struct quirk *quirk)
{
	pci_release_region(quirk->pdev, CLAIMED_BAR);
}

static struct quirk acs_port = { .take = acs_take, .give_back = acs_give_back };
static struct quirk unmappable = { .take = unmappable_take, .give_back = unmappable_give_back };
static struct quirk claimed = { .take = claimed_take, .give_back = claimed_give_back };

static void quirk_end(struct quirk *quirk)
{
	if (!quirk->pdev)
		return;
	quirk->give_back(quirk);
	pci_dev_put(quirk->pdev);
	quirk->pdev = NULL;
}

static int quirk_begin(struct quirk *quirk, const char *value)
{
	unsigned int domain, bus, slot, fn;
	int ret;

	if (sscanf(value, "%x:%x:%x.%x", &domain, &bus, &slot, &fn) != 4)
		return *skip_spaces(value) ? -EINVAL : 0;
	quirk->pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, fn));
	if (!quirk->pdev)
		return -ENODEV;
	ret = quirk->take(quirk);
	if (ret) {
		pci_dev_put(quirk->pdev);
		quirk->pdev = NULL;
	}
	return ret;
}

static int quirk_set(const char *value, const struct kernel_param *kp)
{
	struct quirk *quirk = kp->arg;
	int ret;

	mutex_lock(&quirk_lock);
	quirk_end(quirk);
	ret = quirk_begin(quirk, value);
	mutex_unlock(&quirk_lock);
	return ret;
}

static const struct kernel_param_ops quirk_ops = {
	.set = quirk_set,
};

module_param_cb(acs_port, &quirk_ops, &acs_port, 0200);
MODULE_PARM_DESC(acs_port, "a port that gets an ACS control register");
module_param_cb(unmappable, &quirk_ops, &unmappable, 0200);
MODULE_PARM_DESC(unmappable, "a function whose BARs cannot be mapped");
module_param_cb(claimed, &quirk_ops, &claimed, 0200);
MODULE_PARM_DESC(claimed, "a function whose BAR 2 is somebody else's");

static int __init quirk_init(void)
{
	return 0;
}

static void __exit quirk_exit(void)
{
	quirk_end(&acs_port);
	quirk_end(&unmappable);
	quirk_end(&claimed);
}

module_init(quirk_init);
module_exit(quirk_exit);

MODULE_DESCRIPTION("What emulated PCI functions lack, for tests");
MODULE_LICENSE("GPL");
