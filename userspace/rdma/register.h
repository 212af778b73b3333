/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PEERBUF_REGISTER_H
#define PEERBUF_REGISTER_H

#include <peerbuf_verbs.h>

/**
 * struct verbs - the calls of libibverbs that are used
 * @reg_mr: ibv_reg_mr_iova2(), which ibv_reg_mr() and ibv_reg_mr_iova() are made of
 * @reg_dmabuf_mr: ibv_reg_dmabuf_mr()
 */
struct verbs {
	struct ibv_mr *(*reg_mr)(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				 unsigned int access);
	struct ibv_mr *(*reg_dmabuf_mr)(struct ibv_pd *pd, uint64_t offset, size_t length,
					uint64_t iova, int fd, int access);
};

/**
 * struct request - what is to be registered
 * @pd: the protection domain
 * @addr: the first address
 * @length: bytes
 * @iova: the address for the device
 * @access: IBV_ACCESS_*
 */
struct request {
	struct ibv_pd *pd;
	void *addr;
	size_t length;
	uint64_t iova;
	unsigned int access;
};

/* How memory was registered. */
enum outcome {
	ORDINARY,		/* by ibv_reg_mr() */
	OF_PEERBUF,		/* an MR over a dma-buf of those pages */
	OF_FOREIGN,		/* an MR over another exporter's dma-buf */
};

/**
 * register_memory() - register a range, whatever is mapped there
 * @verbs: the calls
 * @control: control, or -1 if the process cannot open it: then all memory is ordinary
 * @request: what to register
 * @mr: out
 * @outcome: out, also on failure
 * @error: out
 *
 * Return: 0 or -errno.
 */
int register_memory(const struct verbs *verbs, int control, const struct request *request,
		    struct ibv_mr **mr, enum outcome *outcome, struct peerbuf_error *error);

#endif /* PEERBUF_REGISTER_H */
