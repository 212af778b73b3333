/* SPDX-License-Identifier: GPL-2.0 */
/* A reference to a file that may be on its way out; from 6.7 on. */
#ifndef _PEERBUF_COMPAT_GET_FILE_ACTIVE_H
#define _PEERBUF_COMPAT_GET_FILE_ACTIVE_H

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#include <linux/fs.h>

static inline struct file *get_file_active(struct file **f)
{
	return get_file_rcu(*f) ? *f : NULL;
}
#endif

#endif /* _PEERBUF_COMPAT_GET_FILE_ACTIVE_H */
