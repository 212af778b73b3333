/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring: 6.6 gave commands of drivers a header of their own, and the entry itself. Before, a
 * result above zero that is returned completes nothing.
 */
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

/* For the driver to return: its result, or that it has told it. */
static inline int compat_uring_cmd_end(struct io_uring_cmd *cmd, int result,
				       unsigned int issue_flags)
{
#ifdef HAVE_URING_CMD_SQE
	return result;
#else
	io_uring_cmd_done(cmd, result, 0, issue_flags);
	return -EIOCBQUEUED;
#endif
}

#endif /* _PEERBUF_COMPAT_URING_H */
