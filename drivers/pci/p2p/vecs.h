/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_VECS_H
#define _P2P_VECS_H

#include <peerbuf/p2p.h>

/* vecs.c */
int p2p_vecs_allow_one_more(struct p2p_vecs *vecs);
bool p2p_vec_touches(const struct p2p_vec *vec, const struct p2p_vec *next);
int p2p_vecs_append(struct p2p_vecs *vecs, const struct p2p_vec *piece);

/* system.c */
void p2p_system_free(phys_addr_t paddr, u64 len);

#endif /* _P2P_VECS_H */
