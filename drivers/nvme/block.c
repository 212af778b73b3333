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

static int peerbuf_nvme_block_begin(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret = peerbuf_nvme_flush(transfer, reason);

	transfer->held = !ret;
	return ret == -EBUSY ? 0 : ret;
}

/* All of it goes through the page cache where that does not let go of its pages. */
static int peerbuf_nvme_block_map(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	const struct peerbuf_nvme_extent all = {
		.len = transfer->length, .way = PEERBUF_NVME_UNMAPPED,
	};
	int ret;

	if (!transfer->held)
		ret = peerbuf_nvme_add_extent(transfer, &all);
	else
		ret = peerbuf_nvme_add_blocks(transfer, 0, transfer->length,
					      transfer->ns.start + transfer->pos);
	if (ret)
		*reason = PEERBUF_REASON_NO_MEMORY;
	return ret;
}

/* The page cache holds what was there before the write. */
static void peerbuf_nvme_block_release(struct peerbuf_nvme_transfer *transfer)
{
	if (transfer->write && transfer->held)
		peerbuf_nvme_forget_pages(transfer);
	transfer->held = false;
}

const struct peerbuf_nvme_source peerbuf_nvme_block_source = {
	.begin = peerbuf_nvme_block_begin,
	.map = peerbuf_nvme_block_map,
	.release = peerbuf_nvme_block_release,
	.end = peerbuf_nvme_sync,
};
