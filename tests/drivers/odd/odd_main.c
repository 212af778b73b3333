// SPDX-License-Identifier: GPL-2.0
/* The module. See odd.h for an overview. */
#include <linux/module.h>

#include "odd.h"

/* What is done later, and by somebody else. Each work holds its buffer, and so this module. */
struct workqueue_struct *odd_wq;

static int __init odd_init(void)
{
	int ret;

	odd_wq = alloc_workqueue("odd_exporter", WQ_UNBOUND, 0);
	if (!odd_wq)
		return -ENOMEM;
	ret = odd_device_init();
	if (ret)
		goto err_wq;
	ret = odd_file_init();
	if (ret)
		goto err_device;
	return 0;

err_device:
	odd_device_exit();
err_wq:
	destroy_workqueue(odd_wq);
	return ret;
}
module_init(odd_init);

static void __exit odd_exit(void)
{
	odd_file_exit();
	odd_device_exit();
	/* A work that gave its buffer back may not have returned. */
	destroy_workqueue(odd_wq);
	/* Nor the function that freed the last fence. */
	rcu_barrier();
}
module_exit(odd_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("DMA-BUF exporter that does by a script what an exporter may do");
MODULE_LICENSE("GPL");
