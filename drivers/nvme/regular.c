// SPDX-License-Identifier: GPL-2.0
/*
 * Regular files: where their blocks are, and why they stay there while a command is under way.
 *
 * ext4, read only. ext4's bmap() takes the inode's lock itself, so this module cannot hold it.
 * Instead it prevents writing, as execve() does: deny_write_access() fails if the file is open for
 * writing or mapped shared and writable, and makes open(2) for writing and truncate(2) fail. Only
 * callers that may write to the file or execute it get that; for others the page cache reads.
 * Everything that allocates, frees or exchanges a file's blocks needs one of those two calls. The
 * file is open, so unlinking it frees no blocks.
 *
 * xfs. xfs's bmap() does not take the inode's lock (i_rwsem). So this module holds it as direct I/O
 * does: shared for a read, exclusive for a write. Truncating, punching, exchanging and sharing
 * extents take it exclusively. bmap() returns 0 for files that may have shared extents and for
 * real-time files. A write goes only to blocks that have been written before, so that no metadata
 * has to change.
 *
 * Files without direct I/O are left to the page cache: on ext4, files whose data goes through the
 * journal. If bmap() returns 0 there is a hole, an unwritten extent, data in the inode, or an
 * error: the page cache handles all of them.
 */
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "internal.h"

static bool peerbuf_nvme_is_on(const struct inode *inode, const char *name)
{
	return !strcmp(inode->i_sb->s_type->name, name);
}

/* Files whose bytes on the medium differ from what read(2) returns, or would go unchecked. */
static bool peerbuf_nvme_is_special(const struct file *file, bool write)
{
	const struct inode *inode = file_inode(file);

	return IS_ENCRYPTED(inode) || IS_VERITY(inode) || IS_SWAPFILE(inode) || IS_DAX(inode) ||
	       IS_IMMUTABLE(inode) || inode->i_flags & S_IMA ||
	       (write && (IS_APPEND(inode) || file->f_flags & O_APPEND));
}

int peerbuf_nvme_regular_check(struct file *file, bool write, u32 *reason)
{
	struct inode *inode = file_inode(file);

	*reason = PEERBUF_REASON_FILESYSTEM;
	if (!peerbuf_nvme_is_on(inode, "ext4") && !peerbuf_nvme_is_on(inode, "xfs"))
		return -EOPNOTSUPP;
	if (!inode->i_sb->s_bdev)
		return -EOPNOTSUPP;
	*reason = PEERBUF_REASON_FILE_KIND;
	if (peerbuf_nvme_is_special(file, write))
		return -EOPNOTSUPP;
	*reason = PEERBUF_REASON_NONE;
	return 0;
}

/* False for example where data is in the inode or goes through the journal. */
static bool peerbuf_nvme_takes_direct_io(struct file *file)
{
	struct kstat stat;

	return !vfs_getattr(&file->f_path, &stat, STATX_DIOALIGN, AT_STATX_DONT_SYNC) &&
	       stat.result_mask & STATX_DIOALIGN && stat.dio_offset_align;
}

/* Can the drive write to it? If not, an ordinary write moves everything. */
static bool peerbuf_nvme_writes_in_place(const struct peerbuf_nvme_transfer *transfer)
{
	struct inode *inode = file_inode(transfer->file);
	u64 end = transfer->pos + transfer->length;

	return peerbuf_nvme_is_on(inode, "xfs") && end <= i_size_read(inode) &&
	       end <= rlimit(RLIMIT_FSIZE);
}

static int peerbuf_nvme_killed(u32 *reason)
{
	*reason = PEERBUF_REASON_INTERRUPTED;
	return -EINTR;
}

/* Under the inode's lock. Updates the times, and drops set-user-ID bits, as a write does. */
static int peerbuf_nvme_hold_for_write(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret;

	/* The file may have become shorter before the lock was taken. */
	if (!peerbuf_nvme_writes_in_place(transfer))
		return 0;
	/* Or a swap file, whose blocks are the kernel's from then on: that takes the lock, too. */
	if (peerbuf_nvme_is_special(transfer->file, true)) {
		*reason = PEERBUF_REASON_FILE_KIND;
		return -EOPNOTSUPP;
	}
	ret = file_modified(transfer->file);
	if (ret) {
		*reason = PEERBUF_REASON_FILE_ERROR;
		return ret;
	}
	ret = peerbuf_nvme_flush(transfer, reason);
	transfer->held = !ret;
	return ret == -EBUSY ? 0 : ret;
}

static int peerbuf_nvme_begin_xfs_write(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	struct file *file = transfer->file;
	struct inode *inode = file_inode(file);
	int ret;

	if (!peerbuf_nvme_writes_in_place(transfer))
		return 0;
	file_start_write(file);
	if (down_write_killable(&inode->i_rwsem)) {
		file_end_write(file);
		return peerbuf_nvme_killed(reason);
	}
	ret = peerbuf_nvme_hold_for_write(transfer, reason);
	if (!transfer->held) {
		inode_unlock(inode);
		file_end_write(file);
	}
	return ret;
}

static int peerbuf_nvme_begin_xfs_read(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	struct inode *inode = file_inode(transfer->file);
	int ret;

	if (down_read_killable(&inode->i_rwsem))
		return peerbuf_nvme_killed(reason);
	ret = peerbuf_nvme_flush(transfer, reason);
	if (ret)
		inode_unlock_shared(inode);
	transfer->held = !ret;
	return ret;
}

/*
 * May the caller keep others from writing to it? Whoever may write to it could spoil it for them as
 * well, and whoever may execute it keeps them out by that. Who may only read is not to: by reading
 * again and again he would stop those who keep records in the file. Nobody writes to a file system
 * that is read-only.
 */
static bool peerbuf_nvme_may_deny(struct file *file)
{
	return sb_rdonly(file_inode(file)->i_sb) || !file_permission(file, MAY_WRITE) ||
	       !file_permission(file, MAY_EXEC);
}

static int peerbuf_nvme_begin_ext4_read(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	int ret;

	if (!peerbuf_nvme_may_deny(transfer->file))
		return 0;
	if (deny_write_access(transfer->file)) {
		*reason = PEERBUF_REASON_FILE_BUSY;
		return -ETXTBSY;
	}
	ret = peerbuf_nvme_flush(transfer, reason);
	if (ret)
		allow_write_access(transfer->file);
	transfer->held = !ret;
	return ret;
}

static int peerbuf_nvme_regular_begin(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	/* The page cache alone needs nothing held. */
	if (!transfer->import.att || !peerbuf_nvme_takes_direct_io(transfer->file))
		return 0;
	if (transfer->write)
		return peerbuf_nvme_begin_xfs_write(transfer, reason);
	if (peerbuf_nvme_is_on(file_inode(transfer->file), "ext4"))
		return peerbuf_nvme_begin_ext4_read(transfer, reason);
	return peerbuf_nvme_begin_xfs_read(transfer, reason);
}

/*
 * The page cache takes the inode's lock, so drop it (xfs). The denial of writing (ext4) is no lock
 * and stays until the end.
 */
static void peerbuf_nvme_regular_release(struct peerbuf_nvme_transfer *transfer)
{
	struct inode *inode = file_inode(transfer->file);

	if (!transfer->held || !peerbuf_nvme_is_on(inode, "xfs"))
		return;
	transfer->held = false;
	if (!transfer->write) {
		inode_unlock_shared(inode);
		return;
	}
	peerbuf_nvme_forget_pages(transfer);
	inode_unlock(inode);
	file_end_write(transfer->file);
}

static int peerbuf_nvme_regular_end(struct peerbuf_nvme_transfer *transfer)
{
	if (transfer->held)
		allow_write_access(transfer->file);
	transfer->held = false;
	return peerbuf_nvme_sync(transfer);
}

/* The byte's place in the namespace, in bytes; 0 if bmap() does not tell. */
static u64 peerbuf_nvme_where(struct peerbuf_nvme_transfer *transfer, u64 pos)
{
	struct inode *inode = file_inode(transfer->file);
	u64 within = pos & (i_blocksize(inode) - 1);
	sector_t block = pos >> inode->i_blkbits;

	if (bmap(inode, &block) || !block)
		return 0;
	return transfer->ns.start + ((u64)block << inode->i_blkbits) + within;
}

static int peerbuf_nvme_add_run(struct peerbuf_nvme_transfer *transfer, u64 at, u64 len, u64 where)
{
	struct peerbuf_nvme_extent hole = {
		.at = at, .len = len, .way = PEERBUF_NVME_UNMAPPED,
	};

	if (where)
		return peerbuf_nvme_add_blocks(transfer, at, len, where);
	return peerbuf_nvme_add_extent(transfer, &hole);
}

/* The end of the file system block that contains @at, or of the transfer if that is less. */
static u64 peerbuf_nvme_block_end(const struct peerbuf_nvme_transfer *transfer, u64 at)
{
	u64 end = round_up(transfer->pos + at + 1, i_blocksize(file_inode(transfer->file)));

	return min(end - transfer->pos, transfer->length);
}

/* Maps block by block. Blocks that are contiguous on the medium become one run. */
static int peerbuf_nvme_map_blocks(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	u64 begin = 0, at, end, where, run = 0;
	int ret = 0;

	for (at = 0; at < transfer->length && !ret; at = end) {
		if (fatal_signal_pending(current))
			return peerbuf_nvme_killed(reason);
		where = peerbuf_nvme_where(transfer, transfer->pos + at);
		end = peerbuf_nvme_block_end(transfer, at);
		if (at && where != (run ? run + (at - begin) : 0)) {
			ret = peerbuf_nvme_add_run(transfer, begin, at - begin, run);
			begin = at;
		}
		if (begin == at)
			run = where;
		cond_resched();
	}
	if (!ret)
		ret = peerbuf_nvme_add_run(transfer, begin, transfer->length - begin, run);
	if (ret)
		*reason = PEERBUF_REASON_NO_MEMORY;
	return ret;
}

static int peerbuf_nvme_regular_map(struct peerbuf_nvme_transfer *transfer, u32 *reason)
{
	if (!transfer->held)
		return peerbuf_nvme_add_run(transfer, 0, transfer->length, 0);
	return peerbuf_nvme_map_blocks(transfer, reason);
}

const struct peerbuf_nvme_source peerbuf_nvme_regular_source = {
	.begin = peerbuf_nvme_regular_begin,
	.map = peerbuf_nvme_regular_map,
	.release = peerbuf_nvme_regular_release,
	.end = peerbuf_nvme_regular_end,
};
