/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TOPO_H
#define PEERBUF_TOPO_H

#include "columns.h"
#include "machine.h"
#include "verdict.h"

/**
 * struct member - a row and column of the matrix
 * @function: it, or the first of several whose routes are all the same
 * @second: the next of them, or NULL
 * @nr: how many it stands for
 */
struct member {
	const struct function *function;
	const struct function *second;
	size_t nr;
};

/**
 * struct matrix - routes between functions
 * @members: the functions
 * @nr: how many
 * @hidden: those left out as built into the root complex
 * @grouped: how many functions are not shown because another stands for them
 * @verdicts: @nr rows of @nr, a row for each provider
 */
struct matrix {
	struct member *members;
	size_t nr;
	size_t hidden;
	size_t grouped;
	struct verdict *verdicts;
};

/**
 * struct pair - a row of the list of pairs
 * @provider: whose memory
 * @client: who reaches for it
 * @verdict: the answer
 */
struct pair {
	const struct function *provider;
	const struct function *client;
	const struct verdict *verdict;
};

struct verdict *matrix_at(const struct matrix *matrix, size_t provider, size_t client);
void matrix_add(struct matrix *matrix, const struct function *function);
/** matrix_group() - one for all that have the same place and kind */
void matrix_group(const struct machine *machine, struct matrix *matrix);
/** matrix_judge() - @strict: a function that is gone is an error; an exit code */
int matrix_judge(struct matrix *matrix, bool strict);
void matrix_print(const struct matrix *matrix, bool rates);
void matrix_print_json(const struct matrix *matrix, const struct columns *columns);
void matrix_free(struct matrix *matrix);

/** pair_link() - the slowest link between the two, NULL if none is known */
const struct link *pair_link(const struct function *provider, const struct function *client,
			     const struct verdict *verdict);
const char *rate_text(unsigned int rate);

extern const struct column_info function_columns[], pair_columns[];
#define FUNCTION_STANDARD	"FUNCTION,NUMA,LINK,DRIVER,NAME"
#define FUNCTION_JSON		"FUNCTION,DRIVER,NAME,NUMA,LINK,MAX_LINK,RATE,GROUP,PARENT"
#define PAIR_STANDARD		"PROVIDER,CLIENT,ROUTE,HOPS,BOTTLENECK,RATE,DECIDER,REASON"

/** tree_print() - lspci -tv's shape, with what matters to routes */
void tree_print(const struct machine *machine);
/** dot_print() - the drawing, in graphviz's language; an exit code */
int dot_print(const struct matrix *matrix, FILE *to);
/** svg_print() - the same, drawn by graphviz; an exit code */
int svg_print(const struct matrix *matrix, const char *path);

#endif /* PEERBUF_TOPO_H */
