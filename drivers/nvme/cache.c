// SPDX-License-Identifier: GPL-2.0
/* The page cache of a file or block device, as direct I/O treats it. */
#include <linux/pagemap.h>

#include "internal.h"

static u64 peerbuf_nvme_last(const struct peerbuf_nvme_transfer *transfer)
{
	return transfer->pos + transfer->length - 1;
}

/* Pages that somebody has mapped and keeps busy stay, as they do when writing directly. */
void peerbuf_nvme_forget_pages(struct peerbuf_nvme_transfer *transfer)
{
	invalidate_inode_pages2_range(transfer->file->f_mapping, transfer->pos >> PAGE_SHIFT,
				      peerbuf_nvme_last(transfer) >> PAGE_SHIFT);
}

/* What was written before is on the medium, and, for a write, is not read from memory again. */
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

/* After a write to what was opened for that. */
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
