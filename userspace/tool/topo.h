/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TOPO_H
#define PEERBUF_TOPO_H

#include "columns.h"
#include "machine.h"
#include "verdict.h"

/**
 * struct member - a row and column of the matrix
 * @function: the function, or the first of several whose routes are all the same
 * @second: the second of them, or NULL
 * @nr: number of functions that it stands for
 */
struct member {
	const struct function *function;
	const struct function *second;
	size_t nr;
};

/**
 * struct matrix - routes between functions
 * @members: the functions
 * @nr: number of members
 * @hidden: number of functions left out because they are built into the root complex
 * @grouped: number of functions not shown because another one stands for them
 * @verdicts: @nr rows of @nr verdicts, a row for each provider
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
 * @provider: the function whose memory is meant
 * @client: the function that accesses it
 * @verdict: the verdict
 */
struct pair {
	const struct function *provider;
	const struct function *client;
	const struct verdict *verdict;
};

struct verdict *matrix_at(const struct matrix *matrix, size_t provider, size_t client);
void matrix_add(struct matrix *matrix, const struct function *function);
/** matrix_group() - replace functions of the same place and kind by one */
void matrix_group(const struct machine *machine, struct matrix *matrix);
/** matrix_judge() - @strict: a function that is gone is an error; returns an exit code */
int matrix_judge(struct matrix *matrix, bool strict);
void matrix_print(const struct matrix *matrix, bool rates);
void matrix_print_json(const struct matrix *matrix, const struct columns *columns);
void matrix_free(struct matrix *matrix);

/** pair_link() - return the slowest link between the two, NULL if none is known */
const struct link *pair_link(const struct function *provider, const struct function *client,
			     const struct verdict *verdict);
const char *rate_text(unsigned int rate);

extern const struct column_info function_columns[], pair_columns[];
#define FUNCTION_STANDARD	"FUNCTION,NUMA,LINK,DRIVER,NAME"
#define FUNCTION_JSON		"FUNCTION,DRIVER,NAME,NUMA,LINK,MAX_LINK,RATE,GROUP,PARENT"
#define PAIR_STANDARD		"PROVIDER,CLIENT,ROUTE,HOPS,BOTTLENECK,RATE,DECIDER,REASON"

/** tree_print() - print a tree like lspci -tv, with what matters to routes */
void tree_print(const struct machine *machine);
/** dot_print() - write the drawing in graphviz's language; returns an exit code */
int dot_print(const struct matrix *matrix, FILE *to);
/** svg_print() - let graphviz draw it; returns an exit code */
int svg_print(const struct matrix *matrix, const char *path);

#endif /* PEERBUF_TOPO_H */
