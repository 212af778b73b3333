// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * "peerbuf run" loads this into a program, so that memory which the program registers with an RDMA
 * device may be a BAR that it has mapped.
 *
 * It replaces libibverbs' registration functions, both for programs linked with libibverbs and for
 * those that load it by dlopen(): for these, dlsym() and dlvsym() return the replacements. The real
 * functions are looked up at their first use, in the libibverbs that the program has loaded by
 * then.
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

/* Newer headers declare it with a structure that older headers lack: rename that declaration. */
#define ibv_reg_mr_ex	ibv_reg_mr_ex_of_the_header
#include "register.h"
#include "symbols.h"
#undef ibv_reg_mr_ex

/* Macros in the header. */
#undef ibv_reg_mr
#undef ibv_reg_mr_iova
#undef ibv_reg_mr_iova2

typedef void *(*dlsym_fn)(void *handle, const char *name);
typedef void *(*dlvsym_fn)(void *handle, const char *name, const char *version);

/* struct ibv_mr_init_attr of rdma-core 58, which older headers lack. */
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

/* Finds libibverbs even if the program has loaded it with RTLD_LOCAL. */
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
 * Opened at the first registration and kept open. A program that closes descriptors it does not
 * know may have closed this one, and may have another file under that number: so it is checked.
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

/* ---- messages ---- */

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
	/* The library may have been loaded after the first lookup. */
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

/* ---- replacements of libibverbs' functions ---- */

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

/* If other attributes are set, they say what memory is meant: libibverbs handles those. */
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

/* ---- replacements of dlsym() and dlvsym() ---- */

/* Returns the replacement for @name, or NULL if there is none. */
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
 * Calls the real dlsym() by a jump: the meaning of RTLD_NEXT depends on the caller's address. So
 * the call has to be the last thing this function does, with nothing of it left on the stack.
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
