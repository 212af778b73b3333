// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMA devices, and what becomes of a DMA-BUF that their drivers hold when it moves. Which
 * of the kernel's functions a driver calls tells: a kernel's version does not, as drivers
 * are updated on their own.
 */
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "facts.h"
#include "tool.h"

#define PINNED		"ib_umem_dmabuf_get_pinned"
#define REVOCABLE	"ib_umem_dmabuf_get_pinned_revocable"
#define DYNAMIC		"ib_umem_dmabuf_get"

struct calls {
	bool known;
	bool dynamic;
	bool revocable;
	bool pinned;
};

static void take_symbol(struct calls *calls, const char *symbol)
{
	calls->known = true;
	if (!strcmp(symbol, DYNAMIC))
		calls->dynamic = true;
	else if (!strncmp(symbol, REVOCABLE, strlen(REVOCABLE)))
		calls->revocable = true;
	else if (!strncmp(symbol, PINNED, strlen(PINNED)))
		calls->pinned = true;
}

/* "path/of/module.ko.xz: path/of/others", the first of which is a file of its name. */
static const char *module_path(const char *release, const char *module)
{
	FILE *file = fopen(format_text("/lib/modules/%s/modules.dep", release), "re");
	const char *path = NULL, *slash;
	char *line = NULL;
	size_t n, size = 0;

	while (file && !path && getline(&line, &size, file) > 0) {
		line[strcspn(line, ":")] = '\0';
		slash = strrchr(line, '/');
		slash = slash ? slash + 1 : line;
		for (n = 0; module[n] &&
		     (slash[n] == module[n] || (slash[n] == '-' && module[n] == '_')); n++)
			;
		if (!module[n] && !strncmp(slash + n, ".ko", 3))
			path = format_text("/lib/modules/%s/%s", release, line);
	}
	free(line);
	if (file)
		fclose(file);
	return path;
}

/* Lines "CRC SYMBOL" of every symbol that the module takes from others. */
static void read_calls(const char *module, struct calls *calls)
{
	const char *path;
	char symbol[128], *line = NULL;
	struct utsname name;
	size_t size = 0;
	FILE *file;

	uname(&name);
	path = module_path(name.release, module);
	if (!path)
		return;
	file = open_program((const char *const []) {
		"modprobe", "--dump-modversions", path, NULL,
	});
	while (file && getline(&line, &size, file) > 0)
		if (sscanf(line, "%*s %127s", symbol) == 1)
			take_symbol(calls, symbol);
	free(line);
	if (file)
		close_program(file);
}

static const char *kind(const struct calls *calls)
{
	if (!calls->known)
		return "unknown";
	if (calls->dynamic)
		return "dynamic";
	if (calls->revocable)
		return "pinned-revocable";
	return calls->pinned ? "pinned" : "none";
}

/* The module that made the verbs device: mlx5_ib rather than mlx5_core. */
static const char *verbs_module(const char *device)
{
	static const char *const pairs[][2] = {
		{ "mlx5_core", "mlx5_ib" }, { "mlx4_core", "mlx4_ib" }, { "bnxt_en", "bnxt_re" },
		{ "ice", "irdma" }, { "i40e", "irdma" }, { "qede", "qedr" }, { "mana", "mana_ib" },
		{ "ionic", "ionic_rdma" },
	};
	char target[256];
	ssize_t length;
	const char *name;
	size_t n;

	length = readlink(format_text("/sys/class/infiniband/%s/device/driver/module", device),
			  target, sizeof(target) - 1);
	if (length < 0)
		return NULL;
	target[length] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	for (n = 0; n < ARRAY_SIZE(pairs); n++)
		if (!strcmp(name, pairs[n][0]) &&
		    !access(format_text("/sys/module/%s", pairs[n][1]), F_OK))
			return pairs[n][1];
	return format_text("%s", name);
}

static struct json_object *importer_json(const char *device)
{
	struct json_object *object = json_new();
	const char *module = verbs_module(device);
	struct calls calls = { 0 };

	json_set_text(object, "device", device);
	if (module) {
		read_calls(module, &calls);
		json_set_text(object, "module", module);
	} else {
		json_set(object, "module", NULL);
	}
	json_set_text(object, "kind", kind(&calls));
	/* A driver may do one for memory regions and another for its own calls. */
	json_set_bool(object, "also_pins", calls.dynamic && calls.pinned);
	return object;
}

struct json_object *importers_collect(void)
{
	struct json_object *list = json_new_array();
	DIR *directory = opendir("/sys/class/infiniband");
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			json_append(list, importer_json(entry->d_name));
	if (directory)
		closedir(directory);
	return list;
}
