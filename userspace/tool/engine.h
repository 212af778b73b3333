/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PEERBUF_ENGINE_H
#define PEERBUF_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct engine - a device's DMA engine that this user can operate
 * @kind: the interface through which it is operated
 * @name: its name
 * @most: maximum bytes of one transfer, a multiple of @grain
 * @grain: the length of a transfer is a multiple of this, in bytes
 * @align: the offset in the DMA-BUF is a multiple of this, in bytes
 * @only_writes: the engine cannot read the DMA-BUF, as it has nowhere to put the data
 * @passing: it keeps a DMA-BUF attached only during a transfer
 * @reason: enum peerbuf_reason of the latest failure, 0 if there is none
 * @attach: attach and map a DMA-BUF of @size bytes, to whose first bytes it may write for that;
 *	returns 0 or a negative errno
 * @detach: undo the latest attach
 * @prepare: what comes before a transfer of @length bytes, or NULL; it may put what will be
 *	written into @data; returns 0 or a negative errno
 * @transfer: move @length bytes at @offset of the DMA-BUF: the device writes them from @data, or
 *	reads them into it; returns 0 or a negative errno
 * @close: end everything and free the engine
 *
 * Calls that return a negative errno print a message only about what the errno does not say.
 */
struct engine {
	const char *kind;
	char name[64];
	size_t most;
	size_t grain;
	size_t align;
	bool only_writes;
	bool passing;
	uint32_t reason;
	int (*attach)(struct engine *engine, int dmabuf, uint64_t size);
	void (*detach)(struct engine *engine);
	int (*prepare)(struct engine *engine, void *data, size_t length);
	int (*transfer)(struct engine *engine, int to_buffer, uint64_t offset, void *data,
			size_t length);
	void (*close)(struct engine *engine);
};

struct command;

/** engine_kind() - return @text if it is a kind of engine; otherwise end the program */
const char *engine_kind(const struct command *self, const char *text);

/**
 * engine_open() - open a function's first engine, or the one of @kind
 * @addr: the function
 * @kind: as engine_kind() returns it, or NULL
 * @scratch: a file or disk on the function's medium that may be overwritten, or NULL; for nvme
 *
 * Returns NULL if there is none.
 */
struct engine *engine_open(uint64_t addr, const char *kind, const char *scratch);

/**
 * engine_edu() - open QEMU's edu device through the lab's test driver
 * @addr: the function
 * @scratch: not used
 *
 * Returns NULL if there is none.
 */
struct engine *engine_edu(uint64_t addr, const char *scratch);

/** engine_verbs() - open an RDMA device, with two of its queue pairs connected to each other */
struct engine *engine_verbs(uint64_t addr, const char *scratch);

/** engine_nvme() - open an NVMe drive that keeps its own driver, through the module peerbuf-nvme */
struct engine *engine_nvme(uint64_t addr, const char *scratch);

#endif /* PEERBUF_ENGINE_H */
