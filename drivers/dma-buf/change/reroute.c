// SPDX-License-Identifier: GPL-2.0
/*
 * Checks mappings when routes have changed: ACS bits were changed by hand, a bridge came or went,
 * an override was removed.
 *
 * Mapping relies on remembered verdicts. The registers are read when somebody attaches, when a
 * buffer is restored, and when somebody asks for a route. If they contradict what is remembered,
 * p2p.ko begins a new generation of verdicts and calls the notifier here, which has every buffer
 * visited. The visit compares the buffer's mappings with the new verdicts.
 */
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include <peerbuf/peerbuf.h>

#include "change/reroute.h"
#include "change/settle.h"
#include "core/buffer.h"

static void peerbuf_routes_work(struct work_struct *work)
{
	struct peerbuf *pb;
	u64 id = 0;

	while ((pb = peerbuf_registry_next(id))) {
		id = pb->id;
		peerbuf_settle(pb);
		peerbuf_put(pb);
		cond_resched();
	}
}

static DECLARE_WORK(peerbuf_routes_worker, peerbuf_routes_work);

/* Any context. If the work item is queued already, it has not checked the routes yet. */
static int peerbuf_routes_changed(struct notifier_block *nb, unsigned long action, void *data)
{
	peerbuf_queue(&peerbuf_routes_worker);
	return NOTIFY_OK;
}

static struct notifier_block peerbuf_routes_nb = {
	.notifier_call = peerbuf_routes_changed,
};

int peerbuf_routes_init(void)
{
	return p2p_routes_watch(&peerbuf_routes_nb);
}

void peerbuf_routes_exit(void)
{
	p2p_routes_unwatch(&peerbuf_routes_nb);
	cancel_work_sync(&peerbuf_routes_worker);
}
