/* SPDX-License-Identifier: GPL-2.0 */
/* io_uring: 6.6 gave commands of drivers a header of their own, and the entry itself. */
#ifndef _PEERBUF_COMPAT_URING_H
#define _PEERBUF_COMPAT_URING_H

#ifdef HAVE_URING_CMD_HEADER
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif

/* The part of the entry that is the driver's. */
static inline const void *compat_uring_cmd_data(const struct io_uring_cmd *cmd)
{
#ifdef HAVE_URING_CMD_SQE
	return cmd->sqe->cmd;
#else
	return cmd->cmd;
#endif
}

#endif /* _PEERBUF_COMPAT_URING_H */
