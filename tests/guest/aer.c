// SPDX-License-Identifier: GPL-2.0
/* See aer.h. */
#include <fcntl.h>
#include <unistd.h>

#include "aer.h"
#include "harness.h"
#include "lab.h"

/* As the driver takes it. */
struct injection {
	__u8 bus;
	__u8 dev;
	__u8 fn;
	__u32 uncorrectable;
	__u32 correctable;
	__u32 header[4];
	__u32 domain;
};

void aer_inject(const char *id, __u32 uncorrectable)
{
	__u64 addr = lab_addr(id);
	const struct injection injection = {
		.bus = PEERBUF_PCI_BUS(addr), .dev = PEERBUF_PCI_DEV(addr),
		.fn = PEERBUF_PCI_FN(addr), .domain = PEERBUF_PCI_DOMAIN(addr),
		.uncorrectable = uncorrectable,
	};
	int fd;

	check_eq(module_load("aer_inject"), 0);
	fd = check_sys(open("/dev/aer_inject", O_WRONLY | O_CLOEXEC));
	check_eq(check_sys(write(fd, &injection, sizeof(injection))), sizeof(injection));
	close(fd);
}
