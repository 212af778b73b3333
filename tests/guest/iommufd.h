/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of iommufd's interface as the tests use: Debian 12 has no <linux/iommufd.h>, and
 * Debian 13's is older than mapping files.
 */
#ifndef GUEST_IOMMUFD_H
#define GUEST_IOMMUFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOAS_ALLOC		_IO(';', 0x81)
#define IOAS_MAP		_IO(';', 0x85)
#define IOAS_MAP_FILE		_IO(';', 0x8f)

/* At that IOVA; the device may write; it may read. */
#define IOAS_FIXED		(1U << 0)
#define IOAS_WRITE		(1U << 1)
#define IOAS_READ		(1U << 2)

struct ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 ioas;		/* out */
};

struct ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas;
	__u32 reserved;
	__u64 address;
	__u64 length;
	__u64 iova;
};

struct ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas;
	__s32 fd;
	__u64 start;
	__u64 length;
	__u64 iova;
};

#endif /* GUEST_IOMMUFD_H */
