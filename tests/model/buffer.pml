/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A buffer, as drivers/dma-buf has it, for spin. What is called peerbuf_... here is the function
 * of that name there, reduced to what matters for who may reach the memory and who waits for
 * whom. Between two statements anybody else may run; a d_step is what a spinlock, a
 * device's lock, or one store makes indivisible there.
 *
 * Left out are: memory that runs out, routes and the placing of a buffer for an importer, what
 * is copied, several buffers (a device's walk is over the one there is), weak memory ordering.
 */

#define bit(n)		(1 << (n))

/* Two importers, two functions with an owner each, and memory that is no function's. */
#define A		1
#define B		2
#define SYSTEM		4

/* Who waits: numbers of the processes that wait for importers. */
#define WAITERS		4

/* peerbuf_device.state, of A and B */
#define UP		0
#define DOWN		1
#define GONE		2
byte state[2];
byte claims[2];			/* peerbuf_device.claims: how many */

/* peerbuf_marks */
#define USER		1
#define ADMIN		2
#define DRIVER		4
#define DEAD		8
byte causes;
byte owners;
bool recall;

/*
 * Placements by number, 1 for the first. mask[] says whose memory each is. A failed move
 * uses a number up, too.
 */
#define PLACES		4
byte mask[PLACES];
byte nr_places = 1;
bool left[PLACES];		/* in peerbuf.left */
byte left_at[PLACES];		/* the holds that were older than that */
bool copied[PLACES];

/* struct peerbuf */
bool resv;			/* somebody has dma_buf.resv */
byte placement = 1;		/* 0: nowhere */
byte visitors = 1;
byte asked, settled;
byte own[WAITERS];		/* what a waiter waits to be settled, or 0 */
bool settling;			/* the work is queued */
byte told;
byte hold_at[2];		/* the placement that each importer has mapped, or 0 */
bool pinned[2];			/* an importer that cannot be revoked */
/*
 * Generations are numbers there. Here, as a set of importers, what they are compared for: the
 * holds that are older than the present one. Who waits remembers the set.
 */
byte outdated;
byte invalidated;		/* importers that have been told to let go since they mapped */
byte pte;			/* the placement that a CPU has mapped, or 0 */
byte asleep;			/* who sleeps on peerbuf.holds_wq, and was not woken */

/* A fence of an engine that copies between the places of fence_mask. */
bool fence;
byte fence_mask;

/* What follows is no part of the code: the promises, and who was made them. */
#define QUIET_ADMIN	4
#define QUIET_DRIVER	8
byte quiet;			/* whose revoke has returned 0, and was not lifted since */
byte quiet_devices;		/* which device is down, and that call returned 0 */
byte mine[WAITERS];		/* the mark that a waiter made, until it is lifted */
byte to_tell;			/* who had it mapped when it was withdrawn, and was not told yet */
byte before[WAITERS];		/* importers that had it mapped when a waiter began */
byte running;			/* who is in a call that waits */
byte waits[WAITERS];		/* the holds that a waiter waits for */
bool freed;
byte attached;

#define where(place)	(mask[place])
#define gone(m)		(((m) & A && state[0] == GONE) || ((m) & B && state[1] == GONE))
#define away(m)		(((m) & A && state[0] != UP) || ((m) & B && state[1] != UP))

/* peerbuf_trouble() */
#define DEVICE_GONE	3
#define REVOKED		2
#define DEVICE_DOWN	1
#define placement_trouble(m) (gone(m) -> DEVICE_GONE : (away(m) -> DEVICE_DOWN : 0))
#define trouble()	((causes & DEAD || gone(where(placement))) -> DEVICE_GONE : \
			 (causes -> REVOKED : placement_trouble(where(placement))))

#define holding()	((hold_at[0] -> 1 : 0) | (hold_at[1] -> 2 : 0))
#define holding_in(m)	((where(hold_at[0]) & (m) -> 1 : 0) | (where(hold_at[1]) & (m) -> 2 : 0))
/* peerbuf_pins() */
#define pins()		((pinned[0] && hold_at[0]) || (pinned[1] && hold_at[1]))
/* Is the memory of the functions in m out of everybody's reach? mask[0] is 0. */
#define at_rest(m)	(!((where(hold_at[0]) | where(hold_at[1]) | where(pte)) & (m)) && \
			 !(fence && fence_mask & (m)))

/* Every access is a user of the structure. */
#define alive()		assert(!freed)

inline dma_resv_lock() {
	atomic { !resv -> resv = true }
}

inline dma_resv_unlock() {
	resv = false
}

/* The last visitor lets release() go on, which looks at the number. */
inline peerbuf_put() {
	d_step { alive(); assert(visitors); visitors-- }
}

/* wake_up_all(&pb->holds_wq) */
inline wake_up_all() {
	asleep = 0
}

inline peerbuf_marks_set(cause, owner) {
	owners = owners | (owner);
	recall = (causes -> recall : true);
	causes = causes | (cause)
}

/* Of the places the buffer has left: those that nobody maps. Under resv. */
inline peerbuf_placement_destroy(place) {
	assert(hold_at[0] != place && hold_at[1] != place && pte != place);
	claims[0] = claims[0] - (where(place) & A -> 1 : 0);
	claims[1] = claims[1] - (where(place) & B -> 1 : 0)
}

inline peerbuf_reap() {
	d_step {
		i = 1;
		do
		:: i == PLACES -> break
		:: i < PLACES && left[i] && !left_at[i] && !(copied[i] && fence) ->
			left[i] = false;
			copied[i] = false;
			peerbuf_placement_destroy(i);
			i++
		:: else -> i++
		od;
		i = 0
	}
}

/* Under resv. Importers are told under it, too, and unmap when they get to it. */
inline peerbuf_invalidate() {
	d_step {
		outdated = holding();
		invalidated = 3;
		to_tell = 0;
		pte = 0
	}
}

/* Under resv. */
inline peerbuf_take_recall() {
	if
	:: gone(where(placement)) -> peerbuf_marks_set(DEAD, 0)
	:: else
	fi;
	r = recall;
	recall = false
}

/*
 * Under resv; nr is asked, as read before anything else is looked at. When all that was asked for
 * is seen to the numbers begin again, which keeps them small.
 */
inline peerbuf_settle_held() {
	if
	:: placement ->
		d_step { alive(); peerbuf_take_recall() };
		atomic {
			t = trouble();
			if
			:: r || (t && !told) -> peerbuf_invalidate()
			:: else
			fi;
			told = t;
			r = false;
			t = 0;
			peerbuf_reap()
		}
	:: else
	fi;
	settled = nr;
	d_step {
		if
		:: settled == asked -> settled = 0; asked = 0; own[0] = 0; own[1] = 0;
			own[2] = 0; own[3] = 0
		:: else
		fi;
		nr = 0;
		wake_up_all()
	}
}

inline peerbuf_settle() {
	atomic {
		alive();
		asked++;
		got = !resv;
		resv = true;
		nr = (got -> asked : 0)
	};
	if
	:: got ->
		peerbuf_settle_held();
		d_step { got = false; resv = false }
	:: else ->
		d_step { pte = (!placement || trouble() -> 0 : pte) };
		/* peerbuf_tryget(), peerbuf_queue(): a work that is queued has its visit already. */
		d_step {
			assert(visitors);
			visitors = visitors + (settling -> 0 : 1);
			settling = true
		}
	fi
}

/*
 * wait_event(pb->holds_wq, over): who is woken looks again, and who is not sleeps on. The kernel
 * looks every ten seconds, to say for whom it waits; nothing here relies on that. A caller with
 * a limit may give up whenever it likes.
 */
inline wait_event(w, over, limit) {
	do
	:: d_step { (over) -> asleep = asleep & ~bit(w) } -> break
	:: d_step { !(over) -> asleep = asleep | bit(w) };
		if
		:: !(asleep & bit(w))
		:: limit -> gave_up = true; break
		fi
	od
}

/* Without a lock. The last call lets go of places that the buffer has left, if there are any. */
inline peerbuf_drain(w, limit) {
	d_step { alive(); own[w] = asked };
	wait_event(w, settled >= own[w], limit);
	if
	:: !gave_up ->
		d_step { own[w] = 0; waits[w] = outdated };
		/* peerbuf_wait_fences() */
		!fence;
		wait_event(w, !waits[w], limit);
		if
		:: left[1] || left[2] || left[3] -> peerbuf_settle()
		:: else
		fi
	:: else
	fi
}

/* Under resv; the trouble was looked at before. */
inline peerbuf_hold_add(c) {
	d_step {
		assert(!quiet && !(where(placement) & quiet_devices));
		hold_at[c] = placement;
		invalidated = invalidated & ~bit(c)
	}
}

inline peerbuf_hold_remove(c) {
	d_step {
		hold_at[c] = 0;
		outdated = outdated & ~bit(c);
		to_tell = to_tell & ~bit(c);
		i = 0;
		do
		:: i < WAITERS ->
			before[i] = before[i] & ~bit(c);
			waits[i] = waits[i] & ~bit(c);
			left_at[i] = left_at[i] & ~bit(c);
			i++
		:: else -> break
		od;
		i = 0
	};
	atomic { peerbuf_reap(); wake_up_all() }
}

/*
 * Under resv, t being what trouble() said at the beginning: also waits for what an engine does
 * to the memory (peerbuf_wait_kernel()).
 */
inline peerbuf_dma_create(c) {
	if
	:: t
	:: !t && !fence -> peerbuf_hold_add(c)
	:: !t && fence && trouble()
	fi
}

inline peerbuf_dma_destroy(c) {
	peerbuf_hold_remove(c)
}

/* Under holds_lock, where a move arrives as well. Who is home may always. */
inline peerbuf_mark_revoked(w, cause, owner, whose) {
	d_step {
		alive();
		running = running | bit(w);
		marked = (!(owner) || (owner) == A || (owner) & where(placement));
		if
		:: marked ->
			peerbuf_marks_set(cause, owner);
			mine[w] = whose;
			before[w] = holding();
			to_tell = to_tell | before[w]
		:: else
		fi
	};
	if
	:: marked -> peerbuf_settle()
	:: else
	fi
}

/* What is lifted is nobody's promise any more. */
inline promise_over(whose) {
	quiet = quiet & ~(whose);
	i = 0;
	do
	:: i < WAITERS -> mine[i] = mine[i] & ~(whose); i++
	:: else -> break
	od;
	i = 0
}

/* rights: the functions whose nodes the caller has; 3 for the administrator, 0 a driver. */
inline peerbuf_marks_lift(what, rights, whose) {
	d_step {
		t = causes;
		r = owners & (rights);
		owners = owners & ~(rights);
		causes = causes & ~((what) & ~(owners -> USER : 0));
		r = r || t != causes;
		t = 0;
		promise_over(whose)
	}
}

/* Under resv. */
inline peerbuf_restore_locked(what, rights, whose) {
	if
	:: causes & DEAD || !causes || away(where(placement))
	:: else ->
		nr = asked;
		peerbuf_settle_held();
		peerbuf_marks_lift(what, rights, whose);
		if
		:: r -> d_step { r = false; nr = asked }; peerbuf_settle_held()
		:: else
		fi
	fi
}

/* Under resv: a claim on each function, checked and made under that function's lock. */
inline peerbuf_claim_new(d, ok) {
	d_step {
		if
		:: !ok || !(where(new) & bit(d))
		:: ok && where(new) & bit(d) && state[d] == UP -> claims[d]++
		:: else -> ok = false; mask[new] = mask[new] & ~bit(d)
		fi
	}
}

inline peerbuf_placement_create(m, ok) {
	d_step {
		nr_places++;
		new = nr_places;
		mask[new] = m;
		ok = true
	};
	peerbuf_claim_new(0, ok);
	if
	:: !ok -> mask[new] = 0
	:: else -> peerbuf_claim_new(1, ok)
	fi
}

/* Under holds_lock. */
inline peerbuf_arrive(ok) {
	d_step {
		if
		:: !causes ->
			left[placement] = true;
			left_at[placement] = outdated;
			placement = new
		:: else -> ok = false
		fi;
		/* No owner's mark stays on a buffer that has left, home's aside. */
		assert(!(owners & ~(where(placement) | A)))
	};
	if
	:: ok -> peerbuf_reap()
	:: else
	fi
}

/* Under resv. */
inline peerbuf_stay() {
	d_step {
		copied[new] = fence;
		left[new] = true;
		left_at[new] = 0
	};
	peerbuf_reap()
}

/* The engine does it, the CPU, which looks from time to time, or nobody. */
inline peerbuf_copy_contents(ok) {
	if
	:: d_step {
		fence = true;
		fence_mask = where(placement) | where(new);
		copied[placement] = true
	   }
	:: trouble() -> ok = false
	:: skip
	fi
}

inline peerbuf_switch(w, ok) {
	d_step { before[w] = holding() };
	peerbuf_invalidate();
	/* peerbuf_wait_fences_held() */
	if
	:: !fence
	:: fence && trouble() -> ok = false
	fi;
	if
	:: ok -> peerbuf_copy_contents(ok)
	:: else
	fi;
	if
	:: ok -> peerbuf_arrive(ok)
	:: else
	fi;
	if
	:: !ok -> peerbuf_stay()
	:: else
	fi
}

/* Under resv. */
inline peerbuf_move_held(w, m, ok) {
	ok = false;
	if
	:: placement ->
		peerbuf_placement_create(m, ok);
		if
		:: !ok -> d_step { peerbuf_placement_destroy(new) }
		:: ok && (trouble() || placement_trouble(where(new)) || pins()) ->
			ok = false;
			d_step { peerbuf_placement_destroy(new) }
		:: else -> peerbuf_switch(w, ok)
		fi
	:: else
	fi
}

inline device_visit(d, found) {
	d_step {
		found = (claims[d] && visitors -> 1 : 0);
		visitors = visitors + found
	}
}

inline peerbuf_device_buffer_down(d) {
	d_step {
		alive();
		if
		:: placement && where(placement) & bit(d) && !causes -> recall = true
		:: else
		fi
	};
	peerbuf_settle()
}

/* The state first, then a visit to each buffer that has a claim. */
inline device_tell(d, to) {
	d_step {
		state[d] = to;
		to_tell = to_tell | (to != UP -> holding_in(bit(d)) : 0);
		quiet_devices = (to == UP -> quiet_devices & ~bit(d) : quiet_devices)
	};
	device_visit(d, found);
	if
	:: found && to != UP -> peerbuf_device_buffer_down(d); peerbuf_put()
	:: found && to == UP -> peerbuf_settle(); peerbuf_put()
	:: else
	fi;
	found = 0
}

inline peerbuf_device_drain(w, d, limit) {
	device_visit(d, found);
	if
	:: found -> peerbuf_drain(w, limit); peerbuf_put()
	:: else
	fi;
	found = 0
}
