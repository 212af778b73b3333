// SPDX-License-Identifier: GPL-2.0
/* The module, and all devices of it. See steps.h for an overview. */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "steps.h"

static void steps_device_free(struct kref *ref)
{
	kfree(container_of(ref, struct steps_device, ref));
}

void steps_device_put(struct steps_device *device)
{
	kref_put(&device->ref, steps_device_free);
}

static void *steps_add(struct edu *edu)
{
	struct steps_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return NULL;
	kref_init(&device->ref);
	device->edu = edu;
	device->dev = &edu->pdev->dev;
	init_rwsem(&device->present);
	INIT_LIST_HEAD(&device->files);
	mutex_init(&device->files_lock);
	if (steps_file_register(device)) {
		kfree(device);
		return NULL;
	}
	return device;
}

/* The engine has stopped. What is linked for the device goes before its driver does. */
static void steps_remove(void *priv)
{
	struct steps_device *device = priv;

	misc_deregister(&device->misc);
	down_write(&device->present);
	device->gone = true;
	steps_files_stop(device);
	up_write(&device->present);
	steps_device_put(device);
}

static const struct edu_client steps_client = {
	.add = steps_add,
	.remove = steps_remove,
};

static int __init steps_init(void)
{
	return edu_client_register(&steps_client);
}
module_init(steps_init);

static void __exit steps_exit(void)
{
	edu_client_unregister(&steps_client);
}
module_exit(steps_exit);

MODULE_DESCRIPTION("Clients of the two-step DMA API, on the DMA engine of QEMU's edu device");
MODULE_LICENSE("GPL");
