/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TRACE_H
#define PEERBUF_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct traced - an event as the kernel's tracing tells it; texts live in the line parsed
 * @name: without "peerbuf_"
 * @comm: of the process it happened in
 * @pid: of that
 * @seconds: since boot
 * @fields: "key=value", separated by blanks
 */
struct traced {
	const char *name;
	const char *comm;
	unsigned int pid;
	double seconds;
	const char *fields;
};

/** traced_parse() - cut @line to pieces; false if it is no event of ours */
bool traced_parse(char *line, struct traced *traced);
/** traced_field() - the value of a field, into @value; false if there is none */
bool traced_field(const struct traced *traced, const char *key, char *value, size_t size);

/** trace_follow() - tell all events until a signal; exit code */
int trace_follow(bool json);

#endif /* PEERBUF_TRACE_H */
