// SPDX-License-Identifier: GPL-2.0
/* Cuts extents into pieces, which workers move. */
#include <linux/math64.h>

#include "internal.h"

/* Under transfer.lock. The extent of the next piece, or NULL if there is none. */
static const struct peerbuf_nvme_extent *
peerbuf_nvme_current(struct peerbuf_nvme_transfer *transfer)
{
	const struct peerbuf_nvme_extent *extent;
	bool direct;

	lockdep_assert_held(&transfer->lock);

	for (; transfer->extent < transfer->nr_extents; transfer->extent++) {
		extent = &transfer->extents[transfer->extent];
		/* Bytes after the first one that failed are of no use to the caller. */
		if (extent->at + transfer->next >= transfer->valid)
			return NULL;
		direct = extent->way == PEERBUF_NVME_DIRECT;
		if (direct == transfer->direct && transfer->next < extent->len)
			return extent;
		transfer->next = 0;
	}
	return NULL;
}

static u32 peerbuf_nvme_direct_len(const struct peerbuf_nvme_namespace *ns, u64 where, u64 len)
{
	u32 within;

	len = min_t(u64, len, ns->most);
	if (ns->chunk) {
		div_u64_rem(where, ns->chunk, &within);
		len = min_t(u64, len, ns->chunk - within);
	}
	return len;
}

/* Starts with the pieces for the drive, or with the others. No worker is running. */
void peerbuf_nvme_first_piece(struct peerbuf_nvme_transfer *transfer, bool direct)
{
	mutex_lock(&transfer->lock);
	transfer->direct = direct;
	transfer->extent = 0;
	transfer->next = 0;
	mutex_unlock(&transfer->lock);
}

/**
 * peerbuf_nvme_next_piece() - what a worker moves next
 * @transfer: the transfer
 * @piece: out
 *
 * Context: process context, may sleep.
 * Return: false if nothing is left, or the transfer is over.
 */
bool peerbuf_nvme_next_piece(struct peerbuf_nvme_transfer *transfer,
			     struct peerbuf_nvme_piece *piece)
{
	const struct peerbuf_nvme_extent *extent;
	u64 left;

	mutex_lock(&transfer->lock);
	extent = peerbuf_nvme_current(transfer);
	if (extent) {
		left = extent->len - transfer->next;
		piece->at = extent->at + transfer->next;
		piece->where = extent->where + transfer->next;
		piece->way = extent->way;
		if (transfer->direct)
			piece->len = peerbuf_nvme_direct_len(&transfer->ns, piece->where, left);
		else
			piece->len = min_t(u64, left, PEERBUF_NVME_BOUNCE);
		transfer->next += piece->len;
	}
	mutex_unlock(&transfer->lock);
	return extent;
}
