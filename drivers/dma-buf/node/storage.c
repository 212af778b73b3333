// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that move data between files and buffers. A module of its own serves them. It is loaded at
 * the first such call, because not every machine has such drives.
 */
#include <linux/export.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/file.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "node/ioctl.h"

static DEFINE_MUTEX(peerbuf_storage_lock);
static const struct peerbuf_storage_ops *peerbuf_storage_ops;

/**
 * peerbuf_storage_register() - serve PEERBUF_IOC_FILE_READ and PEERBUF_IOC_FILE_WRITE
 * @ops: what to call, until peerbuf_storage_unregister(); its module is held during calls
 *
 * Context: process context, may sleep.
 * Return: 0, or -EBUSY: another module is registered.
 */
int peerbuf_storage_register(const struct peerbuf_storage_ops *ops)
{
	int ret = 0;

	mutex_lock(&peerbuf_storage_lock);
	if (peerbuf_storage_ops)
		ret = -EBUSY;
	else
		peerbuf_storage_ops = ops;
	mutex_unlock(&peerbuf_storage_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_storage_register);

/**
 * peerbuf_storage_unregister() - undo peerbuf_storage_register()
 * @ops: as registered; no call is under way, because calls hold its module
 *
 * Context: process context, may sleep.
 */
void peerbuf_storage_unregister(const struct peerbuf_storage_ops *ops)
{
	mutex_lock(&peerbuf_storage_lock);
	WARN_ON(peerbuf_storage_ops != ops);
	peerbuf_storage_ops = NULL;
	mutex_unlock(&peerbuf_storage_lock);
}
EXPORT_SYMBOL_GPL(peerbuf_storage_unregister);

/**
 * peerbuf_storage_account() - count the bytes and commands of a call
 * @dmabuf: the buffer, of any exporter
 * @commands: sent to a drive
 * @direct: bytes that the drive moved
 * @bounced: bytes that went through system memory
 *
 * Context: any.
 */
void peerbuf_storage_account(struct dma_buf *dmabuf, u32 commands, u64 direct, u64 bounced)
{
	struct peerbuf *pb = peerbuf_from_dma_buf(dmabuf);

	peerbuf_stat_add(PEERBUF_STAT_FILE_CALLS, 1);
	peerbuf_stat_add(PEERBUF_STAT_FILE_COMMANDS, commands);
	peerbuf_stat_add(PEERBUF_STAT_FILE_DIRECT, direct);
	peerbuf_stat_add(PEERBUF_STAT_FILE_BOUNCED, bounced);
	if (!pb)
		return;
	atomic64_add(direct, &pb->account.file_direct);
	atomic64_add(bounced, &pb->account.file_bounced);
}
EXPORT_SYMBOL_GPL(peerbuf_storage_account);

/* Returns the operations with their module held, or NULL. */
static const struct peerbuf_storage_ops *peerbuf_storage_find(void)
{
	const struct peerbuf_storage_ops *ops;

	mutex_lock(&peerbuf_storage_lock);
	ops = peerbuf_storage_ops;
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	mutex_unlock(&peerbuf_storage_lock);
	return ops;
}

static const struct peerbuf_storage_ops *peerbuf_storage_get(void)
{
	const struct peerbuf_storage_ops *ops = peerbuf_storage_find();

	if (ops)
		return ops;
	request_module("peerbuf-nvme");
	return peerbuf_storage_find();
}

static int peerbuf_storage_transfer(struct peerbuf_call *call, bool write)
{
	const struct peerbuf_storage_ops *ops = peerbuf_storage_get();
	struct peerbuf_ioc_file *arg = &call->file;
	int ret;

	/* What the call does not get to stays zero. */
	arg->bytes = 0;
	arg->direct = 0;
	arg->unaligned = 0;
	arg->unmapped = 0;
	arg->fallback = 0;
	arg->controller = PEERBUF_PCI_NONE;
	arg->commands = 0;
	arg->max_command = 0;
	arg->nvme_status = 0;
	if (!ops)
		return peerbuf_fail(&call->why, -EOPNOTSUPP, PEERBUF_REASON_NO_STORAGE);
	ret = ops->transfer(arg, write);
	module_put(ops->owner);
	return peerbuf_fail(&call->why, ret, arg->reason);
}

int peerbuf_ioctl_file_read(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	return peerbuf_storage_transfer(call, false);
}

int peerbuf_ioctl_file_write(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	return peerbuf_storage_transfer(call, true);
}
