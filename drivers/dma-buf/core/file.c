// SPDX-License-Identifier: GPL-2.0
/* An open node or control file. The exports that end with it hold references to it. */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "core/device.h"
#include "core/event.h"
#include "core/file.h"

struct peerbuf_file *peerbuf_file_create(struct peerbuf_device *pdevice,
					 bool writable)
{
	struct peerbuf_file *pf;

	pf = kvzalloc(sizeof(*pf), GFP_KERNEL_ACCOUNT);
	if (!pf)
		return NULL;

	kref_init(&pf->ref);
	pf->pdevice = pdevice;
	pf->writable = writable;
	mutex_init(&pf->lock);
	INIT_LIST_HEAD(&pf->exports);
	peerbuf_listener_init(&pf->listener);
	return pf;
}

void peerbuf_file_get(struct peerbuf_file *pf)
{
	kref_get(&pf->ref);
}

static void peerbuf_file_free(struct kref *ref)
{
	struct peerbuf_file *pf = container_of(ref, struct peerbuf_file, ref);

	if (pf->pdevice)
		peerbuf_device_put(pf->pdevice);
	peerbuf_listener_drop(&pf->listener);
	mutex_destroy(&pf->lock);
	kvfree(pf);
}

void peerbuf_file_put(struct peerbuf_file *pf)
{
	kref_put(&pf->ref, peerbuf_file_free);
}

/* Returns with a reference to @filp, which keeps the result. */
struct peerbuf_file *peerbuf_file_from_fd(int fd, struct file **filp)
{
	*filp = fget(fd);
	if (!*filp)
		return ERR_PTR(-EBADF);
	if ((*filp)->f_op != &peerbuf_node_fops) {
		fput(*filp);
		return ERR_PTR(-EXDEV);
	}
	return (*filp)->private_data;
}
