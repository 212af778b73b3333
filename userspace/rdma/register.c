// SPDX-License-Identifier: LGPL-2.1-or-later
/* Makes a memory region of whatever is mapped at an address. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "register.h"

static int fail(struct peerbuf_error *error, int err, uint32_t reason)
{
	*error = (struct peerbuf_error) {
		.error = err,
		.reason = reason,
		.range = PEERBUF_NO_RANGE,
		.blocker = PEERBUF_PCI_NONE,
		.missing = PEERBUF_PCI_NONE,
	};
	return err;
}

static int failed(struct peerbuf_error *error)
{
	return fail(error, errno ? -errno : -ENOMEM, PEERBUF_REASON_NONE);
}

static int plain(const struct verbs *verbs, const struct request *request, struct ibv_mr **mr,
		 struct peerbuf_error *error)
{
	*mr = verbs->reg_mr(request->pd, request->addr, request->length, request->iova,
			    request->access);
	return *mr ? 0 : failed(error);
}

/* Registers a dma-buf, to which the MR keeps a reference. The MR's addresses are the process's. */
static int over(const struct verbs *verbs, const struct request *request, int fd, uint64_t offset,
		struct ibv_mr **mr, struct peerbuf_error *error)
{
	int ret = 0;

	*mr = verbs->reg_dmabuf_mr(request->pd, offset, request->length, request->iova, fd,
				   request->access);
	if (*mr)
		(*mr)->addr = request->addr;
	else
		ret = failed(error);
	close(fd);
	return ret;
}

/* The whole range must be one dma-buf of another exporter, mapped as a whole; else it fails. */
static int foreign(const struct verbs *verbs, int control, const struct request *request,
		   struct ibv_mr **mr, struct peerbuf_error *error)
{
	struct peerbuf_piece piece;
	int ret;

	ret = peerbuf_lookup(control, request->addr, request->length, 0, &piece, 1, error);
	if (ret == -EMSGSIZE)
		return fail(error, -EOPNOTSUPP, PEERBUF_REASON_FOREIGN_BUFFER);
	if (ret < 0)
		return ret;
	if (piece.fd < 0)
		return fail(error, -EOPNOTSUPP, piece.reason);
	return over(verbs, request, piece.fd, piece.offset, mr, error);
}

/* Finds out why libibverbs failed: does the range have memory that it cannot register? */
static int explain(int control, const struct request *request, struct peerbuf_error *error)
{
	struct peerbuf_piece pieces[PEERBUF_MAX_PIECES];
	struct peerbuf_error ignored;
	int nr, n;

	if (control < 0)
		return error->error;
	nr = peerbuf_lookup(control, request->addr, request->length, PEERBUF_LOOKUP_F_LOOK,
			    pieces, PEERBUF_MAX_PIECES, &ignored);
	for (n = 0; n < nr; n++) {
		if (pieces[n].kind == PEERBUF_PIECE_ORDINARY)
			continue;
		if (pieces[n].kind == PEERBUF_PIECE_PEERBUF)
			return fail(error, -EOPNOTSUPP, PEERBUF_REASON_ORDINARY_MEMORY);
		error->reason = pieces[n].reason ? pieces[n].reason :
						   PEERBUF_REASON_FOREIGN_BUFFER;
		return error->error;
	}
	return error->error;
}

static bool is_foreign(uint32_t reason)
{
	return reason == PEERBUF_REASON_FOREIGN_BUFFER || reason == PEERBUF_REASON_FOREIGN_PART ||
	       reason == PEERBUF_REASON_FOREIGN_UNKNOWN;
}

/*
 * Makes no system call of its own without peerbuf, and one for ordinary memory. If the range
 * begins with device memory, all of it must be device memory. If it begins with ordinary memory,
 * libibverbs registers it, and refuses if not all of it is ordinary.
 */
int register_memory(const struct verbs *verbs, int control, const struct request *request,
		    struct ibv_mr **mr, enum outcome *outcome, struct peerbuf_error *error)
{
	const void *bad = request->addr;
	uint64_t offset;
	int fd = -EOPNOTSUPP, ret;

	fail(error, 0, PEERBUF_REASON_NONE);
	*outcome = ORDINARY;
	if (control >= 0 && request->length)
		fd = peerbuf_lookup_one(control, request->addr, request->length, &offset, &bad,
					error);
	if (fd >= 0) {
		*outcome = OF_PEERBUF;
		return over(verbs, request, fd, offset, mr, error);
	}
	if (fd == -EOPNOTSUPP && bad == request->addr) {
		if (is_foreign(error->reason)) {
			*outcome = OF_FOREIGN;
			return foreign(verbs, control, request, mr, error);
		}
		ret = plain(verbs, request, mr, error);
		return ret ? explain(control, request, error) : 0;
	}
	*outcome = OF_PEERBUF;
	return fd;
}
