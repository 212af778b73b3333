// SPDX-License-Identifier: GPL-2.0
/*
 * Control's calls for files and block devices, by io_uring. They take as long as the drive does, so
 * they always run in a worker of io_uring. The worker acts for the submitting process, with its
 * credentials, descriptors and memory. To cancel a call io_uring signals the worker.
 */
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include <linux/peerbuf.h>

#include "node/ioctl.h"

#include "../../../compat/uring.h"

/* The uring_cmd operation. The result is bytes moved, or an errno. */
int peerbuf_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct peerbuf_call call = {};
	u64 address;
	int ret;

	if (cmd->cmd_op != PEERBUF_IOC_FILE_READ && cmd->cmd_op != PEERBUF_IOC_FILE_WRITE)
		return -EOPNOTSUPP;
	if (issue_flags & IO_URING_F_NONBLOCK)
		return -EAGAIN;
	memcpy(&address, compat_uring_cmd_data(cmd), sizeof(address));
	ret = peerbuf_ioctl_do(cmd->file->private_data, cmd->cmd_op, u64_to_user_ptr(address),
			       &call);
	ret = ret ?: min_t(u64, call.file.bytes, INT_MAX);
	return compat_uring_cmd_end(cmd, ret, issue_flags);
}
