// SPDX-License-Identifier: GPL-2.0
/*
 * Has the machine go down, as reboot(2) does, and stand still where drivers are about to be shut
 * down: whoever wants to be told of it has been told, and processes still run. A write to
 * /dev/machine_down returns then, and who wrote may look at what has become of everything.
 *
 * There is no way back, so this comes last in a boot. Whoever else has the machine go down passes
 * by here.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/limits.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/reboot.h>
#include <linux/sched.h>

/* Longer than anybody may hold it up. */
#define DOWN_LIMIT	(60 * HZ)

static DEFINE_MUTEX(down_lock);
static struct task_struct *down_thread;
static DECLARE_COMPLETION(down_told);

static int down_restart(void *unused)
{
	kernel_restart(NULL);
	return 0;
}

/* Of all who are told the last. */
static int down_event(struct notifier_block *nb, unsigned long action, void *data)
{
	if (current != READ_ONCE(down_thread))
		return NOTIFY_DONE;
	complete_all(&down_told);
	for (;;)
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
}

static struct notifier_block down_nb = {
	.notifier_call = down_event,
	.priority = INT_MIN,
};

/* The module stays, as the thread does. */
static int down_begin(void)
{
	struct task_struct *thread;

	lockdep_assert_held(&down_lock);

	if (down_thread)
		return 0;
	thread = kthread_create(down_restart, NULL, "machine_down");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	__module_get(THIS_MODULE);
	WRITE_ONCE(down_thread, thread);
	wake_up_process(thread);
	return 0;
}

static ssize_t down_order(struct file *file, const char __user *buf, size_t count, loff_t *ppos)
{
	long left;
	int ret;

	mutex_lock(&down_lock);
	ret = down_begin();
	mutex_unlock(&down_lock);
	if (ret)
		return ret;
	left = wait_for_completion_killable_timeout(&down_told, DOWN_LIMIT);
	if (left < 0)
		return left;
	return left ? count : -ETIMEDOUT;
}

static const struct file_operations down_fops = {
	.owner = THIS_MODULE,
	.write = down_order,
};

static struct miscdevice down_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "machine_down",
	.fops = &down_fops,
	.mode = 0600,
};

static int __init down_init(void)
{
	int ret = register_reboot_notifier(&down_nb);

	if (ret)
		return ret;
	ret = misc_register(&down_device);
	if (ret)
		unregister_reboot_notifier(&down_nb);
	return ret;
}

static void __exit down_exit(void)
{
	misc_deregister(&down_device);
	unregister_reboot_notifier(&down_nb);
}

module_init(down_init);
module_exit(down_exit);

MODULE_DESCRIPTION("Has the machine go down and stand still, for tests");
MODULE_LICENSE("GPL");
