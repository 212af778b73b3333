// SPDX-License-Identifier: GPL-2.0
/*
 * The RoCE part of a device: a network interface, the core's table of GIDs, and what the
 * core's connection manager needs. Devices made while the module parameter roce is set are
 * RoCE devices; the others are InfiniBand devices without a subnet manager.
 */
#include <linux/netdevice.h>

#include <rdma/ib_addr.h>
#include <rdma/ib_mad.h>

#include "hca.h"

#define HCA_GIDS	64

/* The core lets its clients use a device only if it has all of these. */
static const struct ib_device_ops hca_roce_ops = {
	.get_dma_mr = hca_get_dma_mr,
};

int hca_roce_setup(struct hca *hca)
{
	int ret;

	hca->dma_mr = hca_mr_dma_create(hca, NULL, IB_ACCESS_LOCAL_WRITE);
	if (!hca->dma_mr)
		return -ENOMEM;
	hca->ndev = hca_net_create(hca);
	if (IS_ERR(hca->ndev)) {
		ret = PTR_ERR(hca->ndev);
		goto err_mr;
	}
	ret = ib_device_set_netdev(&hca->ibdev, hca->ndev, 1);
	if (ret)
		goto err_net;
	ib_set_device_ops(&hca->ibdev, &hca_roce_ops);
	hca->ibdev.local_dma_lkey = HCA_LOCAL_DMA_LKEY;
	return 0;

err_net:
	hca_net_destroy(hca->ndev);
err_mr:
	hca->ndev = NULL;
	hca_mr_free(hca->dma_mr);
	return ret;
}

/* The RDMA device is unregistered, or was never registered. */
void hca_roce_cleanup(struct hca *hca)
{
	ib_device_set_netdev(&hca->ibdev, NULL, 1);
	hca_net_destroy(hca->ndev);
	hca_mr_free(hca->dma_mr);
}

/* The core reports this too from 6.13 on; a second report does no harm. */
static int hca_roce_netdev_event(struct notifier_block *nb, unsigned long what, void *ptr)
{
	struct hca *hca = container_of(nb, struct hca, netdev_events);
	struct ib_event event = {
		.device = &hca->ibdev,
		.element.port_num = 1,
	};

	if (netdev_notifier_info_to_dev(ptr) != hca->ndev)
		return NOTIFY_DONE;
	if (what == NETDEV_UP)
		event.event = IB_EVENT_PORT_ACTIVE;
	else if (what == NETDEV_DOWN)
		event.event = IB_EVENT_PORT_ERR;
	else
		return NOTIFY_DONE;
	ib_dispatch_event(&event);
	return NOTIFY_DONE;
}

/* The device is registered: report changes of the port from now on. */
void hca_roce_start(struct hca *hca)
{
	hca->netdev_events.notifier_call = hca_roce_netdev_event;
	/* This fails only if the notifier rejects an existing interface, which it never does. */
	WARN_ON(register_netdevice_notifier(&hca->netdev_events));
}

/* Called before the device is unregistered. */
void hca_roce_stop(struct hca *hca)
{
	unregister_netdevice_notifier(&hca->netdev_events);
}

void hca_roce_query_port(struct hca *hca, struct ib_port_attr *attr)
{
	bool up = netif_running(hca->ndev) && netif_carrier_ok(hca->ndev);

	attr->state = up ? IB_PORT_ACTIVE : IB_PORT_DOWN;
	attr->phys_state = up ? IB_PORT_PHYS_STATE_LINK_UP :
				IB_PORT_PHYS_STATE_DISABLED;
	attr->active_mtu = iboe_get_mtu(READ_ONCE(hca->ndev->mtu));
	attr->gid_tbl_len = HCA_GIDS;
	attr->ip_gids = true;
	attr->port_cap_flags = IB_PORT_CM_SUP;
	attr->lid = 0;
}

void hca_roce_immutable(struct ib_port_immutable *immutable)
{
	immutable->gid_tbl_len = HCA_GIDS;
	immutable->core_cap_flags = RDMA_CORE_PORT_IBA_ROCE_UDP_ENCAP;
	immutable->max_mad_size = IB_MGMT_MAD_SIZE;
}
