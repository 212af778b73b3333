// SPDX-License-Identifier: GPL-2.0-only
/* bind, unbind: bind a function to the stub driver or to VFIO's, and undo that, through sysfs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "group.h"
#include "tool.h"

#define STUB "peerbuf"
#define VFIO "peerbuf-vfio-pci"

/**
 * struct binding - what to do
 * @addr: the function
 * @driver: the driver to bind, or (unbind) that is bound
 * @force: even if the function is in use
 * @policy: PEERBUF_POLICY_F_* to allow; for the stub only
 * @persist: also after a restart, or (unbind) no longer
 */
struct binding {
	uint64_t addr;
	const char *driver;
	bool force;
	uint32_t policy;
	bool persist;
};

static int set_override(uint64_t addr, const char *driver)
{
	return write_file(format_text("/sys/bus/pci/devices/%s/driver_override",
				      addr_text(addr)), driver);
}

static int release(uint64_t addr, const char *driver)
{
	int ret;

	if (!strcmp(driver, "-"))
		return 0;
	ret = write_file(format_text("/sys/bus/pci/drivers/%s/unbind", driver), addr_text(addr));
	/* The driver may have been unbound meanwhile. */
	return ret == -ENODEV || ret == -ENOENT ? 0 : ret;
}

static int probe(uint64_t addr)
{
	return write_file("/sys/bus/pci/drivers_probe", addr_text(addr));
}

static int sysfs_failed(const struct command *self, uint64_t addr, int err)
{
	failed_errno(err, "%s %s", self->name, addr_text(addr));
	if (err == -EACCES || err == -EPERM)
		hint("run it as root");
	else
		hint("the kernel log says more");
	return EXIT_REFUSED;
}

static int check(const struct command *self, const struct binding *binding)
{
	uint64_t addr = binding->addr;

	if (access(format_text("/sys/bus/pci/drivers/%s", binding->driver), F_OK)) {
		failed_errno(-ENOENT, "%s %s: driver %s", self->name, addr_text(addr),
			     binding->driver);
		hint("load the %s module: modprobe %s",
		     strcmp(binding->driver, STUB) ? "peerbuf_vfio_pci" : "peerbuf",
		     binding->driver);
		return EXIT_NO_MODULE;
	}
	if (!function_find(addr)) {
		failed_errno(-ENODEV, "%s %s", self->name, addr_text(addr));
		hint("there is no such PCI function; 'peerbuf topo' lists those there are");
		return EXIT_REFUSED;
	}
	return EXIT_OK;
}

static int print_driver(uint64_t addr)
{
	const char *driver = function_driver(addr);

	if (strcmp(driver, "-"))
		printf("%s is bound to %s\n", addr_text(addr), driver);
	else
		printf("%s is bound to no driver\n", addr_text(addr));
	return EXIT_OK;
}

static void look(uint64_t addr, struct bound *bound)
{
	char text[64];

	read_line(format_text("/sys/bus/pci/devices/%s/driver_override", addr_text(addr)), text,
		  sizeof(text));
	if (!strcmp(text, "(null)"))
		text[0] = '\0';
	snprintf(bound->override, sizeof(bound->override), "%s", text);
	snprintf(bound->driver, sizeof(bound->driver), "%.63s", function_driver(addr));
}

/*
 * Restores the override, and the driver that was bound. That need not be the driver that the
 * override names, which may have been set after the driver was bound.
 */
static int give_back(uint64_t addr, const struct bound *bound)
{
	bool had_driver = strcmp(bound->driver, "-");
	int ret;

	ret = set_override(addr, had_driver ? bound->driver : "\n");
	if (!ret && had_driver && strcmp(bound->driver, function_driver(addr)))
		ret = probe(addr);
	set_override(addr, *bound->override ? bound->override : "\n");
	if (!ret && strcmp(bound->driver, function_driver(addr)))
		warning("%s has not got its driver %s back", addr_text(addr), bound->driver);
	return ret;
}

static int not_shareable(const struct command *self, uint64_t addr)
{
	failed_errno(-EOPNOTSUPP, "%s %s", self->name, addr_text(addr));
	hint("it is a bridge or has no memory BAR; 'peerbuf topo --all' lists those to share");
	return EXIT_REFUSED;
}

static void report_use(const char *use)
{
	warning("%s", use);
}

static int in_use(const struct command *self, uint64_t addr)
{
	failed_errno(-EBUSY, "%s %s: in use", self->name, addr_text(addr));
	hint("stop that first; 'peerbuf bind --force %s' takes it anyway",
	     addr_text(addr));
	return EXIT_REFUSED;
}

static int no_group(const struct command *self, uint64_t addr)
{
	failed_errno(-EOPNOTSUPP, "%s %s: no IOMMU group", self->name, addr_text(addr));
	hint("VFIO needs an IOMMU: switch it on in the firmware, and on Intel's boot with "
	     "intel_iommu=on");
	return EXIT_REFUSED;
}

/* Refuses what would fail later, or do harm. */
static int check_bind(const struct command *self, const struct binding *binding)
{
	if (!function_is_shareable(binding->addr))
		return not_shareable(self, binding->addr);
	if (!strcmp(binding->driver, VFIO) && group_of(binding->addr) < 0)
		return no_group(self, binding->addr);
	if (function_in_use(binding->addr, report_use) && !binding->force)
		return in_use(self, binding->addr);
	return EXIT_OK;
}

static int take(const struct binding *binding, const struct bound *before)
{
	int ret = set_override(binding->addr, binding->driver);

	if (!ret)
		ret = release(binding->addr, before->driver);
	if (!ret)
		ret = probe(binding->addr);
	if (!ret && strcmp(function_driver(binding->addr), binding->driver))
		ret = -ENODEV;
	return ret;
}

static bool is_ours(const char *driver)
{
	return !strcmp(driver, STUB) || !strcmp(driver, VFIO);
}

static int bound_with(const struct command *self, const struct binding *binding)
{
	int ret = policy_set(self, binding->addr, binding->policy);

	return ret ? ret : print_driver(binding->addr);
}

static int bind_driver(const struct command *self, const struct binding *binding)
{
	uint64_t addr = binding->addr;
	struct bound before;
	int ret;

	look(addr, &before);
	if (!strcmp(before.driver, binding->driver))
		return bound_with(self, binding);
	ret = check_bind(self, binding);
	if (ret)
		return ret;
	/* If one of peerbuf's drivers replaces the other, the note of the original driver stays. */
	ret = is_ours(before.driver) ? 0 : bound_save(addr, &before);
	if (ret && ret != -EACCES)
		warning("'peerbuf unbind' will not know what was there: /run/peerbuf: %s",
			strerror(-ret));
	ret = take(binding, &before);
	if (!ret && strcmp(before.driver, "-") && !is_ours(before.driver))
		warning("%s is taken from its driver %s; 'peerbuf unbind %s' gives it back",
			addr_text(addr), before.driver, addr_text(addr));
	if (!ret)
		return bound_with(self, binding);
	sysfs_failed(self, addr, ret);
	if (ret == -EACCES || ret == -EPERM)
		return EXIT_REFUSED;
	/* After a refusal the function has its old driver again. */
	give_back(addr, &before);
	if (!is_ours(before.driver))
		bound_forget(addr);
	return EXIT_REFUSED;
}

static struct persistent persistent_of(const struct binding *binding)
{
	bool vfio = !strcmp(binding->driver, VFIO);
	uint32_t policy = binding->policy;

	return (struct persistent) {
		.kind = "bind",
		.nr = 1,
		.addrs = { binding->addr },
		.driver = binding->driver,
		.command = format_text("bind %s%s%s%s", vfio ? "--vfio " : "",
				       policy & PEERBUF_POLICY_F_PINNED ? "--pinned " : "",
				       policy & PEERBUF_POLICY_F_BUS_MASTER ? "--bus-master " : "",
				       addr_text(binding->addr)),
	};
}

static int bind_function(const struct command *self, const struct binding *binding)
{
	const struct persistent persistent = persistent_of(binding);
	int ret = bind_driver(self, binding);

	if (!ret && !strcmp(binding->driver, VFIO))
		group_explain(binding->addr);
	if (!ret && binding->persist)
		ret = persist_write(self, &persistent);
	return ret;
}

static int unbind_function(const struct command *self, struct binding *binding)
{
	uint64_t addr = binding->addr;
	struct bound before;
	bool known = bound_load(addr, &before);
	struct persistent persistent;
	int ret;

	binding->driver = function_driver(addr);
	if (!is_ours(binding->driver)) {
		failed_errno(-ENODEV, "%s %s: not bound to %s or %s", self->name, addr_text(addr),
			     STUB, VFIO);
		return EXIT_REFUSED;
	}
	ret = set_override(addr, "\n");
	if (!ret)
		ret = release(addr, binding->driver);
	if (!ret)
		ret = known ? give_back(addr, &before) : probe(addr);
	if (ret)
		return sysfs_failed(self, addr, ret);
	bound_forget(addr);
	print_driver(addr);
	persistent = persistent_of(binding);
	return binding->persist ? persist_drop(&persistent) : persist_remind(&persistent);
}

static int bind_run(const struct command *self, int argc, char **argv)
{
	static const struct option for_bind[] = {
		HELP_OPTION, { "force", no_argument, NULL, 'f' },
		{ "vfio", no_argument, NULL, 'v' }, { "pinned", no_argument, NULL, 'p' },
		{ "bus-master", no_argument, NULL, 'm' }, { "persist", no_argument, NULL, 'P' },
		{ 0 }
	}, for_unbind[] = { HELP_OPTION, { "persist", no_argument, NULL, 'P' }, { 0 } };
	struct binding binding = { .driver = STUB };
	bool binds = self == &bind_command;
	int option, ret;

	while ((option = next_option(self, argc, argv, binds ? ":hfv" : ":h",
				     binds ? for_bind : for_unbind)) != -1) {
		if (option == 'v')
			binding.driver = VFIO;
		else if (option == 'p')
			binding.policy |= PEERBUF_POLICY_F_PINNED;
		else if (option == 'm')
			binding.policy |= PEERBUF_POLICY_F_BUS_MASTER;
		else if (option == 'P')
			binding.persist = true;
		else
			binding.force = true;
	}
	if (binding.policy && strcmp(binding.driver, STUB))
		usage_error(self, "--vfio goes without --pinned and --bus-master");
	count_arguments(self, argc, 1, 1);
	binding.addr = parse_addr(self, argv[optind]);
	ret = check(self, &binding);
	if (ret)
		return ret;
	return binds ? bind_function(self, &binding) : unbind_function(self, &binding);
}

const struct command bind_command = {
	.name = "bind",
	.synopsis = "[--force] [--pinned] [--bus-master] [--persist] FUNCTION\n"
		    "--vfio [--force] [--persist] FUNCTION",
	.summary = "Give a function to the stub driver, which exports all its memory",
	.help = "  FUNCTION              PCI address; its present driver loses it\n"
		"  -f, --force           also if it is in use\n"
		"  -v, --vfio            to peerbuf-vfio-pci instead, for a VMM or a program of\n"
		"                        its own; says whether its IOMMU group can be used\n"
		"      --pinned          accept importers that cannot give the memory back\n"
		"      --bus-master      let it start DMA of its own\n"
		"      --persist         also after a restart, as long as this card is there\n",
	.notes = "Refused while a disk of the function is mounted, swap space, or part of a\n"
		"RAID or volume, while a network interface of it is up or part of another, while\n"
		"it has virtual functions, while a program drives it through VFIO, and if it is\n"
		"the display the machine boots with.\n",
	.run = bind_run,
};

const struct command unbind_command = {
	.name = "unbind",
	.synopsis = "[--persist] FUNCTION",
	.summary = "Give a function back to the driver it had; its exports end",
	.help = "  FUNCTION              PCI address of a function that 'peerbuf bind' has bound\n"
		"      --persist         and do not bind it again after a restart\n",
	.run = bind_run,
};
