/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_ENGINE_H
#define PEERBUF_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct engine - a device's DMA engine that this user can operate
 * @kind: the interface through which it is operated
 * @name: its name
 * @most: maximum bytes of one transfer
 * @attach: attach and map a DMA-BUF of @size bytes; returns 0 or a negative errno
 * @detach: undo the latest attach
 * @transfer: move @length bytes at @offset of the DMA-BUF: the device writes them from @data, or
 *	reads them into it; returns 0 or a negative errno
 * @close: end everything and free the engine
 *
 * Calls that return a negative errno print no message.
 */
struct engine {
	const char *kind;
	char name[64];
	size_t most;
	int (*attach)(struct engine *engine, int dmabuf, uint64_t size);
	void (*detach)(struct engine *engine);
	int (*transfer)(struct engine *engine, int to_buffer, uint64_t offset, void *data,
			size_t length);
	void (*close)(struct engine *engine);
};

struct command;

/** engine_kind() - return @text if it is a kind of engine; otherwise end the program */
const char *engine_kind(const struct command *self, const char *text);

/** engine_open() - open a function's first engine, or the one of @kind; NULL if there is none */
struct engine *engine_open(uint64_t addr, const char *kind);

/**
 * engine_edu() - open QEMU's edu device through the lab's test driver
 * @addr: the function
 *
 * Returns NULL if there is none.
 */
struct engine *engine_edu(uint64_t addr);

/** engine_verbs() - open an RDMA device, with two of its queue pairs connected to each other */
struct engine *engine_verbs(uint64_t addr);

#endif /* PEERBUF_ENGINE_H */
