/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a buffer can be reached where it is, and by whom. */
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

u32 peerbuf_origins_revoked(const struct peerbuf *pb);
bool peerbuf_device_decodes(struct pci_dev *pdev);
bool peerbuf_device_answers(struct pci_dev *pdev);
u32 peerbuf_placement_trouble(const struct peerbuf_placement *placement);
bool peerbuf_placement_decodes(const struct peerbuf_placement *placement);
bool peerbuf_placement_answers(const struct peerbuf_placement *placement);
u32 peerbuf_trouble_unlocked(struct peerbuf *pb);
u32 peerbuf_state(struct peerbuf *pb, bool held);
int peerbuf_check_decode(struct peerbuf *pb, struct device *dev);
int peerbuf_check_answers(struct peerbuf *pb, struct device *dev);
u32 peerbuf_clients_check(struct peerbuf *pb, const struct peerbuf_placement *to);
int peerbuf_check_routes(struct p2p_vecs *vecs, struct device *client, bool by_phys, bool look,
			 struct p2p_route *route);
int peerbuf_client_routes(struct peerbuf *pb, struct peerbuf_client *client,
			  struct p2p_route *route);
bool peerbuf_all_system(const struct peerbuf_placement *placement);
u32 peerbuf_kind_check(const struct peerbuf *pb, const struct peerbuf_client *client,
		       const struct peerbuf_placement *placement);
u32 peerbuf_unreachable(struct peerbuf *pb, struct peerbuf_client *client,
			const struct peerbuf_placement *placement,
			struct p2p_route *route);
int peerbuf_unreachable_errno(u32 reason);
bool peerbuf_moves_for_others(const struct peerbuf *pb);
u32 peerbuf_unmappable(struct peerbuf *pb, struct peerbuf_client *client,
		       struct p2p_route *route);
void peerbuf_look_for_clients(struct peerbuf *pb);
void peerbuf_look_between(struct pci_dev *provider_dev, struct pci_dev *client);

#endif /* _PEERBUF_REACH_H */
