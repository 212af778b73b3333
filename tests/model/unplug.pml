/* SPDX-License-Identifier: GPL-2.0 */
/* A device that goes, with an importer that does not let go, while the buffer moves to it. */
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
		exported(B, USERS);
		pinned[1] = true;
		run engine();
		run importer(0, 1, QUICK);
		run importer(1, 1, PINS);
		run unregister(0, 0);
		run move(1, A);
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
