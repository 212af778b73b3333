// SPDX-License-Identifier: GPL-2.0
/*
 * Describes a command's data by physical region pages (PRP): nvme-core builds scatter-gather lists
 * for its own commands only. The first entry may begin within a page, each later one begins at a
 * page, and only the last may end within one.
 */
#include "internal.h"

/**
 * struct peerbuf_nvme_cursor - a position in the buffer
 * @mapping: the buffer's mapping
 * @offset: in the buffer, in bytes
 * @addr: DMA address of that byte
 * @left: bytes from there to the end of the segment
 */
struct peerbuf_nvme_cursor {
	struct peerbuf_mapping *mapping;
	u64 offset;
	dma_addr_t addr;
	u64 left;
};

static bool peerbuf_nvme_cursor_look(struct peerbuf_nvme_cursor *cursor)
{
	if (cursor->left)
		return true;
	return !peerbuf_segment_at(cursor->mapping, cursor->offset, &cursor->addr, &cursor->left);
}

static void peerbuf_nvme_cursor_forward(struct peerbuf_nvme_cursor *cursor, u32 len)
{
	cursor->offset += len;
	cursor->addr += len;
	cursor->left -= len;
}

/* Bytes of the next entry, at most @len. 0: what comes next cannot follow another entry. */
static u32 peerbuf_nvme_next_page(struct peerbuf_nvme_cursor *cursor, u32 len, bool first)
{
	u32 within;

	if (!peerbuf_nvme_cursor_look(cursor))
		return 0;
	within = cursor->addr & (PEERBUF_NVME_PAGE - 1);
	if (within && !first)
		return 0;
	return min3((u64)len, (u64)PEERBUF_NVME_PAGE - within, cursor->left);
}

/* The first two entries are in the command itself. More than two: all but the first in the list. */
static void peerbuf_nvme_entry(struct peerbuf_nvme_worker *worker, struct nvme_rw_command *rw,
			       u32 nr, dma_addr_t addr)
{
	switch (nr) {
	case 0:
		rw->dptr.prp1 = cpu_to_le64(addr);
		return;
	case 1:
		rw->dptr.prp2 = cpu_to_le64(addr);
		return;
	case 2:
		worker->prps[0] = rw->dptr.prp2;
		rw->dptr.prp2 = cpu_to_le64(worker->prps_dma);
	}
	worker->prps[nr - 1] = cpu_to_le64(addr);
}

/**
 * peerbuf_nvme_prps() - describe the data of a command in it
 * @worker: its page of entries is used; it has one unless @len is a page at most
 * @mapping: the buffer's, for the controller
 * @offset: first byte in the buffer
 * @len: bytes, no more than the maximum of a command
 * @rw: the command
 *
 * Segments of other exporters may begin or end within a page. The command ends there.
 *
 * Context: any, while the mapping exists.
 * Return: bytes that the entries cover, at most @len.
 */
u32 peerbuf_nvme_prps(struct peerbuf_nvme_worker *worker, struct peerbuf_mapping *mapping,
		      u64 offset, u32 len, struct nvme_rw_command *rw)
{
	struct peerbuf_nvme_cursor cursor = { .mapping = mapping, .offset = offset };
	u32 done = 0, part, nr = 0;

	while (done < len && nr <= PEERBUF_NVME_PRPS) {
		part = peerbuf_nvme_next_page(&cursor, len - done, !nr);
		if (!part)
			break;
		peerbuf_nvme_entry(worker, rw, nr++, cursor.addr);
		done += part;
		peerbuf_nvme_cursor_forward(&cursor, part);
		/* The entry ended within a page, so no other can follow. */
		if (cursor.addr & (PEERBUF_NVME_PAGE - 1))
			break;
	}
	return done;
}
