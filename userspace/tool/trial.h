/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_TRIAL_H
#define PEERBUF_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;

/**
 * struct trial - some bytes that one side writes and the other looks at
 * @to_buffer: the device writes, its owner looks; otherwise the other way round
 * @offset: in the buffer
 * @length: bytes
 * @error: negative errno, if the transfer itself failed
 * @wrong: bytes that are not what was written
 * @first: the first of them, counted from @offset
 * @nothing: all are as they were before
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
 * struct place - where trials take place
 * @engine: attached to the buffer
 * @memory: the CPU's mapping of the buffer
 * @dmabuf: the buffer
 * @size: of it, in bytes
 * @seed: another one for each trial
 */
struct place {
	struct engine *engine;
	volatile unsigned char *memory;
	int dmabuf;
	uint64_t size;
	uint64_t seed;
};

#define TRIALS_MOST	32

/** trials_plan() - the ends, the seams between pages, odd lengths; how many */
size_t trials_plan(const struct place *place, struct trial *trials);
void trial_run(struct place *place, struct trial *trial);
bool trial_passed(const struct trial *trial);
/** trials_rate() - write for so long; bytes per second, 0 if it failed */
double trials_rate(struct place *place, double seconds);

#endif /* PEERBUF_TRIAL_H */
