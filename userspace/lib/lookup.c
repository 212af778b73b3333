// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finds dma-bufs by address. The kernel finds those that are mapped; whether a mapping is that of a
 * BAR through sysfs is read from /proc/self/maps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static uint64_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* The BAR at @address, as far as its whole pages overlap with the range up to @end. */
static bool bar_before(uint64_t address, uint64_t end, struct sysfs_bar *bar)
{
	uint64_t page = page_size(), first = address & ~(page - 1);

	if (!sysfs_bar_at(address, bar))
		return false;
	bar->offset += first - bar->start;
	bar->start = first;
	end = (end + page - 1) & ~(page - 1);
	if (end < bar->end)
		bar->end = end;
	return true;
}

/* Collects pieces. A piece of device memory is split into one for each BAR in it, and the rest. */
struct list {
	struct peerbuf_piece *pieces;
	size_t nr, room;
};

static int add(struct list *list, const struct peerbuf_piece *piece)
{
	if (list->nr == list->room)
		return -EMSGSIZE;
	list->pieces[list->nr++] = *piece;
	return 0;
}

/* Exports one BAR. If its node cannot be opened, the piece gets that as its reason. */
static void make_export(const struct sysfs_bar *bar, uint32_t flags, struct peerbuf_piece *piece)
{
	struct peerbuf_error error;

	piece->flags = bar->writable ? PEERBUF_PIECE_F_WRITABLE : 0;
	piece->offset = piece->addr - bar->start;
	if (flags & PEERBUF_LOOKUP_F_LOOK)
		return;
	piece->fd = sysfs_bar_export(bar, 1, (uint64_t *)&piece->id, &error);
	if (piece->fd < 0) {
		piece->fd = -1;
		piece->reason = error.reason ? error.reason : PEERBUF_REASON_DEVICE_MEMORY;
		return;
	}
	piece->kind = PEERBUF_PIECE_PEERBUF;
	piece->reason = PEERBUF_REASON_NONE;
}

static int add_device(struct list *list, const struct peerbuf_piece *whole, uint32_t flags)
{
	uint64_t at = whole->addr, end = at + whole->length;
	struct peerbuf_piece piece;
	struct sysfs_bar bar;
	int ret = 0;

	for (; !ret && at < end; at += piece.length) {
		piece = *whole;
		piece.addr = at;
		piece.length = end - at;
		if (list->nr < list->room && bar_before(at, end, &bar)) {
			if (bar.end - at < piece.length)
				piece.length = bar.end - at;
			make_export(&bar, flags, &piece);
		}
		ret = add(list, &piece);
	}
	return ret;
}

static int look_closer(struct list *list, const struct peerbuf_piece *found, size_t nr,
		       uint32_t flags)
{
	int ret = 0;
	size_t n;

	for (n = 0; !ret && n < nr; n++) {
		if (found[n].kind == PEERBUF_PIECE_DEVICE)
			ret = add_device(list, &found[n], flags);
		else
			ret = add(list, &found[n]);
	}
	return ret;
}

static int ask(int control, const void *address, size_t length, uint32_t flags,
	       struct peerbuf_piece *pieces, size_t nr_pieces, struct peerbuf_error *error)
{
	struct peerbuf_ioc_lookup arg = {
		.flags = flags,
		.open_flags = O_CLOEXEC,
		.addr = (uintptr_t)address,
		.length = length,
		.pieces = (uintptr_t)pieces,
		.nr_pieces = nr_pieces,
		.piece_size = sizeof(*pieces),
	};
	int ret = PEERBUF_CALL(control, PEERBUF_IOC_LOOKUP, &arg, error);

	return ret ? ret : (int)arg.nr_pieces;
}

/* Closes every descriptor once: @found's are in @list, unless the list became too long. */
static void close_all(const struct list *list, const struct peerbuf_piece *found, int nr)
{
	size_t n;
	int i;

	for (n = 0; n < list->nr; n++)
		if (list->pieces[n].fd >= 0)
			close(list->pieces[n].fd);
	for (i = 0; i < nr; i++)
		if (found[i].fd >= 0 && found[i].addr > list->pieces[list->nr - 1].addr)
			close(found[i].fd);
}

int peerbuf_lookup(int control, const void *address, size_t length, uint32_t flags,
		   struct peerbuf_piece *pieces, size_t nr_pieces, struct peerbuf_error *error)
{
	struct list list = { .pieces = pieces, .room = nr_pieces };
	struct peerbuf_piece *found;
	int saved_errno = errno;
	int nr, ret;

	if (flags & ~PEERBUF_LOOKUP_F_LOOK)
		return peerbuf_fail(error, -EINVAL, PEERBUF_REASON_FLAGS);
	if (!nr_pieces || nr_pieces > PEERBUF_MAX_PIECES)
		return peerbuf_fail(error, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_PIECES);
	found = calloc(nr_pieces, sizeof(*found));
	if (!found)
		return peerbuf_fail(error, -ENOMEM, PEERBUF_REASON_NONE);
	nr = ask(control, address, length, flags, found, nr_pieces, error);
	ret = nr < 0 ? nr : look_closer(&list, found, nr, flags);
	if (nr >= 0 && ret) {
		close_all(&list, found, nr);
		peerbuf_fail(error, ret, PEERBUF_REASON_TOO_MANY_PIECES);
	}
	free(found);
	errno = saved_errno;
	return ret ? ret : (int)list.nr;
}

/* Exports the range if all of it is mapped through sysfs. Else -EOPNOTSUPP, with *@bad set. */
static int export_bars(uint64_t address, uint64_t end, uint64_t *bad, struct peerbuf_error *error)
{
	struct sysfs_bar *bars = calloc(PEERBUF_MAX_PIECES, sizeof(*bars));
	int ret = -ENOMEM;
	size_t nr;

	if (!bars)
		return peerbuf_fail(error, ret, PEERBUF_REASON_NONE);
	*bad = address;
	for (nr = 0; nr < PEERBUF_MAX_PIECES && *bad < end; nr++) {
		if (!bar_before(*bad, end, &bars[nr]))
			break;
		*bad = bars[nr].end;
	}
	if (*bad >= end)
		ret = sysfs_bar_export(bars, nr, NULL, error);
	else
		ret = peerbuf_fail(error, -EOPNOTSUPP, PEERBUF_REASON_DEVICE_MEMORY);
	free(bars);
	return ret;
}

int peerbuf_lookup_one(int control, const void *address, size_t length, uint64_t *offset,
		       const void **bad, struct peerbuf_error *error)
{
	struct peerbuf_ioc_lookup arg = {
		.flags = PEERBUF_LOOKUP_F_COMPOSE,
		.open_flags = O_CLOEXEC,
		.addr = (uintptr_t)address,
		.length = length,
	};
	int ret = PEERBUF_CALL(control, PEERBUF_IOC_LOOKUP, &arg, error);
	int saved_errno = errno;
	uint64_t first = arg.addr;

	*offset = arg.offset;
	if (!ret)
		return arg.fd;
	if (ret == -EOPNOTSUPP && arg.bad_addr == first &&
	    arg.reason == PEERBUF_REASON_DEVICE_MEMORY) {
		*offset = first & (page_size() - 1);
		ret = export_bars(first, first + length, (uint64_t *)&arg.bad_addr, error);
		errno = saved_errno;
	}
	if (bad)
		*bad = (const void *)(uintptr_t)arg.bad_addr;
	return ret;
}
