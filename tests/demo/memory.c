// SPDX-License-Identifier: GPL-2.0
/*
 * The memory that is shared: a BAR, seen through the dma-buf by this CPU, and in
 * the host's file behind the emulated device, which no guest CPU or cache is part
 * of.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

static const volatile uint8_t *mapped;
static uint64_t buffer_size;
static uint64_t physical;
static uint64_t bus;
static uint64_t offset_in_bar;
static int host_file;
static sigjmp_buf on_sigbus;

static void sigbus(int number)
{
	siglongjmp(on_sigbus, number);
}

/* The BAR's address: line 3 of "resource" is BAR 2. */
static uint64_t bar2_address(const char *bdf)
{
	uint64_t start = 0;
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	file = fopen(path, "r");
	expect(file, "%s: %s", path, strerror(errno));
	expect(fscanf(file, "%*[^\n]\n%*[^\n]\n%" SCNx64, &start) == 1 && start, "%s: no BAR 2",
	       path);
	fclose(file);
	return start;
}

/* What the device itself decodes: its BAR 2 register, in configuration space. */
static uint64_t bar2_register(const char *bdf)
{
	uint64_t value = 0;
	char path[80];
	int config;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	config = open(path, O_RDONLY | O_CLOEXEC);
	expect(config >= 0, "%s: %s", path, strerror(errno));
	expect(pread(config, &value, sizeof(value), 0x18) == sizeof(value), "%s: short", path);
	close(config);
	expect((value & 0x7) == 0x4, "%s: BAR 2 is not a 64-bit memory BAR", path);
	return value & ~0xfULL;
}

void memory_open(int dmabuf, const char *bdf, const char *id, uint64_t bar_offset)
{
	struct sigaction action = { .sa_handler = sigbus };
	char path[64];

	buffer_size = lseek(dmabuf, 0, SEEK_END);
	mapped = mmap(NULL, buffer_size, PROT_READ, MAP_SHARED, dmabuf, 0);
	expect(mapped != MAP_FAILED, "mmap of the dma-buf: %s", strerror(errno));
	sigaction(SIGBUS, &action, NULL);

	offset_in_bar = bar_offset;
	physical = bar2_address(bdf) + bar_offset;
	bus = bar2_register(bdf) + bar_offset;
	snprintf(path, sizeof(path), "/mnt/bars/%s", id);
	host_file = open(path, O_RDONLY | O_CLOEXEC);
	expect(host_file >= 0, "%s: %s", path, strerror(errno));
}

uint64_t memory_physical(void)
{
	return physical;
}

uint64_t memory_bus(void)
{
	return bus;
}

uint64_t memory_size(void)
{
	return buffer_size;
}

/* False when the CPU gets SIGBUS instead of a byte. */
bool memory_read_cpu(uint64_t offset, uint8_t *bytes, size_t length)
{
	if (sigsetjmp(on_sigbus, 1))
		return false;
	for (size_t i = 0; i < length; i++)
		bytes[i] = mapped[offset + i];
	return true;
}

void memory_read_host(uint64_t offset, uint8_t *bytes, size_t length)
{
	expect(pread(host_file, bytes, length, offset_in_bar + offset) == (ssize_t)length,
	       "reading the host's file: %s", strerror(errno));
}
