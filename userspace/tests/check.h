/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_CHECK_H
#define PEERBUF_CHECK_H

#include <stdio.h>
#include <string.h>

/* A test continues after a failure, to show all failures; main() returns check_result(). */
static int check_failures;

#define CHECK(condition)						\
	do {								\
		if (condition)						\
			break;						\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);	\
		check_failures++;					\
	} while (0)

#define CHECK_INT(got, want)						\
	do {								\
		long long got__ = (got), want__ = (want);		\
									\
		if (got__ == want__)					\
			break;						\
		fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__,	\
			#got, got__, want__);				\
		check_failures++;					\
	} while (0)

#define CHECK_TEXT(got, want)						\
	do {								\
		const char *got__ = (got), *want__ = (want);		\
									\
		if (!strcmp(got__, want__))				\
			break;						\
		fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,	\
			#got, got__, want__);				\
		check_failures++;					\
	} while (0)

static inline int check_result(void)
{
	return check_failures ? 1 : 0;
}

#endif /* PEERBUF_CHECK_H */
