/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_WHY_H
#define PEERBUF_WHY_H

#include "machine.h"
#include "verdict.h"

/**
 * struct bridges - the functions on the way between two functions
 * @hop: from the provider up to the common one, then from the client up to below it
 * @nr: number of hops
 */
struct bridges {
	const struct function **hop;
	size_t nr;
};

/** bridges_between() - find them; empty if the two have none in common */
void bridges_between(struct bridges *bridges, const struct function *provider,
		     const struct function *client);
void bridges_free(struct bridges *bridges);
/** bridges_redirecting() - return "A;B", for pci=disable_acs_redir=; "" for none */
const char *bridges_redirecting(const struct bridges *bridges);
/** acs_words() - return the control register in lspci's words */
const char *acs_words(const struct function *function);
/** isolation_cost() - return what would no longer be isolated without those redirects, or NULL */
const char *isolation_cost(const struct machine *machine, const struct bridges *bridges);

#endif /* PEERBUF_WHY_H */
