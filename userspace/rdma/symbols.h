/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PEERBUF_SYMBOLS_H
#define PEERBUF_SYMBOLS_H

/**
 * libc_symbol() - a symbol of the C library itself
 * @name: the symbol
 *
 * dlsym() and dlvsym() cannot be asked for by who stands in their place.
 *
 * Return: its address, or NULL.
 */
void *libc_symbol(const char *name);

#endif /* PEERBUF_SYMBOLS_H */
