// SPDX-License-Identifier: GPL-2.0
/*
 * Gives emulated PCI functions properties that they do not have, for tests. A process that has
 * /dev/pci_quirk open writes the name of a quirk and the address of a function. The function has
 * the quirk until the file is closed, so it loses the quirk however the test process ends.
 *
 *	exec 3> /dev/pci_quirk
 *	echo acs_port 0000:02:00.0 >&3
 *
 * acs_port: the function has an ACS control register. The register is in fact the interrupt line
 * register, whose bits mean nothing to a port of a switch and can be written freely. Only the low
 * byte counts:
 *
 *	setpci -s 0000:02:00.0 INTERRUPT_LINE=4		# redirects requests
 *
 * unmappable: only the function's own driver may map its BARs.
 *
 * claimed: another driver has requested BAR 2 of the function.
 *
 * asleep: the function is in D3hot and decodes no memory, and its driver was not told.
 *
 * no_memory, no_master: that bit of the function's command register is cleared without the kernel
 * being told.
 *
 * mute: the function answers no configuration request; reads return all ones. Only one function
 * at a time.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../../compat/non_mappable_bars.h"

#define ACS_CAP		(PCI_INTERRUPT_LINE - PCI_ACS_CTRL)
#define CLAIMED_BAR	2
#define LINE_MOST	64

/**
 * struct quirk - a quirk, which one function at a time can have
 * @name: the name that users write
 * @take: applies it to @pdev; returns 0, or an errno and has no effect
 * @give_back: undoes @take
 * @pdev: the function, reference held, or NULL; guarded by quirk_lock
 * @file: the file that set the quirk; guarded by quirk_lock
 * @before: state that @give_back restores; guarded by quirk_lock
 */
struct quirk {
	const char *name;
	int (*take)(struct quirk *quirk);
	void (*give_back)(struct quirk *quirk);
	struct pci_dev *pdev;
	struct file *file;
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

static int asleep_take(struct quirk *quirk)
{
	pci_save_state(quirk->pdev);
	return pci_set_power_state(quirk->pdev, PCI_D3hot);
}

static void asleep_give_back(struct quirk *quirk)
{
	pci_set_power_state(quirk->pdev, PCI_D0);
	pci_restore_state(quirk->pdev);
}

static void command_clear(struct quirk *quirk, u16 bit)
{
	u16 command;

	pci_read_config_word(quirk->pdev, PCI_COMMAND, &command);
	quirk->before = command;
	pci_write_config_word(quirk->pdev, PCI_COMMAND, command & ~bit);
}

static int no_memory_take(struct quirk *quirk)
{
	command_clear(quirk, PCI_COMMAND_MEMORY);
	return 0;
}

static int no_master_take(struct quirk *quirk)
{
	command_clear(quirk, PCI_COMMAND_MASTER);
	return 0;
}

static void command_give_back(struct quirk *quirk)
{
	pci_write_config_word(quirk->pdev, PCI_COMMAND, quirk->before);
}

/* Accesses to the bus read these; they are set before the bus gets mute_ops. */
static unsigned int mute_devfn;
static struct pci_ops *mute_bus_ops;

static int mute_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *value)
{
	if (devfn != mute_devfn)
		return mute_bus_ops->read(bus, devfn, where, size, value);
	*value = ~0U >> (32 - 8 * size);
	return PCIBIOS_SUCCESSFUL;
}

static int mute_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 value)
{
	if (devfn != mute_devfn)
		return mute_bus_ops->write(bus, devfn, where, size, value);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops mute_ops = {
	.read = mute_read,
	.write = mute_write,
};

static int mute_take(struct quirk *quirk)
{
	mute_devfn = quirk->pdev->devfn;
	mute_bus_ops = quirk->pdev->bus->ops;
	pci_bus_set_ops(quirk->pdev->bus, &mute_ops);
	return 0;
}

static void mute_give_back(struct quirk *quirk)
{
	pci_bus_set_ops(quirk->pdev->bus, mute_bus_ops);
}

static struct quirk quirks[] = {
	{ .name = "acs_port", .take = acs_take, .give_back = acs_give_back },
	{ .name = "unmappable", .take = unmappable_take, .give_back = unmappable_give_back },
	{ .name = "claimed", .take = claimed_take, .give_back = claimed_give_back },
	{ .name = "asleep", .take = asleep_take, .give_back = asleep_give_back },
	{ .name = "no_memory", .take = no_memory_take, .give_back = command_give_back },
	{ .name = "no_master", .take = no_master_take, .give_back = command_give_back },
	{ .name = "mute", .take = mute_take, .give_back = mute_give_back },
};

static void quirk_end(struct quirk *quirk)
{
	lockdep_assert_held(&quirk_lock);

	quirk->give_back(quirk);
	pci_dev_put(quirk->pdev);
	quirk->pdev = NULL;
	quirk->file = NULL;
}

/* Takes over the reference to @pdev if it returns 0. */
static int quirk_begin(struct quirk *quirk, struct pci_dev *pdev, struct file *file)
{
	int ret;

	lockdep_assert_held(&quirk_lock);

	if (quirk->pdev)
		return -EBUSY;
	quirk->pdev = pdev;
	quirk->file = file;
	ret = quirk->take(quirk);
	if (ret) {
		quirk->pdev = NULL;
		quirk->file = NULL;
	}
	return ret;
}

static int quirk_order(struct file *file, const char *line)
{
	unsigned int domain, bus, slot, fn, i;
	struct pci_dev *pdev;
	int ret = -EINVAL;
	char name[16];

	if (sscanf(line, "%15s %x:%x:%x.%x", name, &domain, &bus, &slot, &fn) != 5)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, fn));
	if (!pdev)
		return -ENODEV;
	mutex_lock(&quirk_lock);
	for (i = 0; i < ARRAY_SIZE(quirks); i++)
		if (!strcmp(quirks[i].name, name))
			ret = quirk_begin(&quirks[i], pdev, file);
	mutex_unlock(&quirk_lock);
	if (ret)
		pci_dev_put(pdev);
	return ret;
}

static ssize_t quirk_write(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	char *line;
	int ret;

	if (count > LINE_MOST)
		return -EINVAL;
	line = memdup_user_nul(buf, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	ret = quirk_order(file, line);
	kfree(line);
	return ret ?: count;
}

static int quirk_release(struct inode *inode, struct file *file)
{
	unsigned int i;

	mutex_lock(&quirk_lock);
	for (i = 0; i < ARRAY_SIZE(quirks); i++)
		if (quirks[i].file == file)
			quirk_end(&quirks[i]);
	mutex_unlock(&quirk_lock);
	return 0;
}

static const struct file_operations quirk_fops = {
	.owner = THIS_MODULE,
	.write = quirk_write,
	.release = quirk_release,
};

static struct miscdevice quirk_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pci_quirk",
	.fops = &quirk_fops,
	.mode = 0600,
};

module_misc_device(quirk_device);

MODULE_DESCRIPTION("What emulated PCI functions lack, for tests");
MODULE_LICENSE("GPL");
