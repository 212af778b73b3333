// SPDX-License-Identifier: GPL-2.0
/* peerbuf-nvme: moves files and blocks straight into DMA-BUFs; the drive keeps its driver. */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>

#include "internal.h"

static int peerbuf_nvme_set_depth(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 1, PEERBUF_NVME_MAX_DEPTH);
}

static const struct kernel_param_ops peerbuf_nvme_depth_ops = {
	.set = peerbuf_nvme_set_depth,
	.get = param_get_uint,
};

static unsigned int queue_depth = 4;
module_param_cb(queue_depth, &peerbuf_nvme_depth_ops, &queue_depth, 0644);
MODULE_PARM_DESC(queue_depth, "commands of one call that are under way at a time, 1 to 64");

u32 peerbuf_nvme_depth(void)
{
	return READ_ONCE(queue_depth);
}

static const struct peerbuf_storage_ops peerbuf_nvme_ops = {
	.owner = THIS_MODULE,
	.transfer = peerbuf_nvme_file_io,
};

static int __init peerbuf_nvme_init(void)
{
	int ret;

	ret = peerbuf_nvme_transfer_init();
	if (ret)
		return ret;
	ret = peerbuf_nvme_controller_init();
	if (ret)
		goto err_transfer;
	ret = peerbuf_storage_register(&peerbuf_nvme_ops);
	if (ret)
		goto err_controller;
	return 0;

err_controller:
	peerbuf_nvme_controller_exit();
err_transfer:
	peerbuf_nvme_transfer_exit();
	return ret;
}

/*
 * No call is under way and no fence exists, because both hold the module. The RCU callback that
 * dropped the last fence's hold may still be running: wait for it.
 */
static void __exit peerbuf_nvme_exit(void)
{
	peerbuf_storage_unregister(&peerbuf_nvme_ops);
	peerbuf_nvme_controller_exit();
	peerbuf_nvme_transfer_exit();
	rcu_barrier();
}

module_init(peerbuf_nvme_init);
module_exit(peerbuf_nvme_exit);

MODULE_DESCRIPTION("Files and blocks of NVMe drives straight into DMA-BUFs");
MODULE_VERSION(PEERBUF_RELEASE);
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
