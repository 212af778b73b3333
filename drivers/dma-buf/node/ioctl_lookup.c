// SPDX-License-Identifier: GPL-2.0
/* PEERBUF_IOC_LOOKUP: descriptors for what a process has mapped. */
#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/file.h"
#include "core/part.h"
#include "core/refusal.h"
#include "node/ioctl.h"
#include "node/lookup.h"
#include "ops/derive.h"
#include "ops/export.h"

#define PEERBUF_FEW_PIECES	4

/**
 * struct peerbuf_lookup - a lookup under way
 * @flags: PEERBUF_LOOKUP_F_*
 * @open_flags: O_CLOEXEC or 0
 * @nr: number of pieces
 * @found: the pieces, with a reference to what each maps, if it has one
 * @out: the pieces as the process gets them
 * @made: for each piece with a descriptor, the DMA-BUF for it; reference held
 */
struct peerbuf_lookup {
	u32 flags;
	u32 open_flags;
	u32 nr;
	struct peerbuf_found *found;
	struct peerbuf_piece *out;
	struct dma_buf **made;
};

static void peerbuf_lookup_free(struct peerbuf_lookup *lookup)
{
	if (!lookup)
		return;
	if (lookup->found)
		peerbuf_found_put(lookup->found, lookup->nr);
	kvfree(lookup->found);
	kvfree(lookup->out);
	kvfree(lookup->made);
	kfree(lookup);
}

static struct peerbuf_lookup *peerbuf_lookup_alloc(const struct peerbuf_ioc_lookup *arg, u32 room)
{
	struct peerbuf_lookup *lookup;

	lookup = kzalloc(sizeof(*lookup), GFP_KERNEL_ACCOUNT);
	if (!lookup)
		return NULL;
	lookup->flags = arg->flags;
	lookup->open_flags = arg->open_flags;
	room = max(room, 1U);
	lookup->found = kvcalloc(room, sizeof(*lookup->found), GFP_KERNEL_ACCOUNT);
	lookup->out = kvcalloc(room, sizeof(*lookup->out), GFP_KERNEL_ACCOUNT);
	lookup->made = kvcalloc(room, sizeof(*lookup->made), GFP_KERNEL_ACCOUNT);
	if (lookup->found && lookup->out && lookup->made)
		return lookup;
	peerbuf_lookup_free(lookup);
	return NULL;
}

static int peerbuf_lookup_check(const struct peerbuf_ioc_lookup *arg, struct peerbuf_refusal *why)
{
	u32 both = PEERBUF_LOOKUP_F_LOOK | PEERBUF_LOOKUP_F_COMPOSE;
	u64 end;

	if (arg->flags & ~both || (arg->flags & both) == both || arg->open_flags & ~O_CLOEXEC)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (arg->nr_pieces > PEERBUF_MAX_PIECES)
		return peerbuf_fail(why, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_PIECES);
	if (arg->nr_pieces &&
	    peerbuf_check_array(0, arg->piece_size, sizeof(struct peerbuf_piece), why))
		return -EINVAL;
	if (!arg->length)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_ZERO_LENGTH);
	if (check_add_overflow(arg->addr, arg->length, &end) || end > U64_MAX - PAGE_SIZE)
		return peerbuf_fail(why, -EOVERFLOW, PEERBUF_REASON_OVERFLOW);
	return 0;
}

/* Sets @part to the whole pages in which @found lies. */
static int peerbuf_lookup_part(struct peerbuf_part *part, const struct peerbuf_found *found,
			       struct peerbuf_refusal *why)
{
	u64 begin = ALIGN_DOWN(found->offset, PAGE_SIZE);
	u64 end = ALIGN(found->offset + found->length, PAGE_SIZE);

	return peerbuf_part_set(part, peerbuf_from_dma_buf(found->dmabuf), begin, end - begin,
				why);
}

static struct peerbuf *peerbuf_lookup_derive(const struct peerbuf_found *found, u32 nr,
					     struct peerbuf_refusal *why)
{
	struct peerbuf_part *parts = peerbuf_parts_alloc(nr);
	bool writable = true;
	int ret = 0;
	u32 i;

	if (!parts)
		return ERR_PTR(-ENOMEM);
	for (i = 0; !ret && i < nr; i++) {
		writable &= found[i].writable;
		ret = peerbuf_lookup_part(&parts[i], &found[i], why);
	}
	if (ret) {
		peerbuf_parts_put(parts, nr);
		return ERR_PTR(ret);
	}
	return peerbuf_derive(parts, nr, writable, why);
}

/* Exports pages of BARs that a driver has mapped, as that driver exports them: no CPU access. */
static struct peerbuf *peerbuf_lookup_export(const struct peerbuf_found *found, u32 nr,
					     struct peerbuf_refusal *why)
{
	struct peerbuf_export_args args = { .open_flags = O_RDWR, .no_cpu = true };
	struct dma_buf *dmabuf;
	u64 begin, end;
	int ret = 0;
	u32 i;

	args.placement = p2p_vecs_alloc(nr);
	if (!args.placement)
		return ERR_PTR(-ENOMEM);
	for (i = 0; !ret && i < nr; i++) {
		begin = ALIGN_DOWN(found[i].offset, PAGE_SIZE);
		end = ALIGN(found[i].offset + found[i].length, PAGE_SIZE);
		ret = p2p_vecs_add_bar(args.placement, found[i].provider, begin, end - begin);
		if (!found[i].writable)
			ret = peerbuf_fail(why, -EACCES, PEERBUF_REASON_READ_ONLY_BUFFER);
	}
	dmabuf = ret ? ERR_PTR(ret) : peerbuf_export_for(&args, NULL, false, why);
	p2p_vecs_put(args.placement);
	return IS_ERR(dmabuf) ? ERR_CAST(dmabuf) : dmabuf->priv;
}

/* All of @found are of the same kind. */
static struct peerbuf *peerbuf_lookup_one(const struct peerbuf_found *found, u32 nr,
					  struct peerbuf_refusal *why)
{
	if (found->provider)
		return peerbuf_lookup_export(found, nr, why);
	return peerbuf_lookup_derive(found, nr, why);
}

static void peerbuf_lookup_describe(struct peerbuf_lookup *lookup)
{
	const struct peerbuf_found *found;
	u32 i;

	for (i = 0; i < lookup->nr; i++) {
		found = &lookup->found[i];
		lookup->out[i] = (struct peerbuf_piece) {
			.addr = found->addr,
			.length = found->length,
			.offset = found->offset,
			.kind = found->kind,
			.reason = found->reason,
			.flags = found->writable ? PEERBUF_PIECE_F_WRITABLE : 0,
			.fd = -1,
		};
		if (found->kind == PEERBUF_PIECE_PEERBUF)
			lookup->out[i].parent = peerbuf_id(peerbuf_from_dma_buf(found->dmabuf));
	}
}

/* Returns the DMA-BUF for the piece's descriptor; NULL if it has none, with the reason in @out. */
static struct dma_buf *peerbuf_lookup_buffer(const struct peerbuf_found *found,
					     struct peerbuf_piece *out)
{
	struct peerbuf_refusal why = PEERBUF_NOT_REFUSED;
	struct peerbuf *pb;

	if (found->kind == PEERBUF_PIECE_FOREIGN && found->dmabuf) {
		get_dma_buf(found->dmabuf);
		return found->dmabuf;
	}
	if (found->reason)
		return NULL;
	pb = peerbuf_lookup_one(found, 1, &why);
	out->reason = why.reason;
	if (IS_ERR(pb))
		return why.reason ? NULL : ERR_CAST(pb);
	out->kind = PEERBUF_PIECE_PEERBUF;
	out->id = peerbuf_id(pb);
	out->offset = offset_in_page(found->offset);
	return pb->dmabuf;
}

/* Reserves all descriptors first, so that no DMA-BUF is made for which there is none. */
static int peerbuf_lookup_reserve(struct peerbuf_lookup *lookup)
{
	int fd;
	u32 i;

	for (i = 0; i < lookup->nr; i++) {
		if (lookup->found[i].reason)
			continue;
		fd = get_unused_fd_flags(lookup->open_flags);
		if (fd < 0)
			return fd;
		lookup->out[i].fd = fd;
	}
	return 0;
}

/* Makes DMA-BUFs for all pieces. On an error peerbuf_lookup_end() drops those already made. */
static int peerbuf_lookup_make(struct peerbuf_lookup *lookup)
{
	struct dma_buf *dmabuf;
	int ret;
	u32 i;

	ret = peerbuf_lookup_reserve(lookup);
	if (ret)
		return ret;
	for (i = 0; i < lookup->nr; i++) {
		dmabuf = peerbuf_lookup_buffer(&lookup->found[i], &lookup->out[i]);
		if (IS_ERR(dmabuf))
			return PTR_ERR(dmabuf);
		lookup->made[i] = dmabuf;
		if (!dmabuf && lookup->out[i].fd >= 0) {
			put_unused_fd(lookup->out[i].fd);
			lookup->out[i].fd = -1;
		}
	}
	return 0;
}

/* Gives all descriptors to the process, or drops all of them. */
static void peerbuf_lookup_end(struct peerbuf_lookup *lookup, bool keep)
{
	u32 i;

	for (i = 0; i < lookup->nr; i++) {
		if (keep && lookup->made[i])
			fd_install(lookup->out[i].fd, lookup->made[i]->file);
		else if (lookup->made[i])
			dma_buf_put(lookup->made[i]);
		if (!keep && lookup->out[i].fd >= 0)
			put_unused_fd(lookup->out[i].fd);
	}
}

/* Returns why @found cannot be in one buffer with @first, or 0. */
static u32 peerbuf_lookup_unfit(const struct peerbuf_found *found,
				const struct peerbuf_found *first)
{
	if (found->reason)
		return found->reason;
	if (found->kind == PEERBUF_PIECE_FOREIGN)
		return PEERBUF_REASON_FOREIGN_BUFFER;
	return found->kind == first->kind ? 0 : PEERBUF_REASON_DEVICE_MEMORY;
}

/* Makes one DMA-BUF of all pieces, and keeps it in @call as an export does. */
static int peerbuf_lookup_compose(struct peerbuf_lookup *lookup, struct peerbuf_call *call)
{
	struct peerbuf_ioc_lookup *arg = &call->lookup;
	struct peerbuf *pb;
	u32 i, reason;
	int fd;

	for (i = 0; i < lookup->nr; i++) {
		reason = peerbuf_lookup_unfit(&lookup->found[i], lookup->found);
		if (!reason)
			continue;
		arg->bad_addr = lookup->found[i].addr;
		return peerbuf_fail(&call->why, -EOPNOTSUPP, reason);
	}
	fd = get_unused_fd_flags(lookup->open_flags);
	if (fd < 0)
		return fd;
	pb = peerbuf_lookup_one(lookup->found, lookup->nr, &call->why);
	if (IS_ERR(pb)) {
		put_unused_fd(fd);
		return PTR_ERR(pb);
	}
	call->dmabuf = pb->dmabuf;
	arg->fd = fd;
	arg->id = peerbuf_id(pb);
	arg->offset = offset_in_page(lookup->found[0].offset);
	return 0;
}

static int peerbuf_lookup_store(const struct peerbuf_lookup *lookup,
				const struct peerbuf_ioc_lookup *arg, struct peerbuf_refusal *why)
{
	int ret;
	u32 i;

	if (!arg->nr_pieces)
		return 0;
	for (i = 0; i < lookup->nr; i++) {
		ret = peerbuf_put_entry(arg->pieces, i, arg->piece_size, &lookup->out[i],
					sizeof(lookup->out[i]));
		if (ret)
			return peerbuf_fail(why, ret, PEERBUF_REASON_BAD_POINTER);
	}
	return 0;
}

static int peerbuf_lookup_run(struct peerbuf_lookup *lookup, u32 room, struct peerbuf_call *call)
{
	struct peerbuf_ioc_lookup *arg = &call->lookup;
	int ret;

	ret = peerbuf_find(arg->addr, arg->length, lookup->found, room, &arg->total);
	if (ret == -EMSGSIZE)
		return peerbuf_fail(&call->why, ret, PEERBUF_REASON_TOO_MANY_PIECES);
	if (ret)
		return ret;
	lookup->nr = arg->total;
	peerbuf_lookup_describe(lookup);
	/* Copy the array out once, so that a bad pointer fails before anything is made. */
	ret = peerbuf_lookup_store(lookup, arg, &call->why);
	if (ret)
		return ret;
	if (arg->flags & PEERBUF_LOOKUP_F_COMPOSE)
		ret = peerbuf_lookup_compose(lookup, call);
	else if (!(arg->flags & PEERBUF_LOOKUP_F_LOOK))
		ret = peerbuf_lookup_make(lookup);
	return ret ?: peerbuf_lookup_store(lookup, arg, &call->why);
}

static void peerbuf_lookup_undo(struct peerbuf_lookup *lookup, struct peerbuf_call *call)
{
	if (call->dmabuf) {
		put_unused_fd(call->lookup.fd);
		dma_buf_put(call->dmabuf);
		call->dmabuf = NULL;
		call->lookup.fd = -1;
	}
	peerbuf_lookup_end(lookup, false);
	peerbuf_lookup_free(lookup);
}

static int peerbuf_lookup_with(u32 room, struct peerbuf_call *call)
{
	struct peerbuf_lookup *lookup = peerbuf_lookup_alloc(&call->lookup, room);
	int ret;

	if (!lookup)
		return -ENOMEM;
	ret = peerbuf_lookup_run(lookup, room, call);
	if (ret)
		peerbuf_lookup_undo(lookup, call);
	else
		call->lookup_of = lookup;
	return ret;
}

/*
 * A caller that composes and gives no array does not say how many pieces there may be. Usually
 * there are few, so try with little room first: programs call this before every registration.
 */
int peerbuf_ioctl_lookup(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_lookup *arg = &call->lookup;
	bool any = !arg->nr_pieces && arg->flags & PEERBUF_LOOKUP_F_COMPOSE;
	int ret;

	arg->fd = -1;
	ret = peerbuf_lookup_check(arg, &call->why);
	if (ret)
		return ret;
	ret = peerbuf_lookup_with(any ? PEERBUF_FEW_PIECES : arg->nr_pieces, call);
	if (ret == -EMSGSIZE && any && call->why.reason == PEERBUF_REASON_TOO_MANY_PIECES) {
		call->why = PEERBUF_NOT_REFUSED;
		ret = peerbuf_lookup_with(PEERBUF_MAX_PIECES, call);
	}
	if (!ret && arg->nr_pieces)
		arg->nr_pieces = call->lookup_of->nr;
	return ret;
}

/* As with an export, descriptors are installed only after their numbers have been copied out. */
void peerbuf_ioctl_lookup_done(struct peerbuf_call *call, bool keep)
{
	if (call->dmabuf && keep) {
		fd_install(call->lookup.fd, call->dmabuf->file);
	} else if (call->dmabuf) {
		put_unused_fd(call->lookup.fd);
		dma_buf_put(call->dmabuf);
	}
	peerbuf_lookup_end(call->lookup_of, keep);
	peerbuf_lookup_free(call->lookup_of);
}
