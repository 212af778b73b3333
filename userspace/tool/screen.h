/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_SCREEN_H
#define PEERBUF_SCREEN_H

#include <stdbool.h>

/** screen_begin() - take the terminal, if stdout is one, until the program ends */
void screen_begin(void);
/** screen_clear() - start over, on a terminal; elsewhere what follows is appended */
void screen_clear(void);
/** screen_lines() - lines there are room for; as many as one likes elsewhere */
unsigned int screen_lines(void);
/** screen_wait() - for so many seconds, or a key or a new size; false: it is to end */
bool screen_wait(double seconds);

#endif /* PEERBUF_SCREEN_H */
