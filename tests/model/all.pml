/* SPDX-License-Identifier: GPL-2.0 */
/* All of it: too much to be gone through, see run --minutes. */
#include "actors.pml"

#ifdef FULL
#define USERS 3
#define MAPS 2
#else
#define USERS 3
#define MAPS 1
#endif

init {
	atomic {
		exported(A | B, USERS);
		pinned[1] = true;
		run engine();
		run importer(0, 2, KEEPS);
		run importer(1, 1, PINS);
		run cpu();
		run revoke(0, USER, A, A, false);
		run revoke(1, DRIVER, 0, QUIET_DRIVER, true);
		run restore(USER, A, A);
		run restore(USER | ADMIN, A | B, A | B | QUIET_ADMIN);
		run resets(2, 0, 1, true);
		run move(3, A);
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
