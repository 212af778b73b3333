/* SPDX-License-Identifier: GPL-2.0 */
/* A device that is reset, waiting or not, while the buffer moves away from it. */
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
		exported(A, USERS);
		run engine();
		run importer(0, MAPS, KEEPS);
		run resets(0, 0, MAPS, true);
		run move(1, SYSTEM);
#ifdef FULL
		run cpu();
#endif
		run peerbuf_settle_work()
	};
	nobody_waits_for_ever()
}
