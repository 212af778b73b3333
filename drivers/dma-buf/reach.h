/* SPDX-License-Identifier: GPL-2.0 */
/* Who reaches a buffer, what is done for those who do not, and ways that change. */
#ifndef _PEERBUF_REACH_H
#define _PEERBUF_REACH_H

#include <linux/types.h>

struct device;
struct p2p_route;
struct p2p_vecs;
struct pci_dev;
struct peerbuf;
struct peerbuf_client;
struct peerbuf_placement;

/* reach.c */
int peerbuf_check_routes(struct p2p_vecs *vecs, struct device *client, bool by_phys, bool look,
			 struct p2p_route *route);
int peerbuf_client_routes(struct peerbuf *pb, struct peerbuf_client *client,
			  struct p2p_route *route);
bool peerbuf_all_system(const struct peerbuf_placement *placement);
bool peerbuf_takes_pinned(const struct peerbuf_placement *placement);
u32 peerbuf_unfit(const struct peerbuf *pb, const struct peerbuf_client *client,
		  const struct peerbuf_placement *placement);
u32 peerbuf_unreachable(struct peerbuf *pb, struct peerbuf_client *client,
			const struct peerbuf_placement *placement,
			struct p2p_route *route);
int peerbuf_unreachable_errno(u32 reason);
bool peerbuf_moves_for_others(const struct peerbuf *pb);
u32 peerbuf_unmappable(struct peerbuf *pb, struct peerbuf_client *client,
		       struct p2p_route *route);
int peerbuf_make_reachable(struct peerbuf *pb, struct peerbuf_client *client, u32 reason,
			   struct p2p_route *route);
int peerbuf_make_cpu_reachable(struct peerbuf *pb, u32 reason);

/* routes.c */
void peerbuf_look_for_clients(struct peerbuf *pb);
void peerbuf_look_between(struct pci_dev *provider_dev, struct pci_dev *client);
void peerbuf_follow_routes(struct peerbuf *pb);
int peerbuf_routes_init(void);
void peerbuf_routes_exit(void);

#endif /* _PEERBUF_REACH_H */
