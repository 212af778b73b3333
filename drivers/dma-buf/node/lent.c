// SPDX-License-Identifier: GPL-2.0
/*
 * How much of a lent BAR is lent: all of it, or ranges. Never the MSI-X table and pending bits: the
 * device's driver relies on them, and who writes there raises interrupts of his choice.
 */
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include <linux/peerbuf.h>

#include "core/device.h"
#include "core/refusal.h"
#include "node/lend.h"
#include "node/ranges.h"

/* The whole pages that contain these bytes. */
static struct range peerbuf_pages_of(u64 offset, u64 length)
{
	return (struct range){ ALIGN_DOWN(offset, PAGE_SIZE),
			       ALIGN(offset + length, PAGE_SIZE) - 1 };
}

static bool peerbuf_ranges_meet(const struct range *a, const struct range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/*
 * Is the MSI-X structure to which register @where points, @length bytes long, within @range of
 * @bar? If the device does not answer, the structure may be anywhere: returns true.
 */
static bool peerbuf_msix_part_in(struct pci_dev *pdev, int where, u64 length, u32 bar,
				 const struct range *range)
{
	struct range part;
	u32 table;

	pci_read_config_dword(pdev, pdev->msix_cap + where, &table);
	if (PCI_POSSIBLE_ERROR(table))
		return true;
	if ((table & PCI_MSIX_TABLE_BIR) != bar)
		return false;
	part = peerbuf_pages_of(table & PCI_MSIX_TABLE_OFFSET, length);
	return peerbuf_ranges_meet(&part, range);
}

static bool peerbuf_msix_in(struct pci_dev *pdev, u32 bar, const struct range *range)
{
	u32 vectors;
	u16 control;

	if (!pdev->msix_cap)
		return false;
	pci_read_config_word(pdev, pdev->msix_cap + PCI_MSIX_FLAGS, &control);
	vectors = (control & PCI_MSIX_FLAGS_QSIZE) + 1;
	return peerbuf_msix_part_in(pdev, PCI_MSIX_TABLE, vectors * PCI_MSIX_ENTRY_SIZE, bar,
				    range) ||
	       peerbuf_msix_part_in(pdev, PCI_MSIX_PBA, ALIGN(vectors, 64) / 8, bar, range);
}

static int peerbuf_lent_check_one(struct pci_dev *pdev, const struct peerbuf_range *range,
				  struct peerbuf_refusal *why)
{
	struct range bytes;
	int ret;

	if (range->flags || range->device_fd || range->reserved)
		return peerbuf_fail(why, -EINVAL, range->flags ? PEERBUF_REASON_FLAGS :
								 PEERBUF_REASON_RESERVED);
	ret = peerbuf_range_check(range, why) ?:
	      peerbuf_bar_check_pages(pdev, range->bar, why);
	if (ret)
		return ret;
	if (range->offset + range->length > pci_resource_len(pdev, range->bar))
		return peerbuf_fail(why, -ERANGE, PEERBUF_REASON_PAST_END);
	bytes = (struct range){ range->offset, range->offset + range->length - 1 };
	if (peerbuf_msix_in(pdev, range->bar, &bytes))
		return peerbuf_fail(why, -EACCES, PEERBUF_REASON_MSIX);
	return 0;
}

/* May these ranges be lent? Adds their BARs to *@mask. */
int peerbuf_lent_check(struct pci_dev *pdev, const struct peerbuf_range *ranges, u32 nr,
		       u32 *mask, u32 *bad_range, struct peerbuf_refusal *why)
{
	int ret;
	u32 i;

	for (i = 0; i < nr; i++) {
		ret = peerbuf_lent_check_one(pdev, &ranges[i], why);
		if (ret) {
			*bad_range = i;
			return ret;
		}
		*mask |= BIT(ranges[i].bar);
	}
	return 0;
}

/* Merges into @new all ranges that touch it, and removes them from the list. */
static void peerbuf_lent_absorb(struct peerbuf_lent *lent, struct peerbuf_lent_range *new)
{
	u32 i, kept = 0;

	for (i = 0; i < lent->nr; i++) {
		const struct peerbuf_lent_range *old = &lent->ranges[i];

		if (old->bar != new->bar || old->bytes.start > new->bytes.end + 1 ||
		    new->bytes.start > old->bytes.end + 1) {
			lent->ranges[kept++] = *old;
			continue;
		}
		new->bytes.start = min(new->bytes.start, old->bytes.start);
		new->bytes.end = max(new->bytes.end, old->bytes.end);
	}
	lent->nr = kept;
}

/* Returns 0, or -EMSGSIZE. */
static int peerbuf_lent_add_one(struct peerbuf_lent *lent, const struct peerbuf_range *range)
{
	struct peerbuf_lent_range new = {
		.bar = range->bar,
		.bytes = { range->offset, range->offset + range->length - 1 },
	};

	peerbuf_lent_absorb(lent, &new);
	if (lent->nr == ARRAY_SIZE(lent->ranges))
		return -EMSGSIZE;
	lent->ranges[lent->nr++] = new;
	lent->part_bars |= BIT(new.bar);
	return 0;
}

/*
 * Lends @ranges, which have been checked, and all of the BARs in @whole, all of which have
 * providers already. Returns 0, or -EMSGSIZE with nothing changed.
 */
int peerbuf_lent_add(struct peerbuf_device *pdevice, u32 whole,
		     const struct peerbuf_range *ranges, u32 nr, struct peerbuf_refusal *why)
{
	struct peerbuf_lent lent;
	int ret = 0;
	u32 bar, i;

	mutex_lock(&pdevice->lock);
	lent = pdevice->lent;
	whole |= pdevice->user_bars & ~lent.part_bars;
	for (bar = 0; bar < PEERBUF_NR_BARS; bar++)
		if (whole & BIT(bar))
			peerbuf_lent_forget(&lent, bar);
	for (i = 0; i < nr && !ret; i++)
		if (!(whole & BIT(ranges[i].bar)))
			ret = peerbuf_lent_add_one(&lent, &ranges[i]);
	if (ret) {
		peerbuf_fail(why, ret, PEERBUF_REASON_TOO_MANY_RANGES);
	} else {
		pdevice->lent = lent;
		pdevice->user_bars |= whole | lent.part_bars;
	}
	mutex_unlock(&pdevice->lock);
	return ret;
}

/*
 * Under peerbuf_device.lock: may userspace export this range? For BARs that are not lent, every
 * range of an exportable BAR is allowed.
 */
int peerbuf_lent_allows(struct peerbuf_device *pdevice, const struct peerbuf_range *range,
			struct peerbuf_refusal *why)
{
	const struct range bytes = { range->offset, range->offset + range->length - 1 };
	const struct peerbuf_lent *lent = &pdevice->lent;
	u32 i;

	lockdep_assert_held(&pdevice->lock);

	if (pdevice->owner != PEERBUF_OWNER_LENT)
		return 0;
	if (peerbuf_msix_in(pdevice->pdev, range->bar, &bytes))
		return peerbuf_fail(why, -EACCES, PEERBUF_REASON_MSIX);
	if (!(lent->part_bars & BIT(range->bar)))
		return 0;
	for (i = 0; i < lent->nr; i++)
		if (lent->ranges[i].bar == range->bar &&
		    lent->ranges[i].bytes.start <= bytes.start &&
		    bytes.end <= lent->ranges[i].bytes.end)
			return 0;
	return peerbuf_fail(why, -EACCES, PEERBUF_REASON_NOT_LENT);
}
