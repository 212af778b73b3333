/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: what happens to buffers. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_EVENT_H
#define _UAPI_LINUX_PEERBUF_EVENT_H

#include <linux/types.h>

/**
 * struct peerbuf_event - what read() on a node returns
 * @size: bytes of the record that the kernel filled; the rest of the record is zero
 * @type: PEERBUF_EVENT_*
 * @id: the export
 * @time: when it happened, in nanoseconds of CLOCK_BOOTTIME
 * @buffer_size: bytes of the export
 * @function: PCI address of the function whose node reports it
 * @client: PCI address of the importer concerned, or PEERBUF_PCI_NONE
 * @pid: process that caused it, by its number in the reader's PID namespace; 0 if it is
 *	not in that namespace, and for the kernel itself
 * @lost: events dropped before this one because nobody read
 * @reason: enum peerbuf_reason: PEERBUF_EVENT_FALLBACK: why @client could not use the buffer
 * @flags: zero
 * @comm: name of the process that caused it, "" for the kernel itself
 *
 * poll() reports EPOLLIN when an event waits, EPOLLHUP when the device is gone.
 * An open node gets the events of its function's exports from its open() on.
 * read() returns whole records, all of one size: that of this structure as it was first
 * published (up to @comm), or what PEERBUF_IOC_EVENTS asked for. It returns 0 when the
 * device is gone and no event is left; EINVAL when the buffer is smaller than one record;
 * EAGAIN with O_NONBLOCK if no event waits; EFAULT when the buffer cannot be written;
 * the event is then kept for the next read.
 */
struct peerbuf_event {
	__u32 size;
	__u32 type;
	__u64 id;
	__u64 time;
	__u64 buffer_size;
	__u64 function;
	__u64 client;
	__u32 pid;
	__u32 lost;
	__u32 reason;
	__u32 flags;
	char comm[16];
};

/**
 * struct peerbuf_ioc_events - PEERBUF_IOC_EVENTS (nodes only): which events, in which size
 * @size: sizeof(struct peerbuf_ioc_events)
 * @reason: out, enum peerbuf_reason on failure
 * @types: bit n chooses events of type n; PEERBUF_IOC_PROBE says which exist
 * @record_size: bytes of a record that read() returns from now on, a multiple of 8: usually
 *	sizeof(struct peerbuf_event). Bytes that the kernel does not know are zero
 * @flags: zero
 *
 * Applies to this open file. Without this call read() reports the types up to
 * PEERBUF_EVENT_FALLBACK, in records of the first published size: later additions
 * have to be asked for. Events that wait already are reported whatever @types is.
 *
 * errno: EINVAL an unknown type; @record_size is smaller than the first published size,
 * larger than a page, or no multiple of 8.
 */
struct peerbuf_ioc_events {
	__u32 size;
	__u32 reason;
	__u64 types;
	__u32 record_size;
	__u32 flags;
};

#define PEERBUF_EVENT_EXPORT	1
#define PEERBUF_EVENT_MOVE	2
#define PEERBUF_EVENT_REVOKE	3
#define PEERBUF_EVENT_RESTORE	4
#define PEERBUF_EVENT_RELEASE	5 /* the dma-buf is gone */
#define PEERBUF_EVENT_FALLBACK	6 /* moved because an importer could not reach it */
/*
 * The last mapping that was made before a revoke is gone: no device reaches the memory any
 * more. Reported once after each PEERBUF_EVENT_REVOKE, or once after the last of several that
 * follow each other; immediately if nothing was mapped; and also if the buffer was restored
 * meanwhile.
 */
#define PEERBUF_EVENT_DRAINED	7
/* 8..13 are reserved for future types. */

#endif /* _UAPI_LINUX_PEERBUF_EVENT_H */
