// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings in VFIO devices' IOVA spaces. Only the device's descriptor can be asked for them,
 * and its owner has it: the descriptor is copied, which needs the right to trace that process.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <peerbuf_vfio.h>

#include "views.h"
#include "tool.h"

#define DRIVER		"peerbuf-vfio-pci"
#define DEVICE_FILE	"anon_inode:[vfio-device]"

static struct export_view *view_of(struct views *views, uint64_t id)
{
	size_t n;

	for (n = 0; n < views->nr; n++)
		if (views->view[n].info.id == id)
			return &views->view[n];
	return NULL;
}

static void add(struct export_view *view, const struct peerbuf_vfio_ioc_query *query,
		uint64_t device, uint32_t pid)
{
	view->vfio = reallocarray(view->vfio, view->nr_vfio + 1, sizeof(*view->vfio));
	if (!view->vfio)
		out_of_memory();
	view->vfio[view->nr_vfio++] = (struct vfio_mapping) {
		.device = device,
		.pid = pid,
		.iova = query->iova,
		.length = query->length,
		.offset = query->offset,
		.state = query->state,
		.access = query->access,
		.error = query->error,
		.changes = query->changes,
	};
}

/* Several descriptors may lead to one device, also in several processes. */
static bool is_known(const struct export_view *view, const struct peerbuf_vfio_ioc_query *query,
		     uint64_t device)
{
	size_t n;

	for (n = 0; n < view->nr_vfio; n++)
		if (view->vfio[n].device == device && view->vfio[n].iova == query->iova)
			return true;
	return false;
}

static void ask(struct views *views, int device, uint32_t pid)
{
	struct peerbuf_vfio_ioc_info info;
	struct peerbuf_vfio_ioc_query query;
	uint64_t iova = 0;

	/* Devices with another driver do not have this call. */
	if (peerbuf_vfio_info(device, &info, NULL))
		return;
	while (!peerbuf_vfio_query(device, iova, PEERBUF_VFIO_QUERY_F_NEXT, &query, NULL)) {
		struct export_view *view = view_of(views, query.id);

		if (view && !is_known(view, &query, info.addr))
			add(view, &query, info.addr, pid);
		iova = query.iova + query.length;
		/* The last mapping ends at the top of the address space. */
		if (iova <= query.iova)
			break;
	}
}

static void borrow(struct views *views, int process, uint32_t pid, const char *number)
{
	const char *path = format_text("/proc/%" PRIu32 "/fd/%s", pid, number);
	char target[64];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	int device;

	if (length < 0)
		return;
	target[length] = '\0';
	if (strcmp(target, DEVICE_FILE))
		return;
	device = syscall(SYS_pidfd_getfd, process, atoi(number), 0);
	if (device < 0)
		return;
	ask(views, device, pid);
	close(device);
}

static void look_at_process(struct views *views, uint32_t pid)
{
	DIR *files = opendir(format_text("/proc/%" PRIu32 "/fd", pid));
	int process = syscall(SYS_pidfd_open, pid, 0);
	const struct dirent *entry;

	while (files && process >= 0 && (entry = readdir(files)))
		if (entry->d_name[0] != '.')
			borrow(views, process, pid, entry->d_name);
	if (process >= 0)
		close(process);
	if (files)
		closedir(files);
}

/* Was this process examined for an earlier importer (@view, @importer)? */
static bool is_done(const struct views *views, size_t view, size_t importer, uint32_t pid)
{
	size_t n, i;

	for (n = 0; n <= view; n++)
		for (i = 0; i < (n == view ? importer : views->view[n].nr); i++)
			if (views->view[n].importers[i].pid == pid &&
			    !strcmp(views->view[n].importers[i].driver, DRIVER))
				return true;
	return false;
}

void vfio_mappings_join(struct views *views)
{
	size_t n, i;

	for (n = 0; n < views->nr; n++) {
		for (i = 0; i < views->view[n].nr; i++) {
			const struct peerbuf_attachment_info *importer =
				&views->view[n].importers[i];

			if (importer->pid && !strcmp(importer->driver, DRIVER) &&
			    !is_done(views, n, i, importer->pid))
				look_at_process(views, importer->pid);
		}
	}
}
