// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the calls promise without a peerbuf device: they return -errno, leave errno
 * alone, fill errors, and place mappings well. tests/guest tests real devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <peerbuf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define MAGIC_ERRNO	4711
#define HUGE_SIZE	(2UL << 20)

static void opening(void)
{
	errno = MAGIC_ERRNO;
	CHECK_INT(peerbuf_open("no address", O_RDWR), -EINVAL);
	/* A domain that no machine has, whether or not the module is loaded. */
	CHECK_INT(peerbuf_open("fffffff0:ff:1f.7", O_RDWR), -ENOENT);
	CHECK_INT(peerbuf_open_addr(PEERBUF_PCI_ADDR(0xfffffff0, 1, 1, 1), O_RDWR), -ENOENT);
	CHECK_INT(peerbuf_close(-1), -EBADF);
	CHECK_INT(errno, MAGIC_ERRNO);
}

static void not_a_node(int fd, int want)
{
	struct peerbuf_export_info *exports = (void *)1;
	struct peerbuf_error error = { .reason = 9, .blockers = 9 };
	struct peerbuf_range range = { .length = 4096 };
	struct peerbuf_ioc_info info;
	struct peerbuf_ioc_stats stats;
	struct peerbuf_ioc_probe probe;
	uint64_t id;
	size_t nr = 9;

	errno = MAGIC_ERRNO;
	CHECK_INT(peerbuf_probe(fd, &probe, &error), want);
	CHECK_INT(peerbuf_events_select(fd, 0, &error), want);
	CHECK_INT(peerbuf_info(fd, &info, &error), want);
	CHECK_INT(error.error, want);
	CHECK_INT(error.reason, PEERBUF_REASON_NONE);
	CHECK_INT(error.range, PEERBUF_NO_RANGE);
	CHECK_INT(error.blockers, 0);
	CHECK(error.blocker == PEERBUF_PCI_NONE);
	CHECK(error.missing == PEERBUF_PCI_NONE);
	CHECK_INT(peerbuf_stats(fd, &stats, NULL), want);
	CHECK_INT(peerbuf_export(fd, &range, 1, 0, O_RDWR, &id, NULL), want);
	CHECK_INT(peerbuf_export_bar(fd, 0, 0, O_RDWR, &id, NULL), want);
	CHECK_INT(peerbuf_move(fd, 1, &range, 1, 0, &error), want);
	CHECK_INT(peerbuf_revoke(fd, 1, 0, &error), want);
	CHECK_INT(peerbuf_restore(fd, 1, NULL), want);
	CHECK_INT(peerbuf_list(fd, &exports, &nr, &error), want);
	CHECK(!exports);
	CHECK_INT(nr, 0);
	CHECK_INT(errno, MAGIC_ERRNO);
}

static void judged_here(int fd)
{
	struct peerbuf_export_options options = { .size = sizeof(options) + 8 };
	struct peerbuf_range range = { .length = 4096 };
	struct peerbuf_export_info info;
	struct peerbuf_error error;

	/* A count that would be 1 when cut to 32 bits. */
	CHECK_INT(peerbuf_export(fd, NULL, (1ULL << 32) + 1, 0, O_RDWR, NULL, &error),
		  -EMSGSIZE);
	CHECK_INT(error.reason, PEERBUF_REASON_TOO_MANY_RANGES);
	CHECK_INT(peerbuf_export_with(fd, &range, 1, &options, NULL, &error), -EINVAL);
	CHECK_INT(error.reason, PEERBUF_REASON_STRUCT_SIZE);
	options = (struct peerbuf_export_options) { .size = sizeof(options), .reserved = 1 };
	CHECK_INT(peerbuf_export_with(fd, &range, 1, &options, NULL, &error), -EINVAL);
	CHECK_INT(error.reason, PEERBUF_REASON_RESERVED);
	CHECK_INT(peerbuf_move(fd, 1, NULL, PEERBUF_MAX_RANGES + 1, 0, &error), -EMSGSIZE);
	CHECK_INT(peerbuf_move_with(fd, 1, NULL, 1, 0, NULL, (1ULL << 32) + 1, &error), -EMSGSIZE);
	CHECK_INT(error.reason, PEERBUF_REASON_TOO_MANY_RIGHTS);
	CHECK_INT(peerbuf_restore_with(fd, 1, NULL, PEERBUF_MAX_RIGHTS + 1, &error), -EMSGSIZE);
	CHECK_INT(error.reason, PEERBUF_REASON_TOO_MANY_RIGHTS);
	CHECK(error.missing == PEERBUF_PCI_NONE);
	CHECK_INT(peerbuf_query(fd, 0, &info, &error), -EINVAL);
	CHECK_INT(error.reason, PEERBUF_REASON_NO_EXPORT);
}

/* A memfd stands in for the dma-buf: the library itself chooses the address. */
static void mapping(size_t length, uint64_t offset)
{
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	unsigned char *address = NULL;
	void *map = NULL;

	CHECK_INT(ftruncate(fd, offset + length), 0);
	errno = MAGIC_ERRNO;
	CHECK_INT(peerbuf_mmap(fd, offset, length, PROT_READ | PROT_WRITE, &map), 0);
	address = map;
	if (length >= HUGE_SIZE)
		CHECK_INT(((uintptr_t)address - offset) % HUGE_SIZE, 0);
	address[0] = 1;
	address[length - 1] = 2;
	CHECK_INT(peerbuf_munmap(address, length), 0);
	/* The whole reservation is gone: msync() fails because nothing is mapped. */
	CHECK_INT(msync(address, length, MS_ASYNC), -1);
	CHECK_INT(errno, ENOMEM);
	close(fd);
}

static size_t count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t lines = 0;
	int c;

	while (maps && (c = getc(maps)) != EOF)
		lines += c == '\n';
	if (maps)
		fclose(maps);
	return lines;
}

/* The reservation for a mapping that fails is given back. */
static void refused_mapping_leaves_nothing(void)
{
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	size_t before, n;
	void *map;

	count_mappings();
	before = count_mappings();
	for (n = 0; n < 8; n++) {
		CHECK_INT(peerbuf_mmap(fd, 1, HUGE_SIZE, PROT_READ, &map), -EINVAL);
		CHECK_INT(peerbuf_mmap(-1, 0, HUGE_SIZE, PROT_READ, &map), -EBADF);
	}
	CHECK_INT(count_mappings(), before);
	close(fd);
}

static void mapping_refused(void)
{
	int fd = memfd_create("buffer", MFD_CLOEXEC);
	void *map = (void *)1;

	errno = MAGIC_ERRNO;
	CHECK_INT(peerbuf_mmap(fd, 0, 0, PROT_READ, &map), -EINVAL);
	CHECK_INT(peerbuf_mmap(fd, 1, 4096, PROT_READ, &map), -EINVAL);
	CHECK_INT(peerbuf_mmap(-1, 0, HUGE_SIZE, PROT_READ, &map), -EBADF);
	CHECK_INT(peerbuf_mmap(-1, 0, 4096, PROT_READ, &map), -EBADF);
	CHECK_INT(peerbuf_mmap(fd, 0, SIZE_MAX, PROT_READ, &map), -ENOMEM);
	CHECK_INT(peerbuf_mmap(fd, 0, SIZE_MAX - HUGE_SIZE, PROT_READ, &map), -ENOMEM);
	CHECK(map == (void *)1);
	CHECK_INT(errno, MAGIC_ERRNO);
	close(fd);
}

int main(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	opening();
	not_a_node(null, -ENOTTY);
	not_a_node(-1, -EBADF);
	judged_here(null);
	mapping(4096, 0);
	mapping(HUGE_SIZE, 0);
	mapping(HUGE_SIZE + 4096, 0);
	mapping(3 * HUGE_SIZE, 12 * 4096);
	mapping(HUGE_SIZE + 1, 5 * HUGE_SIZE);
	mapping_refused();
	refused_mapping_leaves_nothing();
	close(null);
	return check_result();
}
