/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TRIAL_H
#define PEERBUF_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/**
 * struct trial - some bytes that one side writes and the other reads
 * @to_buffer: the device writes, the owner reads; otherwise the other way round
 * @offset: in the buffer
 * @length: bytes
 * @error: negative errno, if the transfer itself failed
 * @wrong: number of bytes that differ from what was written
 * @first: the first of them, counted from @offset
 * @nothing: all bytes are as they were before
 * @around: bytes next to them have changed
 */
struct trial {
	bool to_buffer;
	uint64_t offset;
	size_t length;
	int error;
	size_t wrong;
	size_t first;
	bool nothing;
	bool around;
};

/**
 * struct place - the buffer in which trials are made
 * @engine: attached to the buffer
 * @memory: the CPU's mapping of the buffer
 * @dmabuf: the buffer
 * @size: its size in bytes
 * @seed: different for each trial
 */
struct place {
	struct engine *engine;
	volatile unsigned char *memory;
	int dmabuf;
	uint64_t size;
	uint64_t seed;
};

#define TRIALS_MOST	32

/** trials_plan() - plan trials at the ends, across pages, of odd lengths; returns their number */
size_t trials_plan(const struct place *place, struct trial *trials);
void trial_run(struct place *place, struct trial *trial);
bool trial_passed(const struct trial *trial);
/** trials_rate() - write for @seconds; returns bytes per second, 0 if it failed */
double trials_rate(struct place *place, double seconds);

#endif /* PEERBUF_TRIAL_H */
