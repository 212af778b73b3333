/* SPDX-License-Identifier: GPL-2.0 */
/* An open node or control file, and the exports that end with it. */
#ifndef _PEERBUF_FILE_H
#define _PEERBUF_FILE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "core/event.h"

struct file;
struct peerbuf_device;

/**
 * struct peerbuf_file - an open node, or control
 * @ref: one reference for the file, and one for each export made through it
 * @pdevice: NULL for control; reference held
 * @writable: opened for writing
 * @lock: protects @exports
 * @exports: exports made through this file that end with it
 * @listener: receives the events of @pdevice
 */
struct peerbuf_file {
	struct kref ref;
	struct peerbuf_device *pdevice;
	bool writable;
	struct mutex lock;
	struct list_head exports;
	struct peerbuf_listener listener;
};

/* In node/node.c: by these a node is told from any other file. Nobody here calls them. */
extern const struct file_operations peerbuf_node_fops;

struct peerbuf_file *peerbuf_file_from_fd(int fd, struct file **filp);
struct peerbuf_file *peerbuf_file_create(struct peerbuf_device *pdevice,
					 bool writable);
void peerbuf_file_get(struct peerbuf_file *pf);
void peerbuf_file_put(struct peerbuf_file *pf);

#endif /* _PEERBUF_FILE_H */
