// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Extra room, so that entries added between two calls seldom make a third call necessary. */
#define SLACK	8

/**
 * struct batch - an array the kernel fills
 * @entries: the array
 * @room: entries that fit
 * @stored: entries in use
 * @total: entries that exist, according to the last call
 * @entry_size: bytes of one
 */
struct batch {
	void *entries;
	size_t room;
	size_t stored;
	size_t total;
	size_t entry_size;
};

/* Asks the kernel to fill @batch from the start; sets stored and total. */
typedef int (*fill_fn)(int fd, uint64_t id, struct batch *batch, struct peerbuf_error *error);

static int make_room(struct batch *batch, size_t room)
{
	free(batch->entries);
	/* Zeroed, because a kernel older than this library writes shorter entries. */
	batch->entries = calloc(room, batch->entry_size);
	batch->room = batch->entries ? room : 0;
	return batch->entries ? 0 : -ENOMEM;
}

static int fetch_all(int fd, uint64_t id, fill_fn fill, struct batch *batch,
		     struct peerbuf_error *error)
{
	size_t room = SLACK;
	int ret;

	do {
		ret = make_room(batch, room);
		if (ret) {
			peerbuf_fail(error, ret, PEERBUF_REASON_NONE);
			break;
		}
		ret = fill(fd, id, batch, error);
		room = batch->total + SLACK;
	} while (!ret && batch->stored < batch->total);

	if (ret || !batch->stored) {
		free(batch->entries);
		batch->entries = NULL;
		batch->stored = 0;
	}
	return ret;
}

static int fill_list(int fd, uint64_t id, struct batch *batch, struct peerbuf_error *error)
{
	struct peerbuf_ioc_list arg = {
		.after = id,
		.entries = (uintptr_t)batch->entries,
		.nr_entries = batch->room,
		.entry_size = batch->entry_size,
	};
	int ret = PEERBUF_CALL(fd, PEERBUF_IOC_LIST, &arg, error);

	batch->stored = arg.nr_entries;
	batch->total = arg.total;
	return ret;
}

static int fill_attachments(int fd, uint64_t id, struct batch *batch,
			    struct peerbuf_error *error)
{
	struct peerbuf_ioc_attachments arg = {
		.id = id,
		.entries = (uintptr_t)batch->entries,
		.nr_entries = batch->room,
		.entry_size = batch->entry_size,
	};
	int ret = PEERBUF_CALL(fd, PEERBUF_IOC_ATTACHMENTS, &arg, error);

	batch->stored = arg.nr_entries;
	batch->total = arg.total;
	return ret;
}

static int fill_devices(int fd, uint64_t id, struct batch *batch, struct peerbuf_error *error)
{
	struct peerbuf_ioc_devices arg = {
		.entries = (uintptr_t)batch->entries,
		.nr_entries = batch->room,
	};
	int ret = PEERBUF_CALL(fd, PEERBUF_IOC_DEVICES, &arg, error);

	(void)id;
	batch->stored = arg.nr_entries;
	batch->total = arg.total;
	return ret;
}

int peerbuf_list(int fd, struct peerbuf_export_info **exports, size_t *nr_exports,
		 struct peerbuf_error *error)
{
	struct batch batch = { .entry_size = sizeof(**exports) };
	int ret = fetch_all(fd, 0, fill_list, &batch, error);

	*exports = batch.entries;
	*nr_exports = batch.stored;
	return ret;
}

int peerbuf_attachments(int fd, uint64_t id, struct peerbuf_attachment_info **importers,
			size_t *nr_importers, struct peerbuf_error *error)
{
	struct batch batch = { .entry_size = sizeof(**importers) };
	int ret = fetch_all(fd, id, fill_attachments, &batch, error);

	*importers = batch.entries;
	*nr_importers = batch.stored;
	return ret;
}

int peerbuf_devices(int fd, uint64_t **addrs, size_t *nr_addrs, struct peerbuf_error *error)
{
	struct batch batch = { .entry_size = sizeof(**addrs) };
	int ret = fetch_all(fd, 0, fill_devices, &batch, error);

	*addrs = batch.entries;
	*nr_addrs = batch.stored;
	return ret;
}

static int query(int fd, struct peerbuf_ioc_query *arg, struct peerbuf_export_info *info,
		 struct peerbuf_error *error)
{
	int ret = PEERBUF_CALL(fd, PEERBUF_IOC_QUERY, arg, error);

	if (!ret)
		*info = arg->info;
	return ret;
}

int peerbuf_query(int fd, uint64_t id, struct peerbuf_export_info *info,
		  struct peerbuf_error *error)
{
	struct peerbuf_ioc_query arg = { .id = id };

	/* With id zero the kernel would query the dma-buf of descriptor 0. */
	if (!id)
		return peerbuf_fail(error, -EINVAL, PEERBUF_REASON_NO_EXPORT);
	return query(fd, &arg, info, error);
}

int peerbuf_query_fd(int fd, int dmabuf, struct peerbuf_export_info *info,
		     struct peerbuf_error *error)
{
	struct peerbuf_ioc_query arg = { .fd = dmabuf };

	return query(fd, &arg, info, error);
}
