// SPDX-License-Identifier: GPL-2.0
/* Names of verdicts and reasons, for logs. */

#include <linux/export.h>
#include <linux/kernel.h>

#include <peerbuf/p2p.h>

static const char * const type_names[] = {
	[P2P_ROUTE_NOT_SUPPORTED] = "not supported",
	[P2P_ROUTE_BUS_ADDR] = "bus address",
	[P2P_ROUTE_THRU_HOST_BRIDGE] = "through host bridge",
};

static const char * const reason_texts[] = {
	[P2P_REASON_NONE] = "no reason",
	[P2P_REASON_SAME_FUNCTION] = "provider and client are one function",
	[P2P_REASON_COMMON_BRIDGE] = "below a common bridge, no ACS redirect on the way",
	[P2P_REASON_CPU_FORWARDS] = "this CPU family forwards peer traffic",
	[P2P_REASON_HOST_BRIDGE_KNOWN] = "the host bridge is known to forward peer traffic",
	[P2P_REASON_OVERRIDE_PAIR] = "the administrator vouches for this pair",
	[P2P_REASON_OVERRIDE_HOST_BRIDGE] = "the administrator vouches for the host bridge",
	[P2P_REASON_HOST_BRIDGE_UNKNOWN] = "the host bridge is not known to forward peer traffic",
	[P2P_REASON_ACS_REDIRECT] =
		"ACS redirects to a host bridge that is not known to forward peer traffic",
	[P2P_REASON_NO_COMMON_ROOT] =
		"in two PCI domains whose host bridges are not known to forward peer traffic",
	[P2P_REASON_DMA_MASK] = "the client cannot address the BAR",
	[P2P_REASON_NOT_PCI] = "the client is not a PCI device",
	[P2P_REASON_PROVIDER_GONE] = "the provider is gone",
	[P2P_REASON_MEM_ENCRYPTION] =
		"memory encryption is on, and the IOMMU driver takes BARs for encrypted",
	[P2P_REASON_CONFIDENTIAL_GUEST] = "this is a confidential guest",
	[P2P_REASON_DMA_MASK_IOMMU] =
		"the client cannot address the BAR, and the host bridge above is not known to forward",
	[P2P_REASON_BRIDGE_OFF] = "a bridge on the way is switched off",
};

/**
 * p2p_route_type_name() - a route type in words
 * @type: enum p2p_route_type
 *
 * Context: Any.
 * Return: a constant string, for unknown numbers as well
 */
const char *p2p_route_type_name(u32 type)
{
	return type < ARRAY_SIZE(type_names) ? type_names[type] : "unknown";
}
EXPORT_SYMBOL_GPL(p2p_route_type_name);

/**
 * p2p_route_reason_text() - a reason in words
 * @reason: enum p2p_route_reason
 *
 * Context: Any.
 * Return: a constant string without a full stop, for unknown numbers as well
 */
const char *p2p_route_reason_text(u32 reason)
{
	if (reason >= ARRAY_SIZE(reason_texts) || !reason_texts[reason])
		return "unknown";
	return reason_texts[reason];
}
EXPORT_SYMBOL_GPL(p2p_route_reason_text);
