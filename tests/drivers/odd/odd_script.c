// SPDX-License-Identifier: GPL-2.0
/* Rules: which there are for an event, and what they do. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "odd.h"

/**
 * struct odd_later - an action that was put off
 * @work: it
 * @buffer: whose DMA-BUF it holds
 * @action: ODD_DO_*
 * @late_ms: for moves
 */
struct odd_later {
	struct delayed_work work;
	struct odd_buffer *buffer;
	u32 action;
	u32 late_ms;
};

/* What can fail, and what happens under the lock before it is done. */
static bool odd_event_may_fail(u32 event)
{
	return event == ODD_ON_ATTACH || event == ODD_ON_MAP || event == ODD_ON_PIN;
}

static int odd_check_rule(const struct odd_rule *rule)
{
	if (rule->event >= ODD_NR_EVENTS || rule->action >= ODD_NR_ACTIONS || !rule->first ||
	    rule->delay_ms > ODD_MOST_DELAY_MS || rule->late_ms > ODD_MOST_LATE_MS)
		return -EINVAL;
	if (rule->action == ODD_DO_FAIL)
		return rule->error && rule->error <= MAX_ERRNO &&
		       odd_event_may_fail(rule->event) ? 0 : -EINVAL;
	if (rule->error || (rule->action == ODD_DO_DELAY && !rule->delay_ms))
		return -EINVAL;
	if (rule->late_ms && rule->action != ODD_DO_MOVE && rule->action != ODD_DO_MIGRATE)
		return -EINVAL;
	return 0;
}

/* -EINVAL: one of them makes no sense, and those before stay. */
int odd_script_set(struct odd_buffer *buffer, const struct odd_rule *rules, u32 nr)
{
	struct odd_script *script = &buffer->script;
	int ret;
	u32 i;

	for (i = 0; i < nr; i++) {
		ret = odd_check_rule(&rules[i]);
		if (ret)
			return ret;
	}
	spin_lock(&script->lock);
	memcpy(script->rule, rules, nr * sizeof(*rules));
	memset(script->done, 0, sizeof(script->done));
	memset(script->seen, 0, sizeof(script->seen));
	script->nr = nr;
	spin_unlock(&script->lock);
	return 0;
}

static bool odd_rule_applies(const struct odd_rule *rule, u32 event, u64 number, u64 done)
{
	u64 past;

	if (rule->event != event || number < rule->first || (rule->times && done >= rule->times))
		return false;
	past = number - rule->first;
	return rule->every ? do_div(past, rule->every) == 0 : !past;
}

/* The next event of that kind has come. Returns how many rules are for it. */
static u32 odd_script_pick(struct odd_script *script, u32 event, struct odd_rule *picked)
{
	u32 i, nr = 0;
	u64 number;

	spin_lock(&script->lock);
	number = ++script->seen[event];
	for (i = 0; i < script->nr; i++)
		if (odd_rule_applies(&script->rule[i], event, number, script->done[i])) {
			script->done[i]++;
			picked[nr++] = script->rule[i];
		}
	spin_unlock(&script->lock);
	return nr;
}

static int odd_act_locked(struct odd_buffer *buffer, u32 action, u32 late_ms)
{
	switch (action) {
	case ODD_DO_MOVE:
		return odd_move(buffer, buffer->kind, late_ms);
	case ODD_DO_MIGRATE:
		return odd_move(buffer, buffer->kind == ODD_IN_BAR ? ODD_IN_SYSTEM : ODD_IN_BAR,
				late_ms);
	case ODD_DO_REVOKE:
		return odd_revoke(buffer, false);
	case ODD_DO_RESTORE:
		return odd_restore(buffer);
	case ODD_DO_INVALIDATE:
		return odd_tell(buffer);
	default:
		return -EINVAL;
	}
}

/*
 * Under resv. Not in the middle of another: an importer that hears of a move may pin or map
 * at once, and there may be a rule for that.
 */
int odd_act(struct odd_buffer *buffer, u32 action, u32 late_ms)
{
	int ret = -EBUSY;

	dma_resv_assert_held(buffer->dmabuf->resv);
	if (!buffer->acting) {
		buffer->acting = true;
		ret = odd_act_locked(buffer, action, late_ms);
		buffer->acting = false;
	}
	atomic64_inc(ret ? &buffer->tally.refused : &buffer->tally.actions[action]);
	return ret;
}

static void odd_act_unlocked(struct odd_buffer *buffer, u32 action, u32 late_ms)
{
	dma_resv_lock(buffer->dmabuf->resv, NULL);
	odd_act(buffer, action, late_ms);
	dma_resv_unlock(buffer->dmabuf->resv);
}

static void odd_later_work(struct work_struct *work)
{
	struct odd_later *later = container_of(to_delayed_work(work), struct odd_later, work);

	odd_act_unlocked(later->buffer, later->action, later->late_ms);
	dma_buf_put(later->buffer->dmabuf);
	kfree(later);
}

static void odd_act_later(struct odd_buffer *buffer, const struct odd_rule *rule)
{
	struct odd_later *later = kzalloc(sizeof(*later), GFP_KERNEL);

	if (!later) {
		atomic64_inc(&buffer->tally.refused);
		return;
	}
	get_dma_buf(buffer->dmabuf);
	later->buffer = buffer;
	later->action = rule->action;
	later->late_ms = rule->late_ms;
	INIT_DELAYED_WORK(&later->work, odd_later_work);
	queue_delayed_work(odd_wq, &later->work, msecs_to_jiffies(rule->delay_ms));
}

static int odd_follow(struct odd_buffer *buffer, u32 event, const struct odd_rule *rule)
{
	switch (rule->action) {
	case ODD_DO_FAIL:
		atomic64_inc(&buffer->tally.actions[ODD_DO_FAIL]);
		return -(int)rule->error;
	case ODD_DO_DELAY:
		atomic64_inc(&buffer->tally.actions[ODD_DO_DELAY]);
		msleep(rule->delay_ms);
		return 0;
	}
	if (rule->delay_ms || !odd_event_may_fail(event))
		odd_act_later(buffer, rule);
	else if (event == ODD_ON_ATTACH)
		odd_act_unlocked(buffer, rule->action, rule->late_ms);
	else
		odd_act(buffer, rule->action, rule->late_ms);
	return 0;
}

/*
 * It happens. Attach and detach are without the buffer's lock, all else is under it. Returns the
 * errno to fail with, of the first rule that says so.
 */
int odd_event(struct odd_buffer *buffer, u32 event)
{
	struct odd_rule rule[ODD_MOST_RULES];
	int ret = 0, err;
	u32 i, nr;

	atomic64_inc(&buffer->tally.events[event]);
	nr = odd_script_pick(&buffer->script, event, rule);
	for (i = 0; i < nr; i++) {
		err = odd_follow(buffer, event, &rule[i]);
		ret = ret ?: err;
	}
	return ret;
}
