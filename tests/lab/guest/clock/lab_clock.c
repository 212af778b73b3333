// SPDX-License-Identifier: GPL-2.0
/*
 * lab_clock - keep the guest's clock from running off while it waits for the host.
 *
 * In virtual time an idle guest's clock jumps to its next timer. That is right while
 * the guest waits for a timer, and wrong while it waits for the host, whose answer takes
 * real time: a second that the host is busy could be hours in the guest, with every time
 * limit long over. A busy guest's clock counts instructions instead. So while anybody waits
 * for the host, a thread of this module keeps one CPU busy.
 *
 * Who waits for the host:
 *   - whoever has a request to the 9p server under way: seen by kretprobes,
 *   - whoever has a request to a disk under way: seen by the block layer's tracepoints,
 *   - programs, which hold /dev/lab-clock open for so long.
 */
#include <linux/atomic.h>
#include <linux/blk-mq.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>

/* How many wait for the host. */
static atomic_t waiting = ATOMIC_INIT(0);
static struct task_struct *spinner;

static void wake(struct irq_work *work)
{
	wake_up_process(spinner);
}

static DEFINE_IRQ_WORK(waker, wake);

/* In any context: a probe that is a breakpoint runs as if in an NMI, where nobody is woken. */
static void hold(void)
{
	if (atomic_inc_return(&waiting) == 1)
		irq_work_queue(&waker);
}

/* What began before this module was there may end without having been counted. */
static void release(void)
{
	atomic_dec_if_positive(&waiting);
}

static int waiting_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%d\n", atomic_read(&waiting));
}

static const struct kernel_param_ops waiting_ops = { .get = waiting_get };
module_param_cb(waiting, &waiting_ops, NULL, 0444);
MODULE_PARM_DESC(waiting, "how many wait for the host just now");

/*
 * Busy while anybody waits, and the first to give way. At each cpu_relax() the emulator goes on
 * to the other CPU, where whoever has got an answer wants to run.
 */
static int spin(void *unused)
{
	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!atomic_read(&waiting) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		while (atomic_read(&waiting) > 0 && !kthread_should_stop()) {
			cpu_relax();
			cond_resched();
		}
	}
	return 0;
}

/* --- 9p */

static int rpc_begins(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	hold();
	return 0;
}

static int rpc_ends(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	release();
	return 0;
}

/* A call that finds no free instance is not seen at all, neither begin nor end. */
#define RPC(name)					\
	{						\
		.kp.symbol_name = name,			\
		.entry_handler = rpc_begins,		\
		.handler = rpc_ends,			\
		.maxactive = 64,			\
	}

/* The compiler may have made a copy with a suffix of its own. */
static struct kretprobe rpcs[][3] = {
	{ RPC("p9_client_rpc"), RPC("p9_client_rpc.constprop.0"),
	  RPC("p9_client_rpc.isra.0") },
	{ RPC("p9_client_zc_rpc"), RPC("p9_client_zc_rpc.constprop.0"),
	  RPC("p9_client_zc_rpc.isra.0") },
};

static struct kretprobe *probed[ARRAY_SIZE(rpcs)];

static void rpcs_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(probed); i++) {
		if (probed[i])
			unregister_kretprobe(probed[i]);
	}
}

static int rpc_init(int which)
{
	int i, ret = -ENOENT;

	for (i = 0; i < ARRAY_SIZE(rpcs[which]); i++) {
		ret = register_kretprobe(&rpcs[which][i]);
		if (!ret) {
			probed[which] = &rpcs[which][i];
			return 0;
		}
	}
	pr_err("lab_clock: %s: not to be found\n", rpcs[which][0].kp.symbol_name);
	return ret;
}

static int rpcs_init(void)
{
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(rpcs); i++) {
		ret = rpc_init(i);
		if (ret) {
			rpcs_exit();
			return ret;
		}
	}
	return 0;
}

/* --- disks */

static void rq_issued(void *data, struct request *rq)
{
	hold();
}

static void rq_requeued(void *data, struct request *rq)
{
	release();
}

/* Called for each part that is complete; the last leaves nothing. */
static void rq_completed(void *data, struct request *rq, blk_status_t status,
			 unsigned int bytes)
{
	if (bytes >= blk_rq_bytes(rq))
		release();
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *point;
} points[] = {
	{ "block_rq_complete", rq_completed },
	{ "block_rq_requeue", rq_requeued },
	/* The last: what ends has begun after the others were there. */
	{ "block_rq_issue", rq_issued },
};

static void point_find(struct tracepoint *point, void *unused)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(points); i++) {
		if (!strcmp(point->name, points[i].name))
			points[i].point = point;
	}
}

static void points_exit(int nr)
{
	while (nr--)
		tracepoint_probe_unregister(points[nr].point, points[nr].probe, NULL);
	tracepoint_synchronize_unregister();
}

static int points_init(void)
{
	int i, ret;

	for_each_kernel_tracepoint(point_find, NULL);
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		ret = points[i].point ?
			tracepoint_probe_register(points[i].point, points[i].probe, NULL) :
			-ENOENT;
		if (ret) {
			pr_err("lab_clock: %s: not to be had\n", points[i].name);
			points_exit(i);
			return ret;
		}
	}
	return 0;
}

/* --- programs */

static int clock_open(struct inode *inode, struct file *file)
{
	hold();
	return nonseekable_open(inode, file);
}

static int clock_release(struct inode *inode, struct file *file)
{
	release();
	return 0;
}

static const struct file_operations clock_fops = {
	.owner = THIS_MODULE,
	.open = clock_open,
	.release = clock_release,
};

static struct miscdevice clock_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "lab-clock",
	.fops = &clock_fops,
	.mode = 0666,
};

static int __init lab_clock_init(void)
{
	int ret;

	spinner = kthread_create(spin, NULL, "lab-clock");
	if (IS_ERR(spinner))
		return PTR_ERR(spinner);
	sched_set_normal(spinner, MAX_NICE);
	wake_up_process(spinner);
	ret = rpcs_init();
	if (ret)
		goto err_spinner;
	ret = points_init();
	if (ret)
		goto err_rpcs;
	ret = misc_register(&clock_device);
	if (ret)
		goto err_points;
	return 0;

err_points:
	points_exit(ARRAY_SIZE(points));
err_rpcs:
	rpcs_exit();
err_spinner:
	irq_work_sync(&waker);
	kthread_stop(spinner);
	return ret;
}
module_init(lab_clock_init);

/* For as long as the guest lives: there is no way to unload it. */
MODULE_DESCRIPTION("Holds the guest's clock while it waits for the host");
MODULE_LICENSE("GPL");
