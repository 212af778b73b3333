// SPDX-License-Identifier: GPL-2.0
/*
 * The destination of a packet: a LID on the simulated InfiniBand subnet or, between
 * devices that have a network interface (RoCE), a GID of the core's table.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>

#include <rdma/ib_cache.h>

#include "hca.h"

/* If @attr has a GRH, the core has resolved its sgid_attr. */
void hca_address_set(struct hca_address *to, const struct rdma_ah_attr *attr)
{
	memset(to, 0, sizeof(*to));
	to->roce = attr->type == RDMA_AH_ATTR_TYPE_ROCE;
	if (to->roce)
		ether_addr_copy(to->mac, attr->roce.dmac);
	else
		to->lid = rdma_ah_get_dlid(attr);
	if (!(rdma_ah_get_ah_flags(attr) & IB_AH_GRH))
		return;
	to->grh = true;
	to->dgid = rdma_ah_read_grh(attr)->dgid;
	to->hop_limit = rdma_ah_read_grh(attr)->hop_limit;
	if (rdma_ah_read_grh(attr)->sgid_attr)
		to->sgid = rdma_ah_read_grh(attr)->sgid_attr->gid;
}

/* Is @to an address that @hca has now? @hca is registered. */
bool hca_address_is(struct hca *hca, const struct hca_address *to)
{
	const struct ib_gid_attr *found;

	if (to->roce != !!hca->ndev)
		return false;
	if (!to->roce)
		return to->lid == hca->lid;
	found = rdma_find_gid_by_port(&hca->ibdev, &to->dgid,
				      IB_GID_TYPE_ROCE_UDP_ENCAP, 1, NULL);
	if (IS_ERR(found))
		return false;
	rdma_put_gid_attr(found);
	return true;
}

/* Two network namespaces may use the same GID; then the hardware addresses differ. */
bool hca_address_is_exactly(struct hca *hca, const struct hca_address *to)
{
	return hca_address_is(hca, to) &&
	       (!to->roce || ether_addr_equal(hca->ndev->dev_addr, to->mac));
}

int hca_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		  struct ib_udata *udata)
{
	struct hca_ah *ah = to_hca_ah(ibah);

	ah->attr = *init->ah_attr;
	/* The core owns it. */
	ah->attr.grh.sgid_attr = NULL;
	hca_address_set(&ah->to, init->ah_attr);
	return 0;
}

int hca_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr)
{
	*attr = to_hca_ah(ibah)->attr;
	return 0;
}

/* Requests have copies of the address. */
int hca_destroy_ah(struct ib_ah *ibah, u32 flags)
{
	return 0;
}
