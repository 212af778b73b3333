// SPDX-License-Identifier: GPL-2.0
/*
 * Moves what the drive cannot: by an ordinary read or write of the file, through the page cache,
 * and a copy by the CPU.
 */
#include <linux/slab.h>
#include <linux/uio.h>

#include "internal.h"

/* Returns bytes, or an errno. Clears IOCB_DIRECT, because direct I/O takes no odd offsets. */
static ssize_t peerbuf_nvme_read(struct file *file, void *to, size_t len, u64 pos)
{
	struct kvec vec = { .iov_base = to, .iov_len = len };
	struct iov_iter iter;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, file);
	kiocb.ki_flags &= ~IOCB_DIRECT;
	kiocb.ki_pos = pos;
	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, len);
	return vfs_iocb_iter_read(file, &kiocb, &iter);
}

static ssize_t peerbuf_nvme_write(struct file *file, void *from, size_t len, u64 pos)
{
	struct kvec vec = { .iov_base = from, .iov_len = len };
	struct iov_iter iter;
	struct kiocb kiocb;
	ssize_t ret;

	if (!(file->f_mode & FMODE_CAN_WRITE) || !file->f_op->write_iter)
		return -EINVAL;
	init_sync_kiocb(&kiocb, file);
	kiocb.ki_flags &= ~(IOCB_DIRECT | IOCB_APPEND);
	kiocb.ki_pos = pos;
	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, len);
	/*
	 * Not by vfs_iocb_iter_write(), which starts the write by itself on some kernels: who does
	 * so twice waits for himself if somebody freezes the file system in between. The call has
	 * asked rw_verify_area(), and tells fsnotify in the end.
	 */
	file_start_write(file);
	ret = file->f_op->write_iter(&kiocb, &iter);
	file_end_write(file);
	return ret;
}

static ssize_t peerbuf_nvme_file_some(struct peerbuf_nvme_transfer *transfer, void *data,
				      size_t len, u64 pos)
{
	if (transfer->write)
		return peerbuf_nvme_write(transfer->file, data, len, pos);
	return peerbuf_nvme_read(transfer->file, data, len, pos);
}

/*
 * Sets the length of @piece to the bytes that were moved. Where these are fewer than asked for, the
 * next call returns why.
 */
static int peerbuf_nvme_file_part(struct peerbuf_nvme_transfer *transfer, void *data,
				  struct peerbuf_nvme_piece *piece, u32 *reason)
{
	u64 pos = transfer->pos + piece->at;
	ssize_t some;
	u32 done;

	for (done = 0; done < piece->len; done += some) {
		some = peerbuf_nvme_file_some(transfer, data + done, piece->len - done, pos + done);
		if (some <= 0)
			break;
	}
	if (done == piece->len)
		return 0;
	if (!some && !transfer->write) {
		piece->len = done;
		return PEERBUF_NVME_END;
	}
	*reason = PEERBUF_REASON_FILE_ERROR;
	return some ?: -EIO;
}

static int peerbuf_nvme_buffer_part(struct peerbuf_nvme_transfer *transfer, void *data,
				    const struct peerbuf_nvme_piece *piece, u32 *reason)
{
	int ret;

	ret = peerbuf_access(transfer->import.dmabuf, transfer->offset + piece->at, data,
			     piece->len, !transfer->write);
	if (ret)
		*reason = peerbuf_nvme_import_reason(&transfer->import, ret);
	return ret;
}

/**
 * peerbuf_nvme_through_system() - move a piece through system memory
 * @worker: its bounce memory is used
 * @piece: the piece; shortened if the file ends in it
 * @reason: out, enum peerbuf_reason on failure
 *
 * Context: process context, sleeps, no lock held.
 * Return: 0; PEERBUF_NVME_END: the file ended; or why it was not moved: the errno of reading or
 * writing the file; -ENODEV: the buffer was withdrawn; -EPERM: the CPU may not access the buffer;
 * -EINTR; -ENOMEM.
 */
int peerbuf_nvme_through_system(struct peerbuf_nvme_worker *worker,
				struct peerbuf_nvme_piece *piece, u32 *reason)
{
	struct peerbuf_nvme_transfer *transfer = worker->transfer;
	int end, ret;

	if (!worker->bounce)
		worker->bounce = kvmalloc(PEERBUF_NVME_BOUNCE, GFP_KERNEL);
	if (!worker->bounce) {
		*reason = PEERBUF_REASON_NO_MEMORY;
		return -ENOMEM;
	}
	if (transfer->write) {
		ret = peerbuf_nvme_buffer_part(transfer, worker->bounce, piece, reason);
		return ret ?: peerbuf_nvme_file_part(transfer, worker->bounce, piece, reason);
	}
	end = peerbuf_nvme_file_part(transfer, worker->bounce, piece, reason);
	if (end < 0)
		return end;
	ret = peerbuf_nvme_buffer_part(transfer, worker->bounce, piece, reason);
	return ret ?: end;
}
