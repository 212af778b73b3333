/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_WHY_H
#define PEERBUF_WHY_H

#include "machine.h"
#include "verdict.h"

/**
 * struct bridges - the functions on the way between two
 * @hop: from the provider up to the common one, then from the client up to below it
 * @nr: how many
 */
struct bridges {
	const struct function **hop;
	size_t nr;
};

/** bridges_between() - empty where they have none in common */
void bridges_between(struct bridges *bridges, const struct function *provider,
		     const struct function *client);
void bridges_free(struct bridges *bridges);
/** bridges_redirecting() - "A;B", as pci=disable_acs_redir= wants them; "" for none */
const char *bridges_redirecting(const struct bridges *bridges);
/** acs_words() - the control register in lspci's words */
const char *acs_words(const struct function *function);
/** isolation_cost() - what switching those redirects off would join; NULL: nothing */
const char *isolation_cost(const struct machine *machine, const struct bridges *bridges);

#endif /* PEERBUF_WHY_H */
