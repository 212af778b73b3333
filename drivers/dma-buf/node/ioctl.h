/* SPDX-License-Identifier: GPL-2.0 */
/* What userspace asks for, and the flags that it may ask with. */
#ifndef _PEERBUF_IOCTL_H
#define _PEERBUF_IOCTL_H

#include <linux/types.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

struct dma_buf;
struct file;
struct io_uring_cmd;
struct peerbuf;
struct peerbuf_file;
struct peerbuf_lookup;

#define PEERBUF_MOVE_FLAGS	PEERBUF_MOVE_F_COPY
#define PEERBUF_RANGE_FLAGS	(PEERBUF_RANGE_F_DEVICE_FD | PEERBUF_RANGE_F_SYSTEM)

/* A call's argument, copied in. */
struct peerbuf_call {
	union {
		struct {
			__u32 size;
			__u32 reason;
		} head;
		struct peerbuf_ioc_info info;
		struct peerbuf_ioc_export export;
		struct peerbuf_ioc_move move;
		struct peerbuf_ioc_revoke revoke;
		struct peerbuf_ioc_restore restore;
		struct peerbuf_ioc_query query;
		struct peerbuf_ioc_list list;
		struct peerbuf_ioc_attachments attachments;
		struct peerbuf_ioc_route route;
		struct peerbuf_ioc_lend lend;
		struct peerbuf_ioc_devices devices;
		struct peerbuf_ioc_stats stats;
		struct peerbuf_ioc_probe probe;
		struct peerbuf_ioc_events events;
		struct peerbuf_ioc_policy policy;
		struct peerbuf_ioc_lookup lookup;
		struct peerbuf_ioc_file file;
	};
	struct peerbuf_refusal why;	/* the reason is copied out */
	struct dma_buf *dmabuf;	/* EXPORT, LOOKUP: no descriptor installed yet */
	struct peerbuf_lookup *lookup_of;	/* LOOKUP: no descriptors installed yet */
};

long peerbuf_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
int peerbuf_ioctl_do(struct peerbuf_file *pf, unsigned int cmd, void __user *arg,
		     struct peerbuf_call *call);
int peerbuf_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
int peerbuf_ioctl_info(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_export(struct peerbuf_file *pf, struct peerbuf_call *call);
void peerbuf_ioctl_export_done(struct peerbuf_call *call, bool keep);
int peerbuf_ioctl_move(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_revoke(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_restore(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_query(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_list(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_attachments(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_route(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_lend(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_unlend(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_devices(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_stats(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_policy(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_lookup(struct peerbuf_file *pf, struct peerbuf_call *call);
void peerbuf_ioctl_lookup_done(struct peerbuf_call *call, bool keep);
int peerbuf_ioctl_file_read(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_ioctl_file_write(struct peerbuf_file *pf, struct peerbuf_call *call);
int peerbuf_check_array(u32 flags, u32 entry_size, u32 first, struct peerbuf_refusal *why);
int peerbuf_put_entry(u64 entries, u32 index, u32 entry_size, const void *entry, u32 known);
struct peerbuf *peerbuf_file_lookup(struct peerbuf_file *pf, u64 id, struct peerbuf_refusal *why);

#endif /* _PEERBUF_IOCTL_H */
