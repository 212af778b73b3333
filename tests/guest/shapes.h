/* SPDX-License-Identifier: GPL-2.0 */
/* Every ioctl of peerbuf's, as data: what it takes and where it looks. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdbool.h>
#include <stddef.h>

#include "peer.h"

#define SHAPE_MOST	512
#define SHAPE_NODE	(1U << 0)
#define SHAPE_CONTROL	(1U << 1)

/**
 * struct stage - what ioctls can be tried on
 * @node: of an ivshmem device
 * @control: the control node
 * @export: an export of @node
 * @cpu: a mapping of @export
 * @addr: of a device that keeps its own driver
 * @disk: its block device
 * @range: a range of @node
 * @entries: room for answers
 */
struct stage {
	int node;
	int control;
	struct peer_export export;
	void *cpu;
	__u64 addr;
	int disk;
	struct peerbuf_range range;
	__u8 entries[4096];
};

/**
 * struct shape - an ioctl
 * @name: for messages
 * @request: its number
 * @size: of its structure
 * @grown_from: that of the first version ever published, 0 if it is the same
 * @who: SHAPE_*, which nodes answer it
 * @flags: offset of the flags, 0 if there are none
 * @reserved: offset of the reserved field, 0 if there is none
 * @fill: make @data (zeroed, except for the size) a call that succeeds
 * @undo: undo what a successful call did
 */
struct shape {
	const char *name;
	unsigned long request;
	__u32 size;
	__u32 grown_from;
	__u32 who;
	size_t flags;
	size_t reserved;
	void (*fill)(struct stage *stage, void *data);
	void (*undo)(struct stage *stage, void *data);
};

extern const struct shape shapes[];
extern const size_t nr_shapes;

void stage_open(struct stage *stage);
__u32 shape_first(const struct shape *shape);
int shape_fd(const struct shape *shape, const struct stage *stage);
int shape_call(const struct shape *shape, struct stage *stage, void *data);
/* A call that is made of valid arguments, @data being shape->size bytes long. */
void shape_prepare(const struct shape *shape, struct stage *stage, void *data);

#endif /* SHAPES_H */
