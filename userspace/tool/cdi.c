// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes a specification for the Container Device Interface. With it podman, containerd and
 * Kubernetes give a container the node of a function, and the group that may open it, by the
 * function's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "machine.h"
#include "tool.h"

#define DIRECTORY	"/dev/peerbuf/"
#define KIND		"peerbuf.local/function"

/* A specification without groups uses the older version, so that older engines accept it. */
#define VERSION		"0.5.0"
#define VERSION_GROUPS	"0.7.0"

/* The group that has the same access to the node as its owner; 0 if only root has access. */
static gid_t node_group(const char *path)
{
	struct stat status;

	if (stat(path, &status) || (status.st_mode & 0060) != 0060)
		return 0;
	return status.st_gid;
}

static struct json_object *node_json(const char *path, const char *permissions)
{
	struct json_object *object = json_new();

	json_set_text(object, "path", path);
	json_set_text(object, "hostPath", path);
	json_set_text(object, "type", "c");
	json_set_text(object, "permissions", permissions);
	return object;
}

static void add_edits(struct json_object *nodes, struct json_object *groups, uint64_t addr)
{
	const char *path = format_text(DIRECTORY "%s", addr_text(addr));
	gid_t group = node_group(path);

	json_append(nodes, node_json(path, "rw"));
	if (group)
		json_append_number(groups, group);
}

/* Describes all of @addrs as one device. */
static struct json_object *device_json(const char *name, const uint64_t *addrs, size_t nr)
{
	struct json_object *device = json_new(), *edits = json_new();
	struct json_object *nodes = json_new_array(), *groups = json_new_array();
	size_t n;

	for (n = 0; n < nr; n++)
		add_edits(nodes, groups, addrs[n]);
	json_set(edits, "deviceNodes", nodes);
	if (json_length(groups))
		json_set(edits, "additionalGids", groups);
	else
		json_free(groups);
	json_set_text(device, "name", name);
	json_set(device, "containerEdits", edits);
	return device;
}

/* A device's name has no colons: container engines use a colon as a separator behind it. */
static const char *device_label(uint64_t addr)
{
	char *text = strdup(addr_text(addr)), *colon;
	const char *label;

	if (!text)
		out_of_memory();
	while ((colon = strchr(text, ':')))
		*colon = '-';
	label = format_text("%s", text);
	free(text);
	return label;
}

static int print_specification(const uint64_t *addrs, size_t nr)
{
	struct json_object *top = json_new(), *devices = json_new_array();
	struct json_object *edits = json_new(), *nodes = json_new_array();
	bool groups = false;
	size_t n;

	for (n = 0; n < nr; n++) {
		groups |= node_group(format_text(DIRECTORY "%s", addr_text(addrs[n])));
		json_append(devices, device_json(device_label(addrs[n]), &addrs[n], 1));
	}
	json_append(devices, device_json("all", addrs, nr));
	json_append(nodes, node_json(DIRECTORY "control", "r"));
	json_set(edits, "deviceNodes", nodes);
	json_set_text(top, "cdiVersion", groups ? VERSION_GROUPS : VERSION);
	json_set_text(top, "kind", KIND);
	json_set(top, "devices", devices);
	json_set(top, "containerEdits", edits);
	return json_print(top);
}

static int all_devices(uint64_t **addrs, size_t *nr)
{
	int control = open_control(O_RDONLY);
	struct peerbuf_error error;
	int ret;

	if (control < 0)
		return -control;
	ret = peerbuf_devices(control, addrs, nr, &error);
	peerbuf_close(control);
	if (ret)
		return failed(&error, NULL, "devices");
	if (*nr)
		return EXIT_OK;
	failed_errno(-ENOENT, "cdi: there is no node");
	hint("lend a BAR with 'peerbuf allow FUNCTION --bar N', or give a function to the stub "
	     "driver with 'peerbuf bind FUNCTION'");
	return EXIT_REFUSED;
}

/* A named function need not have its node yet: the container engine checks that at start. */
static int named_devices(const struct command *self, char **names, size_t nr, uint64_t **addrs)
{
	size_t n;

	*addrs = calloc(nr, sizeof(**addrs));
	if (!*addrs)
		out_of_memory();
	for (n = 0; n < nr; n++) {
		(*addrs)[n] = parse_addr(self, names[n]);
		if (!function_find((*addrs)[n]))
			return no_function(self, names[n]);
	}
	return EXIT_OK;
}

static int cdi_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, { 0 } };
	uint64_t *addrs = NULL;
	size_t nr;
	int ret;

	while (next_option(self, argc, argv, ":h", options) != -1)
		;
	nr = count_arguments(self, argc, 0, argc);
	if (nr)
		ret = named_devices(self, argv + optind, nr, &addrs);
	else
		ret = all_devices(&addrs, &nr);
	if (!ret)
		ret = print_specification(addrs, nr);
	free(addrs);
	return ret;
}

const struct command cdi_command = {
	.name = "cdi",
	.synopsis = "[FUNCTION…]",
	.summary = "Print a specification of the nodes for container engines",
	.help = "  FUNCTION              only these functions; without any, all that have a node\n",
	.notes = "With peerbuf cdi > /etc/cdi/peerbuf.json a container gets a function's node by\n"
		"its address with - instead of colons, or \"all\":\n"
		"  podman run --device " KIND "=0000-01-00.0 …\n",
	.run = cdi_run,
};
