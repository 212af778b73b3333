// SPDX-License-Identifier: GPL-2.0
/*
 * A program that knows nothing of peerbuf: it maps some memory, registers it with an RDMA device
 * as any memory, and has an RDMA WRITE go into it. libibverbs is linked, or loaded while it runs.
 *
 *	stranger FUNCTION WHAT OFFSET LENGTH SEED linked|dlsym|dlvsym|iova
 *
 * WHAT is a file, fd:N for one that is open, or "memory" for some of the program's own. Byte n of
 * what is written is SEED + n.
 *
 *	stranger FUNCTION time LENGTH COUNT
 *
 * prints how many nanoseconds a registration of that much memory of its own takes, and its end.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../demo/rdma/verbs.h"

#define ACCESS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)
#define IOVA	0x100000000ULL

#undef ibv_reg_mr
#undef ibv_reg_mr_iova

typedef struct ibv_mr *(*reg_fn)(struct ibv_pd *pd, void *addr, size_t length, int access);

static void *map(const char *what, off_t offset, size_t length)
{
	int flags = MAP_SHARED, fd;
	void *mapped;

	if (!strncmp(what, "fd:", 3)) {
		fd = atoi(what + 3);
	} else if (!strcmp(what, "memory")) {
		flags = MAP_PRIVATE | MAP_ANONYMOUS;
		fd = -1;
	} else {
		fd = open(what, O_RDWR | O_CLOEXEC);
	}
	mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, offset);
	expect(mapped != MAP_FAILED, "mmap of %s: %m", what);
	return mapped;
}

static struct ibv_mr *reg(struct ibv_pd *pd, void *mapped, size_t length, const char *how)
{
	void *library = dlopen("libibverbs.so.1", RTLD_NOW);
	reg_fn found = NULL;

	expect(library, "dlopen: %s", dlerror());
	if (!strcmp(how, "linked"))
		found = ibv_reg_mr;
	else if (!strcmp(how, "dlsym"))
		found = (reg_fn)dlsym(library, "ibv_reg_mr");
	else if (!strcmp(how, "dlvsym"))
		found = (reg_fn)dlvsym(library, "ibv_reg_mr", "IBVERBS_1.1");
	else if (!strcmp(how, "iova"))
		return ibv_reg_mr_iova(pd, mapped, length, IOVA, ACCESS);
	expect(found, "no way to register: %s", how);
	return found(pd, mapped, length, ACCESS);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static int measure(const char *bdf, size_t length, unsigned int count)
{
	uint8_t *mine = map("memory", 0, length);
	struct ibv_mr *mr;
	unsigned int n;
	uint64_t start = 0;

	memset(mine, 1, length);
	verbs_open(bdf);
	for (n = 0; n <= count; n++) {
		/* The first one finds what is needed. */
		if (n == 1)
			start = now();
		mr = ibv_reg_mr(verbs_pd(), mine, length, ACCESS);
		expect(mr, "ibv_reg_mr: %m");
		expect(!ibv_dereg_mr(mr), "ibv_dereg_mr: %m");
	}
	fprintf(stderr, "%llu\n", (unsigned long long)(now() - start) / count);
	return 0;
}

int main(int argc, char **argv)
{
	size_t length, n;
	struct ibv_mr *mr, *local;
	uint8_t *mapped, *mine;

	if (argc == 5 && !strcmp(argv[2], "time"))
		return measure(argv[1], strtoull(argv[3], NULL, 0), atoi(argv[4]));
	expect(argc == 7, "usage: stranger FUNCTION WHAT OFFSET LENGTH SEED HOW");
	length = strtoull(argv[4], NULL, 0);
	mapped = map(argv[2], strtoull(argv[3], NULL, 0), length);
	mine = map("memory", 0, length);
	verbs_open(argv[1]);
	mr = reg(verbs_pd(), mapped, length, argv[6]);
	expect(mr, "ibv_reg_mr: %m");
	expect(mr->addr == mapped && mr->length == length, "the MR is of something else");
	local = verbs_register(mine, length);
	for (n = 0; n < length; n++)
		mine[n] = atoi(argv[5]) + n;
	verbs_connect();
	verbs_transfer(IBV_WR_RDMA_WRITE, local, length, mr,
		       strcmp(argv[6], "iova") ? (uintptr_t)mapped : IOVA);
	expect(!memcmp(mapped, mine, length), "the bytes did not arrive");
	expect(!ibv_dereg_mr(mr), "ibv_dereg_mr: %m");
	printf("arrived\n");
	return 0;
}
