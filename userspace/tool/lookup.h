/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_LOOKUP_H
#define PEERBUF_LOOKUP_H

#include <stdint.h>

/**
 * lookup_buffer() - a descriptor of an export's dma-buf
 * @control: control
 * @id: the export
 *
 * One that this process has inherited, or a copy of one of the process that exported it, which
 * takes the right to trace that process.
 *
 * Return: the descriptor, or an exit code, negated; what is wrong was said.
 */
int lookup_buffer(int control, uint64_t id);

#endif /* PEERBUF_LOOKUP_H */
