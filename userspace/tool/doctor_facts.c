// SPDX-License-Identifier: GPL-2.0-only
/* Findings from the facts: kernel, modules, lockdown, limits, rights, importers. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "tool.h"

static bool is_true(struct json_object *object, const char *key)
{
	return json_object_get_boolean(json_member(object, key));
}

/* False where it is not known. */
static bool is_false(struct json_object *object, const char *key)
{
	struct json_object *value = json_member(object, key);

	return json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value);
}

static bool takes_signed_only(struct report *report)
{
	return is_true(report->facts, "secure_boot") || is_true(report->facts, "sig_enforce");
}

/* Configuration options that other programs require, although peerbuf does not need them. */
static void check_demands(struct report *report, struct json_object *config)
{
	bool p2pdma = !strcmp(json_text_of(config, "CONFIG_PCI_P2PDMA"), "y");
	bool notify = !strcmp(json_text_of(config, "CONFIG_DMABUF_MOVE_NOTIFY"), "y");

	if (p2pdma && notify)
		return;
	found(report, SEVERITY_NOTE, "kernel",
	      format_text("built without %s%s%s, which peerbuf does not need; but RCCL looks into "
			  "the kernel's configuration and uses no DMA-BUF without both",
			  p2pdma ? "" : "CONFIG_PCI_P2PDMA", p2pdma || notify ? "" : " and ",
			  notify ? "" : "CONFIG_DMABUF_MOVE_NOTIFY"),
	      "for RCCL: NCCL_DMABUF_ENABLE=1 RCCL_FORCE_ENABLE_DMABUF=1");
}

void check_kernel(struct report *report)
{
	struct json_object *config = json_member(report->facts, "config");
	const char *release = json_text_of(report->facts, "kernel");
	unsigned int major, minor;

	if (sscanf(release, "%u.%u", &major, &minor) != 2)
		return;
	if (major < 6 || (major == 6 && minor < 1))
		found(report, SEVERITY_ERROR, "kernel", format_text("Linux %s", release),
		      "peerbuf needs Linux 6.1 or later");
	else
		found(report, SEVERITY_OK, "kernel", format_text("Linux %s", release), "");
	if (!config) {
		found(report, SEVERITY_NOTE, "kernel", "its configuration cannot be read", "");
		return;
	}
	check_demands(report, config);
	if (!strcmp(json_text_of(config, "CONFIG_VFIO_PCI_CORE"), "n"))
		found(report, SEVERITY_NOTE, "kernel",
		      "built without CONFIG_VFIO_PCI_CORE: no peerbuf-vfio-pci", "");
	if (!strcmp(json_text_of(config, "CONFIG_BLK_DEV_NVME"), "n"))
		found(report, SEVERITY_NOTE, "kernel",
		      "built without CONFIG_BLK_DEV_NVME: no peerbuf-nvme", "");
	if (!strcmp(json_text_of(config, "CONFIG_INFINIBAND_USER_ACCESS"), "n"))
		found(report, SEVERITY_NOTE, "kernel",
		      "built without CONFIG_INFINIBAND_USER_ACCESS: programs have no RDMA", "");
}

static void check_version(struct report *report, struct json_object *module)
{
	const char *name = json_text_of(module, "name"), *version = json_text_of(module, "version");
	const char *mine = json_text_of(report->facts, "tool");

	if (*version && *mine && strcmp(version, mine))
		found(report, SEVERITY_ERROR, "modules",
		      format_text("%s is of version %s, the command of %s", name, version, mine),
		      "install both from one release, and load the module again");
	else
		found(report, SEVERITY_OK, "modules",
		      format_text("%s is loaded%s%s%s", name, *version ? ", version " : "",
				  version, is_true(module, "signed") ? ", signed" : ""), "");
}

/* Neither is needed but by those who use it. */
static bool is_optional(const char *name)
{
	return !strcmp(name, "peerbuf_vfio_pci") || !strcmp(name, "peerbuf_nvme");
}

static void check_unloaded(struct report *report, struct json_object *module)
{
	const char *name = json_text_of(module, "name");
	enum severity severity = is_optional(name) ? SEVERITY_NOTE : SEVERITY_ERROR;

	if (is_false(module, "signed") && takes_signed_only(report))
		found(report, severity, "modules",
		      format_text("%s has no signature, and this kernel loads signed modules only",
				  name),
		      "sign it with a key that is enrolled: DKMS does, see mokutil --import "
		      "/var/lib/dkms/mok.pub");
	else if (!strcmp(name, "peerbuf_nvme"))
		found(report, SEVERITY_OK, "modules",
		      format_text("%s is installed; it is loaded when a drive is to move something",
				  name), "");
	else
		found(report, severity, "modules", format_text("%s is not loaded", name),
		      takes_signed_only(report) ?
		      format_text("modprobe %s; if the kernel refuses its key, sign it and enrol "
				  "the key (mokutil --import)", name) :
		      format_text("modprobe %s", name));
}

static void check_module(struct report *report, struct json_object *module)
{
	const char *name = json_text_of(module, "name");

	if (is_true(module, "loaded"))
		check_version(report, module);
	else if (is_true(module, "installed"))
		check_unloaded(report, module);
	else
		found(report, is_optional(name) ? SEVERITY_NOTE : SEVERITY_ERROR, "modules",
		      format_text("%s is not installed for this kernel", name),
		      "install the kernel's headers and the package peerbuf-dkms, or run 'make "
		      "dkms-install'; both build it for each new kernel as well");
}

void check_modules(struct report *report)
{
	struct json_object *modules = json_member(report->facts, "modules");
	const char *without_key = "";
	size_t n;

	for (n = 0; n < json_length(modules); n++) {
		struct json_object *module = json_object_array_get_idx(modules, n);

		check_module(report, module);
		if (strchr(json_text_of(module, "taint"), 'E'))
			without_key = format_text("%s%s%s", without_key, *without_key ? ", " : "",
						  json_text_of(module, "name"));
	}
	if (*without_key)
		found(report, SEVERITY_NOTE, "modules",
		      format_text("not signed by a key this kernel knows: %s", without_key),
		      "to use them with secure boot, sign them and enrol the key "
		      "(mokutil --import)");
}

void check_lockdown(struct report *report)
{
	const char *lockdown = json_text_of(report->facts, "lockdown");

	if (is_true(report->facts, "secure_boot"))
		found(report, SEVERITY_NOTE, "lockdown",
		      "secure boot is on: the kernel loads signed modules only",
		      "sign the modules with a key that is enrolled (mokutil --import)");
	else if (is_true(report->facts, "sig_enforce"))
		found(report, SEVERITY_NOTE, "lockdown",
		      "the kernel loads signed modules only (module.sig_enforce)",
		      "sign the modules with a key that is enrolled (mokutil --import)");
	if (*lockdown && strcmp(lockdown, "none"))
		found(report, SEVERITY_ERROR, "lockdown",
		      format_text("kernel lockdown (%s): PCI memory can be exported by drivers of "
				  "the kernel only, not from user space", lockdown),
		      "export from the device's own kernel driver; kernel_lockdown(7) says what "
		      "else lockdown keeps from whom");
}

void check_limits(struct report *report)
{
	struct json_object *memlock = json_member(report->facts, "memlock");
	struct json_object *limits = json_member(report->facts, "cgroup_rdma_max");
	uint64_t soft = json_number_of(memlock, "soft");
	uint64_t most = json_number_of(report->facts, "cgroup_memory_max");
	bool rdma = json_length(json_member(report->facts, "importers"));
	size_t n;

	/* "unlimited" is no number, and none at all is the tightest limit. */
	if (json_object_is_type(json_member(memlock, "soft"), json_type_int))
		found(report, rdma ? SEVERITY_WARNING : SEVERITY_NOTE, "limits",
		      format_text("programs may lock %s of memory each: RDMA and VFIO need as much "
				  "as they register", size_text(soft)),
		      "ulimit -l unlimited; for good in /etc/security/limits.d, or LimitMEMLOCK= "
		      "of the service");
	if (most)
		found(report, SEVERITY_NOTE, "limits",
		      format_text("the memory cgroup may have %s, to which buffers in system "
				  "memory count", size_text(most)),
		      "raise memory.max of the cgroup (MemoryMax= of the service) for larger ones");
	for (n = 0; n < json_length(limits); n++)
		found(report, SEVERITY_NOTE, "limits",
		      format_text("the rdma cgroup limits a device: %s",
				  json_object_get_string(json_item(limits, n))),
		      "each memory region and queue pair is an hca_object: raise rdma.max of the "
		      "cgroup for more");
}

void check_access(struct report *report)
{
	struct json_object *nodes = json_member(report->facts, "nodes");
	size_t rules = json_length(json_member(report->facts, "udev_rules"));
	bool group = is_true(report->facts, "group");
	uint64_t nr = json_number_of(nodes, "nr"), writable = json_number_of(nodes, "writable");

	if (!json_member(report->facts, "udev_rules"))
		return;
	if (!rules)
		found(report, SEVERITY_NOTE, "access",
		      "no udev rule names peerbuf's nodes: they are root's",
		      "copy packaging/udev/60-peerbuf.rules to /etc/udev/rules.d, and create the "
		      "group: addgroup --system peerbuf");
	else if (!group)
		found(report, SEVERITY_WARNING, "access",
		      "a udev rule is there, but no group 'peerbuf'",
		      "addgroup --system peerbuf, then udevadm trigger --subsystem-match=peerbuf");
	if (writable < nr)
		found(report, SEVERITY_NOTE, "access",
		      format_text("%" PRIu64 " of %" PRIu64 " nodes in /dev/peerbuf may not be "
				  "opened by this user", nr - writable, nr),
		      "become a member of the nodes' group, or run it as root");
}

static void check_importer(struct report *report, struct json_object *importer)
{
	const char *device = json_text_of(importer, "device");
	const char *kind = json_text_of(importer, "kind");
	const char *who = format_text("%s (%s)", device, json_text_of(importer, "module"));

	if (!strcmp(kind, "dynamic"))
		found(report, SEVERITY_OK, "importers",
		      format_text("%s is dynamic: buffers move and are revoked under it%s", who,
				  is_true(importer, "also_pins") ?
				  "; for some of its own calls it pins" : ""), "");
	else if (!strcmp(kind, "pinned-revocable"))
		found(report, SEVERITY_NOTE, "importers",
		      format_text("%s pins, but gives a buffer back when it is revoked; it cannot "
				  "move meanwhile", who), "");
	else if (!strcmp(kind, "pinned"))
		found(report, SEVERITY_WARNING, "importers",
		      format_text("%s pins and cannot give a buffer back", who),
		      "export with --fallback to give it system memory; the administrator can also "
		      "accept that a revoke waits for it ('peerbuf bind --pinned')");
	else if (!strcmp(kind, "none"))
		found(report, SEVERITY_WARNING, "importers",
		      format_text("the driver of %s takes no DMA-BUFs on this kernel", who),
		      "use a kernel or a driver that does");
	else
		found(report, SEVERITY_NOTE, "importers",
		      format_text("which DMA-BUFs %s takes cannot be told from its module", who),
		      "");
}

/* Without CONFIG_PCI_P2PDMA the call was replaced by "no" when the driver was compiled. */
static bool asks_p2pdma(struct json_object *gpu)
{
	const char *module = json_text_of(gpu, "module");

	return is_true(gpu, "asks_p2pdma") || !strcmp(module, "amdgpu") || !strcmp(module, "xe");
}

/* GPU drivers fall back to system memory without a message if they cannot use a BAR. */
static void check_gpu(struct report *report, struct json_object *gpu)
{
	struct json_object *config = json_member(report->facts, "config");
	bool p2pdma = !strcmp(json_text_of(config, "CONFIG_PCI_P2PDMA"), "y");
	const char *kind = json_text_of(gpu, "kind");
	const char *who = format_text("%s (%s)", json_text_of(gpu, "device"),
				      json_text_of(gpu, "module"));

	if (asks_p2pdma(gpu) && config && !p2pdma)
		found(report, SEVERITY_WARNING, "importers",
		      format_text("%s asks for CONFIG_PCI_P2PDMA, which this kernel lacks, and "
				  "takes no BAR without it", who),
		      "a kernel with CONFIG_PCI_P2PDMA, or --fallback to give it system memory");
	else if (!strcmp(kind, "dynamic"))
		found(report, SEVERITY_OK, "importers",
		      format_text("%s is dynamic: buffers move and are revoked under it", who), "");
	else if (!strcmp(kind, "static"))
		found(report, SEVERITY_NOTE, "importers",
		      format_text("%s takes system memory only", who),
		      "export with --fallback, which moves the buffer there for it");
}

void check_importers(struct report *report)
{
	struct json_object *gpus = json_member(report->facts, "gpus");
	struct json_object *importers = json_member(report->facts, "importers");
	size_t n;

	if (importers && !json_length(importers))
		found(report, SEVERITY_NOTE, "importers", "there is no RDMA device", "");
	for (n = 0; n < json_length(importers); n++)
		check_importer(report, json_object_array_get_idx(importers, n));
	for (n = 0; n < json_length(gpus); n++)
		check_gpu(report, json_item(gpus, n));
}
