/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI functions whose BARs may be exported, how much of them is lent, and which BARs are still
 * mapped after their driver has gone.
 */
#ifndef _PEERBUF_DEVICE_H
#define _PEERBUF_DEVICE_H

#include <linux/bits.h>
#include <linux/ioport.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/range.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <linux/peerbuf.h>

#include "core/event.h"

struct p2p_provider;
struct peerbuf_refusal;

#define PEERBUF_NR_BARS		PCI_STD_NUM_BARS

/**
 * struct peerbuf_kept - BARs that somebody still maps although their owner has gone
 * @node: in the list of kept devices (keep.c), empty if nothing is kept
 * @work: waits for the last unmap
 * @ranges: address ranges of the BARs; the end is 0 where nothing is kept
 * @regions: claimed in the resource tree. No parent if the BAR had none, or if the region was
 *	removed together with the window it was in
 */
struct peerbuf_kept {
	struct list_head node;
	struct work_struct work;
	struct range ranges[PEERBUF_NR_BARS];
	struct resource regions[PEERBUF_NR_BARS];
};

/**
 * struct peerbuf_lent - how much of a function's BARs is lent
 * @part_bars: BARs of which only ranges are lent; others in peerbuf_device.user_bars are lent whole
 * @nr: entries in @ranges
 * @ranges: in no order; those of one BAR neither overlap nor touch
 */
struct peerbuf_lent {
	u32 part_bars;
	u32 nr;
	struct peerbuf_lent_range {
		u32 bar;
		struct range bytes;
	} ranges[PEERBUF_MAX_LENT];
};

/**
 * struct peerbuf_device - a PCI function whose BARs may be exported
 * @ref: the registry, each claim and each open file hold one
 * @pdev: reference held
 * @owner: PEERBUF_OWNER_*, immutable
 * @has_node: it has a node in /dev/peerbuf; immutable
 * @minor: of the node, if it has one
 * @registry_node: in the list of devices; protected by peerbuf_registry_lock
 * @transition: serialises going down, coming up and withdrawing BARs. Nobody waits for an
 *	importer while holding it
 * @lock: protects @providers, @claims and @last_claim; @state and @policy are written under it
 * @providers: per BAR, NULL where the BAR may not be exported
 * @claims: claims of placements that have memory of this device, in the order in which they
 *	were made, and the cursors of walks
 * @last_claim: number of the latest claim
 * @state: PEERBUF_DEVICE_*, read under a buffer's resv without @lock: it changes
 *	before the walk that visits each buffer under its resv
 * @down: the reasons why it is down, PEERBUF_DOWN_*; protected by @lock
 * @policy: PEERBUF_POLICY_F_*; read without @lock, as @state is
 * @ever_bars: BARs that have ever had a provider; protected by @lock
 * @user_bars: BARs that userspace may export; protected by @lock
 * @lent: how much of them is lent; protected by @lock
 * @wc_bars: BARs whose range is reserved for write combining
 * @audience: the listeners to its events
 * @kept: used when it is gone and still mapped
 */
struct peerbuf_device {
	struct kref ref;
	struct pci_dev *pdev;
	u32 owner;
	bool has_node;
	u32 minor;
	struct list_head registry_node;

	struct mutex transition;
	struct mutex lock;
	struct p2p_provider *providers[PEERBUF_NR_BARS];
	struct list_head claims;
	u64 last_claim;
	unsigned int state;
	u32 down;
	u32 policy;
	unsigned int ever_bars;
	unsigned int user_bars;
	struct peerbuf_lent lent;
	unsigned int wc_bars;

	struct peerbuf_audience audience;

	struct peerbuf_kept kept;
};

#define PEERBUF_DEVICE_UP	0
#define PEERBUF_DEVICE_DOWN	1	/* suspended or in reset: will be back */
#define PEERBUF_DEVICE_GONE	2	/* final */
#define PEERBUF_DOWN_OWNER	BIT(0)	/* its owner said so: reset, low power */
#define PEERBUF_DOWN_MACHINE	BIT(1)	/* the machine sleeps, or shuts down */
#define PEERBUF_DOWN_PHYSFN	BIT(2)	/* its physical function is being reset */

extern struct mutex peerbuf_registry_lock;

int peerbuf_device_add_bars(struct peerbuf_device *pdevice, unsigned int mask,
			    unsigned int user_mask);
void peerbuf_device_get(struct peerbuf_device *pdevice);
void peerbuf_device_put(struct peerbuf_device *pdevice);
void peerbuf_bars_free_wc(struct peerbuf_device *pdevice);
struct peerbuf_device *peerbuf_device_find(struct pci_dev *pdev);
struct peerbuf_device *peerbuf_device_lookup(struct pci_dev *pdev);
void peerbuf_device_enlist(struct peerbuf_device *pdevice);
void peerbuf_device_delist(struct peerbuf_device *pdevice);
u32 peerbuf_device_addrs(u64 *addrs, u32 room);
int peerbuf_bar_check(struct pci_dev *pdev, unsigned int bar, struct peerbuf_refusal *why);
int peerbuf_bar_check_pages(struct pci_dev *pdev, unsigned int bar, struct peerbuf_refusal *why);
struct peerbuf_device *peerbuf_device_create(struct pci_dev *pdev, u32 owner);
void peerbuf_bars_remove(struct peerbuf_device *pdevice, unsigned int mask);
void peerbuf_lent_forget(struct peerbuf_lent *lent, u32 bar);

#endif /* _PEERBUF_DEVICE_H */
