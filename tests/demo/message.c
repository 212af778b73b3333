// SPDX-License-Identifier: GPL-2.0
/* What is sent. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "demo.h"

/* Not to be confused with anything an earlier run left behind. */
void compose(uint8_t *message, const char *text)
{
	uint64_t nonce;

	expect(getrandom(&nonce, sizeof(nonce), 0) == sizeof(nonce), "getrandom");
	memset(message, '.', MESSAGE_SIZE);
	snprintf((char *)message, MESSAGE_SIZE, "%s %016" PRIx64, text, nonce);
	message[strlen((char *)message)] = '.';
}
