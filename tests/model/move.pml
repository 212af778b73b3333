/* SPDX-License-Identifier: GPL-2.0 */
/* A move from one function to the other, while the first one's owner revokes. */
#include "actors.pml"

#ifdef FULL
#define USERS 2
#define MAPS 2
#else
#define USERS 1
#define MAPS 1
#endif

init {
	atomic {
		exported(B, USERS);
		run engine();
		run importer(0, MAPS, KEEPS);
		run move(0, A);
		run revoke(1, USER, B, B, false);
#ifdef FULL
		run cpu();
		run restore(USER, B, B);
#endif
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
