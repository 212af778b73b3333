/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf: PCIe BAR memory as dynamic DMA-BUFs, from userspace.
 *
 * Conventions, the same for every call:
 *
 *  - A call returns a negative errno on failure and never touches errno. Calls
 *    that make a file descriptor return it; the others return 0, or a count
 *    where noted.
 *  - The last argument of a call that asks the kernel is a struct peerbuf_error
 *    to be filled, or NULL. It says which check failed, not only the errno.
 *  - Files are plain descriptors, made close-on-exec. @node is one from
 *    peerbuf_open(), @control one from peerbuf_open_control(), @fd either.
 *  - Sizes and offsets are bytes. PCI functions are numbers made by
 *    PEERBUF_PCI_ADDR(); see peerbuf_addr_parse().
 *  - Nothing is kept between calls; any thread may make any call.
 *
 * Structures and constants shared with the kernel are in <linux/peerbuf.h>; the
 * errno values that are particular to one call are documented there.
 */
#ifndef LIBPEERBUF_H
#define LIBPEERBUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/peerbuf.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for any address peerbuf_addr_format() writes, with its final NUL. */
#define PEERBUF_ADDR_LEN	20

/** Room for any size peerbuf_size_format() writes, with its final NUL. */
#define PEERBUF_SIZE_LEN	24

/** No particular range was refused. */
#define PEERBUF_NO_RANGE	(~0U)

/**
 * struct peerbuf_error - why a call failed
 * @error: the negative errno the call returned, 0 on success
 * @reason: enum peerbuf_reason, 0 where the kernel gave none
 * @range: index of the refused range (export, move), or PEERBUF_NO_RANGE
 * @blockers: importers that still have the buffer mapped (revoke)
 * @blocker: PCI address of one of them, or PEERBUF_PCI_NONE
 * @blocker_name: its device name, or ""
 * @missing: PCI address of a function whose right is missing (move, restore), or
 *	PEERBUF_PCI_NONE
 */
struct peerbuf_error {
	int32_t error;
	uint32_t reason;
	uint32_t range;
	uint32_t blockers;
	uint64_t blocker;
	char blocker_name[32];
	uint64_t missing;
};

/* Nodes */

/**
 * peerbuf_open() - open a function's node
 * @bdf: its PCI address, "0000:01:00.0" or "01:00.0"
 * @flags: O_RDONLY or O_RDWR, and O_NONBLOCK for peerbuf_events()
 *
 * Exports made through the descriptor are revoked for good when it is closed,
 * unless they were made with PEERBUF_EXPORT_F_PERSIST.
 *
 * Return: the descriptor; -EINVAL @bdf is not a PCI address; -ENOENT the function has no node, or
 * the peerbuf module is not loaded; -EACCES no permission; or another errno of open(2).
 */
int peerbuf_open(const char *bdf, int flags);

/**
 * peerbuf_open_addr() - as peerbuf_open(), by number
 * @addr: PEERBUF_PCI_ADDR() of the function
 * @flags: O_RDONLY or O_RDWR, and O_NONBLOCK for peerbuf_events()
 */
int peerbuf_open_addr(uint64_t addr, int flags);

/**
 * peerbuf_open_control() - open /dev/peerbuf/control
 * @flags: O_RDONLY for queries, O_RDWR for administration
 *
 * Return: the descriptor; -ENOENT the peerbuf module is not loaded; -EACCES no
 * permission; or another errno of open(2).
 */
int peerbuf_open_control(int flags);

/**
 * peerbuf_close() - close what one of the calls above opened
 * @fd: the descriptor
 *
 * Return: 0 or -EBADF.
 */
int peerbuf_close(int fd);

/**
 * peerbuf_probe() - what the kernel module knows
 * @fd: a node or control
 * @probe: out: its calls, flags, types of events and limits; fields that are newer than the kernel
 *	are zero
 * @error: out, or NULL
 *
 * Use this instead of comparing versions. It changes nothing.
 *
 * Return: 0; -ENOTTY @fd is neither a node nor control; -EBADF.
 */
int peerbuf_probe(int fd, struct peerbuf_ioc_probe *probe, struct peerbuf_error *error);

/**
 * peerbuf_info() - describe the function behind a node
 * @node: the node
 * @info: out
 * @error: out, or NULL
 *
 * Return: 0; -ENODEV the device is gone; -ENOTTY @node is control.
 */
int peerbuf_info(int node, struct peerbuf_ioc_info *info, struct peerbuf_error *error);

/* Exports */

/**
 * peerbuf_export() - make a dma-buf of BAR ranges and system memory
 * @node: the function's node, opened O_RDWR
 * @ranges: the ranges, in the order they have in the buffer
 * @nr_ranges: number of ranges, 1..PEERBUF_MAX_RANGES
 * @flags: PEERBUF_EXPORT_F_*
 * @open_flags: O_RDWR, O_RDONLY or O_WRONLY for the dma-buf's descriptor, and
 *	O_CLOEXEC if no child process is to inherit it
 * @id: out, the export's number; may be NULL
 * @error: out, or NULL; @range names the refused range
 *
 * Return: the dma-buf's descriptor, or -errno as PEERBUF_IOC_EXPORT.
 */
int peerbuf_export(int node, const struct peerbuf_range *ranges, size_t nr_ranges,
		   uint32_t flags, int open_flags, uint64_t *id, struct peerbuf_error *error);

/**
 * struct peerbuf_export_options - options of peerbuf_export_with()
 * @size: sizeof(struct peerbuf_export_options)
 * @flags: PEERBUF_EXPORT_F_*
 * @open_flags: as peerbuf_export()
 * @reserved: zero
 * @segment_align: 0, or an alignment: an importer's DMA segment that has to be cut is cut at a
 *	multiple of it; a power of two from a page to PEERBUF_MAX_SEGMENT_ALIGN
 * @max_segment: 0, or the maximum bytes of a segment, a multiple of @segment_align
 *
 * The structure may grow: fields that are not used must be zero.
 */
struct peerbuf_export_options {
	uint32_t size;
	uint32_t flags;
	int32_t open_flags;
	uint32_t reserved;
	uint64_t segment_align;
	uint64_t max_segment;
};

/**
 * peerbuf_export_with() - as peerbuf_export(), with options
 * @node: the function's node, opened O_RDWR
 * @ranges: the ranges, in the order they have in the buffer
 * @nr_ranges: number of ranges, 1..PEERBUF_MAX_RANGES
 * @options: the options
 * @id: out, the export's number; may be NULL
 * @error: out, or NULL; @range names the refused range
 *
 * Return: the dma-buf's descriptor, or -errno as PEERBUF_IOC_EXPORT; -EINVAL this library does
 * not know the size of @options.
 */
int peerbuf_export_with(int node, const struct peerbuf_range *ranges, size_t nr_ranges,
			const struct peerbuf_export_options *options, uint64_t *id,
			struct peerbuf_error *error);

/**
 * peerbuf_export_bar() - make a dma-buf of one whole BAR
 * @node: the function's node, opened O_RDWR
 * @bar: 0..5
 * @flags: PEERBUF_EXPORT_F_*
 * @open_flags: as peerbuf_export()
 * @id: out, the export's number; may be NULL
 * @error: out, or NULL
 *
 * Return: the dma-buf's descriptor, or -errno as PEERBUF_IOC_EXPORT.
 */
int peerbuf_export_bar(int node, unsigned int bar, uint32_t flags, int open_flags,
		       uint64_t *id, struct peerbuf_error *error);

/**
 * peerbuf_move() - move a buffer to another place
 * @node: node of the function that owns the export, opened O_RDWR
 * @id: the export
 * @ranges: the new place, of the same total length
 * @nr_ranges: number of ranges, 1..PEERBUF_MAX_RANGES
 * @flags: PEERBUF_MOVE_F_*
 * @error: out, or NULL; @range names the refused range, @missing the function whose right
 *	is missing
 *
 * For a buffer that lies in @node's function and in those that @ranges name, and was
 * exported through one of them; peerbuf_move_with() takes the rights to others.
 *
 * Return: 0, or -errno as PEERBUF_IOC_MOVE. On failure the buffer is where it was.
 */
int peerbuf_move(int node, uint64_t id, const struct peerbuf_range *ranges, size_t nr_ranges,
		 uint32_t flags, struct peerbuf_error *error);

/**
 * peerbuf_move_with() - move a buffer with memory of several functions
 * @node: node of one of them, opened O_RDWR
 * @id: the export
 * @ranges: the new place, of the same total length
 * @nr_ranges: number of ranges, 1..PEERBUF_MAX_RANGES
 * @flags: PEERBUF_MOVE_F_*
 * @rights: nodes of the others, opened O_RDWR
 * @nr_rights: number of nodes, 0..PEERBUF_MAX_RIGHTS
 * @error: out, or NULL; as peerbuf_move()
 *
 * Return: 0; -EACCES the right to a function is missing; or another errno of peerbuf_move().
 */
int peerbuf_move_with(int node, uint64_t id, const struct peerbuf_range *ranges,
		      size_t nr_ranges, uint32_t flags, const int *rights, size_t nr_rights,
		      struct peerbuf_error *error);

/**
 * peerbuf_revoke() - withdraw a buffer
 * @fd: a node of its function, or control (CAP_SYS_ADMIN)
 * @id: the export
 * @timeout_ms: how long to wait for importers, PEERBUF_WAIT_FOREVER, or 0
 * @error: out, or NULL; @blockers, @blocker and @blocker_name say which importers still
 *	have it mapped
 *
 * Return: 0: nothing reaches the memory any more; -EINPROGRESS, -EINTR: the
 * revoke is in force but an importer still maps the buffer, call again to wait
 * for it; -ENOENT no such export.
 */
int peerbuf_revoke(int fd, uint64_t id, uint32_t timeout_ms, struct peerbuf_error *error);

/**
 * peerbuf_restore() - undo a revoke
 * @fd: a node of its function, or control (CAP_SYS_ADMIN)
 * @id: the export
 * @error: out, or NULL; @missing is a function whose owner has revoked it, too, and which
 *	therefore stays revoked, also when 0 is returned
 *
 * Return: 0; -ENOENT no such export; -EALREADY it is not revoked; -EACCES only owners of other
 * functions revoked it; -EPERM only the administrator or its driver did; -ENODEV its device is
 * down or gone, or the node that made it was closed.
 */
int peerbuf_restore(int fd, uint64_t id, struct peerbuf_error *error);

/**
 * peerbuf_restore_with() - undo the revokes of several functions' owners
 * @fd: a node of one of them, or control (CAP_SYS_ADMIN)
 * @id: the export
 * @rights: nodes of the others, opened O_RDWR
 * @nr_rights: number of nodes, 0..PEERBUF_MAX_RIGHTS
 * @error: out, or NULL; as peerbuf_restore()
 *
 * Return: as peerbuf_restore().
 */
int peerbuf_restore_with(int fd, uint64_t id, const int *rights, size_t nr_rights,
			 struct peerbuf_error *error);

/**
 * peerbuf_mmap() - map a dma-buf into memory
 * @dmabuf: the dma-buf, of any exporter
 * @offset: first byte in the buffer, page aligned
 * @length: bytes, not zero
 * @prot: PROT_READ, PROT_WRITE
 * @address: out
 *
 * Mappings of 2 MiB and more are placed so that the kernel can use huge pages.
 * Access after a revoke raises SIGBUS.
 *
 * Return: 0; -EINVAL; -EACCES; -ENOMEM; or another errno of mmap(2).
 */
int peerbuf_mmap(int dmabuf, uint64_t offset, size_t length, int prot, void **address);

/**
 * peerbuf_munmap() - undo peerbuf_mmap()
 * @address: from peerbuf_mmap()
 * @length: as passed to peerbuf_mmap()
 *
 * Return: 0 or -EINVAL.
 */
int peerbuf_munmap(void *address, size_t length);

/* Addresses */

/**
 * peerbuf_lookup() - the dma-bufs behind a range of addresses
 * @control: control
 * @address: the first address in this process; any byte
 * @length: bytes, not zero
 * @flags: PEERBUF_LOOKUP_F_LOOK to make no exports, or 0
 * @pieces: out, in the order of addresses; the caller closes each @fd that is not -1
 * @nr_pieces: number of pieces that fit, 1..PEERBUF_MAX_PIECES
 * @error: out, or NULL
 *
 * A piece that is mapped from an export of peerbuf becomes an export of those pages only, which
 * needs neither the mapping nor the first export's descriptor. A mapping of a whole dma-buf of
 * udmabuf or of the heap "system" becomes that dma-buf. A BAR that is mapped through sysfs
 * (resourceN) is exported through its function's node, if the process may open the node. For
 * every other piece @reason says why there is no dma-buf.
 *
 * Return: the number of pieces; -EMSGSIZE there are more than @nr_pieces; or -errno as
 * PEERBUF_IOC_LOOKUP. On failure nothing is left open.
 */
int peerbuf_lookup(int control, const void *address, size_t length, uint32_t flags,
		   struct peerbuf_piece *pieces, size_t nr_pieces, struct peerbuf_error *error);

/**
 * peerbuf_lookup_one() - make one dma-buf of a whole range of addresses
 * @control: control
 * @address: the first address in this process; any byte
 * @length: bytes, not zero
 * @offset: out, the offset of @address in the dma-buf
 * @bad: out, or NULL; start of the first piece that cannot be a part of it
 * @error: out, or NULL
 *
 * The whole range must be mapped from exports of peerbuf, or the whole range through sysfs from
 * BARs whose nodes the process may open. The dma-buf moves with these, and is revoked with any of
 * them.
 *
 * Return: the dma-buf's descriptor; -EOPNOTSUPP there is other memory at @bad, @reason says
 * which; or -errno as PEERBUF_IOC_LOOKUP.
 */
int peerbuf_lookup_one(int control, const void *address, size_t length, uint64_t *offset,
		       const void **bad, struct peerbuf_error *error);

/* Accounting */

/**
 * peerbuf_query() - query one export
 * @fd: a node of its function, or control (CAP_SYS_ADMIN)
 * @id: the export, not zero
 * @info: out
 * @error: out, or NULL
 *
 * Return: 0; -ENOENT no such export; -EPERM; -EINVAL @id is zero.
 */
int peerbuf_query(int fd, uint64_t id, struct peerbuf_export_info *info,
		  struct peerbuf_error *error);

/**
 * peerbuf_query_fd() - query the export behind a dma-buf
 * @fd: any node or control; the dma-buf itself is the right to query it
 * @dmabuf: the dma-buf
 * @info: out
 * @error: out, or NULL
 *
 * Return: 0; -EBADF @dmabuf is not a descriptor; -EINVAL it is not a dma-buf; -EXDEV
 * it is another exporter's.
 */
int peerbuf_query_fd(int fd, int dmabuf, struct peerbuf_export_info *info,
		     struct peerbuf_error *error);

/**
 * peerbuf_list() - all exports, in order of id
 * @fd: a node (its function's exports) or control (all, CAP_SYS_ADMIN)
 * @exports: out, an array to free(3); NULL when there are none
 * @nr_exports: out
 * @error: out, or NULL
 *
 * Return: 0; -EPERM on control without CAP_SYS_ADMIN; -ENOMEM.
 */
int peerbuf_list(int fd, struct peerbuf_export_info **exports, size_t *nr_exports,
		 struct peerbuf_error *error);

/**
 * peerbuf_attachments() - all importers of an export
 * @fd: a node of its function, or control (CAP_SYS_ADMIN)
 * @id: the export
 * @importers: out, an array to free(3); NULL when there are none
 * @nr_importers: out
 * @error: out, or NULL
 *
 * Return: 0; -ENOENT no such export; -EPERM; -ENOMEM.
 */
int peerbuf_attachments(int fd, uint64_t id, struct peerbuf_attachment_info **importers,
			size_t *nr_importers, struct peerbuf_error *error);

/**
 * peerbuf_devices() - all functions that have a node
 * @fd: control
 * @addrs: out, an array to free(3); NULL when there are none
 * @nr_addrs: out
 * @error: out, or NULL
 *
 * Return: 0; -ENOTTY @fd is a node; -ENOMEM.
 */
int peerbuf_devices(int fd, uint64_t **addrs, size_t *nr_addrs, struct peerbuf_error *error);

/**
 * peerbuf_stats() - counters since the module was loaded
 * @fd: control
 * @stats: out
 * @error: out, or NULL
 *
 * Return: 0; -ENOTTY @fd is a node.
 */
int peerbuf_stats(int fd, struct peerbuf_ioc_stats *stats, struct peerbuf_error *error);

/**
 * peerbuf_events() - read what happened to a function's exports
 * @node: the node; poll(2) it for POLLIN, and POLLHUP when the device is gone
 * @events: out
 * @nr_events: number of events that fit, not zero
 *
 * Events are queued from the moment the node is opened.
 *
 * Return: number of events stored; 0 the device is gone and no event is left; -EAGAIN no event
 * waits and the node was opened O_NONBLOCK; -EINTR.
 */
ssize_t peerbuf_events(int node, struct peerbuf_event *events, size_t nr_events);

/**
 * peerbuf_events_select() - choose which events a node reports
 * @node: the node
 * @types: bit PEERBUF_EVENT_x is set for each type; peerbuf_probe() says which exist
 * @error: out, or NULL
 *
 * Applies to this descriptor and its copies. Without this call the types up to
 * PEERBUF_EVENT_FALLBACK are reported.
 *
 * Return: 0; -EINVAL the kernel does not know one of the types; -ENOTTY @node is control.
 */
int peerbuf_events_select(int node, uint64_t types, struct peerbuf_error *error);

/* Topology and administration */

/**
 * peerbuf_route() - can one function reach another's memory?
 * @fd: any node or control
 * @provider: the function whose memory is meant
 * @client: the function that would do the DMA
 * @bar: BAR of the provider, or PEERBUF_ANY_BAR to ignore the client's DMA mask
 * @route: out; "no route" is an answer, not an error
 * @error: out, or NULL
 *
 * Return: 0; -ENODEV there is no such function; -ENXIO no such memory BAR.
 */
int peerbuf_route(int fd, uint64_t provider, uint64_t client, uint32_t bar,
		  struct peerbuf_route *route, struct peerbuf_error *error);

/**
 * peerbuf_lend() - lend BARs of a function that keeps its own driver
 * @control: control, opened O_RDWR, with CAP_SYS_ADMIN
 * @addr: the function
 * @bar_mask: bit 0 for BAR 0; added to what is lent already
 * @error: out, or NULL
 *
 * Return: 0, or -errno as PEERBUF_IOC_LEND.
 */
int peerbuf_lend(int control, uint64_t addr, uint32_t bar_mask, struct peerbuf_error *error);

/**
 * peerbuf_lend_ranges() - lend parts of BARs of a function that keeps its own driver
 * @control: control, opened O_RDWR, with CAP_SYS_ADMIN
 * @addr: the function
 * @bar_mask: BARs to lend as a whole, or 0
 * @ranges: parts of other BARs; @offset, @length and @bar of each are used
 * @nr_ranges: number of ranges, up to PEERBUF_MAX_LENT
 * @error: out, or NULL
 *
 * Return: 0, or -errno as PEERBUF_IOC_LEND.
 */
int peerbuf_lend_ranges(int control, uint64_t addr, uint32_t bar_mask,
			const struct peerbuf_range *ranges, size_t nr_ranges,
			struct peerbuf_error *error);

/**
 * peerbuf_unlend() - take lent BARs back
 * @control: control, opened O_RDWR, with CAP_SYS_ADMIN
 * @addr: the function
 * @bar_mask: bit 0 for BAR 0
 * @error: out, or NULL
 *
 * What was exported from them is revoked for good before the call returns.
 *
 * Return: 0, or -errno as PEERBUF_IOC_UNLEND.
 */
int peerbuf_unlend(int control, uint64_t addr, uint32_t bar_mask, struct peerbuf_error *error);

/**
 * peerbuf_policy() - what the administrator allows to exporters of a function's memory
 * @control: from peerbuf_open_control(), with O_RDWR
 * @addr: the function, bound to the stub or lent
 * @set: PEERBUF_POLICY_F_* to switch on
 * @clear: PEERBUF_POLICY_F_* to switch off
 * @policy: out, PEERBUF_POLICY_F_* that are on now; may be NULL
 * @error: out on failure, or NULL
 *
 * Return: 0 or a negative errno, see struct peerbuf_ioc_policy.
 */
int peerbuf_policy(int control, uint64_t addr, uint32_t set, uint32_t clear, uint32_t *policy,
		   struct peerbuf_error *error);

/**
 * peerbuf_file_read() - let a drive read a file, or blocks, directly into a buffer
 * @control: control
 * @io: in, the two files, the offsets and the length; out, the result, see PEERBUF_IOC_FILE_READ
 * @error: out, or NULL
 *
 * Return: bytes moved, fewer only if the file ends; or -errno as PEERBUF_IOC_FILE_READ.
 */
ssize_t peerbuf_file_read(int control, struct peerbuf_ioc_file *io, struct peerbuf_error *error);

/**
 * peerbuf_file_write() - let a drive write to a file, or blocks, directly from a buffer
 * @control: control
 * @io: as peerbuf_file_read()
 * @error: out, or NULL
 *
 * Return: as peerbuf_file_read(); or -errno as PEERBUF_IOC_FILE_WRITE.
 */
ssize_t peerbuf_file_write(int control, struct peerbuf_ioc_file *io, struct peerbuf_error *error);

/**
 * peerbuf_file_prepare_read() - fill an io_uring submission queue entry for a read
 * @sqe: the struct io_uring_sqe; set its flags and user_data afterwards
 * @control: control, or its index among the registered files with IOSQE_FIXED_FILE
 * @io: as peerbuf_file_read(); must stay valid until the completion, whose result is as there
 *
 * Return: 0.
 */
int peerbuf_file_prepare_read(void *sqe, int control, struct peerbuf_ioc_file *io);

/**
 * peerbuf_file_prepare_write() - fill an io_uring submission queue entry for a write
 * @sqe: as peerbuf_file_prepare_read()
 * @control: as peerbuf_file_prepare_read()
 * @io: as peerbuf_file_write()
 *
 * Return: 0.
 */
int peerbuf_file_prepare_write(void *sqe, int control, struct peerbuf_ioc_file *io);

/* Text */

/**
 * peerbuf_addr_parse() - read a PCI address
 * @text: "0000:01:00.0", or "01:00.0" for domain 0; hexadecimal
 * @addr: out, as PEERBUF_PCI_ADDR()
 *
 * Return: 0; -EINVAL it is not an address; -ERANGE device above 1f or function above 7.
 */
int peerbuf_addr_parse(const char *text, uint64_t *addr);

/**
 * peerbuf_addr_format() - write a PCI address, "0000:01:00.0"
 * @addr: the address; PEERBUF_PCI_NONE is written "-"
 * @text: out
 * @length: size of @text; PEERBUF_ADDR_LEN always suffices
 *
 * Return: characters written without the NUL; -ENOSPC.
 */
int peerbuf_addr_format(uint64_t addr, char *text, size_t length);

/**
 * peerbuf_size_parse() - read a number of bytes
 * @text: decimal or 0x-hexadecimal, then nothing or K, M, G, T (powers of 1024;
 *	small letters and KiB, MiB… are the same)
 * @bytes: out
 *
 * Return: 0; -EINVAL it is not a size; -ERANGE it does not fit 64 bits.
 */
int peerbuf_size_parse(const char *text, uint64_t *bytes);

/**
 * peerbuf_size_format() - write a number of bytes, exactly
 * @bytes: the number
 * @text: out, the shortest text that peerbuf_size_parse() reads back, like "64M"
 * @length: size of @text; PEERBUF_SIZE_LEN always suffices
 *
 * Return: characters written without the NUL; -ENOSPC.
 */
int peerbuf_size_format(uint64_t bytes, char *text, size_t length);

/**
 * peerbuf_range_parse() - read "OFFSET:LENGTH", or "system:LENGTH" for system memory
 * @text: sizes as for peerbuf_size_parse()
 * @bar: the BAR it applies to, unless it is system memory
 * @range: out, all fields are set
 *
 * Return: 0; -EINVAL; -ERANGE a size, or the sum of both, does not fit 64 bits.
 */
int peerbuf_range_parse(const char *text, unsigned int bar, struct peerbuf_range *range);

/**
 * peerbuf_reason_name() - a reason's name, like "ACS_REDIRECT"
 * @reason: enum peerbuf_reason
 *
 * Return: never NULL; "UNKNOWN" for numbers this library does not know.
 */
const char *peerbuf_reason_name(uint32_t reason);

/**
 * peerbuf_reason_text() - what a reason means, without capital and full stop
 * @reason: enum peerbuf_reason
 *
 * Return: never NULL.
 */
const char *peerbuf_reason_text(uint32_t reason);

/**
 * peerbuf_reason_advice() - what a person can do about it
 * @reason: enum peerbuf_reason
 *
 * Return: never NULL; "" if nothing can be done.
 */
const char *peerbuf_reason_advice(uint32_t reason);

/**
 * peerbuf_route_name() - a route type's name, like "BUS_ADDR"
 * @type: enum peerbuf_route_type
 *
 * Return: never NULL; "UNKNOWN" for numbers this library does not know.
 */
const char *peerbuf_route_name(uint32_t type);

/**
 * peerbuf_error_format() - write an error as one line, "sentence (ERRNO)"
 * @error: filled by any call
 * @text: out, cut to fit
 * @length: size of @text, at least 1
 *
 * Return: length of the whole line, as snprintf(3) counts.
 */
int peerbuf_error_format(const struct peerbuf_error *error, char *text, size_t length);

#ifdef __cplusplus
}
#endif

#endif /* LIBPEERBUF_H */
