// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "tool.h"

static int not_loaded(void)
{
	failed_errno(-ENOENT, "/dev/peerbuf/control");
	hint_module();
	return -EXIT_NO_MODULE;
}

static int no_permission(int err, const char *path)
{
	failed_errno(err, "%s", path);
	hint("run it as root, or have the administrator give you access to %s", path);
	return -EXIT_REFUSED;
}

static bool is_permission(int err)
{
	return err == -EACCES || err == -EPERM;
}

int open_control(int flags)
{
	int fd = peerbuf_open_control(flags);

	if (fd == -ENOENT)
		return not_loaded();
	if (is_permission(fd))
		return no_permission(fd, "/dev/peerbuf/control");
	if (fd < 0)
		return -failed_errno(fd, "/dev/peerbuf/control");
	return fd;
}

/* Says why a function has no node: the module is not loaded, or the function is not exported. */
static int no_node(uint64_t addr)
{
	int control = peerbuf_open_control(O_RDONLY);
	const char *name = addr_text(addr);

	if (control == -ENOENT)
		return not_loaded();
	if (control >= 0)
		peerbuf_close(control);
	if (!function_find(addr)) {
		failed_errno(-ENODEV, "%s", name);
		hint("there is no such PCI function; 'peerbuf topo' lists those there are");
		return -EXIT_REFUSED;
	}
	failed_errno(-ENOENT, "/dev/peerbuf/%s", name);
	hint("lend its BARs with 'peerbuf allow %s --bar N', or give it to the stub driver "
	     "with 'peerbuf bind %s'", name, name);
	return -EXIT_REFUSED;
}

int open_node(uint64_t addr, int flags)
{
	int fd = peerbuf_open_addr(addr, flags);

	if (fd == -ENOENT)
		return no_node(addr);
	if (is_permission(fd))
		return no_permission(fd, format_text("/dev/peerbuf/%s", addr_text(addr)));
	if (fd < 0)
		return -failed_errno(fd, "/dev/peerbuf/%s", addr_text(addr));
	return fd;
}

/* Finds a node that lists the export @id and that this user may write to; -1 if there is none. */
static int find_node(int control, uint64_t id, struct peerbuf_export_info *info)
{
	int node = -1;
	uint64_t *addrs;
	size_t n, nr;

	if (peerbuf_devices(control, &addrs, &nr, NULL))
		return -1;
	for (n = 0; n < nr && node < 0; n++) {
		node = peerbuf_open_addr(addrs[n], O_RDWR);
		if (node < 0 || !peerbuf_query(node, id, info, NULL))
			continue;
		peerbuf_close(node);
		node = -1;
	}
	free(addrs);
	return node < 0 ? -1 : node;
}

static int not_found(uint64_t id, const struct peerbuf_error *error)
{
	const struct subject subject = { .id = id };

	failed(error, &subject, "export %" PRIu64, id);
	if (error->error == -EPERM)
		hint("or use the node of its function, if it may be opened for writing");
	return -EXIT_REFUSED;
}

int open_owner(uint64_t id, struct peerbuf_export_info *info)
{
	struct peerbuf_error error;
	int control = open_control(O_RDONLY);
	int node, ret;

	if (control < 0)
		return control;
	ret = peerbuf_query(control, id, info, &error);
	if (!ret) {
		node = open_node(info->addr, O_RDWR);
	} else {
		node = ret == -EPERM ? find_node(control, id, info) : -1;
		if (node < 0)
			node = not_found(id, &error);
	}
	peerbuf_close(control);
	return node;
}

int open_revoker(uint64_t id)
{
	struct peerbuf_export_info info;
	struct peerbuf_error error;
	int control = open_control(O_RDONLY);
	int node;

	if (control < 0 || peerbuf_query(control, id, &info, &error) != -EPERM)
		return control;
	node = find_node(control, id, &info);
	peerbuf_close(control);
	return node < 0 ? not_found(id, &error) : node;
}

/* The kernel names one missing function at a time: not everybody may see all of a buffer's. */
bool rights_add(struct rights *rights, const struct peerbuf_error *error)
{
	int fd;

	if (error->missing == PEERBUF_PCI_NONE || rights->nr == ARRAY_SIZE(rights->fds))
		return false;
	fd = peerbuf_open_addr(error->missing, O_RDWR);
	if (fd < 0)
		return false;
	rights->fds[rights->nr++] = fd;
	return true;
}

void rights_close(struct rights *rights)
{
	while (rights->nr)
		peerbuf_close(rights->fds[--rights->nr]);
}
