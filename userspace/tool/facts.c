// SPDX-License-Identifier: GPL-2.0-only
/*
 * Collects facts about this machine. From the kernel's command line it takes only relevant options,
 * because others may name hosts and hold secrets.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "facts.h"
#include "tool.h"

static const char *const modules[] = {
	"p2p", "peerbuf", "peerbuf_vfio_pci", "peerbuf_nvme",
};

static const char *const options[] = {
	"CONFIG_PCI_P2PDMA", "CONFIG_DMABUF_MOVE_NOTIFY", "CONFIG_ZONE_DEVICE",
	"CONFIG_VFIO_PCI_CORE", "CONFIG_BLK_DEV_NVME", "CONFIG_IOMMUFD",
	"CONFIG_INFINIBAND_USER_ACCESS", "CONFIG_INFINIBAND_ON_DEMAND_PAGING",
	"CONFIG_MODULE_SIG_FORCE", "CONFIG_IOMMU_DEFAULT_PASSTHROUGH",
	"CONFIG_IOMMU_DEFAULT_DMA_STRICT",
};

static const char *const parameters[] = {
	"pci=", "iommu=", "iommu.", "intel_iommu=", "amd_iommu=", "arm-smmu", "lockdown=", "p2p.",
	"peerbuf.", "peerbuf_vfio_pci.", "peerbuf_nvme.", "vfio_pci.", "vfio_iommu_type1.",
	"mem_encrypt=", "module.sig_enforce",
};

static bool concerns_us(const char *word)
{
	size_t n;

	for (n = 0; n < ARRAY_SIZE(parameters); n++)
		if (!strncmp(word, parameters[n], strlen(parameters[n])))
			return true;
	return false;
}

static struct json_object *collect_parameters(void)
{
	struct json_object *list = json_new_array();
	char line[4096], *word, *rest;

	read_line("/proc/cmdline", line, sizeof(line));
	for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		if (concerns_us(word))
			json_append_text(list, word);
	return list;
}

static void take_option(struct json_object *object, const char *line)
{
	size_t n, length;

	for (n = 0; n < ARRAY_SIZE(options); n++) {
		length = strlen(options[n]);
		if (!strncmp(line, options[n], length) && line[length] == '=')
			json_set_text(object, options[n], format_text("%c", line[length + 1]));
	}
}

/*
 * Debian has it in /boot; other kernels have it with their modules, or built in. An option that is
 * missing is off.
 */
static struct json_object *collect_config(const char *release)
{
	const char *const unpack[] = { "gzip", "-dc", "/proc/config.gz", NULL };
	struct json_object *object;
	char *line = NULL;
	size_t n, size = 0;
	FILE *file = fopen(format_text("/boot/config-%s", release), "re");

	if (!file)
		file = fopen(format_text("/lib/modules/%s/config", release), "re");
	if (!file)
		file = fopen(format_text("/lib/modules/%s/build/.config", release), "re");
	if (!file && !access("/proc/config.gz", R_OK))
		file = open_program(unpack);
	if (!file)
		return NULL;
	object = json_new();
	for (n = 0; n < ARRAY_SIZE(options); n++)
		json_set_text(object, options[n], "n");
	while (getline(&line, &size, file) > 0)
		take_option(object, line);
	free(line);
	close_program(file);
	return object;
}

static void set_line(struct json_object *object, const char *key, const char *path)
{
	char text[256];

	if (read_line(path, text, sizeof(text)))
		json_set(object, key, NULL);
	else
		json_set_text(object, key, text);
}

/* modules.dep has a line for each module of this kernel. */
static bool is_installed(const char *release, const char *name)
{
	FILE *file = fopen(format_text("/lib/modules/%s/modules.dep", release), "re");
	size_t n, size = 0, length = strlen(name);
	char *line = NULL, *slash;
	bool found = false;

	while (file && !found && getline(&line, &size, file) > 0) {
		line[strcspn(line, ":")] = '\0';
		slash = strrchr(line, '/');
		if (!slash)
			continue;
		for (n = 0; slash[n]; n++)
			if (slash[n] == '-')
				slash[n] = '_';
		found = !strncmp(slash + 1, name, length) &&
			!strncmp(slash + 1 + length, ".ko", 3);
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static void set_known(struct json_object *object, const char *key, int value)
{
	if (value < 0)
		json_set(object, key, NULL);
	else
		json_set_bool(object, key, value);
}

static struct json_object *collect_modules(const char *release)
{
	struct json_object *list = json_new_array();
	size_t n;

	for (n = 0; n < ARRAY_SIZE(modules); n++) {
		const char *path = format_text("/sys/module/%s", modules[n]);
		struct json_object *module = json_new();

		json_set_text(module, "name", modules[n]);
		json_set_bool(module, "loaded", !access(path, F_OK));
		json_set_bool(module, "installed", is_installed(release, modules[n]));
		set_line(module, "version", format_text("%s/version", path));
		set_line(module, "srcversion", format_text("%s/srcversion", path));
		set_line(module, "taint", format_text("%s/taint", path));
		/* Not by whom: such names are often those of hosts. */
		set_known(module, "signed", module_signed(modules[n]));
		json_append(list, module);
	}
	return list;
}

/* From "[none] integrity confidentiality" takes the word in brackets. */
static void set_lockdown(struct json_object *top)
{
	char text[128], *start, *end = NULL;

	read_line("/sys/kernel/security/lockdown", text, sizeof(text));
	start = strchr(text, '[');
	if (start)
		end = strchr(start, ']');
	if (!end) {
		json_set(top, "lockdown", NULL);
		return;
	}
	*end = '\0';
	json_set_text(top, "lockdown", start + 1);
}

/* The file has four bytes of attributes, and the value. */
static void set_secure_boot(struct json_object *top)
{
	static const char path[] = "/sys/firmware/efi/efivars/"
				   "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char bytes[5] = { 0 };
	int fd;

	if (access("/sys/firmware/efi", F_OK)) {
		json_set_bool(top, "secure_boot", false);
		return;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		json_set(top, "secure_boot", NULL);
	else
		json_set_bool(top, "secure_boot", bytes[4]);
	if (fd >= 0)
		close(fd);
}

/* The kernel takes signed modules only, whatever the firmware says. */
static void set_sig_enforce(struct json_object *top)
{
	char text[8];
	int err = read_line("/sys/module/module/parameters/sig_enforce", text, sizeof(text));

	set_known(top, "sig_enforce", err ? -1 : *text == 'Y');
}

static struct json_object *collect_names(const char *pattern)
{
	struct json_object *list = json_new_array();
	glob_t found;
	size_t n;

	if (!glob(pattern, GLOB_BRACE, NULL, &found))
		for (n = 0; n < found.gl_pathc; n++)
			json_append_text(list, found.gl_pathv[n]);
	globfree(&found);
	return list;
}

static void set_limit(struct json_object *object, const char *key, rlim_t limit)
{
	if (limit == RLIM_INFINITY)
		json_set_text(object, key, "unlimited");
	else
		json_set_number(object, key, limit);
}

static struct json_object *collect_memlock(void)
{
	struct json_object *object = json_new();
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_MEMLOCK, &limit);
	set_limit(object, "soft", limit.rlim_cur);
	set_limit(object, "hard", limit.rlim_max);
	return object;
}

/* Ours in the one hierarchy that all of cgroup v2 is, "/user.slice/…"; false without it. */
static bool own_cgroup(char *path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	/* With others, of version 1, it is one line of several. */
	while (file && !found && getline(&line, &room, file) > 0) {
		found = !strncmp(line, "0::/", 4);
		line[strcspn(line, "\n")] = '\0';
		if (found)
			snprintf(path, size, "%s", line + 3);
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

/* The next one up; false above the root's. */
static bool up_cgroup(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
	return slash;
}

/* The lowest memory.max of this process's cgroup and those above. "0::/user.slice/…" */
static struct json_object *collect_cgroup(void)
{
	unsigned long long least = 0, limit;
	char path[512], text[32];

	if (!own_cgroup(path, sizeof(path)))
		return NULL;
	do {
		if (!read_line(format_text("/sys/fs/cgroup%s/memory.max", path), text,
			       sizeof(text)) &&
		    sscanf(text, "%llu", &limit) == 1 && (!least || limit < least))
			least = limit;
	} while (up_cgroup(path));
	return least ? json_object_new_uint64(least) : NULL;
}

/* Lines of rdma.max that say anything, "mlx5_0 hca_handle=2 hca_object=2000": from ours up. */
static struct json_object *collect_cgroup_rdma(void)
{
	struct json_object *list = json_new_array();
	char path[512], *line = NULL;
	size_t size = 0;
	FILE *file;

	if (!own_cgroup(path, sizeof(path)))
		return list;
	do {
		file = fopen(format_text("/sys/fs/cgroup%s/rdma.max", path), "re");
		while (file && getline(&line, &size, file) > 0) {
			line[strcspn(line, "\n")] = '\0';
			if (strpbrk(line + strcspn(line, "="), "0123456789"))
				json_append_text(list, line);
		}
		if (file)
			fclose(file);
	} while (up_cgroup(path));
	free(line);
	return list;
}

/* The number of functions' nodes, and how many this user may open for writing. */
static struct json_object *collect_nodes(void)
{
	struct json_object *object = json_new();
	size_t n, nr = 0, mine = 0;
	glob_t found;

	if (!glob("/dev/peerbuf/*:*", 0, NULL, &found)) {
		nr = found.gl_pathc;
		for (n = 0; n < nr; n++)
			mine += !access(found.gl_pathv[n], R_OK | W_OK);
	}
	globfree(&found);
	json_set_number(object, "nr", nr);
	json_set_number(object, "writable", mine);
	return object;
}

struct json_object *facts_collect(void)
{
	struct json_object *top = json_new();
	struct utsname name;

	uname(&name);
	json_set_text(top, "tool", PEERBUF_VERSION);
	json_set_text(top, "kernel", name.release);
	json_set_text(top, "architecture", name.machine);
	json_set_bool(top, "root", !geteuid());
	json_set(top, "parameters", collect_parameters());
	json_set(top, "config", collect_config(name.release));
	json_set(top, "modules", collect_modules(name.release));
	set_lockdown(top);
	set_secure_boot(top);
	set_sig_enforce(top);
	json_set(top, "iommus", collect_names("/sys/class/iommu/*"));
	json_set(top, "memlock", collect_memlock());
	json_set(top, "cgroup_memory_max", collect_cgroup());
	json_set(top, "cgroup_rdma_max", collect_cgroup_rdma());
	json_set(top, "udev_rules", collect_names("/{etc,run,usr/lib}/udev/rules.d/*peerbuf*"));
	json_set_bool(top, "group", getgrnam("peerbuf"));
	json_set(top, "nodes", collect_nodes());
	json_set(top, "importers", importers_collect());
	json_set(top, "gpus", gpus_collect());
	return top;
}
