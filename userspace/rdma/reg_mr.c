// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>

#include "register.h"

static struct ibv_mr *reg_mr(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
			     unsigned int access)
{
	return ibv_reg_mr_iova2(pd, addr, length, iova, access);
}

int peerbuf_reg_mr(struct ibv_pd *pd, void *address, size_t length, int access,
		   struct ibv_mr **mr, struct peerbuf_error *error)
{
	static const struct verbs verbs = {
		.reg_mr = reg_mr,
		.reg_dmabuf_mr = ibv_reg_dmabuf_mr,
	};
	const struct request request = {
		.pd = pd,
		.addr = address,
		.length = length,
		.iova = (uintptr_t)address,
		.access = access,
	};
	int control = peerbuf_open_control(O_RDONLY);
	struct peerbuf_error unheard;
	int saved_errno = errno;
	enum outcome outcome;
	int ret;

	ret = register_memory(&verbs, control, &request, mr, &outcome, error ? error : &unheard);
	if (control >= 0)
		peerbuf_close(control);
	errno = saved_errno;
	return ret;
}
