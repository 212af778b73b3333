/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_LOAD_H
#define PEERBUF_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "latency.h"
#include "tool.h"

/**
 * struct load - which calls are made, and what became of them
 * @file: name of the file
 * @id: the export
 * @io: descriptors, offsets and flags of each call. @io.length: bytes of the file that are used,
 *	0: to its end
 * @block: bytes of a call
 * @depth: calls under way at a time
 * @calls: end after so many; 0: by time
 * @seconds: end after that time
 * @write: to the file
 * @random: anywhere; otherwise one block after the other
 * @json: print JSON
 * @nanoseconds: how long all of it took
 * @latency: how long each call took
 * @sum: what all calls have moved
 */
struct load {
	const char *file;
	uint64_t id;
	struct peerbuf_ioc_file io;
	uint64_t block;
	uint32_t depth;
	uint64_t calls;
	uint64_t seconds;
	bool write;
	bool random;
	bool json;

	uint64_t nanoseconds;
	struct latency latency;
	struct peerbuf_ioc_file sum;
};

/** load_run() - make the calls, after printing a message where one failed; returns an exit code */
int load_run(struct load *load, int control);
/** load_print() - print the results */
void load_print(const struct load *load);

#endif /* PEERBUF_LOAD_H */
