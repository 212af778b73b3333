// SPDX-License-Identifier: GPL-2.0
/* Keeps the page cache of a file or block device consistent, as direct I/O does. */
#include <linux/pagemap.h>

#include "internal.h"

static u64 peerbuf_nvme_last(const struct peerbuf_nvme_transfer *transfer)
{
	return transfer->pos + transfer->length - 1;
}

/* As with a direct write, pages stay that a process has mapped and keeps busy. */
void peerbuf_nvme_forget_pages(struct peerbuf_nvme_transfer *transfer)
{
	invalidate_inode_pages2_range(transfer->file->f_mapping, transfer->pos >> PAGE_SHIFT,
				      peerbuf_nvme_last(transfer) >> PAGE_SHIFT);
}

/* Writes dirty pages to the medium; for a write also drops them, so that they are read anew. */
int peerbuf_nvme_flush(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret;

	ret = filemap_write_and_wait_range(transfer->file->f_mapping, transfer->pos,
					   peerbuf_nvme_last(transfer));
	if (ret)
		*reason = PEERBUF_REASON_FILE_ERROR;
	else if (transfer->write)
		peerbuf_nvme_forget_pages(transfer);
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
