/* SPDX-License-Identifier: GPL-2.0 */
/* Whose memory a call may touch. */
#ifndef _PEERBUF_RIGHTS_H
#define _PEERBUF_RIGHTS_H

#include <linux/types.h>

#include <linux/peerbuf.h>

struct file;
struct peerbuf;
struct peerbuf_device;
struct peerbuf_file;
struct peerbuf_refusal;

/**
 * struct peerbuf_rights - whose memory a call may touch
 * @nr: functions in @of
 * @all: all functions' memory: it is the administrator's call
 * @of: from the call's own node, its ranges and its array of rights; references held
 * @missing: out, PCI address of a function whose right is missing, or PEERBUF_PCI_NONE
 */
struct peerbuf_rights {
	u32 nr;
	bool all;
	struct peerbuf_device *of[1 + PEERBUF_MAX_DEVICES + PEERBUF_MAX_RIGHTS];
	u64 missing;
};

void peerbuf_rights_init(struct peerbuf_rights *rights, struct peerbuf_file *pf);
void peerbuf_rights_drop(struct peerbuf_rights *rights);
bool peerbuf_rights_have(const struct peerbuf_rights *rights,
			 const struct peerbuf_device *pdevice);
int peerbuf_rights_add(struct peerbuf_rights *rights, struct peerbuf_device *pdevice);
int peerbuf_rights_fetch(struct peerbuf_rights *rights, u64 user, u32 nr, u32 *bad_right,
			 struct peerbuf_refusal *why);
int peerbuf_rights_cover(struct peerbuf_rights *rights, struct peerbuf *pb,
			 struct peerbuf_refusal *why);
struct peerbuf_file *peerbuf_right_from_fd(int fd, struct file **filp, struct peerbuf_refusal *why);

#endif /* _PEERBUF_RIGHTS_H */
