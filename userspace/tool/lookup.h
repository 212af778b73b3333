/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_LOOKUP_H
#define PEERBUF_LOOKUP_H

#include <stdint.h>

/**
 * lookup_buffer() - get a descriptor of an export's dma-buf
 * @control: control
 * @id: the export
 *
 * Returns one that this process has inherited, or a copy of one of the process that exported it.
 * The copy needs the right to trace that process.
 *
 * Return: the descriptor, or a negated exit code after printing a message.
 */
int lookup_buffer(int control, uint64_t id);

#endif /* PEERBUF_LOOKUP_H */
