/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf-verbs: registers any memory of the process with an RDMA device. It is a library of its
 * own because it needs libibverbs.
 * The conventions are those of <peerbuf.h>.
 */
#ifndef LIBPEERBUF_VERBS_H
#define LIBPEERBUF_VERBS_H

#include <infiniband/verbs.h>
#include <peerbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * peerbuf_reg_mr() - register a range of addresses, whatever is mapped there
 * @pd: the protection domain
 * @address: the first address in this process
 * @length: bytes, not zero
 * @access: IBV_ACCESS_*
 * @mr: out; ibv_dereg_mr() ends it
 * @error: out, or NULL
 *
 * Memory that is mapped from exports of peerbuf, or through sysfs from BARs that the process may
 * export, becomes one MR over a dma-buf of those pages. So does a mapping of a whole dma-buf of
 * udmabuf or of the heap "system". Any other memory is passed to ibv_reg_mr(). The MR's addresses
 * are those of the process, as with ibv_reg_mr().
 *
 * Afterwards the MR needs neither the mapping nor a descriptor, and this call keeps nothing else.
 * The MR is revoked with the export that it is a part of, and moves with it.
 *
 * Return: 0; -EOPNOTSUPP the range has device memory and other memory side by side, or memory of an
 * exporter that is not supported, @reason says which; or an errno of ibv_reg_mr(),
 * ibv_reg_dmabuf_mr() and peerbuf_lookup_one().
 */
int peerbuf_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access,
		   struct ibv_mr **mr, struct peerbuf_error *error);

#ifdef __cplusplus
}
#endif

#endif /* LIBPEERBUF_VERBS_H */
