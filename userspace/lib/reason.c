// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

struct sentence {
	const char *name;
	const char *text;
	const char *advice;
};

#define REASON(n, t, a)							\
	[PEERBUF_REASON_##n] = { .name = #n, .text = (t), .advice = (a) }

/* tests/ compares this with the header: a reason without a sentence fails there. */
static const struct sentence sentences[] = {
	REASON(NONE, "no reason given", ""),

	REASON(SAME_FUNCTION, "provider and client are the same function", ""),
	REASON(COMMON_BRIDGE, "below one bridge, and no ACS redirect on the way", ""),
	REASON(CPU_FORWARDS, "this CPU family forwards between its root ports", ""),
	REASON(HOST_BRIDGE_KNOWN, "the host bridges are known to forward", ""),
	REASON(OVERRIDE_PAIR, "the administrator vouches for this pair", ""),
	REASON(OVERRIDE_HOST_BRIDGE, "the administrator vouches for the host bridge", ""),

	REASON(HOST_BRIDGE_UNKNOWN, "the host bridge is not known to forward",
	       "put both devices below one PCIe switch, or vouch for the pair with "
	       "'peerbuf allow PROVIDER CLIENT' if the platform's vendor says that it works"),
	REASON(ACS_REDIRECT,
	       "ACS redirect sends the traffic up to a host bridge that is not known to forward",
	       "boot with pci=disable_acs_redir=BRIDGE, which gives up the isolation between "
	       "the devices below that bridge, or vouch for the pair with "
	       "'peerbuf allow PROVIDER CLIENT'"),
	REASON(NO_COMMON_ROOT,
	       "the two are in different PCI domains, whose host bridges are not known to "
	       "forward to each other",
	       "move one device to a slot of the other's domain, or vouch for the pair with "
	       "'peerbuf allow PROVIDER CLIENT' if the platform's vendor says that it works"),
	REASON(DMA_MASK, "the client cannot address the BAR: its DMA mask is too small",
	       "use an IOMMU that translates for the client, export only the part of the BAR that "
	       "the client can address, or have the firmware place the BAR lower"),
	REASON(DMA_MASK_IOMMU, "the client cannot address the BAR on the bus, and with its IOMMU "
	       "the route is through a host bridge that is not known to forward",
	       "vouch for the pair with 'peerbuf allow PROVIDER CLIENT' if the platform's vendor says "
	       "that it works, or export only the part of the BAR that the client can address"),
	REASON(BRIDGE_OFF, "a bridge on the way is switched off",
	       "switch its memory decode and bus mastering on again: 'setpci -s BRIDGE "
	       "COMMAND=6:6'"),
	REASON(NOT_PCI, "the client is not a PCI device",
	       "only PCI devices can access a BAR; use a PCI device as importer"),
	REASON(PROVIDER_GONE, "the owner of the memory was unbound or removed",
	       "bind the device again and make a new export"),
	REASON(MEM_ENCRYPTION, "memory encryption is on, and this kernel's IOMMU driver takes "
	       "BARs for encrypted memory",
	       "use Linux 7.2 or later, or boot with mem_encrypt=off"),
	REASON(CONFIDENTIAL_GUEST, "this is a confidential guest, whose host decides what a "
	       "device reaches",
	       "use a buffer in system memory, or a guest that is not confidential"),

	REASON(STRUCT_SIZE, "library and kernel module disagree about a structure's size",
	       "install the module and the library of one release"),
	REASON(RESERVED, "a reserved field is not zero",
	       "zero the whole structure before filling it"),
	REASON(FLAGS, "unknown flags, or flags that exclude each other",
	       "ask peerbuf_probe() what this kernel module knows, or update it"),
	REASON(NO_RANGES, "no range was given", "give at least one range"),
	REASON(TOO_MANY_RANGES, "too many ranges", "merge ranges, or make several exports"),
	REASON(TOO_MANY_DEVICES, "the ranges belong to too many devices",
	       "make several exports"),
	REASON(ZERO_LENGTH, "the length is zero", "give a length of one page at least"),
	REASON(UNALIGNED, "not page aligned",
	       "give offset and length as multiples of the page size"),
	REASON(PAST_END, "ends past the end of the BAR",
	       "'peerbuf devices' shows how large each BAR is"),
	REASON(OVERFLOW, "offset plus length, or the sum of the lengths, overflows",
	       "'peerbuf devices' shows how large each BAR is"),
	REASON(SIZE_MISMATCH, "a move must keep the buffer's size",
	       "make the lengths of the new ranges add up to the size 'peerbuf ps' shows"),
	REASON(OVERLAP, "a copy to a place that overlaps the old one, or names memory twice",
	       "move without copying, or to or by way of a place that does not"),
	REASON(BAD_FD, "no such file descriptor, or not one open for writing",
	       "open the node for reading and writing, and keep it open"),
	REASON(NOT_DMABUF, "the descriptor is not a dma-buf", "pass the one that export returned"),
	REASON(NOT_PEERBUF, "a dma-buf of another exporter",
	       "ask that exporter; /sys/kernel/debug/dma_buf/bufinfo names it"),
	REASON(NOT_NODE, "the descriptor is not a peerbuf node",
	       "open /dev/peerbuf/<address of the function>"),
	REASON(NO_EXPORT, "no such export here", "'peerbuf ps' lists the exports there are"),
	REASON(NO_DEVICE, "no such PCI function, or none that peerbuf may export",
	       "'peerbuf topo' lists the functions there are, 'peerbuf devices' those with a node"),
	REASON(BAD_POINTER, "an array is not accessible", "check the pointer and the count"),
	REASON(TOO_MANY_RIGHTS, "too many nodes in the array of rights",
	       "name each function once"),
	REASON(ALIASED, "a copy of a buffer whose ranges name the same memory twice",
	       "move without copying, export without fallback, or name each byte once"),

	REASON(SEGMENT_LIMITS, "the alignment or the maximum of DMA segments is not valid",
	       "the alignment is a power of two, a page at least, and the maximum a multiple of "
	       "it"),

	REASON(NO_BAR, "the function has no such memory BAR",
	       "'peerbuf devices' lists the BARs"),
	REASON(IO_BAR, "an I/O port BAR", "only memory BARs can be exported"),
	REASON(BAR_NOT_EXPORTABLE, "the BAR is not exportable",
	       "lend it: 'peerbuf allow FUNCTION --bar N'"),
	REASON(MEMORY_DECODE_OFF, "the function, or a bridge above it, does not decode memory "
	       "(PCI_COMMAND)",
	       "let its driver enable the device, or bind it with 'peerbuf bind FUNCTION'; "
	       "'lspci -vt' shows the bridges above, and 'lspci -vv' their Control: Mem"),
	REASON(BAR_UNASSIGNED, "the BAR has no address",
	       "the firmware or kernel found no room for it: see 'BAR' in the kernel log, try "
	       "pci=realloc or \"Above 4G decoding\""),
	REASON(BAR_UNMAPPABLE, "a PCI quirk forbids mapping the BARs of this function",
	       "use memory of another function: these BARs are for its own driver only"),
	REASON(NOT_LENT, "it is outside of the ranges of the BAR that are lent",
	       "'peerbuf allow FUNCTION --bar N --range OFFSET:LENGTH' lends more of it"),
	REASON(MSIX, "the function's MSI-X table or pending bits are there",
	       "leave those pages out: its driver relies on them"),
	REASON(BAR_SMALL, "the BAR is smaller than a page of this kernel",
	       "use another BAR: what else is in that page may be another device's"),

	REASON(READ_ONLY_FILE, "the node was opened without write access",
	       "open it for reading and writing"),
	REASON(CAPABILITY, "CAP_SYS_ADMIN is needed", "run it as root"),
	REASON(LOCKDOWN, "kernel lockdown forbids it",
	       "lockdown comes with secure boot; see kernel_lockdown(7)"),
	REASON(RIGHT_MISSING,
	       "the buffer also has memory of another function, whose owner must agree",
	       "open /dev/peerbuf/FUNCTION for reading and writing, or have its owner do it"),

	REASON(STATIC_IMPORTER,
	       "the importer is static: it cannot use a BAR, and cannot unmap on request",
	       "export with --fallback to give it system memory"),
	REASON(NO_PEER2PEER, "the importer cannot take memory without struct pages",
	       "export with --fallback to give it system memory, or use an importer that allows "
	       "peer-to-peer, as RDMA drivers do"),
	REASON(PINNED_IMPORTER, "the importer pins the buffer and cannot be revoked",
	       "export with --fallback to give it system memory; or the administrator accepts that "
	       "a revoke waits for it, with 'peerbuf bind --pinned' or 'peerbuf allow --pinned'"),
	REASON(NO_ROUTE, "the importer has no route to the memory",
	       "'peerbuf why PROVIDER CLIENT' says what stands in the way"),
	REASON(VETO, "the exporting driver refused",
	       "see the driver's documentation and the kernel log"),
	REASON(HIDDEN, "the buffer is in memory that only its own device can address",
	       "make its driver move it to memory that is in the BAR"),
	REASON(NO_CPU, "the buffer was exported without CPU access",
	       "export it without PEERBUF_EXPORT_F_NO_CPU (--no-cpu) to map it"),

	REASON(REVOKED, "the buffer is revoked", "'peerbuf restore ID' brings it back"),
	REASON(DEVICE_DOWN, "the device is suspended or being reset",
	       "try again when it is back"),
	REASON(DEVICE_GONE, "the device was unbound or removed",
	       "bind it again and make a new export: this one ends here"),
	REASON(PINNED, "an importer or a kernel mapping pins the buffer",
	       "'peerbuf ps' shows who"),
	REASON(STILL_MAPPED, "an importer has not unmapped the buffer yet",
	       "wait on, or end the process that 'peerbuf ps' shows"),
	REASON(NOT_REVOKED, "the buffer is not revoked", "'peerbuf ps' shows its state"),
	REASON(DRIVER_BOUND, "the function is exported by its own driver or by the peerbuf stub",
	       "nothing has to be lent: 'peerbuf devices' shows what it exports"),
	REASON(NO_DRIVER, "no driver is bound, and only a bound driver's BARs can be lent",
	       "bind its driver, or the stub with 'peerbuf bind FUNCTION'"),
	REASON(INTERRUPTED, "interrupted by a signal", "run it again"),
	REASON(BUSY, "the buffer is locked, and its importers have not been told yet",
	       "wait again with a longer time limit: they will be told in any case"),
	REASON(DEVICE_BUSY, "a driver of the function is being bound or unbound",
	       "run it again; the kernel log says for whom an unbind waits"),
	REASON(DRIVER_DECIDES, "the function's own driver decides that",
	       "see the driver's documentation"),
	REASON(NO_MEMORY, "there is no system memory for it, or the memory cgroup may not have it",
	       "ask for less, or raise the cgroup's memory.max or p2p's parameter system_max_mib"),

	REASON(NO_IOMMU, "no IOMMU translates for the device",
	       "boot with the IOMMU on, and put the device's group into a type1 container; "
	       "VFIO's no-IOMMU mode cannot import"),
	REASON(IOMMUFD, "the device is used through iommufd",
	       "use its VFIO group and a type1 container"),
	REASON(FOREIGN_EXPORTER,
	       "another exporter's DMA-BUF that is not in system memory; only that exporter can map it",
	       "bind the exporting device to peerbuf-vfio-pci or to the peerbuf stub, or lend its "
	       "BAR"),
	REASON(IOVA_UNALIGNED, "not aligned to the IOMMU's smallest page",
	       "align IOVA, offset and length to the smallest bit of page_sizes"),
	REASON(IOVA_RANGE, "outside of the IOVA range that the IOMMU translates",
	       "stay between iova_first and iova_last of the device's info"),
	REASON(IOVA_BUSY, "a page of the IOVA range is mapped already",
	       "unmap it first, or choose another IOVA"),
	REASON(IOVA_BRIDGE, "a switch above the device would catch DMA to this IOVA range",
	       "choose an IOVA outside of the memory windows of the bridges above the device "
	       "(lspci -vv)"),
	REASON(IOVA_UNKNOWN, "no mapping at this IOVA", "query the device for its mappings"),
	REASON(IOVA_LENGTH, "the mapping at this IOVA has another length",
	       "unmap a mapping as a whole"),
	REASON(NO_ACCESS, "neither read nor write access was asked for",
	       "ask for the access that the device needs"),
	REASON(READ_ONLY_BUFFER, "the DMA-BUF is not open for the access that the device needs",
	       "export it with O_RDWR, or ask for less access"),
	REASON(BAD_EVENTFD, "the descriptor is not an eventfd", "create one with eventfd(2)"),
	REASON(TOO_MANY_MAPPINGS, "the device has as many mappings as it can have",
	       "unmap some, or map larger pieces"),
	REASON(IOMMU_REFUSED, "the IOMMU driver failed to map the memory",
	       "the kernel log may say why"),
	REASON(IOVA_SHARED, "this kernel's IOMMU driver lets an IOVA be mapped twice",
	       "use Linux 7.2 or later; before, importing takes CAP_SYS_RAWIO or "
	       "peerbuf-vfio-pci's allow_unsafe_import, and buffers in system memory cannot be "
	       "imported"),

	REASON(NOTHING_MAPPED, "nothing is mapped at that address",
	       "look up only what the process has mapped; another thread may have unmapped it"),
	REASON(ORDINARY_MEMORY, "that is ordinary memory of the process, or of a file",
	       "register ordinary memory by itself, not in one range with a device's"),
	REASON(DEVICE_MEMORY, "that is memory of a device, mapped by its driver without a dma-buf",
	       "export it, and map the dma-buf instead: 'peerbuf export', or the calls of the "
	       "driver that owns it"),
	REASON(FOREIGN_PART, "only a part of another exporter's dma-buf is mapped there",
	       "map all of it, shared and writable, or use its descriptor"),
	REASON(FOREIGN_UNKNOWN, "that is a dma-buf of an exporter whose mappings do not tell "
	       "where in the buffer they are",
	       "use the dma-buf's descriptor instead of its mapping"),
	REASON(FOREIGN_BUFFER, "another exporter's dma-buf cannot be a part of one of peerbuf's",
	       "register it by itself, not in one range with other memory"),
	REASON(TOO_MANY_PIECES, "the range is made of more pieces than there is room for",
	       "give more room, up to PEERBUF_MAX_PIECES, or look up a smaller range"),
	REASON(DERIVED, "it is a part of another export and is where that export is",
	       "move the export that it is a part of, which 'peerbuf ps -j' shows"),
	REASON(DERIVED_DEEP, "it is a part of a part, and so on, too many times",
	       "map and look up one that is closer to the first"),
	REASON(COMPOSED, "that is mapped from an export that was composed of several",
	       "look up the mappings that it was composed of"),

	REASON(NO_STORAGE, "the module peerbuf-nvme is not there",
	       "load it: modprobe peerbuf-nvme"),
	REASON(NOT_A_FILE, "neither a regular file nor a block device",
	       "name a file on ext4 or xfs, an NVMe block device or a partition of one"),
	REASON(NOT_NVME, "not straight on an NVMe drive of a PCI controller",
	       "name the drive itself: device mapper, RAID, loop devices and NVMe over fabrics are "
	       "not served"),
	REASON(MULTIPATH, "the drive has several paths",
	       "leave it one PCI controller: which path is used cannot be told"),
	REASON(METADATA, "the namespace has metadata or protection information",
	       "format it without, or read it by ordinary means"),
	REASON(ZONED, "a zoned namespace does not accept such writes",
	       "write it by ordinary means"),
	REASON(FILE_ACCESS, "the file may not be used for that",
	       "open it for what the call does; a security module may have refused as well"),
	REASON(READ_ONLY_DEVICE, "the block device is read-only", "see blockdev(8) --setrw"),
	REASON(SWAP, "the block device is used as swap", "see swapoff(8)"),
	REASON(QUEUE_DEPTH, "more commands at a time than allowed", "ask for up to 64"),
	REASON(CONTROLLER_GONE, "the drive was unbound or removed",
	       "open it again when it is back"),
	REASON(DRIVE_ERROR, "the drive failed a command",
	       "look its status up in the NVMe specification; 'nvme smart-log' shows the drive's "
	       "health"),
	REASON(FILE_ERROR, "reading or writing the file through the page cache failed",
	       "the kernel log may say why"),
	REASON(FILESYSTEM, "the file is on a file system that is not served",
	       "use ext4 or xfs: other file systems do not promise that a block stays where it is"),
	REASON(FILE_KIND, "the bytes on the medium are not the file's bytes, or may not be changed",
	       "encrypted, verified (fs-verity), measured (IMA), swap, DAX and immutable files are "
	       "not served, and append-only ones are not written: use read(2) and write(2)"),
	REASON(FILE_BUSY, "the file is open for writing",
	       "close it there; on xfs a file may be open for writing"),
	REASON(NO_BLOCK, "the file has no block there that the drive could use",
	       "leave --strict (PEERBUF_FILE_F_STRICT) out to go through system memory"),
};

static const struct sentence unknown = {
	.name = "UNKNOWN",
	.text = "a reason this version of libpeerbuf does not know",
	.advice = "install the library that came with the kernel module",
};

static const struct sentence *sentence(uint32_t reason)
{
	if (reason < ARRAY_SIZE(sentences) && sentences[reason].name)
		return &sentences[reason];
	return &unknown;
}

const char *peerbuf_reason_name(uint32_t reason)
{
	return sentence(reason)->name;
}

const char *peerbuf_reason_text(uint32_t reason)
{
	return sentence(reason)->text;
}

const char *peerbuf_reason_advice(uint32_t reason)
{
	return sentence(reason)->advice;
}

const char *peerbuf_route_name(uint32_t type)
{
	static const char *const names[] = {
		[PEERBUF_ROUTE_NOT_SUPPORTED] = "NOT_SUPPORTED",
		[PEERBUF_ROUTE_BUS_ADDR] = "BUS_ADDR",
		[PEERBUF_ROUTE_THRU_HOST_BRIDGE] = "THRU_HOST_BRIDGE",
	};

	return type < ARRAY_SIZE(names) ? names[type] : unknown.name;
}

static const char *error_text(const struct peerbuf_error *error)
{
	const char *text;

	if (error->reason)
		return peerbuf_reason_text(error->reason);
	text = strerrordesc_np(-error->error);
	return text ? text : "unknown error";
}

int peerbuf_error_format(const struct peerbuf_error *error, char *text, size_t length)
{
	const char *name = strerrorname_np(-error->error);
	int saved_errno = errno;
	int ret;

	if (name)
		ret = snprintf(text, length, "%s (%s)", error_text(error), name);
	else
		ret = snprintf(text, length, "%s (%" PRId32 ")", error_text(error), error->error);
	errno = saved_errno;
	return ret;
}
