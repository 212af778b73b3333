// SPDX-License-Identifier: GPL-2.0
/* Finds the function that stands for a host bridge; host_list.c judges it. */

#include <linux/pci.h>

#include <peerbuf/p2p.h>

#include "host_bridge.h"
#include "host_list.h"
#include "override.h"
#include "path.h"

/*
 * The function that identifies the host bridge: 00.0 of the root bus, which by
 * convention belongs to the host bridge. Where a root bus has none, its root
 * ports are part of the same silicon, so @top identifies it if it is one.
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

/* @top: the last function on the way up; it sits on the root bus. */
void p2p_host_bridge_describe(struct pci_dev *top, struct p2p_path_host *host)
{
	struct pci_bus *root = pci_find_host_bridge(top->bus)->bus;
	struct pci_dev *function;

	host->root = (u64)(u32)pci_domain_nr(root) << 16 | (u64)root->number << 8;
	host->addr = host->root;
	host->known = false;
	host->same_only = false;
	function = host_function_get(top, root);
	if (function) {
		host->addr = p2p_pci_addr(function);
		p2p_host_known(host, function->vendor, function->device);
	}
	pci_dev_put(function);
	host->vouched = p2p_override_host(host->root);
}
