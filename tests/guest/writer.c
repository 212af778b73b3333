// SPDX-License-Identifier: GPL-2.0
/* See writer.h. */
#include "harness.h"
#include "lab.h"
#include "writer.h"

int writer_try(struct writer *writer, const char *id, int dmabuf, __u32 mode)
{
	writer->edu = edu_open(id);
	return edu_attach(writer->edu, dmabuf, mode, 0, &writer->handle);
}

void writer_open(struct writer *writer, const char *id, int dmabuf, __u32 mode)
{
	check_ok(writer_try(writer, id, dmabuf, mode));
}

int writer_put(const struct writer *writer, __u64 offset, __u32 length, __u32 seed)
{
	__u8 inner[EDU_DMA_MEMORY];

	check(length <= sizeof(inner));
	pattern_fill(inner, length, seed);
	check_ok(edu_put(writer->edu, 0, inner, length));
	return edu_copy(writer->edu, writer->handle, offset, 0, length, EDU_DMA_TO_BUFFER, 0);
}

int writer_check(const struct writer *writer, __u64 offset, __u32 length, __u32 seed)
{
	__u8 inner[EDU_DMA_MEMORY];
	int ret;

	check(length <= sizeof(inner));
	ret = edu_copy(writer->edu, writer->handle, offset, 0, length, EDU_DMA_FROM_BUFFER, 0);
	if (ret)
		return ret;
	check_ok(edu_get(writer->edu, 0, inner, length));
	check(pattern_matches(inner, length, seed));
	return 0;
}
