// SPDX-License-Identifier: GPL-2.0-only
/*
 * RDMA devices and GPUs, and what their drivers do with a DMA-BUF when it moves. That is read from
 * the kernel functions which a driver calls. The kernel's version does not tell, because drivers
 * are updated on their own.
 */
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"
#include "tool.h"

#define PINNED		"ib_umem_dmabuf_get_pinned"
#define REVOCABLE	"ib_umem_dmabuf_get_pinned_revocable"
#define DYNAMIC		"ib_umem_dmabuf_get"

/* For other importers. */
#define ATTACH_DYNAMIC	"dma_buf_dynamic_attach"
#define ATTACH_STATIC	"dma_buf_attach"
#define ATTACH_BY_DRM	"drm_gem_prime_import"
#define ASKS_P2PDMA	"pci_p2pdma_distance_many"

struct calls {
	bool known;
	bool dynamic;
	bool revocable;
	bool pinned;
	bool is_static;
	bool asks_p2pdma;
};

static void take_symbol(void *data, const char *symbol)
{
	struct calls *calls = data;

	calls->known = true;
	if (!strcmp(symbol, ATTACH_DYNAMIC))
		calls->dynamic = true;
	else if (!strcmp(symbol, ATTACH_STATIC) ||
		 !strncmp(symbol, ATTACH_BY_DRM, strlen(ATTACH_BY_DRM)))
		calls->is_static = true;
	else if (!strcmp(symbol, ASKS_P2PDMA))
		calls->asks_p2pdma = true;
	else if (!strcmp(symbol, DYNAMIC))
		calls->dynamic = true;
	else if (!strncmp(symbol, REVOCABLE, strlen(REVOCABLE)))
		calls->revocable = true;
	else if (!strncmp(symbol, PINNED, strlen(PINNED)))
		calls->pinned = true;
}

static const char *kind(const struct calls *calls)
{
	if (!calls->known)
		return "unknown";
	if (calls->dynamic)
		return "dynamic";
	if (calls->revocable)
		return "pinned-revocable";
	if (calls->pinned)
		return "pinned";
	return calls->is_static ? "static" : "none";
}

/* The module that made the verbs device: mlx5_ib rather than mlx5_core. */
static const char *device_module(const char *class, const char *device)
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

	length = readlink(format_text("/sys/class/%s/%s/device/driver/module", class, device),
			  target, sizeof(target) - 1);
	if (length < 0)
		return NULL;
	target[length] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	for (n = 0; n < ARRAY_SIZE(pairs) && !strcmp(class, "infiniband"); n++)
		if (!strcmp(name, pairs[n][0]) &&
		    !access(format_text("/sys/module/%s", pairs[n][1]), F_OK))
			return pairs[n][1];
	return format_text("%s", name);
}

static struct json_object *importer_json(const char *class, const char *device)
{
	struct json_object *object = json_new();
	const char *module = device_module(class, device);
	struct calls calls = { 0 };

	json_set_text(object, "device", device);
	if (module) {
		module_symbols(module, take_symbol, &calls);
		json_set_text(object, "module", module);
	} else {
		json_set(object, "module", NULL);
	}
	json_set_text(object, "kind", kind(&calls));
	/* A driver may use one kind for memory regions and another for its own calls. */
	json_set_bool(object, "also_pins", calls.dynamic && calls.pinned);
	json_set_bool(object, "asks_p2pdma", calls.asks_p2pdma);
	return object;
}

static struct json_object *collect(const char *class, bool (*wanted)(const char *name))
{
	DIR *directory = opendir(format_text("/sys/class/%s", class));
	struct json_object *list = json_new_array();
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.' && wanted(entry->d_name))
			json_append(list, importer_json(class, entry->d_name));
	if (directory)
		closedir(directory);
	return list;
}

static bool is_any(const char *name)
{
	return *name;
}

/* True for "card0", false for its connectors, "card0-DP-1". */
static bool is_card(const char *name)
{
	return !strncmp(name, "card", 4) && !strchr(name, '-');
}

struct json_object *importers_collect(void)
{
	return collect("infiniband", is_any);
}

struct json_object *gpus_collect(void)
{
	return collect("drm", is_card);
}
