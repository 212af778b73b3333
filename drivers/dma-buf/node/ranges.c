// SPDX-License-Identifier: GPL-2.0
/* Makes a vec list of the ranges that userspace names. */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/device.h"
#include "core/file.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/rights.h"
#include "node/lend.h"
#include "node/ranges.h"

/**
 * struct peerbuf_resolver - turns ranges into a vec list
 * @pf: the node that the ranges were given to
 * @rights: gets the rights of the nodes that the ranges name; NULL if nobody needs them
 * @vecs: the list
 * @decoding: the device of the latest range, known to decode memory; no reference held
 * @why: why the latest range was refused
 */
struct peerbuf_resolver {
	struct peerbuf_file *pf;
	struct peerbuf_rights *rights;
	struct p2p_vecs *vecs;
	const struct pci_dev *decoding;
	struct peerbuf_refusal *why;
};

/*
 * With memory decode off a BAR does not answer: reads return all ones and writes are
 * lost, and no importer would notice.
 */
static int peerbuf_decode_check(struct peerbuf_resolver *res,
				struct pci_dev *pdev)
{
	if (pdev == res->decoding)
		return 0;
	if (!peerbuf_device_answers(pdev))
		return peerbuf_fail(res->why, -EIO, PEERBUF_REASON_MEMORY_DECODE_OFF);
	res->decoding = pdev;
	return 0;
}

/* Returns a reference. */
static struct p2p_provider *
peerbuf_range_provider(struct peerbuf_device *pdevice,
		       const struct peerbuf_range *range, struct peerbuf_refusal *why)
{
	struct p2p_provider *provider = NULL;
	int ret;

	ret = peerbuf_bar_check_pages(pdevice->pdev, range->bar, why);
	if (ret)
		return ERR_PTR(ret);

	mutex_lock(&pdevice->lock);
	if (pdevice->state != PEERBUF_DEVICE_UP) {
		ret = peerbuf_fail(why, -ENODEV, pdevice->state == PEERBUF_DEVICE_DOWN ?
						 PEERBUF_REASON_DEVICE_DOWN :
						 PEERBUF_REASON_DEVICE_GONE);
	} else if (!(pdevice->user_bars & BIT(range->bar))) {
		ret = peerbuf_fail(why, -EACCES, PEERBUF_REASON_BAR_NOT_EXPORTABLE);
	} else {
		ret = peerbuf_lent_allows(pdevice, range, why);
		if (!ret)
			provider = p2p_provider_get(pdevice->providers[range->bar]);
	}
	mutex_unlock(&pdevice->lock);
	return ret ? ERR_PTR(ret) : provider;
}

static int peerbuf_range_add(struct peerbuf_resolver *res,
			     struct peerbuf_device *pdevice,
			     const struct peerbuf_range *range)
{
	struct p2p_provider *provider;
	int ret;

	provider = peerbuf_range_provider(pdevice, range, res->why);
	if (IS_ERR(provider))
		return PTR_ERR(provider);

	ret = p2p_vecs_add_bar(res->vecs, provider, range->offset, range->length);
	if (ret == -ERANGE)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_PAST_END);
	else if (ret == -EOVERFLOW)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_OVERFLOW);
	else if (ret == -EINVAL)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_UNALIGNED);
	else if (!ret)
		ret = peerbuf_decode_check(res, pdevice->pdev);
	p2p_provider_put(provider);
	return ret;
}

static int peerbuf_range_add_other(struct peerbuf_resolver *res,
				   const struct peerbuf_range *range)
{
	struct peerbuf_file *other;
	struct file *filp;
	int ret = 0;

	other = peerbuf_right_from_fd(range->device_fd, &filp, res->why);
	if (IS_ERR(other))
		return PTR_ERR(other);
	if (res->rights)
		ret = peerbuf_rights_add(res->rights, other->pdevice);
	if (ret)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_TOO_MANY_DEVICES);
	else
		ret = peerbuf_range_add(res, other->pdevice, range);
	fput(filp);
	return ret;
}

static int peerbuf_range_add_system(struct peerbuf_resolver *res,
				    const struct peerbuf_range *range)
{
	int ret = p2p_vecs_add_new_system(res->vecs, range->length, U64_MAX);

	if (ret == -ENOMEM)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_NO_MEMORY);
	else if (ret == -EINTR)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_INTERRUPTED);
	else if (ret == -EOVERFLOW)
		peerbuf_fail(res->why, ret, PEERBUF_REASON_OVERFLOW);
	return ret;
}

static int peerbuf_range_resolve(struct peerbuf_resolver *res,
				 const struct peerbuf_range *range)
{
	int ret = peerbuf_range_check(range, res->why);

	if (ret)
		return ret;
	if (range->flags & PEERBUF_RANGE_F_SYSTEM)
		return peerbuf_range_add_system(res, range);
	if (range->flags & PEERBUF_RANGE_F_DEVICE_FD)
		return peerbuf_range_add_other(res, range);
	return peerbuf_range_add(res, res->pf->pdevice, range);
}

static int peerbuf_ranges_add(struct peerbuf_resolver *res,
			      const struct peerbuf_range *ranges, u32 nr,
			      u32 *bad_range)
{
	int ret;
	u32 i;

	for (i = 0; i < nr; i++) {
		ret = peerbuf_range_resolve(res, &ranges[i]);
		if (ret) {
			*bad_range = i;
			return ret;
		}
	}
	return 0;
}

/* The caller frees the result with kvfree(). */
struct peerbuf_range *peerbuf_ranges_copy(u64 user_ranges, u32 nr, struct peerbuf_refusal *why)
{
	struct peerbuf_range *ranges;

	if (!nr)
		return ERR_PTR(peerbuf_fail(why, -EINVAL, PEERBUF_REASON_NO_RANGES));
	if (nr > PEERBUF_MAX_RANGES)
		return ERR_PTR(peerbuf_fail(why, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_RANGES));
	ranges = vmemdup_user(u64_to_user_ptr(user_ranges),
			      array_size(nr, sizeof(*ranges)));
	if (ranges == ERR_PTR(-EFAULT))
		peerbuf_fail(why, -EFAULT, PEERBUF_REASON_BAD_POINTER);
	return ranges;
}

/* @rights: optional; gets the rights of the nodes that the ranges name. */
struct p2p_vecs *peerbuf_ranges_resolve(struct peerbuf_file *pf, u64 user_ranges,
					u32 nr, struct peerbuf_rights *rights,
					u32 *bad_range, struct peerbuf_refusal *why)
{
	struct peerbuf_resolver res = { .pf = pf, .rights = rights, .why = why };
	struct peerbuf_range *ranges;
	int ret;

	ranges = peerbuf_ranges_copy(user_ranges, nr, why);
	if (IS_ERR(ranges))
		return ERR_CAST(ranges);

	res.vecs = p2p_vecs_alloc(nr);
	if (IS_ERR_OR_NULL(res.vecs)) {
		kvfree(ranges);
		return ERR_PTR(-ENOMEM);
	}
	ret = peerbuf_ranges_add(&res, ranges, nr, bad_range);
	kvfree(ranges);
	if (ret) {
		p2p_vecs_put(res.vecs);
		return ERR_PTR(ret);
	}
	return res.vecs;
}
