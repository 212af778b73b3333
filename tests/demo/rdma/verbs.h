/* SPDX-License-Identifier: GPL-2.0 */
/* Plain libibverbs; what fails ends the demo. */
#ifndef _DEMO_VERBS_H
#define _DEMO_VERBS_H

#include <infiniband/verbs.h>

#include "../demo.h"

void verbs_open(const char *bdf);
struct ibv_pd *verbs_pd(void);
struct ibv_mr *verbs_register_dmabuf(int fd, size_t length);
struct ibv_mr *verbs_register(void *memory, size_t length);
void verbs_connect(void);
void verbs_transfer(enum ibv_wr_opcode opcode, const struct ibv_mr *local, size_t length,
		    const struct ibv_mr *remote, uint64_t at);

#endif /* _DEMO_VERBS_H */
