/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_RULES_H
#define PEERBUF_RULES_H

#include <stdint.h>

#include <peerbuf.h>

struct function;
struct machine;
struct rules;

/* rules.c: the kernel's own verdicts, without the kernel */

struct rules *rules_new(const struct machine *machine);
void rules_free(struct rules *rules);
/** rules_decide() - @redirects: assume that bridges which could not be read redirect */
void rules_decide(struct rules *rules, const struct function *provider,
		  const struct function *client, uint32_t bar, bool redirects,
		  struct peerbuf_route *route);

#endif /* PEERBUF_RULES_H */
