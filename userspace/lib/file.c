// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>
#include <linux/io_uring.h>

#include "internal.h"

static ssize_t file_io(int control, unsigned long request, struct peerbuf_ioc_file *io,
		       struct peerbuf_error *error)
{
	int ret = PEERBUF_CALL(control, request, io, error);

	return ret ? ret : (ssize_t)io->bytes;
}

ssize_t peerbuf_file_read(int control, struct peerbuf_ioc_file *io, struct peerbuf_error *error)
{
	return file_io(control, PEERBUF_IOC_FILE_READ, io, error);
}

ssize_t peerbuf_file_write(int control, struct peerbuf_ioc_file *io, struct peerbuf_error *error)
{
	return file_io(control, PEERBUF_IOC_FILE_WRITE, io, error);
}

static int prepare(struct io_uring_sqe *sqe, int control, unsigned int request,
		   struct peerbuf_ioc_file *io)
{
	__u64 address = (uintptr_t)io;

	io->size = sizeof(*io);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = control;
	sqe->cmd_op = request;
	/* This is the field "cmd", under a name that older headers have as well. */
	memcpy(&sqe->addr3, &address, sizeof(address));
	return 0;
}

int peerbuf_file_prepare_read(void *sqe, int control, struct peerbuf_ioc_file *io)
{
	return prepare(sqe, control, PEERBUF_IOC_FILE_READ, io);
}

int peerbuf_file_prepare_write(void *sqe, int control, struct peerbuf_ioc_file *io)
{
	return prepare(sqe, control, PEERBUF_IOC_FILE_WRITE, io);
}
