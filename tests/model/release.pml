/* SPDX-License-Identifier: GPL-2.0 */
/* The last one lets go while a device is reset and somebody revokes by number. */
#include "actors.pml"

#ifdef FULL
#define USERS 1
#define MAPS 2
#else
#define USERS 1
#define MAPS 1
#endif

init {
	atomic {
		exported(A, USERS);
		run importer(0, MAPS, QUICK);
		run resets(0, 0, 1, false);
		run revoke(1, ADMIN, 0, QUIET_ADMIN, true);
		run release();
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
