/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_PROGRESS_H
#define PEERBUF_PROGRESS_H

#include <stddef.h>

/**
 * progress() - on a terminal, show the progress of work that has taken more than a second
 * @what: description of the work
 * @done: how much of @all is done; @all ends the line
 */
void progress(const char *what, size_t done, size_t all);

#endif /* PEERBUF_PROGRESS_H */
