// SPDX-License-Identifier: GPL-2.0
/* Protection domains. They have no state: only their identity matters. */
#include "hca.h"

int hca_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	return 0;
}

int hca_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	return 0;
}
