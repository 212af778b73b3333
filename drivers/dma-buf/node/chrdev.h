/* SPDX-License-Identifier: GPL-2.0 */
/* Device numbers and character devices of the nodes. */
#ifndef _PEERBUF_CHRDEV_H
#define _PEERBUF_CHRDEV_H

#include <linux/fs.h>

struct peerbuf_device;

int peerbuf_chrdev_add(struct peerbuf_device *pdevice);
void peerbuf_chrdev_remove(struct peerbuf_device *pdevice);
struct peerbuf_device *peerbuf_chrdev_find(const struct inode *inode);
int peerbuf_chrdev_init(const struct file_operations *fops);
void peerbuf_chrdev_exit(void);

#endif /* _PEERBUF_CHRDEV_H */
