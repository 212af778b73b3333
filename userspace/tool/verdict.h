/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_VERDICT_H
#define PEERBUF_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <peerbuf.h>

struct function;
struct machine;

/**
 * struct verdict - an answer to "does the client reach the provider?"
 * @route: the answer, if it is certain
 * @certain: otherwise nobody could read whether a bridge on the way redirects
 * @without: the route if no such bridge redirects
 * @with: the route if they do
 */
struct verdict {
	struct peerbuf_route route;
	bool certain;
	struct peerbuf_route without;
	struct peerbuf_route with;
};

/* Of @route where it is not certain; no uAPI has them. */
#define ROUTE_UNKNOWN	(~0U)
#define REASON_UNKNOWN	(~0U)

/**
 * struct judge - who gives the verdicts
 * @machine: the functions
 * @control: the kernel is asked here; -1: path.c is
 * @rules: what path.c needs of each function, by number
 */
struct judge {
	const struct machine *machine;
	int control;
	struct rules *rules;
};

/** judge_open() - the kernel for this machine with the module loaded; an exit code */
int judge_open(struct judge *judge);
/** judge_machine() - by the rules alone, whatever is loaded here */
void judge_machine(struct judge *judge, const struct machine *machine);
void judge_close(struct judge *judge);
/**
 * judge() - the verdict on one pair
 * @bar: of the provider, for the client's DMA mask, or PEERBUF_ANY_BAR
 *
 * Returns 0, or a negative errno if the kernel knows one of the two no more.
 */
int judge(const struct judge *judge, const struct function *provider,
	  const struct function *client, uint32_t bar, struct verdict *verdict,
	  struct peerbuf_error *error);

/** verdict_word() - "BUS_ADDR", …, "UNKNOWN" */
const char *verdict_word(const struct verdict *verdict);
/** verdict_cell() - route_cell(), or "?" */
const char *verdict_cell(const struct verdict *verdict);
struct json_object *verdict_json(const struct verdict *verdict);

#endif /* PEERBUF_VERDICT_H */
