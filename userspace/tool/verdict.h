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
 * @certain: false if a bridge on the way could not be read, which may or may not redirect
 * @without: the route if no such bridge redirects
 * @with: the route if one does
 */
struct verdict {
	struct peerbuf_route route;
	bool certain;
	struct peerbuf_route without;
	struct peerbuf_route with;
};

/* Values in @route if it is not certain; not part of the uAPI. */
#define ROUTE_UNKNOWN	(~0U)
#define REASON_UNKNOWN	(~0U)

/**
 * struct judge - where verdicts come from
 * @machine: the functions
 * @control: the kernel is asked through this descriptor; -1: path.c is asked
 * @rules: the input of path.c
 */
struct judge {
	const struct machine *machine;
	int control;
	struct rules *rules;
};

/** judge_open() - use the kernel if it is this machine and the module is loaded; exit code */
int judge_open(struct judge *judge);
/** judge_machine() - use the rules alone, whether or not the module is loaded */
void judge_machine(struct judge *judge, const struct machine *machine);
void judge_close(struct judge *judge);
/**
 * judge() - the verdict on one pair
 * @bar: BAR of the provider, for the client's DMA mask, or PEERBUF_ANY_BAR
 *
 * Returns 0, or a negative errno if the kernel no longer knows one of the two.
 */
int judge(const struct judge *judge, const struct function *provider,
	  const struct function *client, uint32_t bar, struct verdict *verdict,
	  struct peerbuf_error *error);

/** verdict_word() - returns "BUS_ADDR", …, "UNKNOWN" */
const char *verdict_word(const struct verdict *verdict);
/** verdict_cell() - returns route_cell(), or "?" */
const char *verdict_cell(const struct verdict *verdict);
struct json_object *verdict_json(const struct verdict *verdict);

#endif /* PEERBUF_VERDICT_H */
