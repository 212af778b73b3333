// SPDX-License-Identifier: GPL-2.0
/*
 * Which root complexes forward a request from one of their ports to another.
 * The specification leaves it open and no register tells, so this is a list of
 * what is known: all of a CPU vendor's families from one on, or single parts.
 */

#include <linux/pci.h>

#include <peerbuf/p2p.h>

#include "host_bridge.h"
#include "override.h"
#include "path.h"

#ifdef CONFIG_X86
#include <asm/processor.h>
#endif

#define ANY_DEVICE	0x10000

struct known_host {
	u32 vendor;
	u32 device;
	bool same_only;
};

static const struct known_host known_hosts[] = {
	/* Sandy Bridge and Ivy Bridge servers: the DMI port's two faces */
	{ 0x8086, 0x3c00, true },
	{ 0x8086, 0x3c01, true },
	/* Haswell servers */
	{ 0x8086, 0x2f00, true },
	{ 0x8086, 0x2f01, true },
	/* Skylake servers: the DMI port and the root ports A to D */
	{ 0x8086, 0x2020, false },
	{ 0x8086, 0x2030, false },
	{ 0x8086, 0x2031, false },
	{ 0x8086, 0x2032, false },
	{ 0x8086, 0x2033, false },
	/* Ice Lake servers and later: each I/O stack's memory map function */
	{ 0x8086, 0x09a2, false },
	/* Later servers' accelerator stacks, where the accelerator is 00.0 */
	{ 0x8086, 0x0b25, false },	/* data streaming */
	{ 0x8086, 0x0cfe, false },	/* analytics */
	{ 0x8086, 0x11fb, false },	/* data streaming */
	{ 0x8086, 0x1212, false },	/* data streaming */
	{ 0x8086, 0x1216, false },	/* analytics */
	{ 0x8086, 0x4940, false },	/* crypto and compression, five generations */
	{ 0x8086, 0x4942, false },
	{ 0x8086, 0x4944, false },
	{ 0x8086, 0x4946, false },
	{ 0x8086, 0x4948, false },
	/* Google's own systems on chip */
	{ 0x1ae0, ANY_DEVICE, false },
};

static const struct known_host *known_host_find(const struct pci_dev *pdev)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known_hosts); i++) {
		const struct known_host *entry = &known_hosts[i];

		if (entry->vendor == pdev->vendor &&
		    (entry->device == ANY_DEVICE || entry->device == pdev->device))
			return entry;
	}
	return NULL;
}

/*
 * The function that tells what the host bridge is: 00.0 of the root bus, which
 * by convention is the host bridge's own. Where a root bus has none, its root
 * ports are part of the same silicon, and the one that @top is will do.
 */
static struct pci_dev *host_function_get(struct pci_dev *top, struct pci_bus *root)
{
	struct pci_dev *function;

	function = pci_get_domain_bus_and_slot(pci_domain_nr(root), root->number, 0);
	if (function)
		return function;
	if (pci_pcie_type(top) == PCI_EXP_TYPE_ROOT_PORT)
		return pci_dev_get(top);
	return NULL;
}

/* @top: the last function on the way up, which sits on the root bus */
void p2p_host_bridge_describe(struct pci_dev *top, struct p2p_path_host *host)
{
	struct pci_bus *root = pci_find_host_bridge(top->bus)->bus;
	const struct known_host *known = NULL;
	struct pci_dev *function;

	host->root = (u64)(u32)pci_domain_nr(root) << 16 | (u64)root->number << 8;
	host->addr = host->root;
	function = host_function_get(top, root);
	if (function) {
		host->addr = p2p_pci_addr(function);
		known = known_host_find(function);
	}
	pci_dev_put(function);
	host->known = known;
	host->same_only = known && known->same_only;
	host->vouched = p2p_override_host(host->root);
}

/* AMD's since Zen all forward, between host bridges as well. */
bool p2p_cpu_forwards(void)
{
#ifdef CONFIG_X86
	return boot_cpu_data.x86_vendor == X86_VENDOR_AMD && boot_cpu_data.x86 >= 0x17;
#else
	return false;
#endif
}
