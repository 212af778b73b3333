// SPDX-License-Identifier: GPL-2.0
/*
 * The administrator's overrides: the parameter "override", at load time or in
 * /sys/module/p2p/parameters/override. A write replaces the list; a write that
 * begins with + adds to the list, one with - removes from it. A write takes
 * effect as a whole or not at all.
 */

#include <linux/moduleparam.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cache.h"
#include "override.h"
#include "override_list.h"

/*
 * Statically initialised: a parameter can be set before the module's init runs, and init may
 * never run at all.
 */
static struct p2p_override_list overrides;
static DECLARE_RWSEM(overrides_lock);

bool p2p_override_pair(u64 a, u64 b)
{
	bool found;

	down_read(&overrides_lock);
	found = p2p_override_list_pair(&overrides, a, b);
	up_read(&overrides_lock);
	return found;
}

bool p2p_override_host(u64 root)
{
	bool found;

	down_read(&overrides_lock);
	found = p2p_override_list_host(&overrides, root);
	up_read(&overrides_lock);
	return found;
}

static void log_missing(const struct p2p_override_list *list,
			const struct p2p_override_list *in, const char *what)
{
	char text[P2P_OVERRIDE_TEXT];
	u32 i;

	for (i = 0; i < list->nr; i++) {
		if (p2p_override_list_has(in, &list->item[i]))
			continue;
		p2p_override_format(text, sizeof(text), &list->item[i]);
		pr_notice("override: %s %s\n", what, text);
	}
}

/* In: what the parameter named, after @mode. Out: the new list. Holds overrides_lock. */
static int list_combine(char mode, struct p2p_override_list *named)
{
	struct p2p_override_list *next;
	int error;

	if (mode != '+' && mode != '-')
		return 0;
	next = kmemdup(&overrides, sizeof(overrides), GFP_KERNEL);
	if (!next)
		return -ENOMEM;
	error = mode == '+' ? p2p_override_list_add(next, named) :
			      p2p_override_list_remove(next, named);
	if (!error)
		*named = *next;
	kfree(next);
	return error;
}

static int override_apply(char mode, struct p2p_override_list *named)
{
	int error;

	down_write(&overrides_lock);
	error = list_combine(mode, named);
	if (!error) {
		log_missing(&overrides, named, "removed");
		log_missing(named, &overrides, "added");
		overrides = *named;
	}
	up_write(&overrides_lock);
	if (!error)
		p2p_cache_outdate();
	return error;
}

static int override_parse(const char *text, struct p2p_override_list *named)
{
	const char *bad;
	int bad_len;
	int error;

	error = p2p_override_list_parse(named, text, &bad, &bad_len);
	if (error == -EINVAL)
		pr_warn("override: \"%.*s\" is neither dddd:bb:dd.f-dddd:bb:dd.f nor host:dddd:bb\n",
			bad_len, bad);
	else if (error)
		pr_warn("override: more than %d entries\n", P2P_OVERRIDES_MAX);
	return error;
}

static int override_set(const char *value, const struct kernel_param *kp)
{
	struct p2p_override_list *named;
	char *copy, *text;
	char mode = 0;
	int error = -ENOMEM;

	named = kmalloc(sizeof(*named), GFP_KERNEL);
	copy = kstrdup(value, GFP_KERNEL);
	if (!named || !copy)
		goto out;
	text = strim(copy);
	if (*text == '+' || *text == '-')
		mode = *text++;
	error = override_parse(text, named);
	if (error)
		goto out;
	error = override_apply(mode, named);
	if (error == -ENOENT)
		pr_warn("override: nothing removed, not all of \"%s\" is in the list\n", text);
	else if (error)
		pr_warn("override: not changed (%d)\n", error);
out:
	kfree(copy);
	kfree(named);
	return error;
}

static int override_show(char *buffer, const struct kernel_param *kp)
{
	int len;

	down_read(&overrides_lock);
	len = p2p_override_list_format(buffer, PAGE_SIZE - 1, &overrides);
	up_read(&overrides_lock);
	buffer[len++] = '\n';
	buffer[len] = '\0';
	return len;
}

static const struct kernel_param_ops override_ops = {
	.set = override_set,
	.get = override_show,
};

module_param_cb(override, &override_ops, NULL, 0600);
MODULE_PARM_DESC(override,
		 "pairs dddd:bb:dd.f-dddd:bb:dd.f and host bridges host:dddd:bb that the administrator vouches for, separated by commas; a leading + adds to the list, a leading - removes from it");
