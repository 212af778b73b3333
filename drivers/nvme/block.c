// SPDX-License-Identifier: GPL-2.0
/* Block devices: offset and length are the blocks. */
#include "internal.h"

int peerbuf_nvme_block_check(struct file *file, bool write, u32 *reason)
{
	if (!write)
		return 0;
	if (bdev_read_only(peerbuf_nvme_device_of(file))) {
		*reason = PEERBUF_REASON_READ_ONLY_DEVICE;
		return -EROFS;
	}
	if (IS_SWAPFILE(file->f_mapping->host)) {
		*reason = PEERBUF_REASON_SWAP;
		return -ETXTBSY;
	}
	return 0;
}

static int peerbuf_nvme_block_map(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret;

	ret = peerbuf_nvme_add_blocks(transfer, 0, transfer->length,
				      transfer->ns.start + transfer->pos);
	if (ret)
		*reason = PEERBUF_REASON_NO_MEMORY;
	return ret;
}

/* The page cache holds what was there before the write. */
static void peerbuf_nvme_block_release(struct peerbuf_nvme_transfer *transfer)
{
	if (transfer->write)
		peerbuf_nvme_forget_pages(transfer);
}

const struct peerbuf_nvme_source peerbuf_nvme_block_source = {
	.begin = peerbuf_nvme_flush,
	.map = peerbuf_nvme_block_map,
	.release = peerbuf_nvme_block_release,
	.end = peerbuf_nvme_sync,
};
