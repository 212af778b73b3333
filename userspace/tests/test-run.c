// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs with peerbuf-run.so, and a libibverbs that is loaded at run time: test-run LIBRARY. Without
 * peerbuf, so all memory is ordinary.
 */
#include <dlfcn.h>
#include <string.h>

#include "check.h"
#include "fake-verbs.h"

typedef struct ibv_mr *(*reg_fn)(struct ibv_pd *pd, void *addr, size_t length, int access);
typedef struct ibv_mr *(*reg_iova_fn)(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				      int access);
typedef struct ibv_mr *(*reg_ex_fn)(struct ibv_pd *pd, struct fake_attr *attr);

static char memory[100];

static void check_registrations(void *library)
{
	reg_fn reg = (reg_fn)dlsym(library, "ibv_reg_mr");
	reg_ex_fn reg_ex = (reg_ex_fn)dlsym(library, "ibv_reg_mr_ex");
	struct fake_attr attr = {
		.addr = memory, .length = 7, .iova = 3, .comp_mask = FAKE_ADDR,
	};
	struct ibv_mr *mr;

	CHECK(reg && reg_ex);
	mr = reg(NULL, memory, sizeof(memory), 0);
	CHECK(mr && mr->lkey == BY_REG_MR_IOVA2);
	CHECK(mr->addr == memory && mr->length == sizeof(memory));
	CHECK(mr->handle == (uint32_t)(uintptr_t)memory);
	mr = reg_ex(NULL, &attr);
	CHECK(mr && mr->lkey == BY_REG_MR_IOVA2 && mr->handle == (uint32_t)(uintptr_t)memory);
	attr.comp_mask |= FAKE_IOVA;
	mr = reg_ex(NULL, &attr);
	CHECK(mr && mr->lkey == BY_REG_MR_IOVA2 && mr->handle == 3);
	/* With this attribute the call names its memory itself. */
	attr.comp_mask |= FAKE_FD;
	mr = reg_ex(NULL, &attr);
	CHECK(mr && mr->lkey == BY_REG_MR_EX);
}

/* Other symbols are found as usual, and those that the library lacks are not found. */
static void check_others(void *library)
{
	CHECK(dlsym(library, "ibv_reg_dmabuf_mr"));
	CHECK(!dlsym(library, "ibv_reg_mr_iova"));
	CHECK(!dlsym(library, "ibv_no_such_call"));
	CHECK(dlsym(RTLD_DEFAULT, "strlen"));
	CHECK(!dlvsym(library, "ibv_reg_mr", "NO_SUCH_VERSION"));
}

/* RTLD_NEXT searches after the caller's object, not after peerbuf-run.so. */
static void check_next(void)
{
	CHECK(dlsym(RTLD_NEXT, "dlsym") == dlsym(RTLD_DEFAULT, "dlsym"));
}

int main(int argc, char **argv)
{
	void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;

	CHECK(library);
	if (library) {
		check_registrations(library);
		check_others(library);
		check_next();
	}
	return check_result();
}
