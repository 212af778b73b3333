// SPDX-License-Identifier: GPL-2.0
/* peerbuf: PCIe BAR memory shared between devices as dynamic DMA-BUFs. */
#include <linux/module.h>

#include <linux/peerbuf.h>
#include <peerbuf/peerbuf.h>

#include "change/keep.h"
#include "change/reroute.h"
#include "change/settle.h"
#include "core/file.h"
#include "helper/foreign.h"
#include "node/chrdev.h"
#include "node/control.h"
#include "node/debug.h"
#include "node/lend.h"
#include "node/power.h"
#include "node/stub.h"

/* The uAPI and p2p.ko use the same numbers for routes, so that no translation is needed. */
static_assert(PEERBUF_ROUTE_NOT_SUPPORTED == (int)P2P_ROUTE_NOT_SUPPORTED);

static_assert(PEERBUF_ROUTE_BUS_ADDR == (int)P2P_ROUTE_BUS_ADDR);
static_assert(PEERBUF_ROUTE_THRU_HOST_BRIDGE == (int)P2P_ROUTE_THRU_HOST_BRIDGE);
static_assert(PEERBUF_REASON_SAME_FUNCTION == (int)P2P_REASON_SAME_FUNCTION);

static_assert(PEERBUF_REASON_OVERRIDE_HOST_BRIDGE ==
	      (int)P2P_REASON_OVERRIDE_HOST_BRIDGE);

static_assert(PEERBUF_REASON_HOST_BRIDGE_UNKNOWN ==
	      (int)P2P_REASON_HOST_BRIDGE_UNKNOWN);

static_assert(PEERBUF_REASON_CONFIDENTIAL_GUEST == (int)P2P_REASON_CONFIDENTIAL_GUEST);
static_assert(PEERBUF_REASON_PROVIDER_GONE == (int)P2P_REASON_PROVIDER_GONE);
static_assert(PEERBUF_REASON_NO_BAR == (int)P2P_REASON_NO_BAR);
static_assert(PEERBUF_REASON_IO_BAR == (int)P2P_REASON_IO_BAR);
static_assert(PEERBUF_REASON_BAR_UNASSIGNED == (int)P2P_REASON_BAR_UNASSIGNED);
static_assert(PEERBUF_REASON_BAR_UNMAPPABLE == (int)P2P_REASON_BAR_UNMAPPABLE);
static_assert(PEERBUF_REASON_DMA_MASK_IOMMU == (int)P2P_REASON_DMA_MASK_IOMMU);
static_assert(PEERBUF_ROUTE_F_ACS_REDIRECT == P2P_ROUTE_F_ACS_REDIRECT);
static_assert(PEERBUF_ROUTE_F_OVERRIDE == P2P_ROUTE_F_OVERRIDE);
static_assert(PEERBUF_ROUTE_F_IOMMU == P2P_ROUTE_F_IOMMU);
static_assert(sizeof(struct peerbuf_route) == sizeof(struct p2p_route));

static int __init peerbuf_init(void)
{
	int ret;

	ret = peerbuf_settle_init();
	if (ret)
		return ret;
	ret = peerbuf_routes_init();
	if (ret)
		goto err_settle;
	ret = peerbuf_foreign_init();
	if (ret)
		goto err_routes;
	ret = peerbuf_chrdev_init(&peerbuf_node_fops);
	if (ret)
		goto err_foreign;
	ret = peerbuf_control_init();
	if (ret)
		goto err_chrdev;
	ret = peerbuf_keep_init();
	if (ret)
		goto err_control;
	ret = peerbuf_power_init();
	if (ret)
		goto err_keep;
	ret = peerbuf_lend_init();
	if (ret)
		goto err_power;
	ret = peerbuf_stub_init();
	if (ret)
		goto err_lend;
	peerbuf_debug_init();
	return 0;

err_lend:
	peerbuf_lend_exit();
err_power:
	peerbuf_power_exit();
err_keep:
	peerbuf_keep_exit();
err_control:
	peerbuf_control_exit();
err_chrdev:
	peerbuf_chrdev_exit();
err_foreign:
	peerbuf_foreign_exit();
err_routes:
	peerbuf_routes_exit();
err_settle:
	peerbuf_settle_exit();
	return ret;
}

/*
 * Every export, every open node and every driver that registered a device holds the
 * module, so only idle devices are left.
 */
static void __exit peerbuf_exit(void)
{
	peerbuf_debug_exit();
	peerbuf_stub_exit();
	peerbuf_lend_exit();
	peerbuf_power_exit();
	peerbuf_keep_exit();
	peerbuf_control_exit();
	peerbuf_chrdev_exit();
	peerbuf_foreign_exit();
	peerbuf_routes_exit();
	peerbuf_settle_exit();
}

module_init(peerbuf_init);

module_exit(peerbuf_exit);

MODULE_DESCRIPTION("PCIe BAR memory as dynamic DMA-BUFs");

MODULE_VERSION(PEERBUF_RELEASE);

MODULE_LICENSE("GPL");

MODULE_IMPORT_NS("DMA_BUF");
