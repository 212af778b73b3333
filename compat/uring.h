/* SPDX-License-Identifier: GPL-2.0 */
/*
 * io_uring: from 6.6 on drivers' commands have a header of their own and point to the submission
 * queue entry. Before, a positive result that a driver returns does not complete the command.
 */
#ifndef _PEERBUF_COMPAT_URING_H
#define _PEERBUF_COMPAT_URING_H

#ifdef HAVE_URING_CMD_HEADER
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif

/* The driver's part of the submission queue entry. */
static inline const void *compat_uring_cmd_data(const struct io_uring_cmd *cmd)
{
#ifdef HAVE_URING_CMD_SQE
	return cmd->sqe->cmd;
#else
	return cmd->cmd;
#endif
}

/* Ends a command. The driver returns what this returns. */
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
