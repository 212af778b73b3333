// SPDX-License-Identifier: GPL-2.0
/*
 * Ways that change under those who use them: ACS bits changed by hand, a bridge that comes or
 * goes, an override that is taken back.
 *
 * Mapping trusts what was found out before. The registers are read when somebody attaches, when
 * a buffer is restored, and when somebody asks. If they say something else than what is
 * remembered p2p.ko begins a new generation of verdicts and calls us. Then each buffer is
 * visited, and its mappings are compared with what is so now. So what is said and what is used
 * are the same again, however it was found out.
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
