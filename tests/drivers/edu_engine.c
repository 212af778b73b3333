// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware. It is claimed, runs one job chunk by chunk from its interrupt,
 * and is free again when the last chunk is done.
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

/* Where the internal memory is, in the engine's own view. */
#define EDU_INNER		0x40000

/* A transfer takes a tenth of it. */
#define EDU_WATCHDOG		HZ

/* Looks at a chunk that is still under way: the device has hung. */
#define EDU_WATCHDOG_MOST	60

/*
 * Chunks that ended without an interrupt, of all devices since the module was loaded. The
 * harness of the tests fails the test that has too many of them.
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
 * Go on if the current chunk is done. Both the interrupt and the watchdog come
 * here, possibly for a chunk that the other has dealt with already: only the
 * hardware's own bit says whether the current one is over. True if it was.
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
	/* All ones: nobody answers, and who does not answer does no DMA. */
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
	/* The fence first: who claims the engine next may rely on it. */
	edu_job_complete(job, error);
	edu_engine_release(engine);
	/* An interrupt from a device that is gone is not late. */
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
	/* It cannot be told to stop, and its memory is not given back before it has. */
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
 * edu_engine_claim() - be the only one to run a job
 * @engine: the engine
 *
 * Whoever holds the claim knows that every earlier job is over.
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
	 * Under the lock: edu_engine_stop() must not see the claim gone and
	 * let the engine be freed before this is done with it.
	 */
	wake_up_all(&engine->idle);
	spin_unlock_irqrestore(&engine->lock, flags);
}
EXPORT_SYMBOL_GPL(edu_engine_release);

/**
 * edu_engine_run() - start a job
 * @engine: the engine, claimed; the claim is the job's from now on
 * @job: published; the caller's reference goes with it
 *
 * Context: any, also between dma_fence_begin_signalling() and its end.
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
 * Refuse new jobs and wait for the one that runs: the hardware cannot be told to
 * stop, but it always ends, and the watchdog sees when it has vanished.
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
