/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf-verbs: registering any address with an RDMA device. In a library of its own, which
 * needs libibverbs.
 *
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
 * @address: the first, of this process
 * @length: bytes, not zero
 * @access: IBV_ACCESS_*
 * @mr: out; ibv_dereg_mr() ends it
 * @error: out, or NULL
 *
 * What is mapped from exports of peerbuf's, or by sysfs from BARs that the process may export,
 * becomes one MR over a dma-buf of those pages. So does the mapping of all of a dma-buf of
 * udmabuf or of the heap "system". Anything else goes to ibv_reg_mr(). The MR's addresses are
 * those of the process, as with ibv_reg_mr().
 *
 * The MR needs neither the mapping nor a descriptor afterwards, and this keeps nothing else. It
 * is revoked with the export that it is a part of, and follows it where that moves.
 *
 * Return: 0; -EOPNOTSUPP the range has a device's memory and other memory side by side, or an
 * exporter's that cannot be taken, @reason says which; or what ibv_reg_mr(),
 * ibv_reg_dmabuf_mr() and peerbuf_lookup_one() say.
 */
int peerbuf_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access,
		   struct ibv_mr **mr, struct peerbuf_error *error);

#ifdef __cplusplus
}
#endif

#endif /* LIBPEERBUF_VERBS_H */
