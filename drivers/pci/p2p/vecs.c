// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of physical ranges. Pure logic: tests/unit builds this file in
 * userspace.
 */

#include <linux/err.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <peerbuf/p2p.h>

/**
 * p2p_vecs_alloc() - an empty list
 * @max: how many ranges will be added at most
 *
 * The memory is charged to the caller's cgroup: user space chooses @max.
 *
 * Context: May sleep.
 * Return: a list with one reference, or NULL if @max is 0 or there is no memory
 */
struct p2p_vecs *p2p_vecs_alloc(u32 max)
{
	struct p2p_vecs *vecs;
	size_t bytes = struct_size(vecs, vec, max);

	/* kvmalloc() warns about more than INT_MAX instead of just failing. */
	if (!max || bytes > INT_MAX)
		return NULL;
	vecs = kvzalloc(bytes, GFP_KERNEL_ACCOUNT);
	if (!vecs)
		return NULL;
	kref_init(&vecs->ref);
	vecs->max = max;
	return vecs;
}
EXPORT_SYMBOL_GPL(p2p_vecs_alloc);

static bool vec_touches(const struct p2p_vec *vec, phys_addr_t paddr,
			const struct p2p_provider *provider)
{
	return vec->provider == provider && vec->paddr + vec->len == paddr;
}

/* [@paddr, @paddr + @len) is known to be page aligned and not to wrap. */
static int vecs_append(struct p2p_vecs *vecs, struct p2p_provider *provider,
		       phys_addr_t paddr, u64 len)
{
	struct p2p_vec *vec;
	u64 size;

	if (check_add_overflow(vecs->size, len, &size))
		return -EOVERFLOW;
	if (vecs->nr && vec_touches(&vecs->vec[vecs->nr - 1], paddr, provider)) {
		vecs->vec[vecs->nr - 1].len += len;
		vecs->size = size;
		return 0;
	}
	if (vecs->nr == vecs->max)
		return -EMSGSIZE;

	vec = &vecs->vec[vecs->nr++];
	vec->paddr = paddr;
	vec->len = len;
	vec->start = vecs->size;
	vec->provider = provider ? p2p_provider_get(provider) : NULL;
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
 * A piece that begins where the list's last one ends, in the same BAR, makes
 * that one longer and needs no room. On failure the list is as before.
 *
 * Context: Any.
 * Return: 0, or
 * * -EINVAL: @len is zero, or an address or length is not page aligned
 * * -EOVERFLOW: @offset + @len, or the list's size, exceeds 64 bits
 * * -ERANGE: the piece ends past the BAR
 * * -EMSGSIZE: the list is full
 */
int p2p_vecs_add_bar(struct p2p_vecs *vecs, struct p2p_provider *provider,
		     u64 offset, u64 len)
{
	phys_addr_t base = p2p_provider_base(provider);
	u64 end;

	/* A BAR smaller than a page need not even begin on one. */
	if (!len || !PAGE_ALIGNED(offset | len | base))
		return -EINVAL;
	if (check_add_overflow(offset, len, &end))
		return -EOVERFLOW;
	if (end > p2p_provider_length(provider))
		return -ERANGE;
	return vecs_append(vecs, provider, base + offset, len);
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_bar);

/**
 * p2p_vecs_add_system() - append physically contiguous system memory
 * @vecs: a list that nobody else has seen yet
 * @paddr: CPU physical address, page aligned
 * @len: bytes, page aligned
 *
 * The memory must have struct pages and outlive the list; that is the caller's
 * part. Pieces that touch are merged as in p2p_vecs_add_bar().
 *
 * Context: Any.
 * Return: 0, or
 * * -EINVAL: @len is zero, or @paddr or @len is not page aligned
 * * -EOVERFLOW: @paddr + @len, or the list's size, exceeds 64 bits
 * * -EMSGSIZE: the list is full
 */
int p2p_vecs_add_system(struct p2p_vecs *vecs, phys_addr_t paddr, u64 len)
{
	u64 end;

	if (!len || !PAGE_ALIGNED(paddr | len))
		return -EINVAL;
	if (check_add_overflow((u64)paddr, len, &end))
		return -EOVERFLOW;
	return vecs_append(vecs, NULL, paddr, len);
}
EXPORT_SYMBOL_GPL(p2p_vecs_add_system);

/**
 * p2p_vecs_get() - take a reference
 * @vecs: one that the caller already has a reference to
 *
 * Context: Any.
 * Return: @vecs
 */
struct p2p_vecs *p2p_vecs_get(struct p2p_vecs *vecs)
{
	kref_get(&vecs->ref);
	return vecs;
}
EXPORT_SYMBOL_GPL(p2p_vecs_get);

static void vecs_release(struct kref *ref)
{
	struct p2p_vecs *vecs = container_of(ref, struct p2p_vecs, ref);
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		p2p_provider_put(vecs->vec[i].provider);
	kvfree(vecs);
}

/**
 * p2p_vecs_put() - drop a reference
 * @vecs: NULL is allowed
 *
 * Context: May sleep.
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

static bool vec_overlaps(const struct p2p_vec *a, const struct p2p_vec *b)
{
	/* By last bytes: a range may end at the very top, where the sum is zero. */
	return a->paddr <= b->paddr + (b->len - 1) && b->paddr <= a->paddr + (a->len - 1);
}

static bool overlap_by_pairs(const struct p2p_vecs *a, const struct p2p_vecs *b)
{
	u32 i, j;

	for (i = 0; i < a->nr; i++) {
		for (j = 0; j < b->nr; j++) {
			if (vec_overlaps(&a->vec[i], &b->vec[j]))
				return true;
		}
		cond_resched();
	}
	return false;
}

static int vec_ptr_cmp(const void *x, const void *y)
{
	const struct p2p_vec *a = *(const struct p2p_vec * const *)x;
	const struct p2p_vec *b = *(const struct p2p_vec * const *)y;

	return a->paddr < b->paddr ? -1 : a->paddr > b->paddr;
}

static void vecs_sort(const struct p2p_vecs *vecs, const struct p2p_vec **sorted)
{
	u32 i;

	for (i = 0; i < vecs->nr; i++)
		sorted[i] = &vecs->vec[i];
	sort(sorted, vecs->nr, sizeof(*sorted), vec_ptr_cmp, NULL);
}

/*
 * Of two sorted heads that do not overlap, the lower one lies below everything
 * that follows in the other list, so it can be left behind. That holds even if
 * ranges within one list overlap.
 */
static bool overlap_by_order(const struct p2p_vec **a, u32 nr_a,
			     const struct p2p_vec **b, u32 nr_b)
{
	u32 i = 0, j = 0;

	while (i < nr_a && j < nr_b) {
		if (vec_overlaps(a[i], b[j]))
			return true;
		if (a[i]->paddr < b[j]->paddr)
			i++;
		else
			j++;
	}
	return false;
}

/**
 * p2p_vecs_overlap() - do two lists share a byte of physical memory?
 * @a: a list
 * @b: another one, or the same
 *
 * Takes O(n log n) time, and without memory for it O(n^2).
 *
 * Context: May sleep.
 * Return: true if they do
 */
bool p2p_vecs_overlap(const struct p2p_vecs *a, const struct p2p_vecs *b)
{
	const struct p2p_vec **sorted;
	bool overlap;

	sorted = kvmalloc_array((size_t)a->nr + b->nr, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return overlap_by_pairs(a, b);
	vecs_sort(a, sorted);
	vecs_sort(b, sorted + a->nr);
	overlap = overlap_by_order(sorted, a->nr, sorted + a->nr, b->nr);
	kvfree(sorted);
	return overlap;
}
EXPORT_SYMBOL_GPL(p2p_vecs_overlap);
