/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_CHILD_H
#define PEERBUF_CHILD_H

#include <stdint.h>

/**
 * struct child_buffer - what a command gets
 * @node: the function's node, kept open while the command runs
 * @fd: the dma-buf
 * @id: the export
 */
struct child_buffer {
	int node;
	int fd;
	uint64_t id;
};

/** child_run() - run @argv with the buffer and wait for it; returns an exit code */
int child_run(char **argv, const struct child_buffer *buffer);

#endif /* PEERBUF_CHILD_H */
