// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware. A caller claims the engine and starts a job. The interrupt handler runs the
 * job chunk by chunk and releases the engine after the last chunk.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>

#include "edu_dma.h"

#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define EDU_CMD_RUN		BIT(0)
#define EDU_CMD_FROM_DEVICE	BIT(1)
#define EDU_CMD_IRQ		BIT(2)

/* Address of the internal memory as the engine sees it. */
#define EDU_INNER		0x40000

/* A transfer takes a tenth of this. */
#define EDU_WATCHDOG		HZ

/* The device hangs when the watchdog has seen the same chunk running this often. */
#define EDU_WATCHDOG_MOST	60

/*
 * Chunks whose end the watchdog saw before the interrupt handler did, of all devices since the
 * module was loaded. The test harness fails a test that has too many of them.
 */
static atomic_t edu_late_interrupts = ATOMIC_INIT(0);
module_param_named(late_interrupts, edu_late_interrupts.counter, int, 0444);
MODULE_PARM_DESC(late_interrupts, "transfers whose end the watchdog saw first");

static void edu_engine_start_chunk(struct edu_engine *engine)
{
	struct edu_job *job = engine->job;
	struct edu_chunk *chunk = &job->chunk[job->done];
	u64 inner = EDU_INNER + chunk->inner;

	lockdep_assert_held(&engine->lock);
	writeq(chunk->from_device ? inner : chunk->addr, engine->regs + EDU_DMA_SRC);
	writeq(chunk->from_device ? chunk->addr : inner, engine->regs + EDU_DMA_DST);
	writeq(chunk->len, engine->regs + EDU_DMA_COUNT);
	writeq(EDU_CMD_RUN | EDU_CMD_IRQ |
	       (chunk->from_device ? EDU_CMD_FROM_DEVICE : 0),
	       engine->regs + EDU_DMA_CMD);
}

/*
 * Go on if the current chunk is done. Both the interrupt handler and the watchdog call this,
 * possibly after the other has handled the chunk: only the hardware's own bit says whether the
 * current chunk is over. Returns true if it was.
 */
static bool edu_engine_poll(struct edu_engine *engine)
{
	struct edu_job *job = NULL;
	unsigned long flags;
	bool over = false;
	int error = 0;
	u32 cmd;

	spin_lock_irqsave(&engine->lock, flags);
	if (!engine->job)
		goto out;
	cmd = readl(engine->regs + EDU_DMA_CMD);
	/* All ones: the device does not answer, so it does no DMA either. */
	if (cmd == ~0U)
		error = -ENODEV;
	else if (cmd & EDU_CMD_RUN)
		goto out;
	over = true;
	engine->looks = 0;
	if (!error && ++engine->job->done < engine->job->nr) {
		edu_engine_start_chunk(engine);
		goto out;
	}
	job = engine->job;
	engine->job = NULL;
out:
	spin_unlock_irqrestore(&engine->lock, flags);
	if (!job)
		return over;
	/* Signal the fence first: whoever claims the engine next may rely on it. */
	edu_job_complete(job, error);
	edu_engine_release(engine);
	/* A device that is gone sends no interrupt, so none is late. */
	return !error;
}

irqreturn_t edu_engine_irq(int irq, void *data)
{
	struct edu_engine *engine = data;
	u32 status = readl(engine->regs + EDU_IRQ_STATUS);

	if (!status || status == ~0U)
		return IRQ_NONE;
	writel(status, engine->regs + EDU_IRQ_ACK);
	edu_engine_poll(engine);
	return IRQ_HANDLED;
}

static void edu_engine_watchdog(struct work_struct *work)
{
	struct edu_engine *engine =
		container_of(work, struct edu_engine, watchdog.work);
	unsigned int looks = 0;
	bool busy;

	if (edu_engine_poll(engine))
		atomic_inc(&edu_late_interrupts);
	spin_lock_irq(&engine->lock);
	busy = engine->job;
	if (busy)
		looks = ++engine->looks;
	spin_unlock_irq(&engine->lock);
	/* The transfer cannot be stopped, and its memory is kept until it has ended. */
	WARN_ONCE(looks == EDU_WATCHDOG_MOST, "edu_dma: a transfer does not end\n");
	if (busy)
		schedule_delayed_work(&engine->watchdog, EDU_WATCHDOG);
}

void edu_engine_init(struct edu_engine *engine, void __iomem *regs)
{
	engine->regs = regs;
	spin_lock_init(&engine->lock);
	init_waitqueue_head(&engine->idle);
	INIT_DELAYED_WORK(&engine->watchdog, edu_engine_watchdog);
}

static bool edu_engine_try_claim(struct edu_engine *engine, int *ret)
{
	bool over = true;

	spin_lock_irq(&engine->lock);
	*ret = engine->stopped ? -ENODEV : 0;
	if (!engine->stopped) {
		over = !engine->claimed;
		engine->claimed = true;
	}
	spin_unlock_irq(&engine->lock);
	return over;
}

/**
 * edu_engine_claim() - get the exclusive right to run a job
 * @engine: the engine
 *
 * While a caller holds the claim, every earlier job is over.
 *
 * Context: process context, sleeps. No dma_resv may be held.
 * Return: 0; -ENODEV when the device goes; -ERESTARTSYS.
 */
int edu_engine_claim(struct edu_engine *engine)
{
	int ret, err;

	err = wait_event_interruptible(engine->idle,
				       edu_engine_try_claim(engine, &ret));
	return err ?: ret;
}
EXPORT_SYMBOL_GPL(edu_engine_claim);

/**
 * edu_engine_release() - give back a claim that no job has taken over
 * @engine: the engine
 *
 * Context: any.
 */
void edu_engine_release(struct edu_engine *engine)
{
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	engine->claimed = false;
	/*
	 * Wake under the lock: otherwise edu_engine_stop() could see that the claim is
	 * released and let the engine be freed before wake_up_all() has finished.
	 */
	wake_up_all(&engine->idle);
	spin_unlock_irqrestore(&engine->lock, flags);
}
EXPORT_SYMBOL_GPL(edu_engine_release);

/**
 * edu_engine_run() - start a job
 * @engine: the engine, claimed; the job releases the claim when it ends
 * @job: published; this takes over the caller's reference
 *
 * Context: any, including between dma_fence_begin_signalling() and dma_fence_end_signalling().
 */
void edu_engine_run(struct edu_engine *engine, struct edu_job *job)
{
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	engine->job = job;
	engine->looks = 0;
	edu_engine_start_chunk(engine);
	spin_unlock_irqrestore(&engine->lock, flags);
	schedule_delayed_work(&engine->watchdog, EDU_WATCHDOG);
}
EXPORT_SYMBOL_GPL(edu_engine_run);

static bool edu_engine_is_idle(struct edu_engine *engine)
{
	bool idle;

	spin_lock_irq(&engine->lock);
	idle = !engine->claimed;
	spin_unlock_irq(&engine->lock);
	return idle;
}

/*
 * Refuse new jobs and wait for the running one. The hardware cannot be stopped, but a transfer
 * always ends, and the watchdog detects a device that has vanished.
 */
void edu_engine_stop(struct edu_engine *engine)
{
	spin_lock_irq(&engine->lock);
	engine->stopped = true;
	spin_unlock_irq(&engine->lock);
	wake_up_all(&engine->idle);
	wait_event(engine->idle, edu_engine_is_idle(engine));
	cancel_delayed_work_sync(&engine->watchdog);
}
