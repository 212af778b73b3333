// SPDX-License-Identifier: GPL-2.0-only
/* Collects the exports and their importers that this user may see. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "views.h"
#include "tool.h"

/* -ENOENT: the export has ended since it was listed. */
static int views_add(struct views *views, int fd, const struct peerbuf_export_info *info)
{
	struct export_view view = { .info = *info };
	struct peerbuf_error error;
	int ret;

	ret = peerbuf_attachments(fd, info->id, &view.importers, &view.nr, &error);
	if (ret == -ENOENT)
		return EXIT_OK;
	if (ret)
		return failed(&error, NULL, "export %" PRIu64, (uint64_t)info->id);
	views->view = reallocarray(views->view, views->nr + 1, sizeof(view));
	if (!views->view)
		out_of_memory();
	views->view[views->nr++] = view;
	return EXIT_OK;
}

static int collect(struct views *views, int fd, struct peerbuf_error *error)
{
	struct peerbuf_export_info *exports;
	size_t n, nr;
	int ret = peerbuf_list(fd, &exports, &nr, error);

	if (ret)
		return ret;
	for (n = 0; !ret && n < nr; n++)
		ret = views_add(views, fd, &exports[n]);
	free(exports);
	return ret;
}

static int by_id(const void *a, const void *b)
{
	const struct export_view *x = a, *y = b;

	return (x->info.id > y->info.id) - (x->info.id < y->info.id);
}

/* Each node tells only what belongs to its own function: combine what several nodes tell. */
static void views_join(struct export_view *known, struct export_view *more)
{
	void *spare = more->importers;

	if (known->info.state & PEERBUF_STATE_F_SHARED &&
	    !(more->info.state & PEERBUF_STATE_F_SHARED)) {
		spare = known->importers;
		known->info = more->info;
		known->importers = more->importers;
		known->nr = more->nr;
	} else if (known->info.state & PEERBUF_STATE_F_SHARED) {
		known->info.nr_ranges += more->info.nr_ranges;
		known->info.nr_devices += more->info.nr_devices;
		known->info.system_size += more->info.system_size;
		known->info.hidden_size += more->info.hidden_size;
	}
	more->importers = NULL;
	free(spare);
}

/* An export with memory of several functions is listed by each function's node. */
static void views_unique(struct views *views)
{
	size_t n, kept = 0;

	if (views->nr)
		qsort(views->view, views->nr, sizeof(*views->view), by_id);
	for (n = 0; n < views->nr; n++) {
		if (kept && views->view[kept - 1].info.id == views->view[n].info.id)
			views_join(&views->view[kept - 1], &views->view[n]);
		else
			views->view[kept++] = views->view[n];
	}
	views->nr = kept;
}

/* Without CAP_SYS_ADMIN: asks the nodes that this user may open. */
static int collect_nodes(struct views *views, int control)
{
	struct peerbuf_error error;
	uint64_t *addrs;
	size_t n, nr;
	int ret = peerbuf_devices(control, &addrs, &nr, &error);

	if (ret)
		return failed(&error, NULL, "devices");
	for (n = 0; n < nr; n++) {
		int node = peerbuf_open_addr(addrs[n], O_RDONLY);

		if (node < 0) {
			warning("%s: not shown, no permission", addr_text(addrs[n]));
			continue;
		}
		if (collect(views, node, &error) < 0)
			failed(&error, NULL, "%s", addr_text(addrs[n]));
		peerbuf_close(node);
	}
	free(addrs);
	views_unique(views);
	return EXIT_OK;
}

int views_collect(struct views *views)
{
	int control = open_control(O_RDONLY);
	struct peerbuf_error error;
	int ret;

	if (control < 0)
		return -control;
	ret = collect(views, control, &error);
	if (ret == -EPERM)
		ret = collect_nodes(views, control);
	else if (ret < 0)
		ret = failed(&error, NULL, "list");
	peerbuf_close(control);
	return ret;
}

int views_collect_of(struct views *views, uint64_t addr)
{
	int node = open_node(addr, O_RDONLY);
	struct peerbuf_error error;
	int ret;

	if (node < 0)
		return -node;
	ret = collect(views, node, &error);
	if (ret < 0)
		ret = failed(&error, NULL, "%s", addr_text(addr));
	peerbuf_close(node);
	return ret;
}

void views_free(struct views *views)
{
	while (views->nr) {
		struct export_view *view = &views->view[--views->nr];

		free(view->importers);
		free(view->vfio);
	}
	free(views->view);
	*views = (struct views) { 0 };
}
