/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a buffer can be reached where it is, and by whom. */
#ifndef _PEERBUF_REACH_H
#define _PEERBUF_REACH_H

#include <linux/types.h>

struct device;
struct pci_dev;
struct peerbuf;
struct peerbuf_client;
struct peerbuf_placement;
struct peerbuf_refusal;

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
int peerbuf_clients_check(struct peerbuf *pb, const struct peerbuf_placement *to,
			  struct peerbuf_refusal *why);
int peerbuf_client_plan(struct peerbuf *pb, struct peerbuf_client *client);
bool peerbuf_all_system(const struct peerbuf_placement *placement);
int peerbuf_kind_check(const struct peerbuf_client *client,
		       const struct peerbuf_placement *placement, struct peerbuf_refusal *why);
int peerbuf_reach_check(struct peerbuf *pb, struct peerbuf_client *client,
			const struct peerbuf_placement *placement, struct peerbuf_refusal *why);
bool peerbuf_moves_for_others(const struct peerbuf *pb);
int peerbuf_map_check(struct peerbuf *pb, struct peerbuf_client *client,
		      struct peerbuf_refusal *why);
void peerbuf_look_for_clients(struct peerbuf *pb);
void peerbuf_look_between(struct pci_dev *provider_dev, struct pci_dev *client);

#endif /* _PEERBUF_REACH_H */
