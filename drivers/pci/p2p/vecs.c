// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of physical ranges. Pure logic: tests/unit builds this file in
 * userspace.
 */

#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "vecs.h"

/* kvmalloc() warns about more than INT_MAX bytes instead of just failing. Not zeroed. */
static void *memory_alloc(size_t bytes)
{
	return bytes > INT_MAX ? NULL : kvmalloc(bytes, GFP_KERNEL_ACCOUNT);
}

/**
 * p2p_vecs_alloc() - an empty list
 * @max: the maximum number of ranges; what p2p_vecs_add_new_system() and p2p_vecs_add_part()
 *	add does not count
 *
 * The memory is charged to the caller's cgroup: user space chooses @max.
 *
 * Context: May sleep.
 * Return: a list with one reference, or NULL if @max is 0 or there is no memory
 */
struct p2p_vecs *p2p_vecs_alloc(u32 max)
{
	struct p2p_vecs *vecs;

	if (!max)
		return NULL;
	vecs = memory_alloc(struct_size(vecs, first, max));
	if (!vecs)
		return NULL;
	*vecs = (struct p2p_vecs) {
		.max = max,
		.room = max,
		.parts_room = 1,
		.part = &vecs->one_part,
		.vec = vecs->first,
	};
	kref_init(&vecs->ref);
	return vecs;
}
EXPORT_SYMBOL_GPL(p2p_vecs_alloc);

/* Raise the maximum number of ranges by one. */
int p2p_vecs_allow_one_more(struct p2p_vecs *vecs)
{
	struct p2p_vec *vec;
	u32 room;

	if (vecs->max < vecs->room) {
		vecs->max++;
		return 0;
	}
	if (check_add_overflow(vecs->room, max(vecs->room, 16U), &room))
		return -ENOMEM;
	vec = memory_alloc(array_size(room, sizeof(*vec)));
	if (!vec)
		return -ENOMEM;
	memcpy(vec, vecs->vec, vecs->nr * sizeof(*vec));
	if (vecs->vec != vecs->first)
		kvfree(vecs->vec);
	vecs->vec = vec;
	vecs->room = room;
	vecs->max++;
	return 0;
}

/* Hidden memory never merges: its numbers are the owner's cookies, not addresses. */
bool p2p_vec_touches(const struct p2p_vec *vec, const struct p2p_vec *next)
{
	return vec->kind == next->kind && vec->kind != P2P_VEC_HIDDEN &&
	       vec->provider == next->provider && vec->owned == next->owned &&
	       vec->paddr + vec->len == next->paddr;
}

static int parts_grow(struct p2p_vecs *vecs)
{
	struct p2p_part *part;

	if (vecs->nr_parts < vecs->parts_room)
		return 0;
	part = memory_alloc(array_size(2 * vecs->parts_room, sizeof(*part)));
	if (!part)
		return -ENOMEM;
	memcpy(part, vecs->part, vecs->nr_parts * sizeof(*part));
	if (vecs->part != &vecs->one_part)
		kvfree(vecs->part);
	vecs->part = part;
	vecs->parts_room *= 2;
	return 0;
}

/* Searches backwards: ranges that alternate between two BARs find their part at once. */
static struct p2p_part *part_find(struct p2p_vecs *vecs, struct p2p_provider *provider)
{
	u32 i;

	for (i = vecs->nr_parts; i > 0; i--)
		if (vecs->part[i - 1].provider == provider)
			return &vecs->part[i - 1];
	return NULL;
}

/* Returns NULL if there is no memory. */
static struct p2p_part *part_add(struct p2p_vecs *vecs, struct p2p_provider *provider)
{
	struct p2p_part *part;

	if (parts_grow(vecs))
		return NULL;
	part = &vecs->part[vecs->nr_parts++];
	*part = (struct p2p_part) {
		.provider = p2p_provider_get(provider),
		.base = p2p_provider_base(provider),
		.length = p2p_provider_length(provider),
	};
	return part;
}

/*
 * Append memory that is in no BAR. All of @piece counts but its start, which is set here. The
 * caller has checked that its addresses are page aligned and do not wrap.
 */
int p2p_vecs_append(struct p2p_vecs *vecs, const struct p2p_vec *piece)
{
	struct p2p_vec *vec;
	u64 size;

	if (check_add_overflow(vecs->size, piece->len, &size))
		return -EOVERFLOW;
	if (vecs->nr && p2p_vec_touches(&vecs->vec[vecs->nr - 1], piece)) {
		vecs->vec[vecs->nr - 1].len += piece->len;
	} else {
		if (vecs->nr == vecs->max)
			return -EMSGSIZE;
		vec = &vecs->vec[vecs->nr++];
		*vec = *piece;
		vec->start = vecs->size;
	}
	if (piece->kind == P2P_VEC_SYSTEM)
		vecs->system_size += piece->len;
	else
		vecs->hidden_size += piece->len;
	vecs->owns |= piece->owned;
	vecs->size = size;
	return 0;
}

static bool bar_touches(const struct p2p_vecs *vecs, struct p2p_provider *provider,
			phys_addr_t paddr)
{
	const struct p2p_vec *last = &vecs->vec[vecs->nr - 1];

	return vecs->nr && last->provider == provider && last->paddr + last->len == paddr;
}

/* Append the range of a BAR at @paddr. @part: the list's part for that BAR, NULL if it is new. */
static int bar_append(struct p2p_vecs *vecs, struct p2p_part *part,
		      struct p2p_provider *provider, phys_addr_t paddr, u64 len)
{
	u64 size;

	if (check_add_overflow(vecs->size, len, &size))
		return -EOVERFLOW;
	if (bar_touches(vecs, provider, paddr)) {
		vecs->vec[vecs->nr - 1].len += len;
	} else {
		if (vecs->nr == vecs->max)
			return -EMSGSIZE;
		if (!part)
			part = part_add(vecs, provider);
		if (!part)
			return -ENOMEM;
		vecs->vec[vecs->nr++] = (struct p2p_vec) {
			.paddr = paddr,
			.len = len,
			.start = vecs->size,
			.provider = provider,
			.part = part - vecs->part,
			.kind = P2P_VEC_BAR,
		};
		part->nr++;
	}
	part->last = max(part->last, paddr + (len - 1) - part->base);
	vecs->size = size;
	return 0;
}

/**
 * p2p_vecs_add_bar() - append a piece of a BAR
 * @vecs: a list that nobody else has seen yet
 * @provider: the BAR; the list takes a reference of its own
 * @offset: from the start of the BAR, in bytes, page aligned
 * @len: bytes, page aligned
 *
 * A piece that begins where the list's last piece ends, in the same BAR, extends
 * that one and needs no room. On failure the list is as before.
 *
 * Context: May sleep.
 * Return: 0, or
 * * -EINVAL: @len is zero, or an address or length is not page aligned
 * * -EOVERFLOW: @offset + @len, or the list's size, exceeds 64 bits
 * * -ERANGE: the piece ends past the BAR
 * * -EMSGSIZE: the list is full
 * * -ENOMEM: no memory to record another BAR of the list
 */
int p2p_vecs_add_bar(struct p2p_vecs *vecs, struct p2p_provider *provider,
		     u64 offset, u64 len)
{
	struct p2p_part *part = part_find(vecs, provider);
	phys_addr_t base = part ? part->base : p2p_provider_base(provider);
	u64 length = part ? part->length : p2p_provider_length(provider);
	u64 end;

	/* A BAR smaller than a page need not even begin on one. */
	if (!len || !PAGE_ALIGNED(offset | len | base))
		return -EINVAL;
	if (check_add_overflow(offset, len, &end))
		return -EOVERFLOW;
	if (end > length)
		return -ERANGE;
	return bar_append(vecs, part, provider, base + offset, len);
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_bar);

/**
 * p2p_vecs_add_system() - append physically contiguous system memory
 * @vecs: a list that nobody else has seen yet
 * @paddr: CPU physical address, page aligned
 * @len: bytes, page aligned
 *
 * The memory must have struct pages and outlive the list. The caller sees to that;
 * p2p_vecs_on_release() tells when the list is gone. Pieces that touch are merged
 * as in p2p_vecs_add_bar().
 *
 * Context: Any.
 * Return: 0, or
 * * -EINVAL: @len is zero, or @paddr or @len is not page aligned
 * * -EOVERFLOW: @paddr + @len, or the list's size, exceeds 64 bits
 * * -EMSGSIZE: the list is full
 */
int p2p_vecs_add_system(struct p2p_vecs *vecs, phys_addr_t paddr, u64 len)
{
	struct p2p_vec piece = { .paddr = paddr, .len = len, .kind = P2P_VEC_SYSTEM };
	u64 end;

	if (!len || !PAGE_ALIGNED(paddr | len))
		return -EINVAL;
	if (check_add_overflow((u64)paddr, len, &end))
		return -EOVERFLOW;
	return p2p_vecs_append(vecs, &piece);
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_system);

/**
 * p2p_vecs_add_hidden() - append memory that only its owner's device reaches
 * @vecs: a list that nobody else has seen yet
 * @cookie: any number by which the owner knows the memory; it is kept in the
 *	vec's paddr
 * @len: bytes, page aligned
 *
 * Nobody can map a list that has such a piece; it only says where a buffer is for the time
 * being. Pieces are never merged.
 *
 * Context: Any.
 * Return: 0, or
 * * -EINVAL: @len is zero or not page aligned
 * * -EOVERFLOW: the list's size exceeds 64 bits
 * * -EMSGSIZE: the list is full
 */
int p2p_vecs_add_hidden(struct p2p_vecs *vecs, u64 cookie, u64 len)
{
	struct p2p_vec piece = { .paddr = cookie, .len = len, .kind = P2P_VEC_HIDDEN };

	if (!len || !PAGE_ALIGNED(len))
		return -EINVAL;
	return p2p_vecs_append(vecs, &piece);
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_hidden);

/* The @len bytes of @vec from byte @at on. The result does not own them. */
static struct p2p_vec vec_part(const struct p2p_vec *vec, u64 at, u64 len)
{
	struct p2p_vec part = *vec;

	/* A cookie of hidden memory is no address. */
	if (vec->kind != P2P_VEC_HIDDEN)
		part.paddr += at;
	part.len = len;
	part.owned = false;
	return part;
}

static int part_append(struct p2p_vecs *vecs, const struct p2p_vec *part)
{
	if (part->kind != P2P_VEC_BAR)
		return p2p_vecs_append(vecs, part);
	return bar_append(vecs, part_find(vecs, part->provider), part->provider, part->paddr,
			  part->len);
}

/**
 * p2p_vecs_add_part() - append a part of another list
 * @vecs: a list that nobody else has seen yet
 * @from: the other one
 * @offset: of the first byte, from the start of @from, page aligned
 * @len: bytes, page aligned
 *
 * What this adds does not count against the maximum given to p2p_vecs_alloc(). Memory that @from
 * owns, or has a release function for, must outlive @vecs: the caller keeps a reference to @from
 * until @vecs is released (p2p_vecs_on_release()). On failure a part may have been appended.
 *
 * Context: May sleep.
 * Return: 0, or
 * * -EINVAL: @len is zero, or @offset or @len is not page aligned
 * * -ERANGE: the piece ends past @from
 * * -EOVERFLOW: the list's size exceeds 64 bits
 * * -ENOMEM
 */
int p2p_vecs_add_part(struct p2p_vecs *vecs, const struct p2p_vecs *from, u64 offset, u64 len)
{
	const struct p2p_vec *vec;
	struct p2p_vec part;
	u64 at, end;
	int ret = 0;

	if (!len || !PAGE_ALIGNED(offset | len))
		return -EINVAL;
	if (check_add_overflow(offset, len, &end) || end > from->size)
		return -ERANGE;

	for (vec = p2p_vecs_find(from, offset, &at); !ret && len; vec++, at = 0) {
		part = vec_part(vec, at, min(len, vec->len - at));
		if (vecs->nr == vecs->max)
			ret = p2p_vecs_allow_one_more(vecs);
		if (!ret)
			ret = part_append(vecs, &part);
		len -= part.len;
	}
	return ret;
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_part);

/**
 * p2p_vecs_on_release() - be told when the last reference to the list is dropped
 * @vecs: a list that nobody else has seen yet
 * @release: what to call; replaces what an earlier call said
 * @priv: for @release
 *
 * Each mapping made from the list holds a reference. So when @release is called,
 * no device and no CPU reaches the memory by way of the list, and a manager of BAR
 * memory may give it to another user.
 *
 * @release may sleep. Whoever drops the last reference calls it, possibly with a
 * dma_resv held: it must not take one. Its code must stay loaded as long as the list exists;
 * for the placement of a DMA-BUF the DMA-BUF's owner module ensures that.
 *
 * Context: Any.
 */
void p2p_vecs_on_release(struct p2p_vecs *vecs, void (*release)(void *priv), void *priv)
{
	vecs->release = release;
	vecs->priv = priv;
}
EXPORT_SYMBOL_GPL(p2p_vecs_on_release);

static void vecs_release(struct kref *ref)
{
	struct p2p_vecs *vecs = container_of(ref, struct p2p_vecs, ref);
	u32 i;

	for (i = 0; vecs->owns && i < vecs->nr; i++)
		if (vecs->vec[i].owned)
			p2p_system_free(vecs->vec[i].paddr, vecs->vec[i].len);
	for (i = 0; i < vecs->nr_parts; i++)
		p2p_provider_put(vecs->part[i].provider);
	if (vecs->release)
		vecs->release(vecs->priv);
	if (vecs->part != &vecs->one_part)
		kvfree(vecs->part);
	if (vecs->vec != vecs->first)
		kvfree(vecs->vec);
	kvfree(vecs);
}

/**
 * p2p_vecs_put() - drop a reference
 * @vecs: NULL is allowed
 *
 * The last one frees the system memory the list owns, and calls what
 * p2p_vecs_on_release() set.
 *
 * Context: May sleep. A dma_resv may be held.
 */
void p2p_vecs_put(struct p2p_vecs *vecs)
{
	if (vecs)
		kref_put(&vecs->ref, vecs_release);
}
EXPORT_SYMBOL_GPL(p2p_vecs_put);

/**
 * p2p_vecs_find() - the range that holds a byte of the buffer
 * @vecs: the list
 * @offset: of the byte, from the start of the buffer
 * @vec_offset: where to put its distance from the start of the range; may be NULL
 *
 * Takes time logarithmic in the number of ranges: CPU faults come here.
 *
 * Context: Any.
 * Return: the range, or NULL if @offset lies past the end
 */
const struct p2p_vec *p2p_vecs_find(const struct p2p_vecs *vecs, u64 offset,
				    u64 *vec_offset)
{
	u32 low = 0, high = vecs->nr;

	if (offset >= vecs->size)
		return NULL;
	/* vec[low] starts at or before the byte, vec[high] after it. */
	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (vecs->vec[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	if (vec_offset)
		*vec_offset = offset - vecs->vec[low].start;
	return &vecs->vec[low];
}
EXPORT_SYMBOL_GPL(p2p_vecs_find);

static void slice_release(void *priv)
{
	p2p_vecs_put(priv);
}

/* The part of @vec that lies in the @len bytes of the buffer from @offset on. */
static struct p2p_vec vec_cut(const struct p2p_vec *vec, u64 offset, u64 len)
{
	u64 skip = offset > vec->start ? offset - vec->start : 0;

	return vec_part(vec, skip, min(vec->len - skip, offset + len - (vec->start + skip)));
}

/**
 * p2p_vecs_slice() - a piece of a list, as a list
 * @vecs: the list; the piece holds a reference to it
 * @offset: where the piece begins in the buffer, in bytes, page aligned
 * @len: bytes, page aligned, not 0
 *
 * Takes time proportional to the number of ranges in the piece.
 *
 * Context: May sleep. A dma_resv may be held.
 * Return: a list with one reference (@vecs itself, if the piece is all of it), or ERR_PTR:
 * * -EINVAL: @len is zero, or one of them is not page aligned
 * * -ERANGE: the piece ends past the end of @vecs
 * * -ENOMEM
 */
struct p2p_vecs *p2p_vecs_slice(struct p2p_vecs *vecs, u64 offset, u64 len)
{
	const struct p2p_vec *first, *last, *vec;
	struct p2p_vecs *slice;
	struct p2p_vec cut;
	int error;
	u64 end;

	if (!len || !PAGE_ALIGNED(offset | len))
		return ERR_PTR(-EINVAL);
	if (check_add_overflow(offset, len, &end) || end > vecs->size)
		return ERR_PTR(-ERANGE);
	if (len == vecs->size)
		return p2p_vecs_get(vecs);
	first = p2p_vecs_find(vecs, offset, NULL);
	last = p2p_vecs_find(vecs, end - 1, NULL);
	slice = p2p_vecs_alloc(last - first + 1);
	if (!slice)
		return ERR_PTR(-ENOMEM);
	for (vec = first; vec <= last; vec++) {
		cut = vec_cut(vec, offset, len);
		error = part_append(slice, &cut);
		if (error) {
			p2p_vecs_put(slice);
			return ERR_PTR(error);
		}
	}
	p2p_vecs_on_release(slice, slice_release, p2p_vecs_get(vecs));
	return slice;
}
EXPORT_SYMBOL_GPL(p2p_vecs_slice);
