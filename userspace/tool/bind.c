// SPDX-License-Identifier: GPL-2.0-only
/* bind, unbind: give a function to the stub driver and back, through sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define STUB "peerbuf"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t ret;
	int err = 0;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text));
	if (ret < 0)
		err = -errno;
	close(fd);
	return err;
}

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

/* The override as it is, "" for none. */
static const char *get_override(uint64_t addr)
{
	char text[64];
	ssize_t length;
	int fd = open(format_text("/sys/bus/pci/devices/%s/driver_override", addr_text(addr)),
		      O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return "";
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, "(null)") ? format_text("%s", text) : "";
}

/* What is refused leaves the function as it was, with its driver. */
static void undo_bind(uint64_t addr, const char *override, const char *driver)
{
	set_override(addr, *override ? override : "\n");
	if (strcmp(driver, function_driver(addr)))
		probe(addr);
	if (strcmp(driver, function_driver(addr)))
		warning("%s has lost its driver %s", addr_text(addr), driver);
}

static int not_shareable(const struct command *self, uint64_t addr)
{
	failed_errno(-EOPNOTSUPP, "%s %s", self->name, addr_text(addr));
	hint("it is a bridge or has no memory BAR; 'peerbuf topo --all' lists those to share");
	return EXIT_REFUSED;
}

static int bind_stub(const struct command *self, uint64_t addr)
{
	const char *override = get_override(addr);
	const char *driver = function_driver(addr);
	int ret;

	if (!strcmp(driver, STUB))
		return print_driver(addr);
	if (!function_find(addr)->shareable)
		return not_shareable(self, addr);
	if (strcmp(driver, "-"))
		warning("%s is taken from its driver %s; 'peerbuf unbind %s' gives it back",
			addr_text(addr), driver, addr_text(addr));
	ret = set_override(addr, STUB);
	if (!ret)
		ret = release(addr, driver);
	if (!ret)
		ret = probe(addr);
	if (!ret && strcmp(function_driver(addr), STUB))
		ret = -ENODEV;
	if (!ret)
		return print_driver(addr);
	sysfs_failed(self, addr, ret);
	if (ret != -EACCES && ret != -EPERM)
		undo_bind(addr, override, driver);
	return EXIT_REFUSED;
}

static int unbind_stub(const struct command *self, uint64_t addr)
{
	const char *driver = function_driver(addr);
	int ret;

	if (strcmp(driver, STUB)) {
		failed_errno(-ENODEV, "%s %s: not bound to the stub driver", self->name,
			     addr_text(addr));
		return EXIT_REFUSED;
	}
	ret = set_override(addr, "\n");
	if (!ret)
		ret = release(addr, STUB);
	if (!ret)
		ret = probe(addr);
	if (ret)
		return sysfs_failed(self, addr, ret);
	return print_driver(addr);
}

static int bind_run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, { 0 } };
	uint64_t addr;
	int ret;

	while (next_option(self, argc, argv, ":h", options) != -1)
		;
	count_arguments(self, argc, 1, 1);
	addr = parse_addr(self, argv[optind]);
	ret = check(self, addr);
	if (ret)
		return ret;
	return self == &bind_command ? bind_stub(self, addr) : unbind_stub(self, addr);
}

const struct command bind_command = {
	.name = "bind",
	.synopsis = "FUNCTION",
	.summary = "Give a function to the stub driver, which exports all its memory",
	.help = "  FUNCTION              PCI address; its present driver loses it\n",
	.run = bind_run,
};

const struct command unbind_command = {
	.name = "unbind",
	.synopsis = "FUNCTION",
	.summary = "Give a function back to its own driver; its exports end",
	.help = "  FUNCTION              PCI address of a function bound to the stub driver\n",
	.run = bind_run,
};
