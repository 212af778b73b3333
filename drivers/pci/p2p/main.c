// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading. The notifier is all there is to tear down: everybody who has a
 * provider or a mapping uses a symbol of this module, and so keeps it loaded.
 */

#include <linux/module.h>

#include "cache.h"

static int __init p2p_init(void)
{
	return p2p_cache_watch();
}
module_init(p2p_init);

static void __exit p2p_exit(void)
{
	p2p_cache_unwatch();
}
module_exit(p2p_exit);

MODULE_DESCRIPTION("Which device can access which PCIe BAR, and at which DMA address");
MODULE_VERSION(PEERBUF_RELEASE);
MODULE_LICENSE("GPL");
