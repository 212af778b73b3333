/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TRACE_H
#define PEERBUF_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct traced - an event in the kernel's trace; its texts are parts of the parsed line
 * @name: without "peerbuf_"
 * @comm: name of the process in which it happened
 * @pid: PID of that process
 * @seconds: time since boot
 * @fields: "key=value", separated by blanks
 */
struct traced {
	const char *name;
	const char *comm;
	unsigned int pid;
	double seconds;
	const char *fields;
};

/** traced_parse() - split @line; false if it is not an event of peerbuf */
bool traced_parse(char *line, struct traced *traced);
/** traced_field() - copy the value of a field to @value; false if there is none */
bool traced_field(const struct traced *traced, const char *key, char *value, size_t size);

/** trace_follow() - print all events until a signal; returns an exit code */
int trace_follow(bool json);

#endif /* PEERBUF_TRACE_H */
