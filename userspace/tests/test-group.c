// SPDX-License-Identifier: GPL-2.0-only
/* What "peerbuf bind --vfio" says about an IOMMU group whose functions have these drivers. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "group.h"
#include "machine.h"
#include "tool.h"

static struct function functions[] = {
	{ .addr = 0x100, .iommu_group = 7 },
	{ .addr = 0x101, .iommu_group = 7 },
	{ .addr = 0x200, .iommu_group = 8 },
	{ .addr = 0x300, .iommu_group = -1 },
};

static struct machine machine = { .functions = functions, .nr = 4 };
static const char *drivers[4];

const struct machine *machine_get(void)
{
	return &machine;
}

const struct function *function_find(uint64_t addr)
{
	size_t n;

	for (n = 0; n < machine.nr; n++)
		if (functions[n].addr == addr)
			return &functions[n];
	return NULL;
}

const char *function_driver(uint64_t addr)
{
	return drivers[function_find(addr) - functions];
}

/* Returns stdout and stderr, in one text. */
static const char *explained(const char *first, const char *second)
{
	static char text[1024];
	char path[] = "/tmp/test-group-XXXXXX";
	int fd = mkstemp(path), out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	ssize_t length;

	drivers[0] = first;
	drivers[1] = second;
	/* In other groups, so they do not matter. */
	drivers[2] = "nvme";
	drivers[3] = "nvme";
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	group_explain(0x100);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	length = pread(fd, text, sizeof(text) - 1, 0);
	text[length > 0 ? length : 0] = '\0';
	close(fd);
	close(out);
	close(err);
	unlink(path);
	return text;
}

#define USABLE	"IOMMU group 7 can be used: /dev/vfio/7\n"

int main(void)
{
	const char *text;

	CHECK_INT(group_of(0x101), 7);
	CHECK_INT(group_of(0x300), -1);
	CHECK_INT(group_of(0x999), -1);
	CHECK_TEXT(explained("peerbuf-vfio-pci", "-"), USABLE);
	CHECK_TEXT(explained("peerbuf-vfio-pci", "vfio-pci"), USABLE);
	CHECK_TEXT(explained("peerbuf-vfio-pci", "mlx5_vfio_pci"), USABLE);
	CHECK_TEXT(explained("peerbuf-vfio-pci", "pcieport"), USABLE);
	text = explained("peerbuf-vfio-pci", "snd_hda_intel");
	CHECK_INT(!!strstr(text, "IOMMU group 7 cannot be used yet: 0000:01:00.1"), 1);
	CHECK_INT(!!strstr(text, "has the driver snd_hda_intel"), 1);
	CHECK_INT(!!strstr(text, "'peerbuf bind --vfio 0000:01:00.1'"), 1);
	CHECK_INT(!strstr(text, "can be used: "), 1);
	/* The stub's DMA counts as the kernel's, whatever the stub does with it. */
	CHECK_INT(!!strstr(explained("peerbuf-vfio-pci", "peerbuf"), "cannot be used yet"), 1);
	return check_result();
}
