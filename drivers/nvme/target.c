// SPDX-License-Identifier: GPL-2.0
/* The block device or file behind a file descriptor. */
#include "internal.h"

/* The block device that the file is, or that its file system is on. */
struct block_device *peerbuf_nvme_device_of(struct file *file)
{
	if (S_ISBLK(file_inode(file)->i_mode))
		return I_BDEV(file->f_mapping->host);
	return file_inode(file)->i_sb->s_bdev;
}

/* In bytes. The size may change at any time. */
u64 peerbuf_nvme_size_of(struct file *file)
{
	if (S_ISBLK(file_inode(file)->i_mode))
		return bdev_nr_bytes(peerbuf_nvme_device_of(file));
	return i_size_read(file_inode(file));
}

const struct peerbuf_nvme_source *peerbuf_nvme_source_of(struct file *file)
{
	return S_ISBLK(file_inode(file)->i_mode) ? &peerbuf_nvme_block_source :
						   &peerbuf_nvme_regular_source;
}

/* Is the file open for this, and of a supported kind? -EBADF, -EOPNOTSUPP, -EROFS, -ETXTBSY. */
int peerbuf_nvme_check_file(struct file *file, bool write, u32 *reason)
{
	umode_t mode = file_inode(file)->i_mode;

	if (!(file->f_mode & (write ? FMODE_WRITE : FMODE_READ))) {
		*reason = PEERBUF_REASON_FILE_ACCESS;
		return -EBADF;
	}
	if (S_ISBLK(mode))
		return peerbuf_nvme_block_check(file, write, reason);
	if (S_ISREG(mode))
		return peerbuf_nvme_regular_check(file, write, reason);
	*reason = PEERBUF_REASON_NOT_A_FILE;
	return -EOPNOTSUPP;
}
