// SPDX-License-Identifier: GPL-2.0-only
/* Reads this machine through libpci and sysfs. A function may vanish while it is read. */
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "tool.h"

#define FILL	(PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_BASES | PCI_FILL_SIZES |	\
		 PCI_FILL_NUMA_NODE | PCI_FILL_PARENT | PCI_FILL_DRIVER |		\
		 PCI_FILL_IOMMU_GROUP)

/* Where to continue when libpci reports a fatal error: its error handler must not return. */
static jmp_buf *gone;

static void __attribute__((noreturn)) pci_fatal(char *format, ...)
{
	va_list args;

	if (gone)
		longjmp(*gone, 1);
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

static struct pci_access *pci_open(void)
{
	struct pci_access *access_pci = pci_alloc();

	access_pci->error = pci_fatal;
	access_pci->warning = pci_silent;
	access_pci->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_init(access_pci);
	return access_pci;
}

const char *device_name(uint16_t vendor, uint16_t device)
{
	const char *ids = getenv("PEERBUF_PCI_IDS");
	static struct pci_access *names;
	char name[128];

	/* This handle never scans: it is used for its list of names only. */
	if (!names) {
		names = pci_open();
		if (ids)
			pci_set_name_list_path(names, (char *)ids, 0);
	}
	pci_lookup_name(names, name, sizeof(name), PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
			(ids ? PCI_LOOKUP_NO_HWDB : 0), vendor, device);
	return format_text("%s", name);
}

static uint64_t dev_addr(const struct pci_dev *dev)
{
	return PEERBUF_PCI_ADDR((uint32_t)dev->domain, dev->bus, dev->dev, dev->func);
}

static const char *path_of(uint64_t addr, const char *file)
{
	return format_text("/sys/bus/pci/devices/%s/%s", addr_text(addr), file);
}

static void read_bars(struct pci_dev *dev, struct function *function)
{
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(function->bars); n++) {
		struct bar *bar = &function->bars[n];
		uint64_t raw;

		if (!dev->size[n])
			continue;
		bar->size = dev->size[n];
		bar->io = dev->base_addr[n] & PCI_BASE_ADDRESS_SPACE_IO;
		bar->base = dev->base_addr[n] & (bar->io ? PCI_ADDR_IO_MASK : PCI_ADDR_MEM_MASK);
		bar->bus = bar->base;
		if (bar->io)
			continue;
		bar->prefetchable = dev->base_addr[n] & PCI_BASE_ADDRESS_MEM_PREFETCH;
		bar->is_64bit = (dev->base_addr[n] & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
				PCI_BASE_ADDRESS_MEM_TYPE_64;
		raw = pci_read_long(dev, PCI_BASE_ADDRESS_0 + 4 * n) & PCI_ADDR_MEM_MASK;
		if (bar->is_64bit && n < 5)
			raw |= (uint64_t)pci_read_long(dev, PCI_BASE_ADDRESS_0 + 4 * n + 4) << 32;
		/* Virtual functions have no such registers. */
		if (raw && raw != UINT32_MAX)
			bar->bus = raw;
	}
}

static bool has_memory(const struct pci_dev *dev, unsigned int n)
{
	return dev->size[n] && !(dev->base_addr[n] & PCI_BASE_ADDRESS_SPACE_IO);
}

/* PCI_EXT_CAP_ID 0x15: a pair of registers for each BAR that can be resized. */
static void read_resizable(struct pci_dev *dev, struct function *function)
{
	struct pci_cap *cap = pci_find_cap(dev, 0x15, PCI_CAP_EXTENDED);
	unsigned int n, nr;

	if (!cap)
		return;
	nr = (pci_read_long(dev, cap->addr + 8) >> 5) & 7;
	for (n = 0; n < nr && n < ARRAY_SIZE(function->bars); n++) {
		uint32_t sizes = pci_read_long(dev, cap->addr + 4 + 8 * n);
		uint32_t control = pci_read_long(dev, cap->addr + 8 + 8 * n);

		if ((control & 7) < ARRAY_SIZE(function->bars) && has_memory(dev, control & 7))
			function->bars[control & 7].sizes = sizes >> 4 |
							    (uint64_t)(control >> 16) << 28;
	}
}

/*
 * Without privilege only the first 64 bytes can be read, and every capability lies behind
 * them. If a function has no list of capabilities, it certainly has none.
 */
static bool is_whole(struct pci_dev *dev)
{
	uint8_t first;

	if (!(pci_read_word(dev, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return true;
	first = pci_read_byte(dev, PCI_CAPABILITY_LIST) & ~3;
	return first && pci_read_byte(dev, first) != 0xff;
}

static void read_config(struct pci_dev *dev, struct function *function)
{
	struct pci_cap *cap;

	function->command = pci_read_word(dev, PCI_COMMAND);
	function->is_bridge = (pci_read_byte(dev, PCI_HEADER_TYPE) & 0x7f) ==
			      PCI_HEADER_TYPE_BRIDGE;
	if (!is_whole(dev))
		return;
	cap = pci_find_cap(dev, PCI_CAP_ID_EXP, PCI_CAP_NORMAL);
	if (cap)
		function->pcie = (pci_read_word(dev, cap->addr + PCI_EXP_FLAGS) >> 4) & 0xf;
	cap = pci_find_cap(dev, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED);
	function->acs = ACS_NONE;
	if (cap) {
		function->acs = ACS_READ;
		function->acs_capability = pci_read_word(dev, cap->addr + PCI_ACS_CAP);
		function->acs_control = pci_read_word(dev, cap->addr + PCI_ACS_CTRL);
		/* The function sleeps or was pulled out: nothing was read. */
		if (function->acs_control == UINT16_MAX)
			function->acs = ACS_UNKNOWN;
	}
	read_resizable(dev, function);
}

uint64_t function_serial(uint64_t addr)
{
	struct pci_access *access_pci = pci_open();
	struct pci_dev *dev = pci_get_dev(access_pci, PEERBUF_PCI_DOMAIN(addr),
					  PEERBUF_PCI_BUS(addr), PEERBUF_PCI_DEV(addr),
					  PEERBUF_PCI_FN(addr));
	struct pci_cap *cap = pci_find_cap(dev, PCI_EXT_CAP_ID_DSN, PCI_CAP_EXTENDED);
	uint64_t serial = 0;

	if (cap)
		serial = pci_read_long(dev, cap->addr + 4) |
			 (uint64_t)pci_read_long(dev, cap->addr + 8) << 32;
	pci_free_dev(dev);
	pci_cleanup(access_pci);
	return serial == UINT64_MAX ? 0 : serial;
}

/* Parses "16.0 GT/s PCIe". */
static unsigned int read_speed(uint64_t addr, const char *file)
{
	unsigned int whole = 0, tenth = 0;
	char text[32];

	if (read_line(path_of(addr, file), text, sizeof(text)) ||
	    sscanf(text, "%u.%1u", &whole, &tenth) < 1)
		return 0;
	return whole * 10 + tenth;
}

static unsigned int read_number(uint64_t addr, const char *file)
{
	char text[32];

	if (read_line(path_of(addr, file), text, sizeof(text)))
		return 0;
	return strtoul(text, NULL, 10);
}

static void read_link(struct function *function)
{
	struct link *link = &function->link;

	link->speed = read_speed(function->addr, "current_link_speed");
	link->width = read_number(function->addr, "current_link_width");
	link->max_speed = read_speed(function->addr, "max_link_speed");
	link->max_width = read_number(function->addr, "max_link_width");
	/* The kernel writes 255 or 63 lanes for "unknown". */
	if (!link->speed || link->width > 32)
		*link = (struct link) { 0 };
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Finds the root bus: the last host bridge on the path is a directory "pciDDDD:BB". */
static uint64_t read_root(uint64_t addr)
{
	char *path = realpath(path_of(addr, ""), NULL), *part, *rest;
	unsigned int domain, bus;
	uint64_t root = addr & ~UINT64_C(0xff);

	for (part = strtok_r(path, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
		if (sscanf(part, "pci%x:%x", &domain, &bus) == 2)
			root = (uint64_t)domain << 16 | bus << 8;
	free(path);
	return root;
}

static uint64_t read_physical(uint64_t addr)
{
	char target[256];
	ssize_t length = readlink(path_of(addr, "physfn"), target, sizeof(target) - 1);
	uint64_t physical;

	if (length < 0)
		return PEERBUF_PCI_NONE;
	target[length] = '\0';
	return peerbuf_addr_parse(last_part(target), &physical) ? PEERBUF_PCI_NONE : physical;
}

static void read_strings(struct pci_dev *dev, struct function *function)
{
	const char *text = pci_get_string_property(dev, PCI_FILL_DRIVER);

	if (text && *text)
		snprintf(function->driver, sizeof(function->driver), "%.63s", text);
	text = pci_get_string_property(dev, PCI_FILL_IOMMU_GROUP);
	if (!text || !*text)
		return;
	function->iommu_group = atoi(text);
	read_line(path_of(function->addr, "iommu_group/type"), function->iommu_type,
		  sizeof(function->iommu_type));
}

static void describe(struct pci_dev *dev, struct function *function)
{
	pci_fill_info(dev, FILL);
	function->addr = dev_addr(dev);
	function->vendor = dev->vendor_id;
	function->device = dev->device_id;
	function->class = dev->device_class;
	function->numa_node = dev->numa_node;
	if (dev->parent)
		function->parent = dev_addr(dev->parent);
	function->physical = read_physical(function->addr);
	function->root = read_root(function->addr);
	function->dma_bits = read_number(function->addr, "dma_mask_bits");
	function->enabled = read_number(function->addr, "enable");
	read_strings(dev, function);
	read_bars(dev, function);
	read_config(dev, function);
	read_link(function);
}

/* A function that vanished while it was read is left out. */
static void add(struct machine *machine, struct pci_dev *dev)
{
	struct function *function = machine_add(machine);
	jmp_buf here;

	gone = &here;
	if (setjmp(here))
		function->addr = PEERBUF_PCI_NONE;
	else
		describe(dev, function);
	gone = NULL;
	if (function->addr == PEERBUF_PCI_NONE || access(path_of(function->addr, "vendor"), F_OK))
		machine->nr--;
}

static void read_functions(struct machine *machine)
{
	struct pci_access *access_pci;
	struct pci_dev *dev;

	if (access("/sys/bus/pci/devices", R_OK))
		return;
	access_pci = pci_open();
	pci_scan_bus(access_pci);
	for (dev = access_pci->devices; dev; dev = dev->next)
		add(machine, dev);
	pci_cleanup(access_pci);
}

static void read_cpu(struct machine *machine)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0 && *line != '\n') {
		if (sscanf(line, "vendor_id : %31s", machine->cpu_vendor) != 1 &&
		    sscanf(line, "cpu family : %u", &machine->cpu_family) != 1)
			continue;
	}
	free(line);
	if (file)
		fclose(file);
}

void machine_read_sysfs(struct machine *machine)
{
	read_functions(machine);
	read_cpu(machine);
	read_line("/sys/module/p2p/parameters/override", machine->overrides,
		  sizeof(machine->overrides));
}
