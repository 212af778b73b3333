// SPDX-License-Identifier: GPL-2.0
/*
 * By which type a process has memory mapped, as arm64's MMU sees it: what is read from
 * /dev/page_type at an address of the reading process is one byte, the attribute in MAIR_EL1 that
 * its page table entry names.
 */
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#define PAR_FAULT	BIT_ULL(0)
#define PAR_ATTR_SHIFT	56

/* The MMU walks the page table as for a read by the process, and faults nothing in. */
static u64 page_type_translate(unsigned long addr)
{
	unsigned long flags;
	u64 par;

	local_irq_save(flags);
	asm volatile("at	s1e0r, %1\n"
		     "isb\n"
		     "mrs	%0, par_el1\n"
		     : "=r" (par) : "r" (addr) : "memory");
	local_irq_restore(flags);
	return par;
}

static ssize_t page_type_read(struct file *file, char __user *buf, size_t count, loff_t *ppos)
{
	u64 par;
	u8 type;

	if (!count)
		return 0;
	par = page_type_translate(*ppos);
	if (par & PAR_FAULT)
		return -ENXIO;
	type = par >> PAR_ATTR_SHIFT;
	return put_user(type, (u8 __user *)buf) ? -EFAULT : 1;
}

static const struct file_operations page_type_fops = {
	.owner = THIS_MODULE,
	.llseek = default_llseek,
	.read = page_type_read,
};

static struct miscdevice page_type_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "page_type",
	.fops = &page_type_fops,
	.mode = 0600,
};

module_misc_device(page_type_device);

MODULE_DESCRIPTION("Types that memory is mapped by, for tests");
MODULE_LICENSE("GPL");
