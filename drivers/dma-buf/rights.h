/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whose memory a call may touch, who has withdrawn a buffer, and what a node shows of it.
 */
#ifndef _PEERBUF_RIGHTS_H
#define _PEERBUF_RIGHTS_H

#include <linux/spinlock.h>
#include <linux/types.h>

#include <linux/peerbuf.h>

struct file;
struct p2p_route;
struct peerbuf;
struct peerbuf_client;
struct peerbuf_device;
struct peerbuf_file;

/* How many functions may mark one buffer: those it has memory of, and its home. */
#define PEERBUF_MAX_OWNERS	(PEERBUF_MAX_DEVICES + 1)

/**
 * struct peerbuf_marks - who has withdrawn a buffer
 * @lock: (spin) protects the rest; @causes may be read without it
 * @causes: PEERBUF_REVOKED_*, zero if nobody has
 * @recall: older mappings must go
 * @nr_owners: number of functions in @owners
 * @owners: with PEERBUF_REVOKED_USER: the functions whose owners have; references held
 */
struct peerbuf_marks {
	spinlock_t lock;	/* protects the rest */
	u32 causes;
	bool recall;
	u32 nr_owners;
	struct peerbuf_device *owners[PEERBUF_MAX_OWNERS];
};

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

/* marks.c */
void peerbuf_marks_init(struct peerbuf_marks *marks);
void peerbuf_marks_drop(struct peerbuf_marks *marks);
void peerbuf_marks_set(struct peerbuf_marks *marks, u32 cause, struct peerbuf_device *owner);
void peerbuf_marks_recall(struct peerbuf_marks *marks);
bool peerbuf_marks_take_recall(struct peerbuf_marks *marks);
bool peerbuf_marks_lift(struct peerbuf_marks *marks, u32 causes, struct peerbuf_rights *rights);

/* rights.c */
void peerbuf_rights_init(struct peerbuf_rights *rights, struct peerbuf_file *pf);
void peerbuf_rights_drop(struct peerbuf_rights *rights);
bool peerbuf_rights_have(const struct peerbuf_rights *rights,
			 const struct peerbuf_device *pdevice);
int peerbuf_rights_add(struct peerbuf_rights *rights, struct peerbuf_device *pdevice);
int peerbuf_rights_fetch(struct peerbuf_rights *rights, u64 user, u32 nr, u32 *bad_right,
			 u32 *reason);
int peerbuf_rights_cover(struct peerbuf_rights *rights, struct peerbuf *pb, u32 *reason);
struct peerbuf_file *peerbuf_right_from_fd(int fd, struct file **filp, u32 *reason);

/* view.c */
bool peerbuf_all_of(struct peerbuf *pb, const struct peerbuf_device *by);
void peerbuf_hide_export(struct peerbuf *pb, const struct peerbuf_device *by,
			 struct peerbuf_export_info *info);
bool peerbuf_route_to(struct peerbuf *pb, const struct peerbuf_device *by,
		      struct peerbuf_client *client, struct p2p_route *route);

#endif /* _PEERBUF_RIGHTS_H */
