/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: the buffers behind addresses of a process. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_LOOKUP_H
#define _UAPI_LINUX_PEERBUF_LOOKUP_H

#include <linux/types.h>

/** Maximum number of pieces in the answer of one lookup. */
#define PEERBUF_MAX_PIECES	256

/**
 * struct peerbuf_piece - what a range of addresses maps
 * @addr: first address
 * @length: bytes
 * @offset: offset of @addr in the dma-buf
 * @id: of the new export, or zero
 * @parent: id of the export that is mapped there, or zero
 * @kind: PEERBUF_PIECE_*
 * @reason: enum peerbuf_reason: why there is no dma-buf for it, or zero
 * @flags: PEERBUF_PIECE_F_*
 * @fd: the dma-buf, or -1
 */
struct peerbuf_piece {
	__u64 addr;
	__u64 length;
	__u64 offset;
	__u64 id;
	__u64 parent;
	__u32 kind;
	__u32 reason;
	__u32 flags;
	__s32 fd;
};

#define PEERBUF_PIECE_HOLE	0 /* nothing is mapped */
#define PEERBUF_PIECE_ORDINARY	1 /* system memory of the process, or of a file */
#define PEERBUF_PIECE_DEVICE	2 /* device memory that is not mapped from a dma-buf */
#define PEERBUF_PIECE_PEERBUF	3 /* an export of peerbuf's */
#define PEERBUF_PIECE_FOREIGN	4 /* a dma-buf of another exporter */

/* The mapping is writable, or mprotect() could make it so. What is made of it is writable, too. */
#define PEERBUF_PIECE_F_WRITABLE	(1U << 0)

/**
 * struct peerbuf_ioc_lookup - PEERBUF_IOC_LOOKUP (control only): the dma-bufs behind addresses
 * @size: sizeof(struct peerbuf_ioc_lookup)
 * @reason: out, enum peerbuf_reason on failure
 * @flags: PEERBUF_LOOKUP_F_*
 * @open_flags: O_CLOEXEC or zero, for the descriptors
 * @addr: first address, in the calling process; any byte
 * @length: bytes, not zero
 * @pieces: address of an array of struct peerbuf_piece, in order of addresses
 * @nr_pieces: in, number of pieces that fit, 0..PEERBUF_MAX_PIECES; out, pieces stored
 * @piece_size: in, sizeof(struct peerbuf_piece) as the caller knows it
 * @total: out, pieces found; counting stops at PEERBUF_MAX_PIECES + 1
 * @fd: with PEERBUF_LOOKUP_F_COMPOSE: out, the dma-buf; else -1
 * @offset: with PEERBUF_LOOKUP_F_COMPOSE: out, offset of @addr in it
 * @id: with PEERBUF_LOOKUP_F_COMPOSE: out, its id
 * @bad_addr: out, with PEERBUF_LOOKUP_F_COMPOSE on failure: start of the piece that is not
 *	peerbuf's
 *
 * Every process may call this. The mapping is the right to what it maps, and what is made of it
 * gives no more: an export *derived* from the mapped one, of those pages only, which an importer
 * cannot write to if the mapping cannot be made writable. A revoke, a move and a restore of the
 * parent apply to the derived export as well. The right to the memory stays with the parent's
 * owner, whose node lists the derived export and can revoke it. The derived export needs neither
 * the mapping nor the parent's descriptor: it keeps the parent alive. It cannot be moved by itself,
 * and while it is itself revoked or pinned the parent cannot move either.
 *
 * A mapping of BARs through the file of a VFIO device bound to peerbuf-vfio-pci becomes an export
 * of those pages, as VFIO_DEVICE_FEATURE_DMA_BUF makes them (with PEERBUF_LOOKUP_F_LOOK it is
 * PEERBUF_PIECE_DEVICE with no @reason). It has no @parent.
 *
 * Another exporter's dma-buf must be mapped as a whole; then that dma-buf itself is returned. For
 * every other piece @reason says why there is no descriptor.
 * A mapping that changes during the call is seen as it was at some moment of the call.
 *
 * errno: EINVAL @length is zero, or an unknown flag; EOVERFLOW @addr + @length overflows;
 * EMSGSIZE more pieces than fit, or than PEERBUF_MAX_PIECES: nothing is made, and @total
 * says how many there are; EMFILE, ENFILE no descriptor. With
 * PEERBUF_LOOKUP_F_COMPOSE: EOPNOTSUPP a piece is not peerbuf's; ENODEV one is revoked, or
 * its device is down or gone; EIO a device does not decode memory; EMSGSIZE too many devices.
 */
struct peerbuf_ioc_lookup {
	__u32 size;
	__u32 reason;
	__u32 flags;
	__u32 open_flags;
	__u64 addr;
	__u64 length;
	__u64 pieces;
	__u32 nr_pieces;
	__u32 piece_size;
	__u32 total;
	__s32 fd;
	__u64 offset;
	__u64 id;
	__u64 bad_addr;
};

/* Only report what there is: no export is made, and every @fd is -1. */
#define PEERBUF_LOOKUP_F_LOOK		(1U << 0)
/*
 * One dma-buf of all the pieces, which must all be mapped from peerbuf's exports, or all by VFIO
 * devices. @pieces have no descriptors.
 */
#define PEERBUF_LOOKUP_F_COMPOSE	(1U << 1)

#endif /* _UAPI_LINUX_PEERBUF_LOOKUP_H */
