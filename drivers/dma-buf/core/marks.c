// SPDX-License-Identifier: GPL-2.0
/*
 * Marks: who has withdrawn a buffer.
 *
 * There is one mark for the administrator, one for the exporting driver, one that is for good, and
 * one for each function whose owner has withdrawn the buffer. Each is lifted by the one that set
 * it. The buffer is revoked as long as one mark is left.
 *
 * Marks are set under peerbuf.holds_lock, without the reservation lock. A move ends under
 * holds_lock, too, and gives up if it finds a mark. So a marked buffer does not move, even if
 * the move had begun before, and there are at most as many functions with a mark as a placement
 * has, and the home.
 *
 * The first mark recalls what was mapped before. @recall remembers that until somebody has done it
 * under the reservation lock, even if the mark is lifted meanwhile.
 *
 * A mark outlives the file and the process that it was made by: it belongs to the function.
 */
#include <linux/lockdep.h>
#include <linux/spinlock.h>

#include <peerbuf/peerbuf.h>

#include "core/buffer.h"
#include "core/device.h"
#include "core/marks.h"
#include "core/rights.h"

void peerbuf_marks_init(struct peerbuf_marks *marks)
{
	spin_lock_init(&marks->lock);
}

/* Nobody else knows the buffer any more. */
void peerbuf_marks_drop(struct peerbuf_marks *marks)
{
	while (marks->nr_owners)
		peerbuf_device_put(marks->owners[--marks->nr_owners]);
}

static bool peerbuf_marks_owned(const struct peerbuf_marks *marks,
				const struct peerbuf_device *owner)
{
	u32 i;

	lockdep_assert_held(&marks->lock);

	for (i = 0; i < marks->nr_owners; i++)
		if (marks->owners[i] == owner)
			return true;
	return false;
}

/*
 * Sets a mark. @owner: with PEERBUF_REVOKED_USER the function, which is the buffer's home or has
 * memory in it, and then the caller holds peerbuf.holds_lock (see above); otherwise NULL. The
 * caller calls peerbuf_settle() afterwards.
 */
void peerbuf_marks_set(struct peerbuf_marks *marks, u32 cause, struct peerbuf_device *owner)
{
	u32 before;

	spin_lock(&marks->lock);
	before = marks->causes;
	if (owner && !peerbuf_marks_owned(marks, owner) &&
	    !WARN_ON_ONCE(marks->nr_owners == ARRAY_SIZE(marks->owners))) {
		peerbuf_device_get(owner);
		marks->owners[marks->nr_owners++] = owner;
	}
	if (!before)
		marks->recall = true;
	WRITE_ONCE(marks->causes, before | cause);
	spin_unlock(&marks->lock);
}

/*
 * Recalls the mappings without a mark, because a device is down. If there is a mark, it has
 * recalled them already. The caller calls peerbuf_settle() afterwards.
 */
void peerbuf_marks_recall(struct peerbuf_marks *marks)
{
	spin_lock(&marks->lock);
	if (!marks->causes)
		marks->recall = true;
	spin_unlock(&marks->lock);
}

/* Was there a recall since the last call? The caller then invalidates the mappings. */
bool peerbuf_marks_take_recall(struct peerbuf_marks *marks)
{
	bool recall;

	spin_lock(&marks->lock);
	recall = marks->recall;
	marks->recall = false;
	spin_unlock(&marks->lock);
	return recall;
}

/* Takes the owners that @rights cover out of the list. Returns how many are in @lifted. */
static u32 peerbuf_marks_take(struct peerbuf_marks *marks, const struct peerbuf_rights *rights,
			      struct peerbuf_device **lifted)
{
	u32 i, kept = 0, nr = 0;

	lockdep_assert_held(&marks->lock);

	for (i = 0; i < marks->nr_owners; i++) {
		if (peerbuf_rights_have(rights, marks->owners[i]))
			lifted[nr++] = marks->owners[i];
		else
			marks->owners[kept++] = marks->owners[i];
	}
	marks->nr_owners = kept;
	return nr;
}

/*
 * Lifts the marks of @causes; with PEERBUF_REVOKED_USER only the owners' that @rights cover, and
 * sets @rights->missing to an owner whose mark is left. Returns false if there was none to lift.
 */
bool peerbuf_marks_lift(struct peerbuf_marks *marks, u32 causes, struct peerbuf_rights *rights)
{
	struct peerbuf_device *lifted[PEERBUF_MAX_OWNERS];
	u32 before, nr = 0;
	bool any;

	spin_lock(&marks->lock);
	before = marks->causes;
	if (rights && causes & PEERBUF_REVOKED_USER) {
		nr = peerbuf_marks_take(marks, rights, lifted);
		if (marks->nr_owners)
			rights->missing = p2p_pci_addr(marks->owners[0]->pdev);
	}
	if (marks->nr_owners)
		causes &= ~PEERBUF_REVOKED_USER;
	WRITE_ONCE(marks->causes, before & ~causes);
	any = nr || before & causes;
	spin_unlock(&marks->lock);

	/* Dropping the last reference may sleep. */
	while (nr)
		peerbuf_device_put(lifted[--nr]);
	return any;
}
