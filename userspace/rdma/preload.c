// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What "peerbuf run" loads into a program: memory that the program registers with an RDMA device
 * may be a BAR that it has mapped.
 *
 * It stands in the place of libibverbs' registrations, for programs that were linked with it and
 * for those that load it by dlopen(): for these dlsym() and dlvsym() answer with the same
 * functions. The real ones are looked up when they are first needed, in the library that the
 * program has by then.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer headers declare it with a structure that older ones have not got: see below. */
#define ibv_reg_mr_ex	ibv_reg_mr_ex_of_the_header
#include "register.h"
#include "symbols.h"
#undef ibv_reg_mr_ex

/* The header makes macros of them. */
#undef ibv_reg_mr
#undef ibv_reg_mr_iova
#undef ibv_reg_mr_iova2

typedef void *(*dlsym_fn)(void *handle, const char *name);
typedef void *(*dlvsym_fn)(void *handle, const char *name, const char *version);

/* struct ibv_mr_init_attr of rdma-core 58, which older headers have not got. */
struct reg_mr_attr {
	size_t length;
	int access;
	uint64_t comp_mask;
	uint64_t iova;
	void *addr;
	int fd;
	uint64_t fd_offset;
	void *dmah;
};

#define REG_MR_IOVA	(1U << 0)
#define REG_MR_ADDR	(1U << 1)

typedef struct ibv_mr *(*reg_mr_ex_fn)(struct ibv_pd *pd, struct reg_mr_attr *attr);

struct ibv_mr *ibv_reg_mr_ex(struct ibv_pd *pd, struct reg_mr_attr *attr);
struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access);
struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
			       int access);
struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				unsigned int access);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dlsym_fn real_dlsym;
static dlvsym_fn real_dlvsym;
static reg_mr_ex_fn real_reg_mr_ex;
static struct verbs verbs;
static bool explain;

/* Also where the program has loaded it for itself alone. */
static void find_verbs(void)
{
	void *library = dlopen("libibverbs.so.1", RTLD_LAZY | RTLD_NOLOAD);

	if (!library)
		library = RTLD_NEXT;
	verbs.reg_mr = real_dlsym(library, "ibv_reg_mr_iova2");
	verbs.reg_dmabuf_mr = real_dlsym(library, "ibv_reg_dmabuf_mr");
	real_reg_mr_ex = (reg_mr_ex_fn)real_dlsym(library, "ibv_reg_mr_ex");
}

static void begin(void)
{
	const char *wish = getenv("PEERBUF_RUN_EXPLAIN");

	real_dlsym = (dlsym_fn)libc_symbol("dlsym");
	real_dlvsym = (dlvsym_fn)libc_symbol("dlvsym");
	explain = wish && *wish && strcmp(wish, "0");
	find_verbs();
}

/*
 * Kept from the first registration on. A program that closes descriptors it does not know may
 * have closed it, and may have something else by that number.
 */
static int open_control(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int control = -1;
	static dev_t is;
	struct stat now;

	pthread_mutex_lock(&lock);
	if (control < 0 || fstat(control, &now) || !S_ISCHR(now.st_mode) || now.st_rdev != is) {
		control = peerbuf_open_control(O_RDONLY);
		if (control >= 0 && !fstat(control, &now))
			is = now.st_rdev;
	}
	pthread_mutex_unlock(&lock);
	return control;
}

/* ---- what is told ---- */

static const char *what(enum outcome outcome)
{
	switch (outcome) {
	case OF_PEERBUF:
		return "a dma-buf of peerbuf's";
	case OF_FOREIGN:
		return "another exporter's dma-buf";
	default:
		return "ordinary memory";
	}
}

static void tell(const struct request *request, enum outcome outcome,
		 const struct peerbuf_error *error)
{
	char text[256];

	if (!explain)
		return;
	if (error->error) {
		peerbuf_error_format(error, text, sizeof(text));
		fprintf(stderr, "peerbuf run: pid %d: %zu bytes at %p: refused: %s\n", getpid(),
			request->length, request->addr, text);
	} else {
		fprintf(stderr, "peerbuf run: pid %d: %zu bytes at %p: %s\n", getpid(),
			request->length, request->addr, what(outcome));
	}
}

static struct ibv_mr *reg(const struct request *request)
{
	struct ibv_mr *mr = NULL;
	struct peerbuf_error error;
	int saved_errno = errno;
	enum outcome outcome;
	int ret;

	pthread_once(&once, begin);
	/* The library may have come after the first question for it. */
	if (!verbs.reg_mr)
		find_verbs();
	if (!verbs.reg_mr || !verbs.reg_dmabuf_mr) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	ret = register_memory(&verbs, open_control(), request, &mr, &outcome, &error);
	tell(request, outcome, &error);
	errno = ret ? -ret : saved_errno;
	return mr;
}

/* ---- in the place of libibverbs' ---- */

struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, (uintptr_t)addr, access);
}

struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
			       int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, iova, access);
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
				unsigned int access)
{
	const struct request request = {
		.pd = pd,
		.addr = addr,
		.length = length,
		.iova = iova,
		.access = access,
	};

	return reg(&request);
}

/* With anything but addresses it says itself what memory it means. */
struct ibv_mr *ibv_reg_mr_ex(struct ibv_pd *pd, struct reg_mr_attr *attr)
{
	pthread_once(&once, begin);
	if (attr->comp_mask & REG_MR_ADDR && !(attr->comp_mask & ~(REG_MR_ADDR | REG_MR_IOVA)))
		return ibv_reg_mr_iova2(pd, attr->addr, attr->length,
					attr->comp_mask & REG_MR_IOVA ? attr->iova :
									(uintptr_t)attr->addr,
					attr->access);
	if (!real_reg_mr_ex)
		find_verbs();
	if (!real_reg_mr_ex) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	return real_reg_mr_ex(pd, attr);
}

/* ---- and in that of dlsym() ---- */

/* NULL: not one of those. */
static void *in_place_of(const char *name)
{
	if (!strcmp(name, "ibv_reg_mr"))
		return (void *)ibv_reg_mr;
	if (!strcmp(name, "ibv_reg_mr_iova"))
		return (void *)ibv_reg_mr_iova;
	if (!strcmp(name, "ibv_reg_mr_iova2"))
		return (void *)ibv_reg_mr_iova2;
	if (!strcmp(name, "ibv_reg_mr_ex"))
		return (void *)ibv_reg_mr_ex;
	return NULL;
}

/*
 * Called by a jump, not a call: what RTLD_NEXT means depends on who calls. So nothing may follow
 * it, and nothing of this function's may be left on the stack.
 */
void *dlsym(void *restrict handle, const char *restrict name)
{
	void *ours;

	if (!real_dlsym)
		pthread_once(&once, begin);
	ours = in_place_of(name);
	if (ours && real_dlsym(handle, name))
		return ours;
	return real_dlsym(handle, name);
}

void *dlvsym(void *restrict handle, const char *restrict name, const char *restrict version)
{
	void *ours;

	if (!real_dlvsym)
		pthread_once(&once, begin);
	ours = in_place_of(name);
	if (ours && real_dlvsym(handle, name, version))
		return ours;
	return real_dlvsym(handle, name, version);
}
