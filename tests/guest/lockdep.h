/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LOCKDEP_H
#define LOCKDEP_H

#include <stdbool.h>

/* Has this kernel's lockdep stopped looking? False where there is none. */
bool lockdep_is_off(void);
/* The kernel has reported something: lockdep may have stopped. */
void lockdep_look_again(void);

#endif /* LOCKDEP_H */
