/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_ENGINE_H
#define PEERBUF_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct engine - a device's DMA engine that this user can have move bytes
 * @kind: what it is driven through
 * @name: which one it is
 * @most: bytes that one transfer moves at most
 * @attach: give it a DMA-BUF of @size bytes, mapped and ready; 0, a negative errno
 * @detach: take the latest one from it
 * @transfer: @length bytes at @offset of the DMA-BUF: written from @data by the device, or read
 *	into it; 0, a negative errno
 * @close: end all of it; the engine is gone
 *
 * Of calls that return a negative errno nothing is said to the user.
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

/** engine_kind() - @text, which must be a kind of engine; ends the program if it is none */
const char *engine_kind(const struct command *self, const char *text);

/** engine_open() - the first that a function has, or the one of @kind; NULL if it has none */
struct engine *engine_open(uint64_t addr, const char *kind);

/**
 * engine_edu() - QEMU's edu device, as the lab's test driver lets users have it
 * @addr: the function
 *
 * Returns NULL where there is none.
 */
struct engine *engine_edu(uint64_t addr);

/** engine_verbs() - an RDMA device, by a queue pair that is connected with another of its own */
struct engine *engine_verbs(uint64_t addr);

#endif /* PEERBUF_ENGINE_H */
