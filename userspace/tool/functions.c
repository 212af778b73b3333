// SPDX-License-Identifier: GPL-2.0-only
#include <pci/pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static struct pci_access *access_pci;
static struct function *all;
static size_t nr_all;

/* libpci ends the program itself after this one; say whose words they are. */
static void __attribute__((noreturn)) pci_fatal(char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("peerbuf: libpci: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_REFUSED);
}

static void pci_silent(char *format, ...)
{
	(void)format;
}

static bool has_memory_bar(const struct pci_dev *dev)
{
	unsigned int n;

	for (n = 0; n < 6; n++)
		if (dev->size[n] && !(dev->base_addr[n] & PCI_BASE_ADDRESS_SPACE_IO))
			return true;
	return false;
}

/* A function of a root bus is a directory of its host bridge's, "pciDDDD:BB". */
static bool is_below_port(uint64_t addr)
{
	char *path, *function, *parent;
	bool below = false;

	path = realpath(format_text("/sys/bus/pci/devices/%s", addr_text(addr)), NULL);
	if (!path)
		return false;
	function = strrchr(path, '/');
	*function = '\0';
	parent = strrchr(path, '/');
	if (parent)
		below = strncmp(parent, "/pci", strlen("/pci"));
	free(path);
	return below;
}

static void describe(struct pci_dev *dev, struct function *function)
{
	uint8_t header;

	pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_BASES | PCI_FILL_SIZES);
	header = pci_read_byte(dev, PCI_HEADER_TYPE) & 0x7f;
	*function = (struct function) {
		.addr = PEERBUF_PCI_ADDR((uint32_t)dev->domain, dev->bus, dev->dev, dev->func),
		.vendor = dev->vendor_id,
		.device = dev->device_id,
		.class = dev->device_class,
		.shareable = header == PCI_HEADER_TYPE_NORMAL && has_memory_bar(dev),
	};
	function->below_port = is_below_port(function->addr);
}

static int by_addr(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static void scan(void)
{
	struct pci_dev *dev;
	size_t nr = 0;

	access_pci = pci_alloc();
	access_pci->error = pci_fatal;
	access_pci->warning = pci_silent;
	access_pci->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_init(access_pci);
	if (access("/sys/bus/pci/devices", R_OK))
		return;
	pci_scan_bus(access_pci);

	for (dev = access_pci->devices; dev; dev = dev->next)
		nr++;
	all = calloc(nr ? nr : 1, sizeof(*all));
	if (!all)
		out_of_memory();
	for (dev = access_pci->devices; dev; dev = dev->next)
		describe(dev, &all[nr_all++]);
	qsort(all, nr_all, sizeof(*all), by_addr);
}

size_t functions_get(const struct function **functions)
{
	if (!access_pci)
		scan();
	*functions = all;
	return nr_all;
}

const struct function *function_find(uint64_t addr)
{
	const struct function key = { .addr = addr };
	const struct function *functions;
	size_t nr = functions_get(&functions);

	return nr ? bsearch(&key, functions, nr, sizeof(key), by_addr) : NULL;
}

const char *function_name(uint64_t addr)
{
	const struct function *function = function_find(addr);
	char name[128];

	if (!function)
		return "unknown";
	pci_lookup_name(access_pci, name, sizeof(name), PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE,
			function->vendor, function->device);
	return format_text("%s", name);
}

const char *function_driver(uint64_t addr)
{
	char path[80], target[256];
	const char *slash;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", addr_text(addr));
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return "-";
	target[length] = '\0';
	slash = strrchr(target, '/');
	return format_text("%s", slash ? slash + 1 : target);
}
