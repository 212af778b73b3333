/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _P2P_OVERRIDE_LIST_H
#define _P2P_OVERRIDE_LIST_H

#include <linux/types.h>

/* This many fit into one page when printed. */
#define P2P_OVERRIDES_MAX	96
#define P2P_OVERRIDE_TEXT	40

/**
 * struct p2p_override - something the administrator vouches for
 * @host: a host bridge rather than a pair of functions
 * @a: domain << 16 | bus << 8 (host bridge), or the pair's lower address
 * @b: zero, or the pair's higher address
 */
struct p2p_override {
	bool host;
	u64 a;
	u64 b;
};

/**
 * struct p2p_override_list - a set of overrides, in the order in which they were named
 * @nr: how many
 * @item: no two are equal
 */
struct p2p_override_list {
	u32 nr;
	struct p2p_override item[P2P_OVERRIDES_MAX];
};

int p2p_override_list_parse(struct p2p_override_list *list, const char *text,
			    const char **bad, int *bad_len);
bool p2p_override_list_has(const struct p2p_override_list *list,
			   const struct p2p_override *item);
int p2p_override_list_add(struct p2p_override_list *list,
			  const struct p2p_override_list *more);
int p2p_override_list_remove(struct p2p_override_list *list,
			     const struct p2p_override_list *less);
int p2p_override_format(char *text, size_t size, const struct p2p_override *item);
int p2p_override_list_format(char *text, size_t size, const struct p2p_override_list *list);
bool p2p_override_list_pair(const struct p2p_override_list *list, u64 a, u64 b);
bool p2p_override_list_host(const struct p2p_override_list *list, u64 root);

#endif /* _P2P_OVERRIDE_LIST_H */
