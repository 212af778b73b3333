/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_SCREEN_H
#define PEERBUF_SCREEN_H

#include <stdbool.h>

/** screen_begin() - take over the terminal, if stdout is one, until the program ends */
void screen_begin(void);
/** screen_clear() - clear the terminal; elsewhere output is appended */
void screen_clear(void);
/** screen_lines() - number of lines that fit; a large number elsewhere */
unsigned int screen_lines(void);
/** screen_wait() - wait for the seconds, a key or a new size; false: the program is to end */
bool screen_wait(double seconds);

#endif /* PEERBUF_SCREEN_H */
