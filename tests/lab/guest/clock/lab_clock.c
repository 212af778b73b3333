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
 *   - whoever has a request to the 9p server or to a disk under way: seen by tracepoints,
 *   - programs, which hold /dev/lab-clock open for so long.
 */
#include <linux/atomic.h>
#include <linux/blk-mq.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/tracepoint.h>

struct p9_client;

/* How many wait for the host. */
static atomic_t waiting = ATOMIC_INIT(0);
static struct task_struct *spinner;

static void wake(struct irq_work *work)
{
	wake_up_process(spinner);
}

static DEFINE_IRQ_WORK(waker, wake);

/* In any context: a tracepoint is passed with any lock held, so nobody is woken here. */
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

/* --- requests to the 9p server */

/*
 * A request begins and ends at tracepoints that name its client and its tag, in the task that
 * waits for it. One that a signal breaks off ends unseen: its task flushes it, and it is forgotten
 * when that has ended, or when its task makes another request. The next request with its tag
 * finds it here and goes on in its place; and after so many seconds of the guest, it is forgotten.
 */
#define REQUEST_LIFE	(20 * HZ)
#define TFLUSH		108

static struct {
	const void *client;
	const struct task_struct *task;
	int tag;
	unsigned long began;	/* in jiffies */
} requests[256];

static DEFINE_RAW_SPINLOCK(requests_lock);

/* Where a request is, or -1. With @client NULL: where there is room. Holds requests_lock. */
static int request_at(const void *client, int tag)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].client == client && (!client || requests[i].tag == tag))
			return i;
	}
	return -1;
}

/* False where it is known already, or where there is no room: then its end is not seen either. */
static bool request_add(const void *client, int tag)
{
	unsigned long flags;
	bool known;
	int i;

	raw_spin_lock_irqsave(&requests_lock, flags);
	i = request_at(client, tag);
	known = i >= 0;
	if (!known)
		i = request_at(NULL, 0);
	if (i >= 0) {
		requests[i].client = client;
		requests[i].task = current;
		requests[i].tag = tag;
		requests[i].began = jiffies;
	}
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	return i >= 0 && !known;
}

static bool request_remove(const void *client, int tag)
{
	unsigned long flags;
	int i;

	raw_spin_lock_irqsave(&requests_lock, flags);
	i = request_at(client, tag);
	if (i >= 0)
		requests[i].client = NULL;
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	return i >= 0;
}

/* Those of a task that no longer waits for them: how many there were. */
static int requests_forget(const struct task_struct *task)
{
	unsigned long flags;
	int i, nr = 0;

	raw_spin_lock_irqsave(&requests_lock, flags);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].client && requests[i].task == task) {
			requests[i].client = NULL;
			nr++;
		}
	}
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	return nr;
}

/* How many were forgotten. */
static int requests_expire(void)
{
	unsigned long flags;
	int i, nr = 0;

	raw_spin_lock_irqsave(&requests_lock, flags);
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].client &&
		    time_after(jiffies, requests[i].began + REQUEST_LIFE)) {
			requests[i].client = NULL;
			nr++;
		}
	}
	raw_spin_unlock_irqrestore(&requests_lock, flags);
	return nr;
}

static void release_many(int nr)
{
	while (nr--)
		release();
}

/* A task waits for one request at a time, or for the flush of one. */
static void p9_begins(void *data, struct p9_client *client, s8 type, int tag)
{
	if (type != TFLUSH)
		release_many(requests_forget(current));
	if (request_add(client, (u16)tag))
		hold();
}

static void p9_ends(void *data, struct p9_client *client, s8 type, int tag, int err)
{
	if (request_remove(client, (u16)tag))
		release();
	if (type == TFLUSH)
		release_many(requests_forget(current));
}

/* --- the thread */

/*
 * What the emulator does between two instructions of a guest's costs it more than they do, and
 * keeps the thread that has the answer from handing it over. So there are some between two times
 * that we give way.
 */
#define TURNS	1000

static void work(void)
{
	int i;

	for (i = 0; i < TURNS; i++)
		barrier();
}

/*
 * Busy while anybody waits, and the first to give way. At each cpu_relax() the emulator goes on
 * to the other CPU, where whoever has got an answer wants to run.
 */
static int spin(void *unused)
{
	unsigned long look = jiffies;

	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!atomic_read(&waiting) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		while (atomic_read(&waiting) > 0 && !kthread_should_stop()) {
			if (time_after(jiffies, look)) {
				look = jiffies + HZ;
				release_many(requests_expire());
			}
			work();
			cpu_relax();
			cond_resched();
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

/* --- tracepoints, of the kernel and of its modules */

static struct {
	const char *name;
	void *probe;
	struct tracepoint *point;
} points[] = {
	{ "9p_client_res", p9_ends },
	{ "9p_client_req", p9_begins },
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

/* Called for each module that is there when the notifier is registered. */
static int module_find(struct notifier_block *nb, unsigned long event, void *data)
{
	struct tp_module *module = data;
	int i;

	for (i = 0; event == MODULE_STATE_COMING && i < module->mod->num_tracepoints; i++)
		point_find(tracepoint_ptr_deref(&module->mod->tracepoints_ptrs[i]), NULL);
	return NOTIFY_OK;
}

static struct notifier_block modules = { .notifier_call = module_find };

static int points_find(void)
{
	int ret;

	for_each_kernel_tracepoint(point_find, NULL);
	ret = register_tracepoint_module_notifier(&modules);
	if (!ret)
		unregister_tracepoint_module_notifier(&modules);
	return ret;
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

	ret = points_find();
	if (ret)
		return ret;
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
	ret = points_init();
	if (ret)
		goto err_spinner;
	ret = misc_register(&clock_device);
	if (ret)
		goto err_points;
	return 0;

err_points:
	points_exit(ARRAY_SIZE(points));
err_spinner:
	irq_work_sync(&waker);
	kthread_stop(spinner);
	return ret;
}
module_init(lab_clock_init);

/* For as long as the guest lives: there is no way to unload it. */
MODULE_DESCRIPTION("Holds the guest's clock while it waits for the host");
MODULE_LICENSE("GPL");
