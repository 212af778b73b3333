// SPDX-License-Identifier: GPL-2.0
/* The dispatcher: one table says what each call is, who may make it, and how long it is. */
#include <linux/bits.h>
#include <linux/capability.h>
#include <linux/minmax.h>
#include <linux/security.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <linux/peerbuf.h>

#include "core/buffer.h"
#include "core/event.h"
#include "core/file.h"
#include "core/refusal.h"
#include "node/event_read.h"
#include "node/ioctl.h"

#define ON_NODE		BIT(0)	/* answered by a device's node */
#define ON_CONTROL	BIT(1)	/* answered by control */
#define WRITABLE	BIT(2)	/* on a node: needs a file opened for writing */
#define ADMIN		BIT(3)	/* on control: needs CAP_SYS_ADMIN */
#define LOCKDOWN	BIT(4)	/* gives access to PCI memory: refused under lockdown */
#define LASTING		BIT(5)	/* its effect stays even if the result cannot be copied out */

struct peerbuf_ioctl_desc {
	u32 size;
	u32 min_size;
	unsigned int who;
	int (*call)(struct peerbuf_file *pf, struct peerbuf_call *call);
	void (*done)(struct peerbuf_call *call, bool keep);
};

static int peerbuf_ioctl_probe(struct peerbuf_file *pf, struct peerbuf_call *call);

#define DESC(_nr, _member, _who, _fn)					\
	[_IOC_NR(_nr)] = {						\
		.size = sizeof_field(struct peerbuf_call, _member),	\
		.min_size = sizeof_field(struct peerbuf_call, _member),	\
		.who = _who,						\
		.call = _fn,						\
	}

static const struct peerbuf_ioctl_desc peerbuf_ioctls[] = {
	DESC(PEERBUF_IOC_INFO, info, ON_NODE, peerbuf_ioctl_info),
	[_IOC_NR(PEERBUF_IOC_EXPORT)] = {
		.size = sizeof(struct peerbuf_ioc_export),
		.min_size = offsetofend(struct peerbuf_ioc_export, reserved),
		.who = ON_NODE | WRITABLE | LOCKDOWN,
		.call = peerbuf_ioctl_export,
		.done = peerbuf_ioctl_export_done,
	},
	[_IOC_NR(PEERBUF_IOC_MOVE)] = {
		.size = sizeof(struct peerbuf_ioc_move),
		.min_size = offsetofend(struct peerbuf_ioc_move, reserved),
		.who = ON_NODE | WRITABLE | LOCKDOWN | LASTING,
		.call = peerbuf_ioctl_move,
	},
	DESC(PEERBUF_IOC_REVOKE, revoke,
	     ON_NODE | ON_CONTROL | WRITABLE | ADMIN | LASTING,
	     peerbuf_ioctl_revoke),
	[_IOC_NR(PEERBUF_IOC_RESTORE)] = {
		.size = sizeof(struct peerbuf_ioc_restore),
		.min_size = offsetofend(struct peerbuf_ioc_restore, reserved),
		.who = ON_NODE | ON_CONTROL | WRITABLE | ADMIN | LOCKDOWN | LASTING,
		.call = peerbuf_ioctl_restore,
	},
	[_IOC_NR(PEERBUF_IOC_QUERY)] = {
		.size = sizeof(struct peerbuf_ioc_query),
		.min_size = offsetofend(struct peerbuf_ioc_query, info.comm),
		.who = ON_NODE | ON_CONTROL,
		.call = peerbuf_ioctl_query,
	},
	DESC(PEERBUF_IOC_LIST, list, ON_NODE | ON_CONTROL | ADMIN,
	     peerbuf_ioctl_list),
	DESC(PEERBUF_IOC_ATTACHMENTS, attachments, ON_NODE | ON_CONTROL | ADMIN,
	     peerbuf_ioctl_attachments),
	[_IOC_NR(PEERBUF_IOC_ROUTE)] = {
		.size = sizeof(struct peerbuf_ioc_route),
		.min_size = offsetofend(struct peerbuf_ioc_route, route),
		.who = ON_NODE | ON_CONTROL,
		.call = peerbuf_ioctl_route,
	},
	[_IOC_NR(PEERBUF_IOC_LEND)] = {
		.size = sizeof(struct peerbuf_ioc_lend),
		.min_size = offsetofend(struct peerbuf_ioc_lend, flags),
		.who = ON_CONTROL | ADMIN | LOCKDOWN | LASTING,
		.call = peerbuf_ioctl_lend,
	},
	[_IOC_NR(PEERBUF_IOC_UNLEND)] = {
		.size = sizeof(struct peerbuf_ioc_lend),
		.min_size = offsetofend(struct peerbuf_ioc_lend, flags),
		.who = ON_CONTROL | ADMIN | LASTING,
		.call = peerbuf_ioctl_unlend,
	},
	DESC(PEERBUF_IOC_DEVICES, devices, ON_CONTROL, peerbuf_ioctl_devices),
	[_IOC_NR(PEERBUF_IOC_STATS)] = {
		.size = sizeof(struct peerbuf_ioc_stats),
		.min_size = offsetofend(struct peerbuf_ioc_stats, live_mappings),
		.who = ON_CONTROL,
		.call = peerbuf_ioctl_stats,
	},
	DESC(PEERBUF_IOC_PROBE, probe, ON_NODE | ON_CONTROL, peerbuf_ioctl_probe),
	DESC(PEERBUF_IOC_EVENTS, events, ON_NODE, peerbuf_ioctl_events),
	DESC(PEERBUF_IOC_POLICY, policy, ON_CONTROL | ADMIN | LASTING,
	     peerbuf_ioctl_policy),
	[_IOC_NR(PEERBUF_IOC_LOOKUP)] = {
		.size = sizeof(struct peerbuf_ioc_lookup),
		.min_size = sizeof(struct peerbuf_ioc_lookup),
		.who = ON_CONTROL | LOCKDOWN,
		.call = peerbuf_ioctl_lookup,
		.done = peerbuf_ioctl_lookup_done,
	},
	DESC(PEERBUF_IOC_FILE_READ, file, ON_CONTROL | LASTING, peerbuf_ioctl_file_read),
	DESC(PEERBUF_IOC_FILE_WRITE, file, ON_CONTROL | LASTING, peerbuf_ioctl_file_write),
};

/* A bit for the number of each call that this kind of node answers. */
static u64 peerbuf_ioctls_answered(unsigned int by)
{
	u64 answered = 0;
	unsigned int nr;

	BUILD_BUG_ON(ARRAY_SIZE(peerbuf_ioctls) > 64);
	for (nr = 0; nr < ARRAY_SIZE(peerbuf_ioctls); nr++)
		if (peerbuf_ioctls[nr].who & by)
			answered |= BIT_ULL(nr);
	return answered;
}

static int peerbuf_ioctl_probe(struct peerbuf_file *pf, struct peerbuf_call *call)
{
	struct peerbuf_ioc_probe *arg = &call->probe;

	if (arg->flags)
		return peerbuf_fail(&call->why, -EINVAL, PEERBUF_REASON_FLAGS);
	arg->version = PEERBUF_UAPI_VERSION;
	arg->node_calls = peerbuf_ioctls_answered(ON_NODE);
	arg->control_calls = peerbuf_ioctls_answered(ON_CONTROL);
	arg->event_types = PEERBUF_EVENTS_KNOWN;
	arg->event_size = sizeof(struct peerbuf_event);
	arg->page_size = PAGE_SIZE;
	arg->export_flags = PEERBUF_EXPORT_FLAGS;
	arg->move_flags = PEERBUF_MOVE_FLAGS;
	arg->range_flags = PEERBUF_RANGE_FLAGS;
	arg->max_ranges = PEERBUF_MAX_RANGES;
	arg->max_devices = PEERBUF_MAX_DEVICES;
	arg->max_rights = PEERBUF_MAX_RIGHTS;
	strscpy_pad(arg->release, PEERBUF_RELEASE, sizeof(arg->release));
	return 0;
}

static const struct peerbuf_ioctl_desc *
peerbuf_ioctl_find(struct peerbuf_file *pf, unsigned int cmd)
{
	unsigned int here = pf->pdevice ? ON_NODE : ON_CONTROL;
	const struct peerbuf_ioctl_desc *desc;

	if (_IOC_TYPE(cmd) != PEERBUF_IOC_MAGIC ||
	    _IOC_NR(cmd) >= ARRAY_SIZE(peerbuf_ioctls))
		return NULL;
	desc = &peerbuf_ioctls[_IOC_NR(cmd)];
	return desc->who & here ? desc : NULL;
}

static int peerbuf_ioctl_allowed(struct peerbuf_file *pf, unsigned int who,
				 struct peerbuf_refusal *why)
{
	if (pf->pdevice && who & WRITABLE && !pf->writable)
		return peerbuf_fail(why, -EACCES, PEERBUF_REASON_READ_ONLY_FILE);
	if (!pf->pdevice && who & ADMIN && !capable(CAP_SYS_ADMIN))
		return peerbuf_fail(why, -EPERM, PEERBUF_REASON_CAPABILITY);
	if (who & LOCKDOWN && security_locked_down(LOCKDOWN_PCI_ACCESS))
		return peerbuf_fail(why, -EPERM, PEERBUF_REASON_LOCKDOWN);
	return 0;
}

static int peerbuf_ioctl_fetch(struct peerbuf_call *call,
			       const struct peerbuf_ioctl_desc *desc,
			       void __user *arg, u32 size, struct peerbuf_refusal *why)
{
	int ret;

	if (size < desc->min_size)
		return peerbuf_fail(why, -EINVAL, PEERBUF_REASON_STRUCT_SIZE);
	if (size > PAGE_SIZE)
		return peerbuf_fail(why, -E2BIG, PEERBUF_REASON_STRUCT_SIZE);
	ret = copy_struct_from_user(call, desc->size, arg, size);
	if (ret == -E2BIG)
		return peerbuf_fail(why, ret, PEERBUF_REASON_STRUCT_SIZE);
	return ret;
}

static int peerbuf_ioctl_run(struct peerbuf_file *pf, struct peerbuf_call *call,
			     const struct peerbuf_ioctl_desc *desc,
			     void __user *arg, u32 size)
{
	bool lost;
	int ret;

	ret = peerbuf_ioctl_fetch(call, desc, arg, size, &call->why);
	if (ret)
		return ret;
	ret = peerbuf_ioctl_allowed(pf, desc->who, &call->why);
	if (ret)
		return ret;

	/*
	 * Copy it out once, unchanged: an argument that cannot be written to fails here, before
	 * the call has any effect.
	 */
	call->head.reason = 0;
	if (copy_to_user(arg, call, min(size, desc->size)))
		return -EFAULT;

	ret = desc->call(pf, call);
	call->head.reason = call->why.reason;
	call->head.size = size;
	lost = copy_to_user(arg, call, min(size, desc->size));
	if (desc->done && !ret)
		desc->done(call, !lost);
	return lost && !(desc->who & LASTING) ? -EFAULT : ret;
}

/* @call: in, zeroed; out, what the caller was told. */
int peerbuf_ioctl_do(struct peerbuf_file *pf, unsigned int cmd, void __user *arg,
		     struct peerbuf_call *call)
{
	const struct peerbuf_ioctl_desc *desc;
	u32 __user *user = arg;
	u32 size;
	int ret;

	desc = peerbuf_ioctl_find(pf, cmd);
	if (!desc)
		return -ENOTTY;
	if (get_user(size, user))
		return -EFAULT;
	if (size < sizeof(call->head))
		return -EINVAL;
	ret = peerbuf_ioctl_run(pf, call, desc, user, size);
	/* If the reason cannot be written, the caller gets the errno alone. */
	if (ret && call->why.reason)
		(void)put_user(call->why.reason, user + 1);
	return ret;
}

long peerbuf_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct peerbuf_call call = {};

	return peerbuf_ioctl_do(filp->private_data, cmd, (void __user *)arg, &call);
}
