/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* peerbuf: how a device reaches the memory of another. Programs include <linux/peerbuf.h>. */
#ifndef _UAPI_LINUX_PEERBUF_ROUTE_H
#define _UAPI_LINUX_PEERBUF_ROUTE_H

#include <linux/types.h>

/**
 * enum peerbuf_route_type - how a device reaches another device's memory
 * @PEERBUF_ROUTE_NOT_SUPPORTED: it does not, or is not known to
 * @PEERBUF_ROUTE_BUS_ADDR: below a common upstream bridge with no ACS redirect
 *	on the way; uses the PCI bus address and no IOMMU
 * @PEERBUF_ROUTE_THRU_HOST_BRIDGE: through the root complex; uses an IOVA, or
 *	the CPU physical address where no IOMMU translates
 */
enum peerbuf_route_type {
	PEERBUF_ROUTE_NOT_SUPPORTED	= 0,
	PEERBUF_ROUTE_BUS_ADDR		= 1,
	PEERBUF_ROUTE_THRU_HOST_BRIDGE	= 2,
};

/**
 * struct peerbuf_route - a verdict
 * @type: enum peerbuf_route_type
 * @reason: enum peerbuf_reason, 1..63
 * @flags: PEERBUF_ROUTE_F_*
 * @distance: hops from provider to client over bridges; 0 the same function,
 *	2 two functions below one port, 4 two ports of a switch
 * @decider: the PCI function that decides (common bridge, the first bridge
 *	with ACS redirect on, or the host bridge), PEERBUF_PCI_NONE if none
 */
struct peerbuf_route {
	__u32 type;
	__u32 reason;
	__u32 flags;
	__u32 distance;
	__u64 decider;
};

#define PEERBUF_ROUTE_F_ACS_REDIRECT	(1U << 0) /* ACS sends it to the root complex */
#define PEERBUF_ROUTE_F_OVERRIDE	(1U << 1) /* an override made the verdict */
#define PEERBUF_ROUTE_F_IOMMU		(1U << 2) /* an IOMMU translates for the client */

/**
 * struct peerbuf_ioc_route - PEERBUF_IOC_ROUTE: can @client reach @provider?
 * @size: sizeof(struct peerbuf_ioc_route)
 * @reason: out, enum peerbuf_reason on failure
 * @provider: PCI address of the function whose memory is meant
 * @client: PCI address of the function that would do the DMA
 * @bar: BAR of the provider, or PEERBUF_ANY_BAR to leave the DMA mask out
 * @flags: zero
 * @route: out
 * @offset: first byte of the BAR that is meant
 * @length: bytes of it; 0: all from @offset on. Both zero with PEERBUF_ANY_BAR
 *
 * Answered by nodes and control alike, for any two functions. Whether an IOMMU translates for
 * @client, and its DMA mask, are considered only while a driver that uses the kernel's DMA API is
 * bound to it and nobody holds its device lock. Otherwise PEERBUF_ROUTE_F_IOMMU is left out, and
 * the DMA mask is ignored.
 *
 * errno: ENODEV there is no such function; ENXIO it has no such memory BAR; ERANGE the range
 * ends past it; EINVAL a range without a BAR.
 */
struct peerbuf_ioc_route {
	__u32 size;
	__u32 reason;
	__u64 provider;
	__u64 client;
	__u32 bar;
	__u32 flags;
	struct peerbuf_route route;
	/* from version 4 */
	__u64 offset;
	__u64 length;
};

#define PEERBUF_ANY_BAR		(~0U)

#endif /* _UAPI_LINUX_PEERBUF_ROUTE_H */
