/* SPDX-License-Identifier: GPL-2.0 */
/* Memory of two functions: both owners revoke and restore. */
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
		exported(A | B, USERS);
		run importer(0, MAPS, QUICK);
		run revoke(0, USER, A, A, false);
		run revoke(1, USER, B, B, false);
		run restore(USER, A, A);
#ifdef FULL
		run restore(USER, B, B);
#endif
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
