// SPDX-License-Identifier: GPL-2.0
/*
 * One call: its arguments, the workers that move the pieces, and its result.
 *
 * The caller is the first worker. Additional workers exist so that as many commands are under way
 * as the caller asks for. A command cannot be called back: whoever ends a transfer, by a signal, a
 * revoke or the removal of the drive, prevents further commands and waits for those under way.
 */
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/fsnotify.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

static struct workqueue_struct *peerbuf_nvme_wq;

int peerbuf_nvme_transfer_init(void)
{
	peerbuf_nvme_wq = alloc_workqueue("peerbuf-nvme", WQ_UNBOUND, PEERBUF_NVME_MAX_DEPTH * 4);
	return peerbuf_nvme_wq ? 0 : -ENOMEM;
}

/* No transfer is left: each holds the module until its workers have finished. */
void peerbuf_nvme_transfer_exit(void)
{
	destroy_workqueue(peerbuf_nvme_wq);
}

/* The only signal that an io_uring worker gets tells it to end. */
static bool peerbuf_nvme_cancelled(struct task_struct *caller)
{
	return fatal_signal_pending(caller) ||
	       (caller->flags & PF_IO_WORKER && signal_pending(caller));
}

/* Must no more commands be sent? If so, @error and @reason say why. */
bool peerbuf_nvme_stopped(struct peerbuf_nvme_transfer *transfer, int *error, u32 *reason)
{
	if (READ_ONCE(transfer->user.gone)) {
		*error = -ENODEV;
		*reason = PEERBUF_REASON_CONTROLLER_GONE;
		return true;
	}
	if (peerbuf_nvme_cancelled(transfer->caller)) {
		*error = -EINTR;
		*reason = PEERBUF_REASON_INTERRUPTED;
		return true;
	}
	return false;
}

/* The error reported is that of the first byte that was not moved. */
static void peerbuf_nvme_piece_done(struct peerbuf_nvme_transfer *transfer,
				    const struct peerbuf_nvme_piece *piece, int error, u32 reason)
{
	mutex_lock(&transfer->lock);
	if (error >= 0)
		transfer->bytes[piece->way] += piece->len;
	if (error == PEERBUF_NVME_END) {
		transfer->valid = min(transfer->valid, piece->at + piece->len);
	} else if (error && piece->at < transfer->valid) {
		transfer->valid = piece->at;
		transfer->error = error;
		transfer->reason = reason;
	}
	mutex_unlock(&transfer->lock);
}

static void peerbuf_nvme_run(struct peerbuf_nvme_worker *worker)
{
	struct peerbuf_nvme_transfer *transfer = worker->transfer;
	struct peerbuf_nvme_piece piece;
	u32 reason = 0;
	int ret;

	while (peerbuf_nvme_next_piece(transfer, &piece)) {
		if (!peerbuf_nvme_stopped(transfer, &ret, &reason)) {
			if (piece.way == PEERBUF_NVME_DIRECT)
				ret = peerbuf_nvme_direct(worker, &piece, &reason);
			else
				ret = peerbuf_nvme_through_system(worker, &piece, &reason);
		}
		peerbuf_nvme_piece_done(transfer, &piece, ret, reason);
		cond_resched();
	}
}

static void peerbuf_nvme_work(struct work_struct *work)
{
	peerbuf_nvme_run(container_of(work, struct peerbuf_nvme_worker, work));
}

/* At most one worker per command of full size. */
static u32 peerbuf_nvme_count_workers(const struct peerbuf_ioc_file *arg, u32 most)
{
	u32 depth = arg->depth ?: peerbuf_nvme_depth();

	return clamp_t(u64, DIV_ROUND_UP_ULL(arg->length, most), 1, depth);
}

/* Moves the direct pieces by all workers; the caller is the first. */
static void peerbuf_nvme_work_all(struct peerbuf_nvme_transfer *transfer)
{
	struct device *dev = &transfer->ns.pdev->dev;
	struct peerbuf_nvme_worker *worker;
	u32 i;

	peerbuf_nvme_first_piece(transfer, true);
	for (i = 0; i < transfer->nr_workers; i++) {
		worker = &transfer->workers[i];
		worker->transfer = transfer;
		worker->index = i;
		INIT_WORK(&worker->work, peerbuf_nvme_work);
		if (i)
			queue_work(peerbuf_nvme_wq, &worker->work);
	}
	peerbuf_nvme_run(&transfer->workers[0]);
	for (i = 0; i < transfer->nr_workers; i++) {
		worker = &transfer->workers[i];
		/* One that has not begun is not needed any more, and need not be waited for. */
		if (i)
			cancel_work_sync(&worker->work);
		if (worker->prps)
			dma_free_coherent(dev, PEERBUF_NVME_PAGE, worker->prps, worker->prps_dma);
	}
}

/* Moves the rest through system memory, by the caller, which has released the file's lock. */
static void peerbuf_nvme_work_rest(struct peerbuf_nvme_transfer *transfer)
{
	struct peerbuf_nvme_worker *worker = &transfer->workers[0];

	worker->transfer = transfer;
	peerbuf_nvme_first_piece(transfer, false);
	peerbuf_nvme_run(worker);
	kvfree(worker->bounce);
}

static int peerbuf_nvme_check_args(const struct peerbuf_ioc_file *arg, u32 *reason)
{
	u64 end;

	if (arg->flags & ~(PEERBUF_FILE_F_STRICT | PEERBUF_FILE_F_FALLBACK)) {
		*reason = PEERBUF_REASON_FLAGS;
		return -EINVAL;
	}
	if (arg->reserved) {
		*reason = PEERBUF_REASON_RESERVED;
		return -EINVAL;
	}
	if (arg->depth > PEERBUF_NVME_MAX_DEPTH) {
		*reason = PEERBUF_REASON_QUEUE_DEPTH;
		return -EINVAL;
	}
	if (!arg->length) {
		*reason = PEERBUF_REASON_ZERO_LENGTH;
		return -EINVAL;
	}
	if (check_add_overflow(arg->offset, arg->length, &end) ||
	    check_add_overflow(arg->file_offset, arg->length, &end) || end > LLONG_MAX) {
		*reason = PEERBUF_REASON_OVERFLOW;
		return -EOVERFLOW;
	}
	return 0;
}

/* Returns the buffer with a reference. It is open for the direction of the transfer. */
static struct dma_buf *peerbuf_nvme_buffer_get(const struct peerbuf_ioc_file *arg, bool write,
					       u32 *reason)
{
	struct dma_buf *dmabuf = dma_buf_get(arg->dmabuf_fd);
	int ret = 0;

	if (IS_ERR(dmabuf)) {
		*reason = PTR_ERR(dmabuf) == -EINVAL ? PEERBUF_REASON_NOT_DMABUF :
						       PEERBUF_REASON_BAD_FD;
		return dmabuf;
	}
	if (!(dmabuf->file->f_mode & (write ? FMODE_READ : FMODE_WRITE))) {
		*reason = PEERBUF_REASON_READ_ONLY_BUFFER;
		ret = -EACCES;
	} else if (arg->offset + arg->length > dmabuf->size) {
		*reason = PEERBUF_REASON_PAST_END;
		ret = -ERANGE;
	}
	if (!ret)
		return dmabuf;
	dma_buf_put(dmabuf);
	return ERR_PTR(ret);
}

static int peerbuf_nvme_attach(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret;

	ret = peerbuf_nvme_import_attach(&transfer->import, transfer->ns.pdev, reason);
	if (ret != -EHOSTUNREACH || !(transfer->flags & PEERBUF_FILE_F_FALLBACK))
		return ret;
	*reason = PEERBUF_REASON_NONE;
	return 0;
}

static int peerbuf_nvme_map(struct peerbuf_nvme_transfer *transfer)
{
	const struct peerbuf_nvme_extent all = {
		.len = transfer->length, .way = PEERBUF_NVME_FALLBACK,
	};
	int ret;

	if (!transfer->import.att)
		ret = peerbuf_nvme_add_extent(transfer, &all);
	else
		ret = transfer->source->map(transfer, &transfer->reason);
	return ret ?: peerbuf_nvme_check_strict(transfer, &transfer->reason);
}

static u64 peerbuf_nvme_left(const struct peerbuf_nvme_transfer *transfer)
{
	u64 size = peerbuf_nvme_size_of(transfer->file);

	return size > transfer->pos ? size - transfer->pos : 0;
}

/* The buffer is attached, or else everything goes through system memory. */
static int peerbuf_nvme_move_all(struct peerbuf_nvme_transfer *transfer)
{
	int ret;

	ret = transfer->source->begin(transfer, &transfer->reason);
	if (ret)
		return ret;
	/* The file may have become shorter since the first check. */
	if (!transfer->write)
		transfer->length = min(transfer->length, peerbuf_nvme_left(transfer));
	ret = peerbuf_nvme_map(transfer);
	if (!ret) {
		transfer->valid = transfer->length;
		peerbuf_nvme_work_all(transfer);
		peerbuf_nvme_import_idle(&transfer->import);
	}
	transfer->source->release(transfer);
	if (!ret) {
		peerbuf_nvme_work_rest(transfer);
		ret = transfer->error;
	}
	kvfree(transfer->extents);
	return ret;
}

/* The transfer is in the list of users, so the controller's driver waits for it. */
static int peerbuf_nvme_transfer_run(struct peerbuf_nvme_transfer *transfer)
{
	int ret;

	ret = peerbuf_nvme_attach(transfer, &transfer->reason);
	if (!ret)
		ret = peerbuf_nvme_move_all(transfer);
	peerbuf_nvme_import_detach(&transfer->import);
	return ret;
}

static int peerbuf_nvme_transfer_start(struct peerbuf_nvme_transfer *transfer)
{
	int ret, sync;

	ret = peerbuf_nvme_enter(&transfer->user, &transfer->ns, &transfer->reason);
	if (ret)
		return ret;
	ret = peerbuf_nvme_transfer_run(transfer);
	peerbuf_nvme_leave(&transfer->user);
	sync = transfer->source->end(transfer);
	if (!ret && sync) {
		transfer->reason = PEERBUF_REASON_FILE_ERROR;
		ret = sync;
	}
	return ret;
}

static void peerbuf_nvme_tell(const struct peerbuf_nvme_transfer *transfer,
			      struct peerbuf_ioc_file *arg)
{
	arg->reason = transfer->reason;
	arg->bytes = transfer->valid;
	arg->direct = transfer->bytes[PEERBUF_NVME_DIRECT];
	arg->unaligned = transfer->bytes[PEERBUF_NVME_UNALIGNED];
	arg->unmapped = transfer->bytes[PEERBUF_NVME_UNMAPPED];
	arg->fallback = transfer->bytes[PEERBUF_NVME_FALLBACK];
	arg->controller = p2p_pci_addr(transfer->ns.pdev);
	arg->commands = transfer->commands;
	arg->max_command = transfer->ns.most;
	arg->nvme_status = transfer->status;
	if (arg->bytes || arg->commands)
		peerbuf_storage_account(transfer->import.dmabuf, arg->commands, arg->direct,
					arg->unaligned + arg->unmapped + arg->fallback);
}

static int peerbuf_nvme_with_namespace(struct peerbuf_ioc_file *arg, struct file *file,
				       struct dma_buf *dmabuf, bool write, u64 length,
				       const struct peerbuf_nvme_namespace *ns)
{
	u32 nr = peerbuf_nvme_count_workers(arg, ns->most);
	struct peerbuf_nvme_transfer *transfer;
	int ret;

	transfer = kzalloc(struct_size(transfer, workers, nr), GFP_KERNEL);
	if (!transfer) {
		arg->reason = PEERBUF_REASON_NO_MEMORY;
		return -ENOMEM;
	}
	transfer->nr_workers = nr;
	mutex_init(&transfer->lock);
	transfer->file = file;
	transfer->source = peerbuf_nvme_source_of(file);
	transfer->caller = current;
	transfer->write = write;
	transfer->flags = arg->flags;
	transfer->pos = arg->file_offset;
	transfer->offset = arg->offset;
	transfer->length = length;
	transfer->ns = *ns;
	transfer->import.dmabuf = dmabuf;
	transfer->import.dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	transfer->import.nr_contexts = nr;
	ret = peerbuf_nvme_transfer_start(transfer);
	peerbuf_nvme_tell(transfer, arg);
	mutex_destroy(&transfer->lock);
	kfree(transfer);
	return ret;
}

/*
 * LSMs and fanotify may refuse before anything of the file is used. They are asked about the whole
 * call, because a program that fills in a file as it is read is asked for the part that is needed.
 * The whole is never longer than what the buffer has room for.
 */
static int peerbuf_nvme_verify(const struct peerbuf_ioc_file *arg, struct file *file, bool write,
			       u32 *reason)
{
	u64 done, length;
	loff_t pos;
	int ret;

	for (done = 0; done < arg->length; done += length) {
		pos = arg->file_offset + done;
		length = min_t(u64, arg->length - done, MAX_RW_COUNT);
		ret = rw_verify_area(write ? WRITE : READ, file, &pos, length);
		if (ret) {
			*reason = PEERBUF_REASON_FILE_ACCESS;
			return ret;
		}
	}
	return 0;
}

static int peerbuf_nvme_between(struct peerbuf_ioc_file *arg, struct file *file,
				struct dma_buf *dmabuf, bool write)
{
	u64 length = arg->length, size;
	struct peerbuf_nvme_namespace ns;
	int ret;

	ret = peerbuf_nvme_namespace_get(&ns, peerbuf_nvme_device_of(file), write, &arg->reason);
	if (ret)
		return ret;
	size = peerbuf_nvme_size_of(file);
	/* As with read() and write(): stop at the end, unless a write extends a file. */
	if (!write || S_ISBLK(file_inode(file)->i_mode))
		length = size > arg->file_offset ? min(length, size - arg->file_offset) : 0;
	if (length) {
		ret = peerbuf_nvme_with_namespace(arg, file, dmabuf, write, length, &ns);
	} else if (write) {
		arg->reason = PEERBUF_REASON_PAST_END;
		ret = -ENOSPC;
	}
	peerbuf_nvme_namespace_put(&ns);
	if (!arg->bytes)
		return ret;
	if (write) {
		fsnotify_modify(file);
	} else {
		fsnotify_access(file);
		file_accessed(file);
	}
	return ret;
}

/**
 * peerbuf_nvme_file_io() - PEERBUF_IOC_FILE_READ and PEERBUF_IOC_FILE_WRITE
 * @arg: the arguments and the result
 * @write: to the file
 *
 * Context: process context of the caller, sleeps, no lock held.
 * Return: 0, or an errno as <linux/peerbuf.h> lists them.
 */
int peerbuf_nvme_file_io(struct peerbuf_ioc_file *arg, bool write)
{
	struct dma_buf *dmabuf;
	struct file *file;
	int ret;

	ret = peerbuf_nvme_check_args(arg, &arg->reason);
	if (ret)
		return ret;
	file = fget(arg->file_fd);
	if (!file) {
		arg->reason = PEERBUF_REASON_BAD_FD;
		return -EBADF;
	}
	ret = peerbuf_nvme_check_file(file, write, &arg->reason);
	if (ret)
		goto out_file;
	dmabuf = peerbuf_nvme_buffer_get(arg, write, &arg->reason);
	if (IS_ERR(dmabuf)) {
		ret = PTR_ERR(dmabuf);
		goto out_file;
	}
	ret = peerbuf_nvme_verify(arg, file, write, &arg->reason);
	if (!ret)
		ret = peerbuf_nvme_between(arg, file, dmabuf, write);
	dma_buf_put(dmabuf);
out_file:
	fput(file);
	return ret;
}
