/* SPDX-License-Identifier: GPL-2.0 */
/* A revoke and a restore, among importers and a CPU; and a revoke that gives up waiting. */
#include "actors.pml"

#ifdef FULL
#define USERS 2
#define MAPS 2
#else
#define USERS 2
#define MAPS 1
#endif

init {
	atomic {
		exported(A, USERS);
		run importer(0, MAPS, KEEPS);
		run cpu();
		run revoke(0, USER, A, A, false);
		run restore(USER, A, A);
#ifdef FULL
		run revoke(1, DRIVER, 0, QUIET_DRIVER, true);
#endif
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
