// SPDX-License-Identifier: GPL-2.0
/* What importers may not do: how it is seen, and that it is counted. */
#include <linux/jiffies.h>
#include <linux/math64.h>

#include "odd.h"

/* Places without users that are kept to be looked at again. */
#define ODD_MOST_GIVEN_BACK	16

static const char *const odd_bad_text[ODD_NR_BAD] = {
	[ODD_BAD_MAP_UNLOCKED] = "maps without the buffer's lock",
	[ODD_BAD_UNMAP_UNLOCKED] = "unmaps without the buffer's lock",
	[ODD_BAD_PIN_UNLOCKED] = "pins or unpins without the buffer's lock",
	[ODD_BAD_UNMAP_UNKNOWN] = "unmaps what it has not mapped",
	[ODD_BAD_UNMAP_DIRECTION] = "unmaps with another direction than it mapped with",
	[ODD_BAD_KEPT] = "keeps a mapping for too long after it was told to give it back",
	[ODD_BAD_WRITTEN] = "memory that was given back has been written to",
	[ODD_BAD_FENCES] = "the buffer's fences do not signal",
	[ODD_BAD_DETACH_MAPPED] = "detaches with mappings",
	[ODD_BAD_DETACH_PINNED] = "detaches with pins",
	[ODD_BAD_UNPIN] = "unpins what it has not pinned",
};

void odd_bad(struct odd_attachment *att, u32 what)
{
	atomic64_inc(&att->buffer->tally.bad[what]);
	dev_notice_ratelimited(att->dev, "odd_exporter: %s\n", odd_bad_text[what]);
}

/* Nobody knows who it was. */
void odd_bad_buffer(struct odd_buffer *buffer, u32 what)
{
	atomic64_inc(&buffer->tally.bad[what]);
	pr_notice_ratelimited("%s\n", odd_bad_text[what]);
}

/* Only lockdep knows who holds the lock. Without it, that somebody does has to be enough. */
static bool odd_locked(struct dma_resv *resv)
{
	if (IS_ENABLED(CONFIG_LOCKDEP) && debug_locks)
		return dma_resv_held(resv);
	return dma_resv_is_locked(resv);
}

/* An importer that comes without the lock has done @what, and gets it: true, unlock. */
bool odd_lock_if_not(struct odd_attachment *att, u32 what)
{
	struct dma_resv *resv = att->buffer->dmabuf->resv;

	if (odd_locked(resv))
		return false;
	odd_bad(att, what);
	dma_resv_lock(resv, NULL);
	return true;
}

/* Under resv: how often the importer has pinned it, the core's pins apart. */
int odd_pins_of(const struct odd_attachment *att)
{
	return att->core_pins ? att->pins - att->mappings : att->pins;
}

/* Under resv: whether it has to stay where it is. */
u32 odd_pins(const struct odd_buffer *buffer)
{
	struct odd_attachment *att;
	u32 pins = 0;

	list_for_each_entry(att, &buffer->attachments, node)
		pins += max(odd_pins_of(att), 0);
	return pins;
}

static u64 odd_limit(const struct odd_buffer *buffer)
{
	return (u64)buffer->limit_ms * NSEC_PER_MSEC;
}

/* Under resv: how long has a mapping been kept? Each counts once. */
void odd_kept(struct odd_mapping *mapping)
{
	struct odd_buffer *buffer = mapping->att->buffer;
	u64 kept;

	if (!mapping->told)
		return;
	kept = ktime_to_ns(ktime_sub(ktime_get(), mapping->since));
	if (kept > (u64)atomic64_read(&buffer->tally.longest_ns))
		atomic64_set(&buffer->tally.longest_ns, kept);
	if (kept <= odd_limit(buffer) || mapping->counted)
		return;
	mapping->counted = true;
	odd_bad(mapping->att, ODD_BAD_KEPT);
}

static void odd_look_at(struct odd_buffer *buffer, struct odd_place *place)
{
	if (place->written || odd_place_is_poison(place))
		return;
	place->written = true;
	odd_bad_buffer(buffer, ODD_BAD_WRITTEN);
}

static void odd_bury(struct odd_buffer *buffer, struct odd_place *place)
{
	odd_look_at(buffer, place);
	list_del(&place->given_back);
	buffer->nr_given_back--;
	odd_place_free(place);
}

/* Under resv: free the oldest place of that kind that nobody has mapped. */
bool odd_bury_one(struct odd_buffer *buffer, u32 kind)
{
	struct odd_place *place;

	list_for_each_entry(place, &buffer->given_back, given_back)
		if (!place->users && place->kind == kind) {
			odd_bury(buffer, place);
			return true;
		}
	return false;
}

/* Under resv, and nobody is attached any more. */
void odd_bury_all(struct odd_buffer *buffer)
{
	struct odd_place *place, *next;

	list_for_each_entry_safe(place, next, &buffer->given_back, given_back)
		odd_bury(buffer, place);
}

/* Under resv: the importers' fences have signalled, and what they have mapped there is dead. */
void odd_give_back(struct odd_buffer *buffer, struct odd_place *place)
{
	odd_place_poison(place);
	place->since = ktime_get();
	list_add_tail(&place->given_back, &buffer->given_back);
	if (++buffer->nr_given_back > ODD_MOST_GIVEN_BACK)
		odd_bury_one(buffer, place->kind);
	odd_watch(buffer);
}

/* Under resv: what is there to be seen now. */
void odd_look(struct odd_buffer *buffer)
{
	struct odd_mapping *mapping;
	struct odd_place *place;

	dma_resv_assert_held(buffer->dmabuf->resv);
	list_for_each_entry(mapping, &buffer->mappings, node)
		odd_kept(mapping);
	list_for_each_entry(place, &buffer->given_back, given_back)
		odd_look_at(buffer, place);
}

void odd_watch(struct odd_buffer *buffer)
{
	/* A little more than the limit, so that what is at it is past it. */
	queue_delayed_work(odd_wq, &buffer->watch, msecs_to_jiffies(buffer->limit_ms) + 2);
}

static bool odd_watch_goes_on(struct odd_buffer *buffer)
{
	struct odd_mapping *mapping;

	list_for_each_entry(mapping, &buffer->mappings, node)
		if (mapping->told && !mapping->counted)
			return true;
	return !list_empty(&buffer->given_back);
}

void odd_watch_work(struct work_struct *work)
{
	struct odd_buffer *buffer = container_of(to_delayed_work(work), struct odd_buffer, watch);
	struct odd_place *place, *next;
	ktime_t now;

	dma_resv_lock(buffer->dmabuf->resv, NULL);
	odd_look(buffer);
	now = ktime_get();
	list_for_each_entry_safe(place, next, &buffer->given_back, given_back)
		if (!place->users &&
		    ktime_to_ns(ktime_sub(now, place->since)) > odd_limit(buffer))
			odd_bury(buffer, place);
	if (odd_watch_goes_on(buffer))
		odd_watch(buffer);
	dma_resv_unlock(buffer->dmabuf->resv);
}
