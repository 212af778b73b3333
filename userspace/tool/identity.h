/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_IDENTITY_H
#define PEERBUF_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/** identity_of() - return the identity of the card at @addr as one word, "-" if there is none */
const char *identity_of(uint64_t addr);
/** identity_is() - does the card at @addr have this identity? */
bool identity_is(uint64_t addr, const char *identity);

#endif /* PEERBUF_IDENTITY_H */
