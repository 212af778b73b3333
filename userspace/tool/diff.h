/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_DIFF_H
#define PEERBUF_DIFF_H

#include <stdbool.h>

/** diff_print() - print what changed between two snapshots; returns an exit code */
int diff_print(const char *before, const char *after, bool json);

#endif /* PEERBUF_DIFF_H */
