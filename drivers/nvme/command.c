// SPDX-License-Identifier: GPL-2.0
/*
 * Reads and writes, sent through the queue of the driver that the controller is bound to. That
 * driver sends a command without kernel memory unchanged, with the addresses in it.
 */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/math64.h>

#include "internal.h"

/* A command that a reset cut off is sent again for so long, so many milliseconds apart. */
#define PEERBUF_NVME_PERSIST	(30 * HZ)
#define PEERBUF_NVME_DELAY	100

/*
 * A page for PRP entries, which a command of more than two pages needs. Kept for the next command.
 * It is allocated before the fence is created, because no memory may be allocated after.
 */
static int peerbuf_nvme_need_prps(struct peerbuf_nvme_worker *worker, u32 len)
{
	struct device *dev = &worker->transfer->ns.pdev->dev;

	if (worker->prps || len <= PEERBUF_NVME_PAGE)
		return 0;
	worker->prps = dma_alloc_coherent(dev, PEERBUF_NVME_PAGE, &worker->prps_dma, GFP_KERNEL);
	return worker->prps ? 0 : -ENOMEM;
}

/*
 * What nvme-core asks for where it has no memory for protection information: the controller adds
 * that to what is written, checks it and takes it out of what is read. A namespace that keeps it
 * at the end of each block looks like one without to the block layer, and without this would
 * move more bytes than there are entries for. Other namespaces ignore it.
 */
static void peerbuf_nvme_protect(struct nvme_rw_command *rw, u64 first)
{
	rw->control = cpu_to_le16(NVME_RW_PRINFO_PRACT | NVME_RW_PRINFO_PRCHK_GUARD);
	rw->reftag = cpu_to_le32(lower_32_bits(first));
}

/* Build and send one command. Returns what nvme_submit_sync_cmd() does. @sent: bytes it is for. */
static int peerbuf_nvme_submit(struct peerbuf_nvme_worker *worker,
			       struct peerbuf_nvme_window *window,
			       const struct peerbuf_nvme_piece *piece, u32 done, u32 *sent)
{
	struct peerbuf_nvme_transfer *transfer = worker->transfer;
	struct peerbuf_nvme_namespace *ns = &transfer->ns;
	struct nvme_command cmd = {};
	u64 first = div_u64(piece->where + done, ns->block);
	u32 len;

	len = peerbuf_nvme_prps(worker, window->mapping, transfer->offset + piece->at + done,
				piece->len - done, &cmd.rw);
	len = rounddown(len, ns->block);
	if (!len || le64_to_cpu(cmd.rw.dptr.prp1) & ns->dma_mask)
		return -EXDEV;
	/* One that is going has no size left. */
	if (!peerbuf_nvme_has(ns, piece->where + done, len))
		return bdev_nr_bytes(ns->bdev) ? -ENXIO : -ENODEV;
	cmd.rw.opcode = transfer->write ? nvme_cmd_write : nvme_cmd_read;
	cmd.rw.nsid = cpu_to_le32(ns->nsid);
	cmd.rw.slba = cpu_to_le64(first);
	cmd.rw.length = cpu_to_le16(len / ns->block - 1);
	peerbuf_nvme_protect(&cmd.rw, first);
	*sent = len;
	return nvme_submit_sync_cmd(ns->queue, &cmd, NULL, 0);
}

/*
 * Send one command once. While it is under way, its fence is in the buffer's dma_resv and its
 * window is mapped. *@mapped: the window was mapped and the command sent.
 */
static int peerbuf_nvme_send(struct peerbuf_nvme_worker *worker,
			     const struct peerbuf_nvme_piece *piece, u32 done, u32 *sent,
			     bool *mapped)
{
	struct peerbuf_nvme_import *import = &worker->transfer->import;
	struct peerbuf_nvme_window *window;
	struct dma_fence *fence;
	int ret;

	*mapped = false;
	if (peerbuf_nvme_need_prps(worker, piece->len - done))
		return -ENOMEM;
	fence = peerbuf_nvme_fence_create(import->context + worker->index, ++worker->seqno);
	if (!fence)
		return -ENOMEM;
	window = peerbuf_nvme_window_get(import, fence);
	if (IS_ERR(window)) {
		peerbuf_nvme_fence_end(fence);
		return PTR_ERR(window);
	}
	*mapped = true;
	ret = peerbuf_nvme_submit(worker, window, piece, done, sent);
	peerbuf_nvme_fence_end(fence);
	peerbuf_nvme_window_put(import, window);
	return ret;
}

static int peerbuf_nvme_count(struct peerbuf_nvme_transfer *transfer, int result, u32 *reason)
{
	bool dead = result == -ENODEV || test_bit(GD_DEAD, &transfer->ns.path->state);

	mutex_lock(&transfer->lock);
	transfer->commands++;
	if (result > 0)
		transfer->status = result;
	mutex_unlock(&transfer->lock);
	if (!result)
		return 0;
	*reason = dead ? PEERBUF_REASON_CONTROLLER_GONE :
		  result == -EXDEV ? PEERBUF_REASON_UNALIGNED : PEERBUF_REASON_DRIVE_ERROR;
	if (dead)
		return -ENODEV;
	if (result > 0)
		return peerbuf_nvme_status_errno(result);
	return result == -EINTR ? -ETIMEDOUT : result;
}

/* Send one command, and send it again if a reset cut it off. */
static int peerbuf_nvme_persist(struct peerbuf_nvme_worker *worker,
				const struct peerbuf_nvme_piece *piece, u32 done, u32 *sent,
				u32 *reason)
{
	struct peerbuf_nvme_transfer *transfer = worker->transfer;
	unsigned long until = jiffies + PEERBUF_NVME_PERSIST;
	bool mapped;
	int ret, error;

	for (;;) {
		ret = peerbuf_nvme_send(worker, piece, done, sent, &mapped);
		if (!mapped) {
			*reason = peerbuf_nvme_import_reason(&transfer->import, ret);
			return ret;
		}
		error = peerbuf_nvme_count(transfer, ret, reason);
		if (!error || peerbuf_nvme_stopped(transfer, &error, reason))
			return error;
		if (error == -ENODEV || time_after(jiffies, until) || !peerbuf_nvme_may_retry(ret))
			return error;
		msleep(PEERBUF_NVME_DELAY);
	}
}

/**
 * peerbuf_nvme_direct() - let the drive move a piece
 * @worker: the worker that sends the commands
 * @piece: whole blocks
 * @reason: out, enum peerbuf_reason on failure
 *
 * Context: process context, sleeps, no lock held.
 * Return: 0, or why not all of it was moved: the errno for the drive's status; -ENODEV: the
 * buffer was withdrawn, or the controller is gone; -ETIMEDOUT; -EINTR; -ENOMEM.
 */
int peerbuf_nvme_direct(struct peerbuf_nvme_worker *worker,
			const struct peerbuf_nvme_piece *piece, u32 *reason)
{
	u32 done = 0, sent = 0;
	int ret;

	while (done < piece->len) {
		if (done && peerbuf_nvme_stopped(worker->transfer, &ret, reason))
			return ret;
		ret = peerbuf_nvme_persist(worker, piece, done, &sent, reason);
		if (ret)
			return ret;
		done += sent;
	}
	return 0;
}
