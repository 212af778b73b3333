/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a piece of work costs, step by step, in instructions of the guest; and the kernel
 * memory that is held for it.
 *
 * The clock of a guest that computes counts instructions: QEMU's -icount makes it go on by
 * two nanoseconds for each. The same work takes the same number each time, unless
 * something else happens as well: an interrupt, a worker on the other CPU, a slab that has
 * to be filled. All of these only add. So the least of many rounds is what the work itself
 * costs, and it is the same in every guest and on every host, however busy.
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <linux/types.h>

/* QEMU's -icount shift=1: VIRTUAL_TIME of labroom/machine.py. */
#define NS_PER_INSTRUCTION	2

#define STEPS_MOST	6

/**
 * struct figures - what one kind of work has cost so far
 * @work: its name
 * @who: whose code does it
 * @route: by which route the importer reaches the memory
 * @ranges: of which the buffer consists
 * @bytes: how large it is
 * @steps: names of the steps, in order
 * @nr_steps: how many
 * @least: instructions of each step, in the round that took the fewest
 * @rounds: how many rounds are in @least
 */
struct figures {
	const char *work;
	const char *who;
	const char *route;
	unsigned int ranges;
	__u64 bytes;
	const char *const *steps;
	unsigned int nr_steps;
	__u64 least[STEPS_MOST];
	unsigned int rounds;
};

/* Stay on the last CPU: interrupts are on the first one. */
void figures_settle(void);
/*
 * Let happen what was put off, before a round begins: an IOMMU's flushes are, for ten
 * milliseconds. Otherwise it is a matter of phase in which rounds they happen.
 */
void figures_calm(void);
/* Instructions the machine has executed, counted from some moment on. */
__u64 instructions(void);
/* One more round: @at has the beginning of each step, and the end of the last one. */
void figures_add(struct figures *figures, const __u64 *at);
/* A line of JSON for each step, and one for their sum, "total". */
void figures_print(const struct figures *figures);
/* One line, of one value. */
void figure_print(const struct figures *figures, const char *step, __u64 value);

#endif /* FIGURES_H */
