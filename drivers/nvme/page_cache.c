// SPDX-License-Identifier: GPL-2.0
/* Keeps the page cache of a file or block device consistent, as direct I/O does. */
#include <linux/pagemap.h>

#include "internal.h"

static u64 peerbuf_nvme_last(const struct peerbuf_nvme_transfer *transfer)
{
	return transfer->pos + transfer->length - 1;
}

static int peerbuf_nvme_drop_pages(const struct peerbuf_nvme_transfer *transfer)
{
	return invalidate_inode_pages2_range(transfer->file->f_mapping,
					     transfer->pos >> PAGE_SHIFT,
					     peerbuf_nvme_last(transfer) >> PAGE_SHIFT);
}

/*
 * Called after a write. A page that somebody keeps dirty stays, and its contents are no longer what
 * is on the medium. The next fsync() of the file reports that, as it does after a direct write.
 */
void peerbuf_nvme_forget_pages(struct peerbuf_nvme_transfer *transfer)
{
	if (!peerbuf_nvme_drop_pages(transfer))
		return;
	filemap_set_wb_err(transfer->file->f_mapping, -EIO);
	pr_warn_ratelimited("peerbuf-nvme: %pD: pages in memory are not what was written by process %d\n",
			    transfer->file, task_pid_nr(current));
}

/*
 * Writes dirty pages to the medium; for a write also drops them, so that they are read anew.
 * -EBUSY, without a reason: pages stay in memory, so the write has to go through them as well.
 */
int peerbuf_nvme_flush(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret;

	ret = filemap_write_and_wait_range(transfer->file->f_mapping, transfer->pos,
					   peerbuf_nvme_last(transfer));
	if (!ret && transfer->write)
		ret = peerbuf_nvme_drop_pages(transfer);
	if (ret && ret != -EBUSY)
		*reason = PEERBUF_REASON_FILE_ERROR;
	return ret;
}

/* After a write: sync, if the file was opened with O_SYNC or O_DSYNC, or is marked so. */
int peerbuf_nvme_sync(struct peerbuf_nvme_transfer *transfer)
{
	struct file *file = transfer->file;

	if (!transfer->write || !transfer->valid)
		return 0;
	if (!(file->f_flags & O_DSYNC) && !IS_SYNC(file->f_mapping->host))
		return 0;
	return vfs_fsync_range(file, transfer->pos, transfer->pos + transfer->valid - 1,
			       !(file->f_flags & __O_SYNC));
}
