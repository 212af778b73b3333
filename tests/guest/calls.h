/* SPDX-License-Identifier: GPL-2.0 */
/* A description of ioctls, from which calls are made up: what each field means. */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* What a field is. CALL_OUT is written by the kernel and read by nobody. */
enum call_field_kind {
	CALL_OUT, CALL_RESERVED, CALL_FLAGS, CALL_ID, CALL_DMABUF, CALL_ADDR, CALL_BAR,
	CALL_BAR_MASK, CALL_OFFSET, CALL_LENGTH, CALL_TIMEOUT, CALL_OPEN_FLAGS, CALL_ALIGN,
	CALL_RANGES, CALL_NR_RANGES, CALL_NR_PARTS, CALL_RIGHTS, CALL_NR_RIGHTS, CALL_ENTRIES,
	CALL_NR_ENTRIES, CALL_ENTRY_SIZE, CALL_TYPES, CALL_CLOEXEC, CALL_USER, CALL_FILE,
	CALL_DEPTH, CALL_INSIDE, CALL_PART,
};

/**
 * struct call_field - a field of a structure
 * @offset: bytes
 * @width: bytes
 * @kind: enum call_field_kind
 * @known: of flags, those there are
 */
struct call_field {
	__u16 offset;
	__u8 width;
	__u8 kind;
	__u32 known;
};

#define CALL_FIELDS_MOST	16
#define CALL_SIZE_MOST		512

/**
 * struct call - an ioctl
 * @name: for people
 * @request: its number
 * @size: of its structure
 * @first: of that of its first version
 * @control: it goes to the control node, else to a function's
 * @fields: all but size and reason; ends with one of width 0
 */
struct call {
	const char *name;
	unsigned long request;
	__u16 size;
	__u16 first;
	bool control;
	struct call_field fields[CALL_FIELDS_MOST];
};

extern const struct call calls[];
extern const size_t nr_calls;

#define SLOTS		6
#define SLOT_CONTROL	3
/* Of the buffers that are about, and the bars they are in. */
#define SLOT_SIZE	(4 * PAGE)

/**
 * struct call_slots - what calls can be about
 * @nodes: open nodes and control, in several modes; -1 where there is none. The first two are
 *	two functions' nodes, and SLOT_CONTROL is control, open for all that there is
 * @dmabufs: exports, and what is none
 * @ids: of exports, alive or not
 * @files: a drive's block device among them
 * @addrs: of functions
 * @mapped: where exports are mapped, and other memory is
 */
struct call_slots {
	int nodes[SLOTS];
	int dmabufs[SLOTS];
	int files[SLOTS];
	__u64 ids[SLOTS];
	__u64 addrs[SLOTS];
	__u64 mapped[SLOTS];
};

/**
 * struct call_made - a call that was made up
 * @call: which
 * @fd: where it goes
 * @arg: its argument, maybe nowhere
 * @data: where a good argument would be
 */
struct call_made {
	const struct call *call;
	int fd;
	void *arg;
	__u8 data[4096];
};

/* Numbers from a seed. */
__u64 call_random(__u64 *state);
__u64 call_below(__u64 *state, __u64 limit);
/* Arrays are static of each thread's: one call at a time. */
void call_make_up(__u64 *state, const struct call_slots *slots, struct call_made *made);

#endif /* CALLS_H */
