// SPDX-License-Identifier: GPL-2.0-only
/* bind, unbind: give a function to the stub driver and back, through sysfs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define STUB "peerbuf"

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
	/* It may have let go by itself since we looked. */
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

static int check(const struct command *self, uint64_t addr)
{
	if (access("/sys/bus/pci/drivers/" STUB, F_OK)) {
		failed_errno(-ENOENT, "%s %s: stub driver", self->name, addr_text(addr));
		hint("load the peerbuf module: modprobe peerbuf");
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
 * The override, and the driver that was bound, which need not be the one the override
 * names: it may have been set after that driver had bound.
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
	hint("stop that first; 'peerbuf bind --force %s' takes it away all the same",
	     addr_text(addr));
	return EXIT_REFUSED;
}

static int take(uint64_t addr, const struct bound *before)
{
	int ret = set_override(addr, STUB);

	if (!ret)
		ret = release(addr, before->driver);
	if (!ret)
		ret = probe(addr);
	if (!ret && strcmp(function_driver(addr), STUB))
		ret = -ENODEV;
	return ret;
}

static int bind_stub(const struct command *self, uint64_t addr, bool force)
{
	struct bound before;
	int ret;

	look(addr, &before);
	if (!strcmp(before.driver, STUB))
		return print_driver(addr);
	if (!function_is_shareable(addr))
		return not_shareable(self, addr);
	if (function_in_use(addr, report_use) && !force)
		return in_use(self, addr);
	ret = bound_save(addr, &before);
	if (ret && ret != -EACCES)
		warning("'peerbuf unbind' will not know what was there: /run/peerbuf: %s",
			strerror(-ret));
	ret = take(addr, &before);
	if (!ret && strcmp(before.driver, "-"))
		warning("%s is taken from its driver %s; 'peerbuf unbind %s' gives it back",
			addr_text(addr), before.driver, addr_text(addr));
	if (!ret)
		return print_driver(addr);
	sysfs_failed(self, addr, ret);
	if (ret == -EACCES || ret == -EPERM)
		return EXIT_REFUSED;
	/* What is refused leaves the function as it was, with its driver. */
	give_back(addr, &before);
	bound_forget(addr);
	return EXIT_REFUSED;
}

static int unbind_stub(const struct command *self, uint64_t addr)
{
	struct bound before;
	bool known = bound_load(addr, &before);
	int ret;

	if (strcmp(function_driver(addr), STUB)) {
		failed_errno(-ENODEV, "%s %s: not bound to the stub driver", self->name,
			     addr_text(addr));
		return EXIT_REFUSED;
	}
	ret = set_override(addr, "\n");
	if (!ret)
		ret = release(addr, STUB);
	if (!ret)
		ret = known ? give_back(addr, &before) : probe(addr);
	if (ret)
		return sysfs_failed(self, addr, ret);
	bound_forget(addr);
	return print_driver(addr);
}

static int bind_run(const struct command *self, int argc, char **argv)
{
	static const struct option for_bind[] = {
		HELP_OPTION, { "force", no_argument, NULL, 'f' }, { 0 }
	}, for_unbind[] = { HELP_OPTION, { 0 } };
	bool force = false, binds = self == &bind_command;
	uint64_t addr;
	int ret;

	while (next_option(self, argc, argv, binds ? ":hf" : ":h",
			   binds ? for_bind : for_unbind) != -1)
		force = true;
	count_arguments(self, argc, 1, 1);
	addr = parse_addr(self, argv[optind]);
	ret = check(self, addr);
	if (ret)
		return ret;
	return binds ? bind_stub(self, addr, force) : unbind_stub(self, addr);
}

const struct command bind_command = {
	.name = "bind",
	.synopsis = "[--force] FUNCTION",
	.summary = "Give a function to the stub driver, which exports all its memory",
	.help = "  FUNCTION              PCI address; its present driver loses it\n"
		"  -f, --force           also if it is in use\n",
	.notes = "Refused while a disk of the function is mounted, swap space, or part of a\n"
		"RAID or volume, while a network interface of it is up or part of another, while\n"
		"it has virtual functions, and if it is the display the machine boots with.\n",
	.run = bind_run,
};

const struct command unbind_command = {
	.name = "unbind",
	.synopsis = "FUNCTION",
	.summary = "Give a function back to the driver it had; its exports end",
	.help = "  FUNCTION              PCI address of a function bound to the stub driver\n",
	.run = bind_run,
};
