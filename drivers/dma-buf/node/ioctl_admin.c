// SPDX-License-Identifier: GPL-2.0
/* Calls about the machine: routes, devices, lending, counters. */
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "core/device.h"
#include "core/file.h"
#include "core/reach.h"
#include "core/refusal.h"
#include "core/stats.h"
#include "node/ioctl.h"
#include "node/lend.h"
#include "node/policy.h"

#define PEERBUF_POLICY_FLAGS	(PEERBUF_POLICY_F_PINNED | PEERBUF_POLICY_F_BUS_MASTER)

/* No machine has more devices than this. */
#define PEERBUF_DEVICES_ROOM	4096

/* Returns a reference. */
static struct pci_dev *peerbuf_find_pci(u64 addr, struct peerbuf_refusal *why)
{
	struct pci_dev *pdev = NULL;

	if (addr >> 16 <= INT_MAX)
		pdev = pci_get_domain_bus_and_slot(PEERBUF_PCI_DOMAIN(addr),
						   PEERBUF_PCI_BUS(addr),
						   addr & 0xff);
	if (!pdev)
		peerbuf_fail(why, -ENODEV, PEERBUF_REASON_NO_DEVICE);
	return pdev;
}

/* Computes the offset in the BAR of the last byte that is asked about. */
static int peerbuf_route_last(const struct peerbuf_ioc_route *arg, u64 bar_size, u64 *last,
			      struct peerbuf_refusal *why)
{
	u64 end;

	if (check_add_overflow(arg->offset, arg->length, &end) || end > bar_size ||
	    arg->offset >= bar_size)
		return peerbuf_fail(why, -ERANGE, PEERBUF_REASON_PAST_END);
	*last = arg->length ? end - 1 : bar_size - 1;
	return 0;
}

/*
 * For a BAR, asks as an export's attach would: through a provider, so that the client's DMA mask
 * counts. This provider exists for the query only.
 */
static int peerbuf_route_to_bar(const struct peerbuf_ioc_route *arg, struct pci_dev *provider_dev,
				struct pci_dev *client, struct p2p_route *route,
				struct peerbuf_refusal *why)
{
	struct p2p_provider *provider;
	u64 last;
	int ret;

	ret = peerbuf_bar_check(provider_dev, arg->bar, why);
	if (ret)
		return peerbuf_fail(why, -ENXIO, why->reason);
	ret = peerbuf_route_last(arg, pci_resource_len(provider_dev, arg->bar), &last, why);
	if (ret)
		return ret;
	provider = p2p_provider_create(provider_dev, arg->bar, NULL);
	if (IS_ERR(provider))
		return PTR_ERR(provider);
	ret = p2p_route_ask(provider, last, client, route);
	p2p_provider_put(provider);
	return ret;
}

static int peerbuf_route_query(struct peerbuf_ioc_route *arg, struct pci_dev *provider,
			       struct pci_dev *client, struct peerbuf_refusal *why)
{
	struct p2p_route route;
	int ret = 0;

	peerbuf_look_between(provider, client);
	if (arg->bar == PEERBUF_ANY_BAR)
		p2p_route_between(provider, client, &route);
	else
		ret = peerbuf_route_to_bar(arg, provider, client, &route, why);
	if (ret)
		return ret;

	arg->route.type = route.type;
	arg->route.reason = route.reason;
	arg->route.flags = route.flags;
	arg->route.distance = route.distance;
	arg->route.decider = route.decider;
	return 0;
}

int peerbuf_ioctl_route(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_route *arg = &call->route;
	struct pci_dev *provider, *client;
	int ret = -ENODEV;

	if (arg->flags)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (arg->bar == PEERBUF_ANY_BAR && (arg->offset || arg->length))
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_RESERVED);
	provider = peerbuf_find_pci(arg->provider, &call->why);
	client = peerbuf_find_pci(arg->client, &call->why);
	if (provider && client)
		ret = peerbuf_route_query(arg, provider, client, &call->why);
	pci_dev_put(client);
	pci_dev_put(provider);
	return ret;
}

static int peerbuf_ioctl_lending(struct peerbuf_call *call,
				 int (*fn)(struct pci_dev *pdev, struct peerbuf_ioc_lend *arg,
					   struct peerbuf_refusal *why))
{
	struct peerbuf_ioc_lend *arg = &call->lend;
	struct pci_dev *pdev;
	int ret;

	if (arg->flags)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	pdev = peerbuf_find_pci(arg->addr, &call->why);
	if (!pdev)
		return -ENODEV;
	ret = fn(pdev, arg, &call->why);
	pci_dev_put(pdev);
	return ret;
}

int peerbuf_ioctl_lend(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	return peerbuf_ioctl_lending(call, peerbuf_lend);
}

int peerbuf_ioctl_unlend(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	return peerbuf_ioctl_lending(call, peerbuf_unlend);
}

int peerbuf_ioctl_policy(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_policy *arg = &call->policy;
	struct pci_dev *pdev;
	int ret;

	if ((arg->set | arg->clear) & ~PEERBUF_POLICY_FLAGS || arg->set & arg->clear)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (arg->reserved)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_RESERVED);
	if (arg->set && security_locked_down(LOCKDOWN_PCI_ACCESS))
		return peerbuf_fail(&call->why, -EPERM, PEERBUF_REASON_LOCKDOWN);
	pdev = peerbuf_find_pci(arg->addr, &call->why);
	if (!pdev)
		return -ENODEV;
	ret = peerbuf_policy_set(pdev, arg->set, arg->clear, &arg->policy, &call->why);
	pci_dev_put(pdev);
	return ret;
}

int peerbuf_ioctl_devices(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_devices *arg = &call->devices;
	u32 room = min_t(u32, arg->nr_entries, PEERBUF_DEVICES_ROOM);
	u64 *addrs;
	int ret = 0;

	if (arg->flags)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	if (arg->reserved)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_RESERVED);
	addrs = kvmalloc_array(max(room, 1U), sizeof(*addrs), GFP_KERNEL_ACCOUNT);
	if (!addrs)
		return -ENOMEM;

	mutex_lock(&peerbuf_registry_lock);
	arg->total = peerbuf_device_addrs(addrs, room);
	mutex_unlock(&peerbuf_registry_lock);

	arg->nr_entries = min(room, arg->total);
	if (copy_to_user(u64_to_user_ptr(arg->entries), addrs,
			 arg->nr_entries * sizeof(*addrs)))
		ret = peerbuf_fail(&call->why, -EFAULT, PEERBUF_REASON_BAD_POINTER);
	kvfree(addrs);
	return ret;
}

/*
 * How many there are now. Ends are read before beginnings: what has ended began before that, and is
 * among those, whichever CPU counted what. As nothing stands still meanwhile it is not exact.
 */
static u64 peerbuf_stat_live(enum peerbuf_stat ended, enum peerbuf_stat begun, u64 *ends,
			     u64 *begins)
{
	*ends = peerbuf_stat_read(ended);
	/* Pairs with the lock that each of them ended under, after it had begun. */
	smp_rmb();
	*begins = peerbuf_stat_read(begun);
	return *begins - *ends;
}

int peerbuf_ioctl_stats(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_stats *arg = &call->stats;
	u64 releases;

	arg->live_exports = peerbuf_stat_live(PEERBUF_STAT_RELEASES, PEERBUF_STAT_EXPORTS,
					      &releases, &arg->exports);
	arg->live_mappings = peerbuf_stat_live(PEERBUF_STAT_UNMAPS, PEERBUF_STAT_MAPS,
					       &arg->unmaps, &arg->maps);
	arg->attaches = peerbuf_stat_read(PEERBUF_STAT_ATTACHES);
	arg->moves = peerbuf_stat_read(PEERBUF_STAT_MOVES);
	arg->migrations = peerbuf_stat_read(PEERBUF_STAT_MIGRATIONS);
	arg->fallbacks = peerbuf_stat_read(PEERBUF_STAT_FALLBACKS);
	arg->file_calls = peerbuf_stat_read(PEERBUF_STAT_FILE_CALLS);
	arg->file_commands = peerbuf_stat_read(PEERBUF_STAT_FILE_COMMANDS);
	arg->file_direct = peerbuf_stat_read(PEERBUF_STAT_FILE_DIRECT);
	arg->file_bounced = peerbuf_stat_read(PEERBUF_STAT_FILE_BOUNCED);
	arg->revokes = peerbuf_stat_read(PEERBUF_STAT_REVOKES);
	arg->restores = peerbuf_stat_read(PEERBUF_STAT_RESTORES);
	arg->refusals = peerbuf_stat_read(PEERBUF_STAT_REFUSALS);
	arg->faults = peerbuf_stat_read(PEERBUF_STAT_FAULTS);
	return 0;
}
