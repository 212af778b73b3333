// SPDX-License-Identifier: GPL-2.0
/*
 * The errno for the status that a command ended with. The names are those of the NVMe base
 * specification; old kernels' headers lack some of them.
 */
#include "internal.h"

/* Status code type and status code, without the bits "more", "do not retry" and the delay. */
#define PEERBUF_NVME_STATUS_MASK	0x7ff
#define PEERBUF_NVME_DO_NOT_RETRY	0x4000

#define PEERBUF_NVME_TRANSIENT		0x022 /* transient transport error */

static const struct {
	u16 status;
	s16 error;
} peerbuf_nvme_errnos[] = {
	/* Generic */
	{ NVME_SC_INVALID_OPCODE, -EOPNOTSUPP },
	{ NVME_SC_INVALID_FIELD, -EINVAL },
	{ NVME_SC_ABORT_REQ, -ETIMEDOUT },
	{ NVME_SC_INVALID_NS, -ENODEV },
	{ NVME_SC_OP_DENIED, -EACCES },
	{ NVME_SC_NS_WRITE_PROTECTED, -EROFS },
	{ NVME_SC_LBA_RANGE, -ENXIO },
	{ NVME_SC_CAP_EXCEEDED, -ENOSPC },
	{ NVME_SC_NS_NOT_READY, -EBUSY },
	{ NVME_SC_RESERVATION_CONFLICT, -EBADE },
	/* Command specific */
	{ NVME_SC_BAD_ATTRIBUTES, -EINVAL },
	{ NVME_SC_INVALID_PI, -EILSEQ },
	{ NVME_SC_READ_ONLY, -EROFS },
	/* Media and data integrity */
	{ NVME_SC_WRITE_FAULT, -EIO },
	{ NVME_SC_READ_ERROR, -ENODATA },
	{ NVME_SC_GUARD_CHECK, -EILSEQ },
	{ NVME_SC_APPTAG_CHECK, -EILSEQ },
	{ NVME_SC_REFTAG_CHECK, -EILSEQ },
	{ NVME_SC_ACCESS_DENIED, -EACCES },
	{ NVME_SC_UNWRITTEN_BLOCK, -ENODATA },
	/* Path: the host gave the command up, in a reset or after a timeout. */
	{ NVME_SC_HOST_PATH_ERROR, -ETIMEDOUT },
	{ NVME_SC_HOST_ABORTED_CMD, -ETIMEDOUT },
};

/**
 * peerbuf_nvme_status_errno() - the errno for a status that is not zero
 * @status: as nvme_submit_sync_cmd() returns it
 *
 * Context: any.
 * Return: an errno; -EIO for a status that has none of its own.
 */
int peerbuf_nvme_status_errno(u32 status)
{
	unsigned int i;

	status &= PEERBUF_NVME_STATUS_MASK;
	for (i = 0; i < ARRAY_SIZE(peerbuf_nvme_errnos); i++)
		if (peerbuf_nvme_errnos[i].status == status)
			return peerbuf_nvme_errnos[i].error;
	return -EIO;
}

/**
 * peerbuf_nvme_may_retry() - may the same command succeed later?
 * @result: what nvme_submit_sync_cmd() returned: a status, or an errno
 *
 * nvme-core does not retry commands of other modules. When it resets the controller it cancels
 * them with -EINTR.
 *
 * Context: any.
 * Return: true if so.
 */
bool peerbuf_nvme_may_retry(int result)
{
	if (result < 0)
		return result == -EINTR || result == -EAGAIN || result == -EBUSY;
	if (result & PEERBUF_NVME_DO_NOT_RETRY)
		return false;
	switch (result & PEERBUF_NVME_STATUS_MASK) {
	case NVME_SC_ABORT_REQ:
	case NVME_SC_NS_NOT_READY:
	case NVME_SC_CMD_INTERRUPTED:
	case PEERBUF_NVME_TRANSIENT:
	case NVME_SC_HOST_PATH_ERROR:
	case NVME_SC_HOST_ABORTED_CMD:
		return true;
	}
	return false;
}
