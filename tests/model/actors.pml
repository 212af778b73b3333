/* SPDX-License-Identifier: GPL-2.0 */
/* Who does what to the buffer, each as often as a scenario says. */

#include "buffer.pml"

/* Of the inlines. */
#define LOCALS		byte nr, t, i; bool r, got, gave_up

/* How an importer lets go: whenever it likes, or dies; when it is told; never, or some time. */
#define QUICK		0
#define KEEPS		1
#define PINS		2

/* However long that takes. Killed, it unmaps and detaches, as at its end. */
proctype importer(byte c; byte maps; byte kind) {
	LOCALS;

	do
	:: maps > 0 ->
		atomic {
			dma_resv_lock();
			maps--;
			t = trouble()
		};
		atomic {
			peerbuf_dma_create(c);
			t = 0;
			dma_resv_unlock()
		};
		if
		:: !hold_at[c]
		:: else ->
			if
			:: kind == QUICK
			:: kind == KEEPS -> invalidated & bit(c)
			:: kind == PINS -> false
			:: kind == PINS
			fi;
			atomic { dma_resv_lock(); peerbuf_dma_destroy(c) };
			dma_resv_unlock()
		fi
	:: else -> break
	od;
	attached--
}

/* A CPU's fault: peerbuf_fault_begin(), peerbuf_vma_fault(). */
proctype cpu() {
	LOCALS;

	atomic { dma_resv_lock(); t = trouble() };
	atomic {
		if
		:: t
		:: !t && !fence -> d_step {
			assert(!quiet && !(where(placement) & quiet_devices));
			pte = placement
		   }
		:: !t && fence && trouble()
		fi;
		dma_resv_unlock()
	};
	/* The process unmaps, or is killed, some time. */
	d_step { pte = 0; attached-- }
}

/* The exporting driver's engine: it ends. */
proctype engine() {
end:	do
	:: fence -> d_step {
		fence = false;
		fence_mask = 0;
		copied[1] = false;
		copied[2] = false;
		copied[3] = false
	   }
	od
}

proctype peerbuf_settle_work() {
	LOCALS;

end:	do
	:: settling ->
		settling = false;
		atomic { dma_resv_lock(); nr = asked };
		peerbuf_settle_held();
		dma_resv_unlock();
		peerbuf_put()
	od
}

/* Finds the buffer by its number, as ioctls do, or holds its DMA-BUF: all the same to it. */
inline peerbuf_registry_get(found) {
	d_step {
		found = (placement && visitors -> 1 : 0);
		visitors = visitors + found
	}
}

/* By the owner of a function, the administrator or the driver; whose: the bit in quiet. */
proctype revoke(byte w; byte cause; byte owner; byte whose; bool limit) {
	byte found;
	bool marked;
	LOCALS;

	peerbuf_registry_get(found);
	if
	:: found ->
		peerbuf_mark_revoked(w, cause, owner, whose);
		if
		:: marked -> peerbuf_drain(w, limit)
		:: else
		fi;
		d_step {
			if
			:: marked && !gave_up ->
				assert(!before[w]);
				assert(!mine[w] || at_rest(A | B | SYSTEM));
				quiet = quiet | mine[w]
			:: else
			fi;
			mine[w] = 0;
			before[w] = 0;
			own[w] = 0;
			waits[w] = 0;
			running = running & ~bit(w)
		};
		peerbuf_put()
	:: else
	fi
}

proctype restore(byte what; byte rights; byte whose) {
	byte found;
	LOCALS;

	peerbuf_registry_get(found);
	if
	:: found ->
		dma_resv_lock();
		peerbuf_restore_locked(what, rights, whose);
		dma_resv_unlock();
		peerbuf_put()
	:: else
	fi
}

/* peerbuf_move(): when it returns 0 the old place is free of importers. */
proctype move(byte w; byte m) {
	byte found, new;
	bool ok;
	LOCALS;

	peerbuf_registry_get(found);
	if
	:: found ->
		running = running | bit(w);
		dma_resv_lock();
		peerbuf_move_held(w, m, ok);
		waits[w] = outdated;
		dma_resv_unlock();
		if
		:: ok ->
			wait_event(w, !waits[w], false);
			dma_resv_lock();
			peerbuf_reap();
			dma_resv_unlock();
			assert(!before[w])
		:: else -> waits[w] = 0
		fi;
		before[w] = 0;
		peerbuf_put();
		running = running & ~bit(w)
	:: else
	fi
}

/* A device that goes down and comes up again, maybe before everybody has let go. */
proctype resets(byte w; byte d; byte times; bool limit) {
	byte found;
	LOCALS;

	do
	:: times > 0 ->
		times--;
		running = running | bit(w);
		device_tell(d, DOWN);
		peerbuf_device_drain(w, d, limit);
		d_step {
			if
			:: gave_up -> gave_up = false
			:: else ->
				assert(at_rest(bit(d)));
				quiet_devices = quiet_devices | bit(d)
			fi;
			own[w] = 0;
			waits[w] = 0
		};
		device_tell(d, UP);
		running = running & ~bit(w)
	:: else -> break
	od
}

/*
 * peerbuf_device_unregister(): the caller waits for five seconds at most, and then leaves the
 * rest to a work (peerbuf_keep()). The BARs are somebody else's when that is over, no sooner.
 */
proctype unregister(byte w; byte d) {
	byte found;
	LOCALS;

	running = running | bit(w);
	device_tell(d, GONE);
	peerbuf_device_drain(w, d, true);
	waits[w] = 0;
	if
	:: gave_up -> gave_up = false; peerbuf_device_drain(w, d, false)
	:: else
	fi;
	d_step {
		assert(at_rest(bit(d)));
		quiet_devices = quiet_devices | bit(d)
	};
	running = running & ~bit(w)
}

/* peerbuf_op_release(), when the last that held the DMA-BUF is gone. Claims are walked still. */
proctype release() {
	byte i;

	attached == 0;
	d_step { visitors-- };
	/* peerbuf_end_visits() */
	visitors == 0;
	dma_resv_lock();
	d_step {
		i = 1;
		do
		:: i < PLACES ->
			if
			:: left[i] || i == placement -> peerbuf_placement_destroy(i)
			:: else
			fi;
			left[i] = false;
			i++
		:: else -> break
		od;
		i = 0;
		placement = 0
	};
	dma_resv_unlock();
	d_step { assert(!settling); freed = true }
}

/* The buffer lies at m, and has that many importers and CPU mappings. */
inline exported(m, users) {
	mask[1] = m;
	claims[0] = ((m) & A -> 1 : 0);
	claims[1] = ((m) & B -> 1 : 0);
	attached = users
}

/*
 * When nobody can do anything any more. Who is in a call by then waits for ever: that must be for
 * an importer that cannot be revoked, by what peerbuf_first_holder() names.
 */
#define excused(w)	(!(running & bit(w)) || (waits[w] & 1 && pinned[0]) || \
			 (waits[w] & 2 && pinned[1]))

inline nobody_waits_for_ever() {
	timeout -> d_step {
		assert(!resv && !to_tell);
		assert(excused(0) && excused(1) && excused(2) && excused(3))
	}
}
