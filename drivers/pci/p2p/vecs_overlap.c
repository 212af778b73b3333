// SPDX-License-Identifier: GPL-2.0
/*
 * Do two lists have memory in common, and does one list name memory twice? Pure logic: tests/unit
 * builds this file in userspace.
 */

#include <linux/export.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "vecs.h"

/* The numbers of hidden memory are no addresses. Memory that a list owns is in no other list. */
static bool vec_overlaps(const struct p2p_vec *a, const struct p2p_vec *b)
{
	if (a->kind == P2P_VEC_HIDDEN || b->kind == P2P_VEC_HIDDEN || a->owned || b->owned)
		return false;
	/* Compare last bytes: a range may end at the top, where start + len is zero. */
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

/*
 * Leaves out hidden memory, and memory that the list owns: no other list has that, and it may be
 * millions of ranges. Returns how many are left.
 */
static u32 vecs_sort(const struct p2p_vecs *vecs, const struct p2p_vec **sorted)
{
	u32 i, nr = 0;

	for (i = 0; i < vecs->nr; i++)
		if (vecs->vec[i].kind != P2P_VEC_HIDDEN && !vecs->vec[i].owned)
			sorted[nr++] = &vecs->vec[i];
	sort(sorted, nr, sizeof(*sorted), vec_ptr_cmp, NULL);
	return nr;
}

/*
 * If the two sorted heads do not overlap, the lower one lies below everything that
 * follows in the other list, so it can be skipped. That holds even if ranges
 * within one list overlap.
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
 * Hidden memory overlaps with nothing: its place is not known here. A list that is not empty
 * overlaps with itself.
 *
 * Takes O(n log n) time, or O(n^2) if there is no memory to sort in.
 *
 * Context: May sleep.
 * Return: true if they do
 */
bool p2p_vecs_overlap(const struct p2p_vecs *a, const struct p2p_vecs *b)
{
	const struct p2p_vec **sorted;
	u32 nr_a, nr_b;
	bool overlap;

	if (a == b)
		return a->nr;
	sorted = kvmalloc_array((size_t)a->nr + b->nr, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return overlap_by_pairs(a, b);
	nr_a = vecs_sort(a, sorted);
	nr_b = vecs_sort(b, sorted + a->nr);
	overlap = overlap_by_order(sorted, nr_a, sorted + a->nr, nr_b);
	kvfree(sorted);
	return overlap;
}
EXPORT_SYMBOL_GPL(p2p_vecs_overlap);

static bool aliased_by_pairs(const struct p2p_vecs *vecs)
{
	u32 i, j;

	for (i = 1; i < vecs->nr; i++) {
		for (j = 0; j < i; j++) {
			if (vec_overlaps(&vecs->vec[i], &vecs->vec[j]))
				return true;
		}
		cond_resched();
	}
	return false;
}

/* How many ranges could be in the list twice: all but hidden and owned ones. */
static u32 vecs_foreign(const struct p2p_vecs *vecs)
{
	u32 i, nr = 0;

	for (i = 0; i < vecs->nr; i++)
		nr += vecs->vec[i].kind != P2P_VEC_HIDDEN && !vecs->vec[i].owned;
	return nr;
}

/**
 * p2p_vecs_aliased() - does a list name a byte of physical memory twice?
 * @vecs: the list
 *
 * What is written to one place of such a buffer appears in another. Hidden memory never counts:
 * its place is not known here.
 *
 * Takes O(n log n) time, or O(n^2) if there is no memory to sort in.
 *
 * Context: May sleep.
 * Return: true if it does
 */
bool p2p_vecs_aliased(const struct p2p_vecs *vecs)
{
	u32 i, nr = vecs_foreign(vecs);
	const struct p2p_vec **sorted;
	bool aliased = false;

	if (nr < 2)
		return false;
	sorted = kvmalloc_array(nr, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return aliased_by_pairs(vecs);
	vecs_sort(vecs, sorted);
	/* If any two overlap, the lower one also overlaps with its successor. */
	for (i = 1; i < nr && !aliased; i++)
		aliased = vec_overlaps(sorted[i - 1], sorted[i]);
	kvfree(sorted);
	return aliased;
}
EXPORT_SYMBOL_GPL(p2p_vecs_aliased);
