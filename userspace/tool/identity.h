/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_IDENTITY_H
#define PEERBUF_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/** identity_of() - the card at @addr as one word, "-" if there is none */
const char *identity_of(uint64_t addr);
/** identity_is() - is that the card at @addr? */
bool identity_is(uint64_t addr, const char *identity);

#endif /* PEERBUF_IDENTITY_H */
