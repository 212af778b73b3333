/* SPDX-License-Identifier: GPL-2.0 */
/* The destination of a packet, see hca_address.c. */
#ifndef _HCA_ADDRESS_H
#define _HCA_ADDRESS_H

#include <linux/if_ether.h>

#include <rdma/ib_verbs.h>

struct hca;

/**
 * struct hca_address - the destination and the source of a packet
 * @roce: addressed by GID, else by LID
 * @grh: there are GIDs
 * @hop_limit: of the GRH or IP header
 * @lid: the destination, without @roce
 * @mac: the destination's hardware address, with @roce
 * @dgid: the destination
 * @sgid: the source
 */
struct hca_address {
	bool roce;
	bool grh;
	u8 hop_limit;
	u16 lid;
	u8 mac[ETH_ALEN];
	union ib_gid dgid;
	union ib_gid sgid;
};

struct hca_ah {
	struct ib_ah ibah;
	struct rdma_ah_attr attr;
	struct hca_address to;
};

static inline struct hca_ah *to_hca_ah(struct ib_ah *ibah)
{
	return container_of(ibah, struct hca_ah, ibah);
}

void hca_address_set(struct hca_address *to, const struct rdma_ah_attr *attr);
bool hca_address_is(struct hca *hca, const struct hca_address *to);
bool hca_address_is_exactly(struct hca *hca, const struct hca_address *to);
int hca_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		  struct ib_udata *udata);
int hca_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr);
int hca_destroy_ah(struct ib_ah *ibah, u32 flags);

#endif /* _HCA_ADDRESS_H */
