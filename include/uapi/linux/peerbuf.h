/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * peerbuf: PCIe BAR memory shared between devices as dynamic DMA-BUFs.
 *
 * Two kinds of character device speak these ioctls:
 *
 *  /dev/peerbuf/<dddd:bb:dd.f>  one per exportable PCI function ("the node").
 *                               Its file permissions are the right to the
 *                               function's memory, and to no other's.
 *  /dev/peerbuf/control         topology, accounting and administration.
 *
 * Conventions, the same for every ioctl:
 *
 *  - Every structure starts with its own size in bytes, as the caller was
 *    compiled. A structure larger than the kernel knows is accepted when the
 *    unknown tail is zero (-E2BIG otherwise); a smaller one than the first
 *    published version is refused (-EINVAL). The kernel never writes past the
 *    size it was given. The size encoded in the ioctl number is ignored.
 *  - Reserved fields and unknown flags must be zero (-EINVAL).
 *  - Every structure has a @reason: on failure the kernel stores there, besides
 *    the errno, which check failed (enum peerbuf_reason). It is zero on success.
 *  - Pointers are u64, sizes and offsets are bytes in u64.
 *  - A failed ioctl changes nothing, except where noted (PEERBUF_IOC_REVOKE).
 *
 * errno values shared by all ioctls:
 *
 *  EFAULT      the structure or an array it points to is not accessible
 *  EINVAL      structure too short, reserved field or unknown flag not zero
 *  E2BIG       structure longer than known here, with a tail that is not zero
 *  ENOTTY      unknown ioctl, or one this kind of node does not answer
 *  EACCES      the file was not opened for writing, or the right to a function's
 *              memory is missing (see "Rights" below)
 *  EPERM       CAP_SYS_ADMIN is missing, or the kernel is locked down
 *  ENOMEM      out of memory
 *  EINTR       a signal arrived while waiting
 *
 * Rights
 *
 * A buffer can have memory of several functions, and each may have another owner. A call
 * has the right to the memory of the function whose node it is made on, and to that of
 * every function whose node, open for writing, it names: by @device_fd of a range, or in
 * the array @rights of PEERBUF_IOC_MOVE and PEERBUF_IOC_RESTORE. The kernel checks the rights
 * that a buffer needs when it has locked the buffer:
 *
 *  - Moving it needs the right to every function that it has memory of and to every one
 *    that it goes to. The function it was exported by (its home) always counts, wherever
 *    the buffer lies, and owns the system memory in the buffer.
 *  - The owner of any of those functions can revoke it. A revoke through a node is a mark of
 *    that function, and stays when the node is closed or its process ends. Only the owner
 *    of that function can lift the mark, and the administrator through control. The buffer can
 *    be mapped again when no mark is left.
 *  - A node tells what a buffer is, its state and who holds it, but of its place
 *    only what belongs to the node's function.
 *  - A DMA-BUF's fd is the right to query that buffer (PEERBUF_IOC_QUERY), and nothing more.
 *    Importers hold one, too.
 *
 * Where a right is missing, the call fails with EACCES and PEERBUF_REASON_RIGHT_MISSING, and
 * @missing says whose right it is.
 */
#ifndef _UAPI_LINUX_PEERBUF_H
#define _UAPI_LINUX_PEERBUF_H

#include <linux/ioctl.h>

/* Relative: a program may have this folder in its path and include "peerbuf.h". */
#include "peerbuf/account.h"
#include "peerbuf/addr.h"
#include "peerbuf/buffer.h"
#include "peerbuf/event.h"
#include "peerbuf/file.h"
#include "peerbuf/lend.h"
#include "peerbuf/lookup.h"
#include "peerbuf/node.h"
#include "peerbuf/probe.h"
#include "peerbuf/range.h"
#include "peerbuf/reason.h"
#include "peerbuf/route.h"

/** Version of this interface; it grows when something is added. */
#define PEERBUF_UAPI_VERSION	4

/*
 * One letter for peerbuf and its VFIO devices. Documentation/userspace-api/ioctl/
 * ioctl-number.rst assigns it to nobody. 0x00..0x3f are these, 0x40..0x5f those of peerbuf_vfio.h.
 * 0x11 is reserved for a future call.
 */
#define PEERBUF_IOC_MAGIC	0xBC

#define PEERBUF_IOC_INFO	_IOWR(PEERBUF_IOC_MAGIC, 0x00, struct peerbuf_ioc_info)
#define PEERBUF_IOC_EXPORT	_IOWR(PEERBUF_IOC_MAGIC, 0x01, struct peerbuf_ioc_export)
#define PEERBUF_IOC_MOVE	_IOWR(PEERBUF_IOC_MAGIC, 0x02, struct peerbuf_ioc_move)
#define PEERBUF_IOC_REVOKE	_IOWR(PEERBUF_IOC_MAGIC, 0x03, struct peerbuf_ioc_revoke)
#define PEERBUF_IOC_RESTORE	_IOWR(PEERBUF_IOC_MAGIC, 0x04, struct peerbuf_ioc_restore)
#define PEERBUF_IOC_QUERY	_IOWR(PEERBUF_IOC_MAGIC, 0x05, struct peerbuf_ioc_query)
#define PEERBUF_IOC_LIST	_IOWR(PEERBUF_IOC_MAGIC, 0x06, struct peerbuf_ioc_list)
#define PEERBUF_IOC_ATTACHMENTS	_IOWR(PEERBUF_IOC_MAGIC, 0x07, struct peerbuf_ioc_attachments)
#define PEERBUF_IOC_ROUTE	_IOWR(PEERBUF_IOC_MAGIC, 0x08, struct peerbuf_ioc_route)
#define PEERBUF_IOC_LEND	_IOWR(PEERBUF_IOC_MAGIC, 0x09, struct peerbuf_ioc_lend)
#define PEERBUF_IOC_UNLEND	_IOWR(PEERBUF_IOC_MAGIC, 0x0a, struct peerbuf_ioc_lend)
#define PEERBUF_IOC_DEVICES	_IOWR(PEERBUF_IOC_MAGIC, 0x0b, struct peerbuf_ioc_devices)
#define PEERBUF_IOC_STATS	_IOWR(PEERBUF_IOC_MAGIC, 0x0c, struct peerbuf_ioc_stats)
#define PEERBUF_IOC_PROBE	_IOWR(PEERBUF_IOC_MAGIC, 0x0d, struct peerbuf_ioc_probe)
#define PEERBUF_IOC_EVENTS	_IOWR(PEERBUF_IOC_MAGIC, 0x0e, struct peerbuf_ioc_events)
#define PEERBUF_IOC_POLICY	_IOWR(PEERBUF_IOC_MAGIC, 0x0f, struct peerbuf_ioc_policy)
#define PEERBUF_IOC_LOOKUP	_IOWR(PEERBUF_IOC_MAGIC, 0x10, struct peerbuf_ioc_lookup)
#define PEERBUF_IOC_FILE_READ	_IOWR(PEERBUF_IOC_MAGIC, 0x12, struct peerbuf_ioc_file)
#define PEERBUF_IOC_FILE_WRITE	_IOWR(PEERBUF_IOC_MAGIC, 0x13, struct peerbuf_ioc_file)

#endif /* _UAPI_LINUX_PEERBUF_H */
