// SPDX-License-Identifier: GPL-2.0
/*
 * The conventions of every ioctl: structures that are short, long, half accessible, or
 * that hold what a later kernel may give a meaning to.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "lab.h"
#include "shapes.h"
#include "snapshot.h"

static struct stage stage;
static struct snapshot before;

static __u32 reason(const void *data)
{
	return ((const __u32 *)data)[1];
}

static void set_size(void *data, __u32 size)
{
	*(__u32 *)data = size;
}

/* For those that need something to be so before they can be called. */
static void undo_fill(const struct shape *shape)
{
	if (!strcmp(shape->name, "RESTORE"))
		check_ok(peer_restore(stage.node, stage.export.id));
	if (!strcmp(shape->name, "UNLEND"))
		check_ok(peer_unlend(stage.control, stage.addr, 1U << 2));
}

static void refused(const struct shape *shape, void *data, int error, __u32 why)
{
	int ret;

	snapshot_take(&before);
	ret = shape_call(shape, &stage, data);
	if (ret != -error || reason(data) != why)
		fail("%s: %s, reason %u, instead of %s, reason %u", shape->name,
		     strerror(-ret), reason(data), strerror(error), why);
	snapshot_unchanged(&before);
	undo_fill(shape);
}

static void accepted(const struct shape *shape, void *data)
{
	int ret = shape_call(shape, &stage, data);

	if (ret)
		fail("%s: %s, reason %u", shape->name, strerror(-ret),
		     reason(data));
	if (reason(data))
		fail("%s: success, but reason %u", shape->name, reason(data));
	if (shape->undo)
		shape->undo(&stage, data);
}

#define EACH_SHAPE(shape)						\
	for (const struct shape *shape = shapes; shape < shapes + nr_shapes; shape++)

TEST(exact_size_is_accepted)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		check(shape->size <= sizeof(data));
		shape_prepare(shape, &stage, data);
		accepted(shape, data);
	}
}

TEST(short_structure_is_refused)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		for (__u32 size = 8; size < shape_first(shape); size += 4) {
			shape_prepare(shape, &stage, data);
			set_size(data, size);
			refused(shape, data, EINVAL,
				PEERBUF_REASON_STRUCT_SIZE);
		}
	}
}

/* What a program of then was compiled for: the kernel writes that much and no more. */
TEST(first_version_is_accepted)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		__u32 first = shape_first(shape);

		shape_prepare(shape, &stage, data);
		set_size(data, first);
		memset(data + first, 0x5a, sizeof(data) - first);
		accepted(shape, data);
		for (__u32 i = first; i < sizeof(data); i++)
			check_eq(data[i], 0x5a);
	}
}

/* Not even the reason has room in these. */
TEST(structure_without_a_head_is_refused)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		for (__u32 size = 0; size < 8; size++) {
			shape_prepare(shape, &stage, data);
			set_size(data, size);
			check_fails(shape_call(shape, &stage, data), EINVAL);
			check_eq(reason(data), 0);
			undo_fill(shape);
		}
	}
}

TEST(long_structure_with_zeroes_is_accepted)
{
	__u8 data[4096];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		memset(data, 0, sizeof(data));
		shape_prepare(shape, &stage, data);
		set_size(data, shape->size + 8);
		accepted(shape, data);
		memset(data, 0, sizeof(data));
		shape_prepare(shape, &stage, data);
		set_size(data, sizeof(data));
		accepted(shape, data);
		check_eq(*(__u32 *)data, sizeof(data));
	}
}

TEST(long_structure_with_content_is_refused)
{
	__u8 data[4096];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		memset(data, 0, sizeof(data));
		shape_prepare(shape, &stage, data);
		set_size(data, shape->size + 8);
		data[shape->size + 7] = 1;
		refused(shape, data, E2BIG, PEERBUF_REASON_STRUCT_SIZE);
		memset(data, 0, sizeof(data));
		shape_prepare(shape, &stage, data);
		set_size(data, shape->size + 8);
		data[shape->size] = 1;
		refused(shape, data, E2BIG, PEERBUF_REASON_STRUCT_SIZE);
	}
}

TEST(absurd_size_is_refused)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		shape_prepare(shape, &stage, data);
		set_size(data, 1U << 20);
		refused(shape, data, E2BIG, PEERBUF_REASON_STRUCT_SIZE);
		shape_prepare(shape, &stage, data);
		set_size(data, ~0U);
		refused(shape, data, E2BIG, PEERBUF_REASON_STRUCT_SIZE);
	}
}

TEST(unknown_flags_are_refused)
{
	__u8 data[SHAPE_MOST];
	__u32 *flags;

	stage_open(&stage);
	EACH_SHAPE(shape) {
		if (!shape->flags)
			continue;
		for (unsigned int bit = 8; bit < 32; bit += 23) {
			shape_prepare(shape, &stage, data);
			flags = (__u32 *)(data + shape->flags);
			*flags |= 1U << bit;
			refused(shape, data, EINVAL, PEERBUF_REASON_FLAGS);
		}
	}
}

TEST(reserved_fields_must_be_zero)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		if (!shape->reserved)
			continue;
		shape_prepare(shape, &stage, data);
		*(__u32 *)(data + shape->reserved) = 1;
		refused(shape, data, EINVAL, PEERBUF_REASON_RESERVED);
	}
}

TEST(flags_and_reserved_field_of_ranges)
{
	struct peerbuf_range range = { .length = PAGE, .bar = MEM_BAR };
	struct peer_export export;

	stage_open(&stage);
	range.flags = 1U << 5;
	check_fails(peer_export(stage.node, &range, 1, 0, &export), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_FLAGS);
	range.flags = 0;
	range.reserved = 1;
	check_fails(peer_export(stage.node, &range, 1, 0, &export), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_RESERVED);
	range.reserved = 0;
	range.device_fd = stage.node;
	check_fails(peer_export(stage.node, &range, 1, 0, &export), EINVAL);
	check_eq(peer_reason, PEERBUF_REASON_RESERVED);
}

TEST(unknown_open_flags_are_refused)
{
	__u8 data[SHAPE_MOST];
	const struct shape *shape = &shapes[1];
	struct peerbuf_ioc_export *req = (void *)data;

	stage_open(&stage);
	check_eq(shape->request, PEERBUF_IOC_EXPORT);
	shape_prepare(shape, &stage, data);
	req->open_flags = 3;
	refused(shape, data, EINVAL, PEERBUF_REASON_FLAGS);
	shape_prepare(shape, &stage, data);
	req->open_flags |= 02000; /* O_APPEND */
	refused(shape, data, EINVAL, PEERBUF_REASON_FLAGS);
}

/* Two pages, the second one not accessible. */
static __u8 *edge(void)
{
	__u8 *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(pages != MAP_FAILED);
	check_sys(mprotect(pages + PAGE, PAGE, PROT_NONE));
	return pages + PAGE;
}

/* Ending at the edge: a byte too far, read or written, would be noticed. */
TEST(nothing_beyond_the_structure_is_touched)
{
	__u8 *end = edge();

	stage_open(&stage);
	EACH_SHAPE(shape) {
		shape_prepare(shape, &stage, end - shape->size);
		accepted(shape, end - shape->size);
	}
}

TEST(structure_that_is_half_there)
{
	__u8 data[SHAPE_MOST], *end = edge();

	stage_open(&stage);
	EACH_SHAPE(shape) {
		for (__u32 there = 8; there < shape->size; there += 8) {
			shape_prepare(shape, &stage, data);
			memcpy(end - there, data, there);
			snapshot_take(&before);
			check_fails(shape_call(shape, &stage, end - there),
				    EFAULT);
			snapshot_unchanged(&before);
			undo_fill(shape);
		}
	}
}

TEST(structure_that_cannot_be_written)
{
	__u8 *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	stage_open(&stage);
	EACH_SHAPE(shape) {
		check_sys(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
		shape_prepare(shape, &stage, page);
		check_sys(mprotect(page, PAGE, PROT_READ));
		snapshot_take(&before);
		check_fails(shape_call(shape, &stage, page), EFAULT);
		snapshot_unchanged(&before);
		undo_fill(shape);
	}
}

TEST(no_structure)
{
	stage_open(&stage);
	EACH_SHAPE(shape)
		check_fails(shape_call(shape, &stage, NULL), EFAULT);
}

TEST(answers_that_cannot_be_stored)
{
	struct peerbuf_export_info *nowhere = (void *)edge();
	__u32 stored, total;

	stage_open(&stage);
	check_fails(peer_list(stage.control, 0, nowhere, 4, &stored, &total),
		    EFAULT);
	check_eq(peer_reason, PEERBUF_REASON_BAD_POINTER);
}

TEST(call_to_the_wrong_kind_of_node)
{
	__u8 data[SHAPE_MOST];

	stage_open(&stage);
	EACH_SHAPE(shape) {
		shape_prepare(shape, &stage, data);
		if (!(shape->who & SHAPE_NODE))
			check_fails(peer_ioctl(stage.node, shape->request,
					       data), ENOTTY);
		if (!(shape->who & SHAPE_CONTROL))
			check_fails(peer_ioctl(stage.control, shape->request,
					       data), ENOTTY);
		undo_fill(shape);
	}
}

TEST(unknown_call)
{
	__u32 data[64] = { sizeof(data) };

	stage_open(&stage);
	for (unsigned int nr = 0x14; nr < 0x100; nr += 0x11) {
		check_fails(peer_ioctl(stage.node,
				       _IOWR(PEERBUF_IOC_MAGIC, nr, __u64),
				       data), ENOTTY);
		check_fails(peer_ioctl(stage.control,
				       _IOWR(PEERBUF_IOC_MAGIC, nr, __u64),
				       data), ENOTTY);
	}
	check_fails(peer_ioctl(stage.node, _IOWR(0x11, 0, __u64), data), ENOTTY);
}

/* What PROBE says is answered, and nothing else. */
TEST(probe_tells_which_calls_there_are)
{
	struct peerbuf_ioc_probe probe;
	__u64 node_calls = 0, control_calls = 0;

	stage_open(&stage);
	check_ok(peer_probe(stage.control, &probe));
	EACH_SHAPE(shape) {
		if (shape->who & SHAPE_NODE)
			node_calls |= 1ULL << _IOC_NR(shape->request);
		if (shape->who & SHAPE_CONTROL)
			control_calls |= 1ULL << _IOC_NR(shape->request);
	}
	check_eq(probe.node_calls, node_calls);
	check_eq(probe.control_calls, control_calls);
}

/* The size in the number is what the caller was compiled with, and not looked at. */
TEST(size_in_the_number_is_ignored)
{
	struct peerbuf_ioc_info info = { .size = sizeof(info) };

	stage_open(&stage);
	check_ok(peer_ioctl(stage.node, _IOC(_IOC_READ | _IOC_WRITE,
					     PEERBUF_IOC_MAGIC, 0, 8), &info));
	check_eq(info.version, PEERBUF_UAPI_VERSION);
}
