/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_PROGRESS_H
#define PEERBUF_PROGRESS_H

#include <stddef.h>

/**
 * progress() - on a terminal, say how far it is, once it has taken a second
 * @what: is being done
 * @done: of @all, which ends the line
 */
void progress(const char *what, size_t done, size_t all);

#endif /* PEERBUF_PROGRESS_H */
