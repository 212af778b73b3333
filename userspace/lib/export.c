// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* The field is 32 bits wide: a larger count would be cut to a small one. */
static int check_count(size_t nr_ranges, struct peerbuf_error *error)
{
	if (nr_ranges > PEERBUF_MAX_RANGES)
		return peerbuf_fail(error, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_RANGES);
	return 0;
}

static int check_rights(size_t nr_rights, struct peerbuf_error *error)
{
	if (nr_rights > PEERBUF_MAX_RIGHTS)
		return peerbuf_fail(error, -EMSGSIZE, PEERBUF_REASON_TOO_MANY_RIGHTS);
	return 0;
}

/* Only these reasons are about one range; with others the kernel's index means nothing. */
static bool reason_names_range(uint32_t reason)
{
	switch (reason) {
	case PEERBUF_REASON_ZERO_LENGTH:
	case PEERBUF_REASON_UNALIGNED:
	case PEERBUF_REASON_PAST_END:
	case PEERBUF_REASON_OVERFLOW:
	case PEERBUF_REASON_BAD_FD:
	case PEERBUF_REASON_NOT_NODE:
	case PEERBUF_REASON_NO_BAR:
	case PEERBUF_REASON_IO_BAR:
	case PEERBUF_REASON_BAR_NOT_EXPORTABLE:
	case PEERBUF_REASON_MEMORY_DECODE_OFF:
	case PEERBUF_REASON_BAR_UNASSIGNED:
	case PEERBUF_REASON_NOT_LENT:
	case PEERBUF_REASON_MSIX:
	case PEERBUF_REASON_BAR_SMALL:
	case PEERBUF_REASON_NO_MEMORY:
		return true;
	}
	return false;
}

static int blame_range(int ret, uint32_t range, struct peerbuf_error *error)
{
	if (error && reason_names_range(error->reason))
		error->range = range;
	return ret;
}

int peerbuf_export_with(int node, const struct peerbuf_range *ranges, size_t nr_ranges,
			const struct peerbuf_export_options *options, uint64_t *id,
			struct peerbuf_error *error)
{
	struct peerbuf_ioc_export arg = {
		.flags = options->flags,
		.open_flags = options->open_flags,
		.nr_ranges = nr_ranges,
		.ranges = (uintptr_t)ranges,
		.segment_align = options->segment_align,
		.max_segment = options->max_segment,
	};
	int ret = check_count(nr_ranges, error);

	if (ret)
		return ret;
	if (options->size != sizeof(*options))
		return peerbuf_fail(error, -EINVAL, PEERBUF_REASON_STRUCT_SIZE);
	if (options->reserved)
		return peerbuf_fail(error, -EINVAL, PEERBUF_REASON_RESERVED);
	ret = PEERBUF_CALL(node, PEERBUF_IOC_EXPORT, &arg, error);
	if (ret)
		return blame_range(ret, arg.bad_range, error);
	if (id)
		*id = arg.id;
	return arg.fd;
}

int peerbuf_export(int node, const struct peerbuf_range *ranges, size_t nr_ranges,
		   uint32_t flags, int open_flags, uint64_t *id, struct peerbuf_error *error)
{
	const struct peerbuf_export_options options = {
		.size = sizeof(options),
		.flags = flags,
		.open_flags = open_flags,
	};

	return peerbuf_export_with(node, ranges, nr_ranges, &options, id, error);
}

int peerbuf_export_bar(int node, unsigned int bar, uint32_t flags, int open_flags,
		       uint64_t *id, struct peerbuf_error *error)
{
	struct peerbuf_range range = { .bar = bar };
	struct peerbuf_ioc_info info;
	int ret = peerbuf_info(node, &info, error);

	if (ret)
		return ret;
	if (bar >= ARRAY_SIZE(info.bars))
		return peerbuf_fail(error, -ENXIO, PEERBUF_REASON_NO_BAR);
	/*
	 * An absent or I/O BAR gets a length too, so that the kernel refuses the BAR and not
	 * the length.
	 */
	range.length = info.bars[bar].size;
	if (!(info.bars[bar].flags & PEERBUF_BAR_F_MEMORY) || !range.length)
		range.length = sysconf(_SC_PAGESIZE);
	return peerbuf_export(node, &range, 1, flags, open_flags, id, error);
}

/*
 * New fields of these structures are zero if they are not used, so a kernel that does not know
 * them yet accepts the structure. It then leaves them zero.
 */
static void blame_right(uint64_t missing, struct peerbuf_error *error)
{
	if (error && (error->reason == PEERBUF_REASON_RIGHT_MISSING ||
		      (!error->error && missing)))
		error->missing = missing;
}

int peerbuf_move_with(int node, uint64_t id, const struct peerbuf_range *ranges,
		      size_t nr_ranges, uint32_t flags, const int *rights, size_t nr_rights,
		      struct peerbuf_error *error)
{
	struct peerbuf_ioc_move arg = {
		.id = id,
		.flags = flags,
		.nr_ranges = nr_ranges,
		.ranges = (uintptr_t)ranges,
		.rights = (uintptr_t)rights,
		.nr_rights = nr_rights,
		/* The kernel leaves it so if it refuses one of @rights instead. */
		.bad_range = PEERBUF_NO_RANGE,
	};
	int ret = check_count(nr_ranges, error);

	if (!ret)
		ret = check_rights(nr_rights, error);
	if (ret)
		return ret;
	ret = PEERBUF_CALL(node, PEERBUF_IOC_MOVE, &arg, error);
	if (ret)
		blame_right(arg.missing, error);
	return blame_range(ret, arg.bad_range, error);
}

int peerbuf_move(int node, uint64_t id, const struct peerbuf_range *ranges, size_t nr_ranges,
		 uint32_t flags, struct peerbuf_error *error)
{
	return peerbuf_move_with(node, id, ranges, nr_ranges, flags, NULL, 0, error);
}

int peerbuf_revoke(int fd, uint64_t id, uint32_t timeout_ms, struct peerbuf_error *error)
{
	struct peerbuf_ioc_revoke arg = { .id = id, .timeout_ms = timeout_ms };
	int ret = PEERBUF_CALL(fd, PEERBUF_IOC_REVOKE, &arg, error);

	if (!error || !arg.blockers)
		return ret;
	error->blockers = arg.blockers;
	error->blocker = arg.blocker;
	memcpy(error->blocker_name, arg.blocker_name, sizeof(error->blocker_name));
	error->blocker_name[sizeof(error->blocker_name) - 1] = '\0';
	return ret;
}

int peerbuf_restore_with(int fd, uint64_t id, const int *rights, size_t nr_rights,
			 struct peerbuf_error *error)
{
	struct peerbuf_ioc_restore arg = {
		.id = id,
		.rights = (uintptr_t)rights,
		.nr_rights = nr_rights,
	};
	int ret = check_rights(nr_rights, error);

	if (ret)
		return ret;
	ret = PEERBUF_CALL(fd, PEERBUF_IOC_RESTORE, &arg, error);
	blame_right(arg.missing, error);
	return ret;
}

int peerbuf_restore(int fd, uint64_t id, struct peerbuf_error *error)
{
	return peerbuf_restore_with(fd, id, NULL, 0, error);
}
