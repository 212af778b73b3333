/* SPDX-License-Identifier: GPL-2.0 */
/* One of the lab's edus as an importer that writes patterns, and looks whether they are there. */
#ifndef WRITER_H
#define WRITER_H

#include <linux/types.h>

/**
 * struct writer - one of the lab's edus, attached to a DMA-BUF
 * @edu: the device
 * @handle: the attachment
 */
struct writer {
	int edu;
	__u32 handle;
};

int writer_try(struct writer *writer, const char *id, int dmabuf, __u32 mode);
void writer_open(struct writer *writer, const char *id, int dmabuf, __u32 mode);
/* The device writes a pattern into the buffer, and finds it there. */
int writer_put(const struct writer *writer, __u64 offset, __u32 length, __u32 seed);
int writer_check(const struct writer *writer, __u64 offset, __u32 length, __u32 seed);

#endif /* WRITER_H */
