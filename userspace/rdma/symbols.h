/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PEERBUF_SYMBOLS_H
#define PEERBUF_SYMBOLS_H

/**
 * libc_symbol() - find a symbol of the C library itself
 * @name: the symbol
 *
 * For replacements of dlsym() and dlvsym(), which cannot call dlsym() to find the real ones.
 *
 * Return: its address, or NULL.
 */
void *libc_symbol(const char *name);

#endif /* PEERBUF_SYMBOLS_H */
